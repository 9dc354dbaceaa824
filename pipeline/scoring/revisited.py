"""Revisited Oxford and Paris: ``gnd_roxford5k.pkl`` and ``gnd_rparis6k.pkl``, and their scores.

Radenović et al., 2018, https://arxiv.org/abs/1803.11285; the files and the reference
implementation, whose numbers these are, at https://github.com/filipradenovic/revisitop.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.query_photograph import Box
from pipeline.scoring.ground_truth import GroundTruth, Query, relevance
from pipeline.scoring.plain_pickle import read_plain_pickle

PUBLISHED = "http://cmp.felk.cvut.cz/revisitop/"
PRECISION_AT = (1, 5, 10)
# Of every level what answers a query, and what is junk; the rest of the collection does not.
LEVELS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}
_LISTS = ("easy", "hard", "junk")


def read_ground_truths(path: Path) -> dict[str, GroundTruth]:
    """Reads the ground truth of a data set.

    Args:
        path: ``gnd_roxford5k.pkl``, ``gnd_rparis6k.pkl`` or a file like them.

    Returns:
        Of "easy", "medium" and "hard", with the same queries in the same order. A query that
        nothing answers at a level is there: ``query_scores`` gives none for it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, is no such ground truth, or contradicts itself.
    """
    names, query_names, entries = _read(path)
    boxes = [_box(path, entry, name) for entry, name in zip(entries, query_names, strict=True)]
    lists = [
        {key: _named(path, entry, key, names, name) for key in _LISTS}
        for entry, name in zip(entries, query_names, strict=True)
    ]
    if both := set(names).intersection(query_names):
        raise ValueError(f"{path} has the query {min(both)!r} in its collection, too.")
    return {
        level: GroundTruth(
            file=f"{path}, {level}",
            queries=tuple(
                Query(
                    id=name,
                    positives=tuple(itertools.chain(*(of_query[key] for key in positive))),
                    junk=tuple(itertools.chain(*(of_query[key] for key in junk))),
                    box=box,
                )
                for name, box, of_query in zip(query_names, boxes, lists, strict=True)
            ),
            left_out="queries",
            collection=tuple(names),
        )
        for level, (positive, junk) in LEVELS.items()
    }


def _read(path: Path) -> tuple[list[str], list[str], list[Mapping[str, Any]]]:
    """Names of the collection and of the queries, and what is told of every query."""
    content = read_plain_pickle(path)
    keys = ("imlist", "qimlist", "gnd")
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list | tuple) for key in keys
    ):
        raise ValueError(
            f"{path} is no ground truth of Revisited Oxford or Paris, which holds the lists "
            f"{', '.join(keys)}; name gnd_roxford5k.pkl or gnd_rparis6k.pkl of {PUBLISHED}."
        )
    names, query_names, entries = (list(content[key]) for key in keys)
    if len(query_names) != len(entries):
        raise ValueError(f"{path} has {len(query_names)} queries and tells of {len(entries)}.")
    if wrong := [one for one in (*names, *query_names) if not isinstance(one, str)]:
        raise ValueError(f"{path}: a photograph's name is text. Received: {wrong[0]!r}.")
    expected = {"bbx", *_LISTS}
    for name, entry in zip(query_names, entries, strict=True):
        if not isinstance(entry, dict) or not entry.keys() >= expected:
            found = ", ".join(map(str, entry)) if isinstance(entry, dict) else repr(entry)
            raise ValueError(
                f"{path} tells of the query {name!r}: {found}; expected "
                f"{', '.join(sorted(expected))}. The files of the first Oxford and Paris, of 2007 "
                f"and 2008, are others: name the revisited ones, of {PUBLISHED}."
            )
    return names, query_names, entries


def _box(path: Path, entry: Mapping[str, Any], name: str) -> Box:
    """The part of a query that asks, to the whole pixels that Pillow's ``crop`` takes."""
    told = np.ravel(np.asarray(entry["bbx"], object)).tolist()
    is_box = len(told) == 4 and all(
        isinstance(side, int | float) and np.isfinite(side) for side in told
    )
    left, top, right, bottom = map(round, told) if is_box else (0, 0, 0, 0)
    if left >= right or top >= bottom:
        raise ValueError(
            f"{path}: the box of the query {name!r} is left, top, right, bottom. Received: {told}."
        )
    return left, top, right, bottom


def _named(
    path: Path, entry: Mapping[str, Any], key: str, names: Sequence[str], query: str
) -> tuple[str, ...]:
    """Photographs that a query's list has by their places in the collection."""
    places = np.ravel(np.asarray(entry[key]))
    if not len(places):  # an empty list is one of floats
        return ()
    if places.dtype.kind not in "iu" or places.min() < 0 or places.max() >= len(names):
        raise ValueError(
            f"{path}: the list {key!r} of the query {query!r} has places in the collection, 0 to "
            f"{len(names) - 1}. Received: {places.min()} to {places.max()}."
        )
    return tuple(names[place] for place in places.tolist())


def average_precision(places: np.ndarray, total: int) -> float:
    """Area under the precision-recall curve, by trapezoids.

    Each positive adds ``(j / place + (j + 1) / (place + 1)) / 2``, ``j`` being the positives before
    it; where the place is 0 the first term is 1. Philbin et al., 2007, in the implementation of
    https://github.com/filipradenovic/revisitop.

    Args:
        places: Of the positives, int ``(found,)``, from 0, ascending, junk not counted.
        total: Positives there are, at least 1; one that is not ranked adds nothing.

    Returns:
        0 to 1.
    """
    before = np.arange(len(places))
    left = np.where(places == 0, 1.0, before / np.maximum(places, 1))
    right = (before + 1) / (places + 1)
    return float((left + right).sum() / 2 / total)


def precision_at(places: np.ndarray, total: int, k: int) -> float:
    """Share of positives among the first places, as many as ``k`` or as there are to the last.

    ``k' = min(last position, k)``, so that a query with few positives can have all. Where a
    positive is not ranked the last one lies behind all that is, and ``k' = k``.

    Args:
        places: See ``average_precision``; likewise ``total``.
        total: Positives there are.
        k: Places that count at most.

    Returns:
        0 to 1.
    """
    counted = min(int(places[-1]) + 1, k) if len(places) == total else k
    return int((places < counted).sum()) / counted


def query_scores(
    ranking: np.ndarray, positives: np.ndarray, junk: np.ndarray
) -> dict[str, float] | None:
    """Scores one query at one level, by the names that their means have.

    Args:
        ranking: Ids or rows ``(ranked,)``, best first, each once. The reference ranks the whole
            collection; of a shorter ranking what it lacks counts as not found.
        positives: What answers the query ``(n,)``, of the same kind; likewise ``junk``.
        junk: What counts neither for nor against ``(m,)``.

    Returns:
        ``mAP`` and ``mP@k``, 0 to 1; None if nothing answers the query, which is left out of the
        means.

    Raises:
        ValueError: If something is ranked twice.
    """
    places = np.flatnonzero(relevance(ranking, positives, junk))
    total = len(positives)
    if not total:
        return None
    return {
        "mAP": average_precision(places, total),
        **{f"mP@{k}": precision_at(places, total, k) for k in PRECISION_AT},
    }
