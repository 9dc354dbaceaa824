"""Methods that are compared: what makes each, and what a row of the table tells."""
