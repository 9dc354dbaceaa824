"""How a network is trained, and what a run tells of itself."""
