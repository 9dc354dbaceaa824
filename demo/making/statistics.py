"""What a collection holds, in numbers, and which of its photographs are copies of one another."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo.refusals import Refused
from demo.texts import Collections
from pipeline import duplicate_report
from pipeline.duplicate_report import Duplicate
from pipeline.index import duplicates
from pipeline.index.interface import Collection
from pipeline.stored_photograph import StoredPhotograph

_MOST_COMPARED = 50_000  # photographs, in some seconds
_MOST_GROUPS = 50
_MEASURED = 12  # photographs whose sides are looked at, each of which is decoded


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statistics:
    """A collection in numbers.

    Attributes:
        photographs: How many it holds.
        landmarks: Photographs of every landmark, most first.
        unnamed: Photographs of no known landmark.
        licenses: Photographs of every licence, most first; "" where none is known.
        authors: How many there are.
        dates: The first and the last day on which one was taken; None where no date is known.
        sides: Width and height of the photograph that is in the middle by area, of some drawn at
            random, and how many those are; None where none can be read.
        bytes: Of the index.
        milliseconds: That a query takes in it.
        described: Its whole manifest.
    """

    photographs: int
    landmarks: list[tuple[str, int]]
    unnamed: int
    licenses: list[tuple[str, int]]
    authors: int
    dates: tuple[str, str] | None
    sides: tuple[int, int, int] | None
    bytes: int
    milliseconds: float
    described: dict[str, Any]

    @property
    def advice(self) -> str:
        """What ``--kind=auto`` measured, a table; "" where that was not asked for."""
        return str((self.described.get("advice") or {}).get("table", ""))


def statistics(collection: Collection) -> Statistics:
    """Counts what a collection holds."""
    rows = collection.photographs(collection.keys())
    landmarks = _counts(rows, "landmark")
    dates = sorted(date for date, _ in _counts(rows, "date") if date)
    described = collection.manifest
    return Statistics(
        photographs=len(rows),
        landmarks=[one for one in landmarks if one[0]],
        unnamed=dict(landmarks).get("", 0),
        licenses=_counts(rows, "license"),
        authors=sum(1 for author, _ in _counts(rows, "author") if author),
        dates=(dates[0], dates[-1]) if dates else None,
        sides=_sides(rows),
        bytes=described["bytes"],
        milliseconds=described["milliseconds_per_query"],
        described=described,
    )


def _counts(rows: pa.Table, column: str) -> list[tuple[str, int]]:
    """How often each value occurs, the most frequent first, equal ones by name."""
    found = [(one["values"], one["counts"]) for one in pc.value_counts(rows[column]).to_pylist()]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _sides(rows: pa.Table) -> tuple[int, int, int] | None:
    chosen = np.random.default_rng(0).permutation(len(rows))[:_MEASURED]
    names = [field.name for field in dataclasses.fields(StoredPhotograph)]
    sides = []
    for row in rows.select(names).take(chosen).to_pylist():
        try:
            height, width, _ = StoredPhotograph(**row).read_image().shape
        except (ValueError, OSError):  # it is gone, or was replaced
            continue
        sides.append((width, height))
    if not sides:
        return None
    middle = sorted(sides, key=lambda one: one[0] * one[1])[len(sides) // 2]
    return *middle, len(sides)


def find_duplicates(collection: Collection, least: float) -> list[list[Duplicate]]:
    """Groups of photographs that are duplicates of one another, the largest first.

    Args:
        collection: Where they are looked for.
        least: How similar two have to be, see ``python -m pipeline.search --duplicates``.

    Raises:
        Refused: If there are too many photographs to compare while somebody waits.
        ValueError: If the index holds vectors too roughly.
    """
    if len(collection) > _MOST_COMPARED:
        raise Refused(Collections.TOO_MANY_TO_COMPARE.format(most=f"{_MOST_COMPARED:,}"))
    groups = duplicates.groups(collection, least)[:_MOST_GROUPS]
    return _by_group(duplicate_report.list_duplicates(collection, groups))


def _by_group(found: Sequence[Duplicate]) -> list[list[Duplicate]]:
    by_number: dict[int, list[Duplicate]] = {}
    for one in found:
        by_number.setdefault(one.group, []).append(one)
    return list(by_number.values())
