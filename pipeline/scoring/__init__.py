"""How well queries are answered: ground truths, metrics, and how sure a score is."""
