"""Which photographs answer which queries, whatever file says so."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from pipeline.query_photograph import Box
from pipeline.scoring.photograph_names import find_photographs

# Which photographs of a collection are no part of it for a query: the query itself, the rest being
# its collection; all queries; or nothing, where queries are named apart from what is searched.
LeftOut = Literal["itself", "queries", "nothing"]

_NAMED = 3  # of many that are wrong


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """A photograph that asks, and what answers it.

    Attributes:
        id: Its name in the ground truth's file.
        positives: Names of the photographs that answer it.
        junk: Names of those that count neither for nor against: as if the collection lacked them.
        box: The part of it that asks, in pixels of the upright photograph; None for all.
        part: Of the ground truth, whose scores are told apart; "" where it has none.
    """

    id: str
    positives: tuple[str, ...]
    junk: tuple[str, ...] = ()
    box: Box | None = None
    part: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answers:
    """What answers a query, as rows of a collection.

    Attributes:
        positives: int64 ``(n,)``, ascending.
        junk: int64 ``(m,)``, ascending, with what is left out for the query.
    """

    positives: np.ndarray
    junk: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """Queries and their answers, checked.

    Attributes:
        file: That says so, for messages.
        queries: Those that are scored.
        left_out: See ``LeftOut``.
        collection: Names of all photographs that are searched; None where the file does not tell.
        ignored: Names of queries that are not scored.

    Raises:
        ValueError: If there is no query, one is there twice or answers itself, an answer is there
            twice, is junk too or not in the collection.
    """

    file: str
    queries: tuple[Query, ...]
    left_out: LeftOut
    collection: tuple[str, ...] | None = None
    ignored: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Checks what the file says."""
        if not self.queries:
            raise ValueError(f"{self.file} has no query that is scored.")
        names = [query.id for query in self.queries]
        self._require_none("has queries twice", _repeated(names))
        self._require_none("scores and ignores", self.ignored.intersection(names))
        if self.collection is not None:
            self._require_none("lists photographs twice", _repeated(self.collection))
        known = None if self.collection is None else set(self.collection)
        for query in self.queries:
            self._check(query, known)

    def _check(self, query: Query, known: set[str] | None) -> None:
        named = [*query.positives, *query.junk]
        what = f"names for the query {query.id!r}"
        self._require_none(f"{what} the same photograph twice", _repeated(named))
        if self.left_out != "nothing" and query.id in named:
            raise ValueError(f"{self.file} has the query {query.id!r} for an answer to itself.")
        if known is not None:
            self._require_none(f"{what} what is in no collection", set(named) - known)

    def _require_none(self, what: str, wrong: Iterable[str]) -> None:
        if found := sorted(wrong):
            raise ValueError(f"{self.file} {what}: {_some(found)}.")

    def locate(self, ids: Sequence[str], titles: Sequence[str]) -> list[Answers]:
        """Finds the answers in a collection, by the names that ``find_photographs`` knows.

        Args:
            ids: Of the collection's photographs, each once.
            titles: Theirs, in the same order.

        Returns:
            For every query, in order.

        Raises:
            ValueError: If the collection lacks a photograph that the file names, or a name could
                be several.
        """
        names = list(dict.fromkeys(self._named()))
        rows = dict(zip(names, find_photographs(names, ids, titles, self.file), strict=True))
        if lacking := [name for name, row in rows.items() if row < 0]:
            raise ValueError(
                f"{len(lacking)} of the {len(names)} photographs that {self.file} names are not in "
                f"the collection: {_some(lacking)}. A name is an id, or a path in the folder of "
                "photographs; index all of them, or name the ground truth of this collection."
            )
        of_row = {row: name for name, row in rows.items()}
        if twice := [name for name, row in rows.items() if of_row[row] != name]:
            raise ValueError(
                f"{self.file} names a photograph in two ways: {twice[0]!r} and "
                f"{of_row[rows[twice[0]]]!r}; name it in one."
            )
        own = find_photographs([query.id for query in self.queries], ids, titles, self.file)
        every_query = own[own >= 0] if self.left_out == "queries" else np.zeros(0, np.int64)
        return [
            Answers(
                positives=_as_rows(rows[name] for name in query.positives),
                junk=np.union1d(
                    _as_rows(rows[name] for name in query.junk),
                    own[place : place + 1] if self.left_out == "itself" else every_query,
                ),
            )
            for place, query in enumerate(self.queries)
        ]

    def _named(self) -> Iterable[str]:
        """All that a collection has to have."""
        yield from self.collection or ()
        for query in self.queries:
            yield from query.positives
            yield from query.junk
            if self.left_out == "itself":
                yield query.id


def relevance(ranking: np.ndarray, positives: np.ndarray, junk: np.ndarray) -> np.ndarray:
    """Which places of a ranking answer the query, junk being taken out of it first.

    Args:
        ranking: Ids or rows ``(ranked,)``, best first, each once.
        positives: Those that answer it ``(n,)``; of the same kind, likewise ``junk``.
        junk: Those that count neither for nor against ``(m,)``.

    Returns:
        bool ``(ranked less junk,)``.

    Raises:
        ValueError: If something is ranked twice.
    """
    if len(np.unique(ranking)) < len(ranking):
        raise ValueError("A ranking has the same photograph twice; each stands in it once.")
    return np.isin(ranking[~np.isin(ranking, junk)], positives)


def _as_rows(rows: Iterable[int]) -> np.ndarray:
    return np.sort(np.fromiter(rows, np.int64))


def _repeated(names: Sequence[str]) -> set[str]:
    return {name for name, count in collections.Counter(names).items() if count > 1}


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
