"""An index that is to be scored: its photographs, and the vectors that the model gave of them."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from pipeline import model_folder
from pipeline.embeddings.files import Embeddings, read_embeddings
from pipeline.index.collection import load_collection
from pipeline.index.interface import Collection


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredIndex:
    """An index and whom it holds.

    Attributes:
        folder: Of the index.
        model: The model's folder.
        collection: The index, opened.
        embedded: What the model gave of the photographs it holds.
        keys: int64 ``(photographs,)``, of the embeddings in their order.
    """

    folder: Path
    model: Path
    collection: Collection
    embedded: Embeddings
    keys: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> "ScoredIndex":
        """Opens an index and reads the embeddings it was built from.

        Raises:
            FileNotFoundError: If the index or the embeddings are missing.
            ValueError: If the embeddings have changed, or another model made the index.
        """
        collection = load_collection(folder)
        model = model_folder.of_index(folder)
        model_folder.require_made_by(model, folder, collection.manifest["model_fingerprint"])
        embedded = _embedded(collection, model)
        keys = collection.keys()
        contents = collection.photographs(keys)["content"]
        places = pc.index_in(embedded.metadata["content"], value_set=contents).to_numpy()
        return cls(
            folder=folder,
            model=model,
            collection=collection,
            embedded=embedded,
            keys=keys[places],
        )

    def rows_of(self, other: "ScoredIndex", rows: np.ndarray) -> np.ndarray:
        """Which of these photographs those are that another index has in some rows.

        Raises:
            ValueError: If one of them, or of all that the other holds, is not here.
        """
        wanted = other.embedded.metadata["content"]
        places = pc.index_in(wanted, value_set=self.embedded.metadata["content"])
        if places.null_count or len(self.collection) != len(other.collection):
            raise ValueError(
                f"{self.folder} and {other.folder} do not hold the same photographs, so that what "
                "they find cannot be fused and scored; build both from the same data sets."
            )
        return places.to_numpy()[rows]


def _embedded(collection: Collection, model: Path) -> Embeddings:
    """The vectors of a collection's photographs, as the model gave them.

    Raises:
        FileNotFoundError: If they are missing.
        ValueError: If they are not those that the collection was filled with.
    """
    described = collection.manifest
    embedded = read_embeddings([model_folder.embeddings(model, one) for one in described["data"]])
    contents = collection.photographs(collection.keys())["content"]
    is_held = pc.is_in(embedded.metadata["content"], value_set=contents).to_numpy()
    if embedded.model_fingerprint != described["model_fingerprint"] or is_held.sum() < len(
        collection
    ):
        raise ValueError(
            f"{len(collection) - is_held.sum()} photographs of the index are not in the embeddings "
            f"{', '.join(described['data'])}, which have changed since; run `python -m "
            "pipeline.build_index --overwrite`."
        )
    return dataclasses.replace(
        embedded, vectors=embedded.vectors[is_held], metadata=embedded.metadata.filter(is_held)
    )
