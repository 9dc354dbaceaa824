"""Embeddings on disk, in the layout that clip-retrieval and autofaiss read.

``img_emb/img_emb_<k>.npy`` holds the vectors of the data set's k-th shard,
``metadata/metadata_<k>.parquet`` a row for each: what it shows, where its photograph lies (a
record shard and the byte at which its record starts), and whom it is by.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import manifest

MANIFEST = "manifest.json"
_ENTRY = b"shard"  # key, in a metadata file, of what it says of its shard
_COMMAND = "python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME"

METADATA = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.string()),  # hash of the photograph as it was found, see content_id
        ("label", pa.int64()),  # -1 where unknown
        ("landmark", pa.string()),
        ("shard", pa.string()),  # path of the record file
        ("offset", pa.int64()),  # byte at which the record starts
        ("author", pa.string()),
        ("license", pa.string()),
        ("url", pa.string()),
        ("title", pa.string()),
    ]
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Vectors and what they are of.

    Attributes:
        vectors: float32 ``(photographs, dim)``, unit length.
        metadata: A table of the schema ``METADATA``, a row for every vector.
        model_fingerprint: Of the model that made them.
        shards: SHA-256 of every record file they are of, by data set.
        duplicates: Rows left out because an earlier one is of the same photograph.
    """

    vectors: np.ndarray
    metadata: pa.Table
    model_fingerprint: str
    shards: dict[str, list[str]]
    duplicates: int = 0

    @property
    def labels(self) -> np.ndarray:
        """int64 ``(photographs,)``, -1 where unknown."""
        return self.metadata["label"].to_numpy()


def vectors_path(folder: Path, number: int) -> Path:
    """Where the vectors of a shard go."""
    return folder / "img_emb" / f"img_emb_{number}.npy"


def metadata_path(folder: Path, number: int) -> Path:
    """Where the rows of a shard go."""
    return folder / "metadata" / f"metadata_{number}.parquet"


def write_shard(
    folder: Path, number: int, vectors: np.ndarray, rows: pa.Table, entry: dict[str, Any]
) -> None:
    """Writes the pair of files of a shard, the metadata last.

    Args:
        folder: The data set's embeddings.
        number: Of the shard.
        vectors: float32 ``(n, dim)``.
        rows: A table of the schema ``METADATA``, a row for every vector.
        entry: What the pair says of itself.
    """

    def save_vectors(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, vectors)

    rows = rows.replace_schema_metadata({_ENTRY: manifest.to_bytes(entry)})
    manifest.remove(metadata_path(folder, number))  # never beside another run's vectors
    manifest.write_atomically(vectors_path(folder, number), save_vectors)
    manifest.write_atomically(
        metadata_path(folder, number), lambda path: pq.write_table(rows, path)
    )


def read_entry(folder: Path, number: int) -> dict[str, Any] | None:
    """What the pair of files of a shard says of itself; None if there is none of this layout."""
    path = metadata_path(folder, number)
    if not path.is_file():
        return None
    schema = pq.read_schema(path)
    if schema.names != METADATA.names:  # of an earlier version: it is made again
        return None
    return manifest.from_bytes(schema.metadata[_ENTRY])


def remove_shards_from(folder: Path, number: int) -> None:
    """Removes the files of shards from a number on, which the records no longer have."""
    while vectors_path(folder, number).is_file() or metadata_path(folder, number).is_file():
        vectors_path(folder, number).unlink(missing_ok=True)
        metadata_path(folder, number).unlink(missing_ok=True)
        number += 1


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished embedding folder.

    Raises:
        FileNotFoundError: If there is none.
    """
    return manifest.read_json(folder / MANIFEST, _COMMAND)


def read_embeddings(folders: Sequence[Path]) -> Embeddings:
    """Reads embeddings of one model, of one data set or several, one after the other.

    Labels of different data sets are kept apart: a label counts from where the data sets
    before it ended.

    Raises:
        FileNotFoundError: If a folder holds no finished embeddings.
        ValueError: If the folders were made by different models, or a file of another run.
    """
    vectors, tables, fingerprints, shards = [], [], {}, {}
    first_label = 0
    for folder in folders:
        described = read_manifest(folder)
        fingerprints[described["model_fingerprint"]] = folder
        shards[folder.name] = [shard["sha256"] for shard in described["shards"]]
        for number, entry in enumerate(described["shards"]):
            vectors.append(np.load(vectors_path(folder, number)).astype(np.float32))
            tables.append(_with_labels_from(first_label, folder, number))
            if read_entry(folder, number) != entry or len(vectors[-1]) != len(tables[-1]):
                raise ValueError(
                    f"{metadata_path(folder, number)} and its vectors are not those that "
                    f"{folder / MANIFEST} tells of; make them again with `{_COMMAND}`."
                )
        first_label = 1 + max(table["label"].to_numpy().max(initial=-1) for table in tables)
    if len(fingerprints) > 1:
        named = ", ".join(f"{folder} by {made[:12]}" for made, folder in fingerprints.items())
        raise ValueError(f"Embeddings of one model are needed. Received: {named}.")
    table = pa.concat_tables(tables)
    kept = _first_of_each_photograph(table)
    return Embeddings(
        vectors=np.concatenate(vectors)[kept],
        metadata=table.take(kept),
        model_fingerprint=next(iter(fingerprints)),
        shards=shards,
        duplicates=len(table) - len(kept),
    )


def _with_labels_from(first_label: int, folder: Path, number: int) -> pa.Table:
    table = pq.read_table(metadata_path(folder, number)).replace_schema_metadata()
    labels = table["label"].to_numpy()
    shifted = pa.array(np.where(labels < 0, -1, labels + first_label))
    return table.set_column(METADATA.get_field_index("label"), "label", shifted)


def _first_of_each_photograph(table: pa.Table) -> np.ndarray:
    """Row numbers, ascending; later rows of the same content are left out.

    Not of the same id: data sets name photographs each in its own way, and Google Landmarks'
    index has ids that its train split has too.
    """
    contents = np.array(table["content"].to_pylist(), bytes)
    _, first = np.unique(contents, return_index=True)
    return np.sort(first)
