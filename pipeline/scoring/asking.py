"""Photographs that ask an index, the index's own or others."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import descriptions, model_folder
from pipeline.descriptions import Descriptions
from pipeline.descriptors import open_descriptor
from pipeline.embeddings.files import StoredEmbeddings, open_embeddings
from pipeline.index.interface import Collection
from pipeline.progress import progress
from pipeline.query_photograph import Box, crop
from pipeline.scoring.ground_truth import Query
from pipeline.scoring.photograph_names import find_photographs
from pipeline.scoring.scored_index import ScoredIndex
from pipeline.stored_photograph import StoredPhotograph

NOT_THERE = -1
_GATHERED = 8192  # photographs whose descriptions are put in order together


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asking:
    """Photographs that ask a collection.

    Attributes:
        collection: What is asked.
        keys: int64 ``(queries,)``, their own keys there, which they are never answered with; -1
            where it lacks them.
        take: Gives the descriptions of some of them, by their numbers, ascending, in blocks.
    """

    collection: Collection
    keys: np.ndarray
    take: Callable[[np.ndarray], Iterable[Descriptions]]

    def blocks(self) -> Iterable[Descriptions]:
        """The descriptions of them all, in order, some at a time."""
        return self.take(np.arange(len(self.keys)))

    def some(self, queries: np.ndarray) -> Descriptions:
        """The descriptions of some of them, by their numbers, ascending."""
        return descriptions.concatenate(list(self.take(queries)))

    def descriptions(self) -> Descriptions:
        """Of them all."""
        return self.some(np.arange(len(self.keys)))

    @property
    def deepest(self) -> int:
        """How many others a photograph can be answered with, at most."""
        return len(self.collection) - int((self.keys >= 0).all())


def from_index(index: ScoredIndex, rows: np.ndarray) -> Asking:
    """Photographs of the index itself.

    Args:
        index: What is asked.
        rows: int ``(queries,)``, of its embeddings, ascending.
    """
    return Asking(
        collection=index.collection,
        keys=index.keys[rows],
        take=lambda queries: index.stored.take(rows[queries]),
    )


def of_contents(index: ScoredIndex, contents: pa.ChunkedArray, data: Sequence[str]) -> Asking:
    """Photographs by their contents, as the model of the index describes them.

    Args:
        index: What is asked.
        contents: Of the photographs, in their order.
        data: Data sets that they are of; none for the index's own.

    Raises:
        FileNotFoundError: If the model has not described a data set.
        ValueError: If it has not described one of them.
    """
    stored = described(index, data) if data else index.stored
    rows = pc.index_in(contents, value_set=stored.metadata["content"])
    if rows.null_count:
        where = ", ".join(data) or index.folder
        raise ValueError(
            f"{where} lacks {rows.null_count} of the {len(rows)} photographs that ask: indexes "
            "that do not hold the same photographs cannot be fused and scored; build them from "
            "the same data sets."
        )
    own = pc.index_in(contents, value_set=index.stored.metadata["content"]).fill_null(NOT_THERE)
    places, stored_rows = own.to_numpy(), rows.to_numpy()
    return Asking(
        collection=index.collection,
        keys=np.where(places < 0, NOT_THERE, index.keys[places]),
        take=lambda queries: _gathered(stored, stored_rows[queries]),
    )


def by_name(
    index: ScoredIndex, queries: Sequence[Query], data: Sequence[str], file: str
) -> tuple[Asking, pa.Table]:
    """Photographs, or parts of them, by the names that a ground truth has for them.

    Args:
        index: What is asked.
        queries: Whoever asks.
        data: Data sets that they are of; none for the index's own.
        file: That names them, for errors.

    Returns:
        Also their metadata. Parts are described here and now, whole photographs were before.

    Raises:
        FileNotFoundError: If the model has not described a data set, or a photograph of which a
            part asks is gone.
        ValueError: If one is not in the data sets, or nothing of it lies in its box.
    """
    stored = described(index, data) if data else index.stored
    names = [query.id for query in queries]
    ids, titles = (stored.metadata[name].to_pylist() for name in ("id", "title"))
    rows = find_photographs(names, ids, titles, file)
    if lacking := [name for name, row in zip(names, rows, strict=True) if row < 0]:
        raise ValueError(
            f"{len(lacking)} of the {len(names)} queries of {file} are not in "
            f"{', '.join(data) or index.folder}, {lacking[0]!r} for one; describe them with "
            f"`python -m pipeline.embed --model={index.model}` and pass the name of their data set "
            "with --queries."
        )
    table = stored.metadata.take(rows)
    asking = of_contents(index, table["content"], data)
    boxes = [query.box for query in queries]
    if any(box is not None for box in boxes):
        parts: Any = _parts(index, table, boxes)
        asking = dataclasses.replace(asking, take=lambda queries: [parts[queries]])
    return asking, table


def _parts(index: ScoredIndex, table: pa.Table, boxes: Sequence[Box | None]) -> Descriptions:
    """Describes the parts of photographs that lie in boxes."""
    descriptor = open_descriptor(index.model)
    names = [field.name for field in dataclasses.fields(StoredPhotograph)]
    rows = table.select(names).to_pylist()
    found = [descriptor.none()]
    for row, box in progress(list(zip(rows, boxes, strict=True)), "Describing", unit="queries"):
        image = crop(StoredPhotograph(**row).read_image(), box)
        found.append(descriptor.describe_images(image[None]))
    return descriptions.concatenate(found)


def described(index: ScoredIndex, data: Sequence[str]) -> StoredEmbeddings:
    """What the model of an index gave of other data sets.

    Raises:
        FileNotFoundError: If it has not described one.
        ValueError: If another model has, naming both.
    """
    folders = [model_folder.embeddings(index.model, one) for one in data]
    stored = open_embeddings(folders)
    model_folder.require_made_by(index.model, index.model, stored.model_fingerprint)
    return stored


def _gathered(stored: StoredEmbeddings, rows: np.ndarray) -> Iterator[Descriptions]:
    """In any order, some more than once; a block is read in the order of the files."""
    for start in range(0, len(rows), _GATHERED):
        ascending, places = np.unique(rows[start : start + _GATHERED], return_inverse=True)
        yield descriptions.concatenate(list(stored.take(ascending)))[places]
