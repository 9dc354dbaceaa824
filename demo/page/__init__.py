"""The page: its layout, its parts, and what happens when something is chosen."""
