"""What reorders a list of results: from stored vectors, or from several lists."""
