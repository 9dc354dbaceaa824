"""Models that are no networks: HOG, SIFT, and visual words over anyone's local features."""
