"""Local features of many photographs, stored compactly and found by id.

``exported/MODEL/local_features/NAME/`` holds ``features/features_<k>.npy``, the features of a
shard's photographs one behind the other as ``coding`` has them, ``metadata/metadata_<k>.parquet``,
a row for each photograph, and ``manifest.json``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.local.features import Features
from pipeline import model_folder
from pipeline.embeddings.data_sets import open_data_sets
from pipeline.embeddings.pairs import METADATA, Pairs
from pipeline.local_features import coding

COMMAND = "python -m pipeline.extract --model=exported/MODEL --records=tfrecords/NAME"
FEATURES = Pairs(
    name="features",
    what="local features",
    whole="local features",
    elsewhere="--name",
    schema=pa.schema(
        [
            *METADATA,
            ("height", pa.int32()),  # of the photograph, upright
            ("width", pa.int32()),
            ("features", pa.int32()),  # how many it has
        ]
    ),
    command=COMMAND,
    decided_by="--most",
    counted="features",
)
_BLOCK = 256  # photographs


class LocalFeatureStore:
    """The local features of one data set or several, which stay in their files.

    Args:
        folders: Of stores of one extractor, ``exported/MODEL/local_features/NAME``.

    Attributes:
        metadata: A row for every photograph: those of ``METADATA``, ``height``, ``width``,
            ``features`` (how many) and ``data``, the name of its data set.
        fingerprint: Of the extractor.
        shards: SHA-256 of every record file they are of, by data set.
        dimension: Of a descriptor.
        most: Features of a photograph at most.

    Raises:
        FileNotFoundError: If a folder holds no finished store.
        ValueError: If they are of several extractors, or a file is of another run.
    """

    def __init__(self, folders: Sequence[str | Path]) -> None:
        opened = open_data_sets(FEATURES, folders)
        described = FEATURES.read_manifest(folders[0])
        self.metadata = opened.metadata
        self.fingerprint = opened.model_fingerprint
        self.shards = opened.shards
        self.dimension: int = described["dimension"]
        self.most: int = described["most"]
        self._arrays = [FEATURES.read_array(*pair) for pair in opened.pairs]
        lengths = [elements for _, _, elements in opened.pairs]
        counts = np.concatenate([np.zeros(0, np.int64), *opened.counts])
        starts = np.cumsum([0, *counts])
        self._starts, self._counts = starts[:-1][opened.kept], counts[opened.kept]
        self._first_of_array = np.cumsum([0, *lengths])[:-1]
        # Empty arrays begin where the next one does: the last that begins there has the features.
        self._array_of = np.searchsorted(self._first_of_array, self._starts, side="right") - 1
        self._sides = np.stack([self.metadata[side].to_numpy() for side in ("height", "width")], 1)
        self._ids = _Lookup(self.metadata["id"])
        self._contents = _Lookup(self.metadata["content"])

    def __len__(self) -> int:
        return len(self.metadata)

    def features_of(self, ids: Sequence[str]) -> list[Features]:
        """The features of photographs by their ids.

        Raises:
            ValueError: If an id is not in the store, naming it.
        """
        rows = self._ids.rows_of(ids)
        if np.any(rows < 0):
            missing = [one for one, row in zip(ids, rows, strict=True) if row < 0]
            raise ValueError(
                f"{len(missing)} photographs have no local features here, {missing[0]!r} for one; "
                f"find them with `{COMMAND}`."
            )
        return self.features_at(rows)

    def rows_of_contents(self, contents: Sequence[str]) -> np.ndarray:
        """Rows of the metadata by hashes of the photographs, int64 ``(n,)``, -1 where none is."""
        return self._contents.rows_of(contents)

    def features_at(self, rows: np.ndarray) -> list[Features]:
        """The features of photographs by their rows."""
        return [self._decoded(int(row)) for row in rows]

    def blocks(self, photographs: int = _BLOCK) -> Iterator[list[Features]]:
        """All features in the order of the rows, of at most so many photographs at a time."""
        for start in range(0, len(self), photographs):
            yield self.features_at(np.arange(start, min(start + photographs, len(self))))

    def _decoded(self, row: int) -> Features:
        array = self._array_of[row]
        start = self._starts[row] - self._first_of_array[array]
        stored = self._arrays[array][start : start + self._counts[row]]
        return coding.decode(stored, tuple(self._sides[row]))


class _Lookup:
    """Rows by text, in a few bytes each: a dictionary of a million takes 100 MB."""

    def __init__(self, texts: pa.ChunkedArray) -> None:
        encoded = np.array([text.encode() for text in texts.to_pylist()], bytes)
        self._order = np.argsort(encoded, kind="stable")
        self._sorted = encoded[self._order]

    def rows_of(self, texts: Sequence[str]) -> np.ndarray:
        """Of each text its row, -1 where there is none."""
        wanted = np.array([text.encode() for text in texts], bytes)
        if not len(self._sorted) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        places = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        return np.where(self._sorted[places] == wanted, self._order[places], -1)


def store_folder(extractor: Path, data: str) -> Path:
    """Where an extractor's features of a data set lie: by its name, or that of its folder."""
    return extractor / model_folder.LOCAL_FEATURES / Path(data).name
