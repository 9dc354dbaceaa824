"""How each style is built: one module a style."""
