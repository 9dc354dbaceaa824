"""What a trained network, or a published DELF, becomes: a SavedModel that others load."""
