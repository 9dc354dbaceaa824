"""How precise rankings are by how much of what is right they have found, over the queries."""

import numpy as np

RECALLS = tuple(round(tenths / 10, 1) for tenths in range(11))  # as TREC draws them


class PrecisionByRecall:
    """The interpolated precision of every query at eleven recalls, taken some queries at a time.

    Args:
        queries: How many there are.
    """

    def __init__(self, queries: int) -> None:
        self._precisions = np.full((queries, len(RECALLS)), np.nan)

    def put(self, queries: np.ndarray, precisions: np.ndarray) -> None:
        """Takes those of some queries.

        Args:
            queries: int ``(n,)``, from 0.
            precisions: float ``(n, recalls)``, see ``metrics.precision_at_recall``; nan where the
                protocol leaves a query out.
        """
        self._precisions[queries] = precisions

    def means(self) -> dict[str, float]:
        """By recall, over the queries that count.

        Raises:
            ValueError: If none does.
        """
        counted = ~np.isnan(self._precisions[:, 0])
        if not counted.any():
            raise ValueError("No query has anything relevant to find, so no curve can be drawn.")
        means = self._precisions[counted].mean(axis=0).tolist()
        return dict(zip(map(str, RECALLS), means, strict=True))
