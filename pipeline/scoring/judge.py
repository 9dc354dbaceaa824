"""What is right for queries, and what their rankings score by it."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.progress import logger
from pipeline.scoring import curve, metrics
from pipeline.scoring.asking import NOT_THERE, Asking, described, of_contents
from pipeline.scoring.scored_index import ScoredIndex

_NO_LANDMARK = -1


class Judge(Protocol):
    """What is right, by one protocol."""

    @property
    def protocol(self) -> str:
        """The protocol in words."""
        ...

    @property
    def names(self) -> list[str]:
        """Of the scores, the one that matters most first."""
        ...

    @property
    def groups(self) -> np.ndarray:
        """What every query belongs to, int ``(queries,)`` from 0: queries that stand together."""
        ...

    def counted(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """What is found without what counts neither for nor against.

        Args:
            queries: int ``(n,)``, of those that ask, from 0.
            keys: int64 ``(n, depth)``, what they find, best first, -1 for nothing.

        Returns:
            int64 ``(n, depth)``, likewise.
        """
        ...

    def is_right(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Which places are right.

        Args:
            queries: int ``(n,)``, of those that ask, from 0.
            keys: int64 ``(n, depth)``, what they find, best first, -1 for nothing.

        Returns:
            bool ``(n, depth)``.
        """
        ...

    def scores(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """By name, float64 ``(n,)``, 0 to 1; nan where the protocol leaves a query out."""
        ...

    def precisions(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """At ``curve.RECALLS``, float64 ``(n, recalls)``; likewise."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class SameLandmark:
    """A photograph of the same landmark is right.

    Attributes:
        protocol: In words.
        landmarks: int ``(keys + 1,)``, of every photograph by its key, negative where unknown;
            the last is of nothing found.
        own: int ``(queries,)``, of those that ask.
        totals: int ``(queries,)``, other photographs that show it, at least 1.
        depth: Places that rankings are cut to; None for not.
    """

    protocol: str
    landmarks: np.ndarray
    own: np.ndarray
    totals: np.ndarray
    depth: int | None

    @property
    def names(self) -> list[str]:
        """See ``metrics.names``."""
        return metrics.names(self.depth)

    @property
    def groups(self) -> np.ndarray:
        """The landmarks."""
        return np.unique(self.own, return_inverse=True)[1]

    def counted(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """See ``Judge``; all of it counts."""
        return keys

    def is_right(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """See ``Judge``."""
        return self.landmarks[keys] == self.own[queries, None]

    def scores(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """See ``Judge``."""
        return metrics.of_queries(self.is_right(queries, keys), self.totals[queries], self.depth)

    def precisions(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """See ``Judge``."""
        recalls = np.array(curve.RECALLS)
        return metrics.precision_at_recall(
            self.is_right(queries, keys), self.totals[queries], recalls
        )


def by_landmark(
    index: ScoredIndex, data: Sequence[str], depth: int | None
) -> tuple[Asking, pa.Table, SameLandmark]:
    """Photographs of other data sets ask, those of a landmark that the index has, by its name.

    Returns:
        Who asks, their metadata, and what is right for them.

    Raises:
        FileNotFoundError: If the model has not described a data set.
        ValueError: If none of them shows a named landmark of the index.
    """
    stored = described(index, data).metadata
    held = index.stored.metadata["landmark"]
    names = pc.unique(held)
    codes = pc.index_in(held, value_set=names).to_numpy()
    codes = np.where(pc.equal(held, "").to_numpy(), _NO_LANDMARK, codes)
    own = pc.index_in(stored["landmark"], value_set=names).fill_null(_NO_LANDMARK).to_numpy()
    own = np.where(pc.equal(stored["landmark"], "").to_numpy(), _NO_LANDMARK, own)
    copies = pc.index_in(stored["content"], value_set=index.stored.metadata["content"])
    totals = shown_by_others(own, codes, copies.fill_null(NOT_THERE).to_numpy())
    rows = np.flatnonzero(totals > 0)
    if not len(rows):
        raise ValueError(
            f"No photograph of {', '.join(data)} shows a landmark that {index.folder} has, by "
            "their names."
        )
    asked = stored.take(rows)
    judge = SameLandmark(
        protocol=f"photographs of {', '.join(data)} whose landmark the index has, by name, query "
        "it; a photograph that is in it is left out of what it finds",
        landmarks=index.by_key(codes, _NO_LANDMARK),
        own=own[rows],
        totals=totals[rows],
        depth=depth,
    )
    return of_contents(index, asked["content"], data), asked, judge


def shown_by_others(own: np.ndarray, landmarks: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """How many photographs of a collection show the landmarks of others, their copies left out.

    Args:
        own: int ``(n,)``, landmarks of the others, negative where unknown.
        landmarks: int ``(photographs,)``, of the collection, likewise.
        copies: int ``(n,)``, row of the same photograph in the collection, which may be filed
            under another landmark there; -1 where it lacks it.

    Returns:
        int64 ``(n,)``; 0 where the landmark is unknown.
    """
    counts = np.bincount(landmarks[landmarks >= 0], minlength=own.max(initial=0) + 1)
    is_counted = (copies >= 0) & (landmarks[copies] == own)
    return np.where(own < 0, 0, counts[own] - is_counted)


def leave_one_out(index: ScoredIndex, depth: int | None) -> tuple[np.ndarray, SameLandmark]:
    """Every photograph whose landmark another shows asks for all others.

    Returns:
        The rows of those that ask, ascending, and what is right for them.

    Raises:
        ValueError: If no landmark has two photographs.
    """
    totals = metrics.relevant_elsewhere(index.labels)
    rows = np.flatnonzero(totals)
    if not len(rows):
        raise ValueError(
            f"{index.folder} cannot be scored: no landmark of it has two photographs. Build "
            "records from one sub-folder a landmark, with two photographs or more in each."
        )
    protocol = "leave one out: every photograph whose landmark another shows queries all others"
    if len(index.collection.manifest["data"]) > 1:
        _warn_of_names_apart(index)
        protocol += "; landmarks of different data sets are different ones, whatever their names"
    judge = SameLandmark(
        protocol=protocol,
        landmarks=index.by_key(index.labels, _NO_LANDMARK),
        own=index.labels[rows],
        totals=totals[rows],
        depth=depth,
    )
    return rows, judge


def _warn_of_names_apart(index: ScoredIndex) -> None:
    """Says so where landmarks of several data sets are called the same."""
    told = index.stored.metadata.select(["landmark", "label"])
    landmarks = told.filter(pc.not_equal(told["landmark"], "")).group_by("landmark")
    counts = landmarks.aggregate([("label", "count_distinct")])
    twice = counts.filter(pc.greater(counts["label_count_distinct"], 1))["landmark"].to_pylist()
    if twice:
        logger.warning(
            "%d names of landmarks are in several data sets of %s, %r for one; each data set's "
            "counts for another landmark. Build records of one folder to join them.",
            *(len(twice), index.folder, min(twice)),
        )
