"""An index together with what its vectors are of, as it lies in a folder.

``exported/MODEL/indexes/<data>-<kind>/`` holds ``index.faiss``, ``photographs.parquet`` (a row
for every vector, in the order they were added) and ``manifest.json``.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import manifest
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.interface import VectorIndex

MANIFEST = "manifest.json"
_INDEX = "index.faiss"
_PHOTOGRAPHS = "photographs.parquet"
_COMMAND = "python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind=flat"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collection:
    """Photographs that can be searched.

    Attributes:
        index: The vectors.
        photographs: A table, row by row what each vector is of; see
            ``pipeline.embeddings.METADATA``.
        manifest: The model's fingerprint, the data sets, how the index was built and measured.
    """

    index: VectorIndex
    photographs: pa.Table
    manifest: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Writes the folder whole or not at all."""

        def write(part: Path) -> None:
            part.mkdir()
            self.index.save(part / _INDEX)
            pq.write_table(self.photographs, part / _PHOTOGRAPHS)
            manifest.write_json(part / MANIFEST, self.manifest)

        manifest.write_atomically(folder, write)


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of an index says.

    Raises:
        FileNotFoundError: If the folder holds no index.
    """
    return manifest.read_json(folder / MANIFEST, _COMMAND)


def load_collection(folder: Path) -> Collection:
    """Reads an index and what its vectors are of.

    Raises:
        FileNotFoundError: If the folder holds no index.
        ValueError: If its parts do not belong together.
    """
    described = read_manifest(folder)
    index = FaissIndex.load(folder / _INDEX, described["kind"])
    photographs = pq.read_table(folder / _PHOTOGRAPHS)
    if len(index) != len(photographs):
        raise ValueError(
            f"{folder} holds {len(index)} vectors of {len(photographs)} photographs; "
            f"build it again with `{_COMMAND}`."
        )
    return Collection(index=index, photographs=photographs, manifest=described)
