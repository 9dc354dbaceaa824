"""What reorders a list of results: stored vectors, local features, several lists."""
