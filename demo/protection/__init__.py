"""What guards the server: who may ask, how often, and what a browser may do with it."""
