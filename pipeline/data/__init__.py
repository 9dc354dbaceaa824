"""Records and the ways to read, check, sample and stream them."""
