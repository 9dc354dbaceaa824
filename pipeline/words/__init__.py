"""Visual words: learned from local features, and photographs described by them."""
