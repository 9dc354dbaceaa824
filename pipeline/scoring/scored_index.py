"""An index that is to be scored: its photographs, and the vectors that the model gave of them."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from pipeline import model_folder
from pipeline.embeddings.files import StoredEmbeddings, open_embeddings
from pipeline.index.collection import load_collection
from pipeline.index.interface import Collection


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredIndex:
    """An index and whom it holds.

    Attributes:
        folder: Of the index.
        model: The model's folder.
        collection: The index, opened.
        stored: What the model gave of the photographs it holds; vectors stay in their files.
        keys: int64 ``(photographs,)``, of the embeddings in their order.
    """

    folder: Path
    model: Path
    collection: Collection
    stored: StoredEmbeddings
    keys: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> "ScoredIndex":
        """Opens an index and the embeddings it was built from.

        Raises:
            FileNotFoundError: If the index or the embeddings are missing.
            ValueError: If the embeddings have changed, or another model made the index.
        """
        collection = load_collection(folder)
        model = model_folder.of_index(folder)
        model_folder.require_made_by(model, folder, collection.manifest["model_fingerprint"])
        stored = _stored(collection, model)
        keys = collection.keys()
        contents = collection.photographs(keys)["content"]
        places = pc.index_in(stored.metadata["content"], value_set=contents).to_numpy()
        return cls(
            folder=folder, model=model, collection=collection, stored=stored, keys=keys[places]
        )

    @property
    def labels(self) -> np.ndarray:
        """The landmark of every photograph, int64 ``(photographs,)``, -1 where unknown."""
        return self.stored.metadata["label"].to_numpy()

    def by_key(self, values: np.ndarray, nothing: int) -> np.ndarray:
        """Looks up by key what is known by row; the last place, -1, is for what is not found."""
        found = np.full(self.keys.max() + 2, nothing, values.dtype)
        found[self.keys] = values
        return found


def _stored(collection: Collection, model: Path) -> StoredEmbeddings:
    """The vectors of a collection's photographs, as the model gave them.

    Raises:
        FileNotFoundError: If they are missing.
        ValueError: If they are not those that the collection was filled with.
    """
    described = collection.manifest
    stored = open_embeddings([model_folder.embeddings(model, one) for one in described["data"]])
    contents = collection.photographs(collection.keys())["content"]
    is_held = pc.is_in(stored.metadata["content"], value_set=contents).to_numpy()
    if stored.model_fingerprint != described["model_fingerprint"] or is_held.sum() < len(
        collection
    ):
        raise ValueError(
            f"{len(collection) - is_held.sum()} photographs of the index are not in the embeddings "
            f"{', '.join(described['data'])}, which have changed since; run `python -m "
            "pipeline.build_index --overwrite`."
        )
    return stored.some(np.flatnonzero(is_held))
