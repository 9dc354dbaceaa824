"""From similarities to which landmark it is, and how sure that is."""
