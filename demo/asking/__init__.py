"""One query: what is asked, how it is answered, and many at once."""
