"""Where photographs come from before they are records, one module a layout."""
