"""Groups of duplicates as a table, a file and a sentence."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import manifest
from pipeline.embeddings.files import IN_A_FILE
from pipeline.index import duplicates
from pipeline.index.interface import Collection
from pipeline.text_table import Side, format_table

_COLUMNS: dict[str, Side] = {
    "group": ">", "similarity": ">", "id": "<", "landmark": "<", "file": "<",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Duplicate:
    """A photograph of a group.

    Attributes:
        group: Its number, counted from 1.
        similarity: To the first photograph of the group.
        id: The photograph's.
        landmark: Its name, "" where unknown.
        file: The photograph's own file; of a record its title, or where it has none the record
            file.
    """

    group: int
    similarity: float
    id: str
    landmark: str
    file: str


def list_duplicates(collection: Collection, groups: Sequence[np.ndarray]) -> list[Duplicate]:
    """The photographs of groups of keys, as ``duplicates.groups`` gives them."""
    found = []
    for number, keys in enumerate(groups, start=1):
        pairs = np.stack([np.repeat(keys[:1], len(keys)), keys], axis=1)
        similarities = duplicates.similarities(collection, pairs).tolist()
        rows = collection.photographs(keys).to_pylist()
        for similarity, row in zip(similarities, rows, strict=True):
            is_own = row["offset"] == IN_A_FILE
            found.append(
                Duplicate(
                    group=number,
                    similarity=similarity,
                    id=row["id"],
                    landmark=row["landmark"],
                    file=row["shard"] if is_own else row["title"] or row["shard"],
                )
            )
    return found


def table_of(found: Sequence[Duplicate]) -> str:
    """Lines of text, the header first."""
    rows = [
        (str(one.group), f"{one.similarity:.3f}", one.id, one.landmark or "-", one.file)
        for one in found
    ]
    return format_table(_COLUMNS, rows)


def write_csv(found: Sequence[Duplicate], path: Path) -> None:
    """Writes a row for every photograph below the names of the columns.

    Raises:
        OSError: If the file cannot be written.
    """

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(_COLUMNS))
            writer.writeheader()
            for one in found:
                writer.writerow(dataclasses.asdict(one) | {"similarity": f"{one.similarity:.4f}"})

    manifest.write_atomically(path, write)


def summary(found: Sequence[Duplicate]) -> str:
    """How many photographs are in how many groups, and in how many the landmarks differ."""
    landmarks: dict[int, set[str]] = {}
    for one in found:
        landmarks.setdefault(one.group, set()).add(one.landmark)
    differing = sum(len(names - {""}) > 1 for names in landmarks.values())
    return (
        f"{len(found)} photographs in {len(landmarks)} groups of duplicates; in {differing} of the "
        "groups landmarks differ."
    )
