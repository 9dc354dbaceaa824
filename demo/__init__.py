"""The demo: a page and an interface for programs, over exported models and indexes alone."""
