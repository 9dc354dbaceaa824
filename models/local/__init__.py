"""Local features: where they are, and what is there."""
