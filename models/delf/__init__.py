"""DELF and DELG as others publish them, behind the signatures that this project's models have."""
