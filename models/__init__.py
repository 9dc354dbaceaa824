"""Networks and descriptors: photograph in, vector out. No files, no flags, no Faiss."""
