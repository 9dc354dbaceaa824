"""Losses on unit-length embeddings, one family a module; each is a function of tensors."""
