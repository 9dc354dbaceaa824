"""From a query photograph to ranked results, for the command line and the page alike."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline import model_folder
from pipeline.data import records
from pipeline.data.shards import read_record
from pipeline.data.sources.source import content_id
from pipeline.data.transcoding import decode_any_photograph
from pipeline.descriptors import Descriptor
from pipeline.embeddings.files import IN_A_FILE
from pipeline.index.collection import load_collection
from pipeline.index.filters import Condition

Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in upright pixels, the last two exclusive


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredPhotograph:
    """One photograph of a collection.

    Attributes:
        id: The data set's id, or the hash of its bytes.
        landmark: Its name, "" where unknown.
        title: The file's name in its folder, or the data set's title.
        author: Who took it, "" where unknown; likewise ``license`` and ``url``.
        content: The hash of the photograph as it was found.
        shard: Record file that holds it, or its own file.
        offset: Byte at which its record starts; -1 where it is a file of its own.
    """

    id: str
    landmark: str
    title: str
    author: str
    license: str
    url: str
    content: str
    shard: str
    offset: int

    def read_image(self) -> np.ndarray:
        """The photograph, uint8 ``(height, width, 3)`` RGB, upright.

        Raises:
            FileNotFoundError: If its file is gone.
            ValueError: If that was cut or replaced since it was described.
        """
        path = Path(self.shard)
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}, which holds the photograph {self.id}, is missing; copy it back, or run "
                "from the folder in which it was described."
            )
        if self.offset == IN_A_FILE:
            encoded = path.read_bytes()
            self._require_same(content_id(encoded), self.content)
            return decode_any_photograph(encoded)
        parsed = records.parse_photograph(tf.constant(read_record(path, self.offset)))
        self._require_same(parsed["image/id"].numpy().decode(), self.id)
        return decode_photograph(parsed["image/encoded"]).numpy()

    def _require_same(self, found: str, described: str) -> None:
        if found != described:
            raise ValueError(
                f"{self.shard} has been replaced since it was described; run `python -m "
                "pipeline.embed` and `python -m pipeline.build_index` again."
            )


_TOLD = [field.name for field in dataclasses.fields(StoredPhotograph)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A photograph found: its rank, 1 for the best, and the cosine or an estimate of it."""

    rank: int
    similarity: float
    photograph: StoredPhotograph


class Engine:
    """A model and a collection it has described.

    Args:
        folder: Folder of an index, ``exported/MODEL/indexes/NAME``.
        descriptor: The model, where the caller has loaded it; by default the model folder that
            the index lies in.

    Raises:
        FileNotFoundError: If the index or its model is missing.
        ValueError: If another model filled the index, naming both.
    """

    def __init__(self, folder: Path, descriptor: Descriptor | None = None) -> None:
        self.collection = load_collection(folder)
        self.descriptor = descriptor or Descriptor(model_folder.of_index(folder))
        model_folder.require_made_by(
            self.descriptor.folder, folder, self.collection.manifest["model_fingerprint"]
        )

    def search(
        self,
        image: np.ndarray,
        k: int,
        box: Box | None = None,
        where: Sequence[Condition] = (),
    ) -> list[Result]:
        """Finds the photographs most like an image, or a part of it.

        Args:
            image: uint8 ``(height, width, 3)`` RGB, upright.
            k: How many results, at least 1; fewer come where the collection is smaller.
            box: The part of the image that shows the landmark; None for all of it.
            where: Conditions that a result has to satisfy.

        Raises:
            ValueError: If ``k`` is below 1, the box leaves nothing of the image, or a condition
                is on no column of the collection.
        """
        if k < 1:
            raise ValueError(f"--k is at least 1. Received: {k}.")
        vector = self.descriptor.describe_images(crop(image, box)[None])
        if not len(self):
            return []
        similarities, keys = self.collection.search(vector, min(k, len(self)), where)
        found = keys[0] >= 0
        photographs = self.photographs(keys[0][found])
        return [
            Result(rank=rank, similarity=float(similarity), photograph=photograph)
            for rank, (similarity, photograph) in enumerate(
                zip(similarities[0][found], photographs, strict=True), start=1
            )
        ]

    def photographs(self, keys: np.ndarray) -> list[StoredPhotograph]:
        """What the collection knows of the photographs with these keys."""
        rows = self.collection.photographs(keys).select(_TOLD).to_pylist()
        return [StoredPhotograph(**row) for row in rows]

    def __len__(self) -> int:
        """Photographs in the collection."""
        return len(self.collection)


def crop(image: np.ndarray, box: Box | None) -> np.ndarray:
    """Cuts a box out of an image, as far as it lies within.

    Raises:
        ValueError: If nothing of the image lies in the box.
    """
    if box is None:
        return image
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    part = image[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    if not part.size:
        raise ValueError(
            f"--box=x1,y1,x2,y2 has to hold a part of the photograph, which is {width} wide and "
            f"{height} high. Received: {box}."
        )
    return part


def read_photograph(path: Path) -> np.ndarray:
    """Decodes a photograph's file, uint8 ``(height, width, 3)`` RGB, upright.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no photograph.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--photo={path}: no such file.")
    try:
        return decode_any_photograph(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"--photo={path}: {error}.") from error
