"""A photograph of a collection: what is known of it, and its pixels."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline.data import records
from pipeline.data.shards import read_record
from pipeline.data.sources.source import content_id
from pipeline.data.transcoding import decode_any_photograph
from pipeline.embeddings.files import IN_A_FILE


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredPhotograph:
    """One photograph of a collection.

    Attributes:
        id: The data set's id, or the hash of its bytes.
        label: Of its landmark, -1 where unknown.
        landmark: Its name, "" where unknown.
        title: The file's name in its folder, or the data set's title.
        author: Who took it, "" where unknown; likewise ``license`` and ``url``.
        date: On which it was taken, such as ``2015-08-03``, "" where unknown.
        content: The hash of the photograph as it was found.
        shard: Record file that holds it, or its own file.
        offset: Byte at which its record starts; -1 where it is a file of its own.
    """

    id: str
    label: int
    landmark: str
    title: str
    author: str
    license: str
    url: str
    date: str
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
