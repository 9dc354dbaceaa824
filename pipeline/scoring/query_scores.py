"""Scores of every query, taken some queries at a time."""

import numpy as np
import pyarrow as pa

from pipeline.scoring import bootstrap


class QueryScores:
    """What every query scores: 8 bytes a query and score, however much is ranked.

    A score is nan where the protocol leaves a query out.

    Args:
        names: Of the scores.
        groups: int ``(queries,)``, from 0: what is drawn as a whole for intervals, a landmark.
    """

    def __init__(self, names: list[str], groups: np.ndarray) -> None:
        self._groups = groups
        self._scores = {name: np.full(len(groups), np.nan) for name in names}
        self._seconds = 0.0

    def put(self, queries: np.ndarray, scores: dict[str, np.ndarray], seconds: float) -> None:
        """Takes the scores of some queries, and how long finding took for all of those."""
        for name, values in scores.items():
            self._scores[name][queries] = values
        self._seconds += seconds

    @property
    def milliseconds(self) -> float:
        """Of a query, in the mean."""
        return 1000 * self._seconds / len(self._groups)

    def means(self) -> dict[str, float]:
        """Over the queries that count.

        Raises:
            ValueError: If none does.
        """
        return {name: float(values[self._counted(name)].mean()) for name, values in self._items()}

    def intervals(self) -> dict[str, list[float]]:
        """Where 95 of 100 means would lie, lowest and highest; see ``bootstrap``.

        Returns:
            By name; of no score whose queries are all of one group.
        """
        found = {
            name: bootstrap.interval(values[counted], self._groups[counted])
            for name, values in self._items()
            for counted in [self._counted(name)]
        }
        return {name: list(interval) for name, interval in found.items() if interval is not None}

    def table(self) -> pa.Table:
        """A column a score, a row a query; null where it is left out."""
        columns = {name: pa.array(values, from_pandas=True) for name, values in self._items()}
        return pa.table(columns)

    def _items(self) -> list[tuple[str, np.ndarray]]:
        return list(self._scores.items())

    def _counted(self, name: str) -> np.ndarray:
        counted = ~np.isnan(self._scores[name])
        if not counted.any():
            raise ValueError(f"No query has anything relevant to find, so that {name} is of none.")
        return counted
