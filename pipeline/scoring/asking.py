"""Photographs that ask an index, the index's own or others."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import descriptions, model_folder
from pipeline.descriptions import Descriptions
from pipeline.embeddings.files import StoredEmbeddings, open_embeddings
from pipeline.index.interface import Collection
from pipeline.scoring.scored_index import ScoredIndex

NOT_THERE = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asking:
    """Photographs that ask a collection.

    Attributes:
        collection: What is asked.
        keys: int64 ``(queries,)``, their own keys there, which they are never answered with; -1
            where it lacks them.
        blocks: Gives their descriptions in order, some at a time.
    """

    collection: Collection
    keys: np.ndarray
    blocks: Callable[[], Iterable[Descriptions]]

    def descriptions(self) -> Descriptions:
        """Of them all."""
        return descriptions.concatenate(list(self.blocks()))

    @property
    def deepest(self) -> int:
        """How many others a photograph can be answered with."""
        return len(self.collection) - int((self.keys >= 0).any())


def from_index(index: ScoredIndex, rows: np.ndarray) -> Asking:
    """Photographs of the index itself.

    Args:
        index: What is asked.
        rows: int ``(queries,)``, of its embeddings, ascending.
    """
    return Asking(
        collection=index.collection,
        keys=index.keys[rows],
        blocks=lambda: index.stored.take(rows),
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
        where = ", ".join(data) if data else index.folder
        raise ValueError(
            f"{rows.null_count} of {len(rows)} photographs that ask are not in {where} as "
            f"{index.model} describes it; build what is fused from the same data sets."
        )
    own = pc.index_in(contents, value_set=index.stored.metadata["content"]).fill_null(NOT_THERE)
    places = own.to_numpy()
    return Asking(
        collection=index.collection,
        keys=np.where(places < 0, NOT_THERE, index.keys[places]),
        blocks=lambda: [_gathered(stored, rows.to_numpy())],
    )


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


def _gathered(stored: StoredEmbeddings, rows: np.ndarray) -> Descriptions:
    """In any order, some more than once."""
    ascending, places = np.unique(rows, return_inverse=True)
    found = descriptions.concatenate([stored.none(), *stored.take(ascending)])
    return found[places]
