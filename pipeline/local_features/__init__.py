"""Local features of photographs: found, stored, looked up."""
