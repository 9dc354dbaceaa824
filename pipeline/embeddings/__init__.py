"""The embedding job: photographs of records or files in, vectors and what they are of out."""
