"""Embeddings as files, in the layout that clip-retrieval and autofaiss read.

``img_emb/img_emb_<k>.npy`` holds the vectors of a shard, ``metadata/metadata_<k>.parquet`` a row
for each: what it shows, where its photograph lies, and whom it is by. They may lie wherever
TensorFlow reaches.
"""

import dataclasses
import functools
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import manifest, storage

MANIFEST = "manifest.json"
_ENTRY = b"shard"  # key, in a metadata file, of what it says of its shard
_COMMAND = "python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME"
_BLOCK = 65_536  # vectors that are in memory together
_HEADER_BYTES = 128  # of an .npy file of two dimensions
_LABELS_OF_A_DATA_SET = 2**32  # more than any has
IN_A_FILE = -1  # the offset of a photograph that is a file, not a record

METADATA = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.string()),  # hash of the photograph as it was found, see content_id
        ("label", pa.int64()),  # -1 where unknown
        ("landmark", pa.string()),
        ("shard", pa.string()),  # path of the record file, or of the photograph's own file
        ("offset", pa.int64()),  # byte at which the record starts, IN_A_FILE where it is none
        ("author", pa.string()),
        ("license", pa.string()),
        ("url", pa.string()),
        ("title", pa.string()),
        ("date", pa.string()),  # on which it was taken, such as 2015-08-03; "" where unknown
    ]
)

# What is known of a photograph where several data sets may lie together.
OF_SEVERAL = METADATA.append(pa.field("data", pa.string()))  # the name of its data set


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Vectors and what they are of.

    Attributes:
        vectors: float32 ``(photographs, dim)``, unit length.
        metadata: A table of the schema ``OF_SEVERAL``, a row for every vector.
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredEmbeddings:
    """Embeddings whose vectors stay in their files until they are asked for.

    Attributes:
        metadata: See ``Embeddings``; likewise ``model_fingerprint``, ``shards``, ``duplicates``.
        pairs: Folder, number and rows of every pair of files.
        kept: int ``(photographs,)``, which of the pairs' rows the metadata is of, ascending.
    """

    metadata: pa.Table
    model_fingerprint: str
    shards: dict[str, list[str]]
    duplicates: int
    pairs: tuple[tuple[str, int, int], ...]
    kept: np.ndarray

    def __len__(self) -> int:
        return len(self.metadata)

    @functools.cached_property
    def dimension(self) -> int:
        """Of a vector."""
        return next(self._vectors()).shape[1]

    def blocks(self) -> Iterator[np.ndarray]:
        """The vectors in order, float32 ``(n, dim)`` of at most ``_BLOCK`` photographs each."""
        return self.take(np.arange(len(self)))

    def some(self, rows: np.ndarray) -> "StoredEmbeddings":
        """Those of some rows of the metadata, ascending."""
        table, kept = self.metadata.take(rows), self.kept[rows]
        return dataclasses.replace(self, metadata=table, kept=kept)

    def take(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """The vectors of some rows of the metadata, ascending, likewise in blocks."""
        wanted = self.kept[rows]
        start = 0
        for vectors in self._vectors():
            inside = wanted[np.searchsorted(wanted, start) :]
            inside = inside[: np.searchsorted(inside, start + len(vectors))] - start
            for block in range(0, len(inside), _BLOCK):
                yield vectors[inside[block : block + _BLOCK]].astype(np.float32)
            start += len(vectors)

    def _vectors(self) -> Iterator[np.ndarray]:
        for folder, number, rows in self.pairs:
            vectors = _read_vectors(folder, number)
            if len(vectors) != rows:
                raise ValueError(_of_another_run(folder, number))
            yield vectors


def vectors_path(folder: str | Path, number: int) -> str:
    """Where the vectors of a pair of files go."""
    return storage.join(folder, "img_emb", f"img_emb_{number}.npy")


def metadata_path(folder: str | Path, number: int) -> str:
    """Where the rows of a pair of files go."""
    return storage.join(folder, "metadata", f"metadata_{number}.parquet")


def write_pair(
    folder: str | Path, number: int, vectors: np.ndarray, rows: pa.Table, entry: dict[str, Any]
) -> None:
    """Writes the pair of files of a shard, the metadata last: where that is, both are whole.

    Args:
        folder: The data set's embeddings.
        number: Of the pair.
        vectors: float32 ``(n, dim)``.
        rows: A table of the schema ``METADATA``, a row for every vector.
        entry: What the pair says of itself.
    """
    buffer = io.BytesIO()
    np.save(buffer, vectors)
    storage.remove(metadata_path(folder, number))  # never beside another run's vectors
    storage.write(vectors_path(folder, number), buffer.getvalue())
    write_rows(folder, number, rows, entry)


def write_rows(folder: str | Path, number: int, rows: pa.Table, entry: dict[str, Any]) -> None:
    """Writes the metadata of a pair alone, its vectors being those that are there."""
    rows = rows.replace_schema_metadata({_ENTRY: manifest.to_bytes(entry)})
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    storage.write(metadata_path(folder, number), sink.getvalue().to_pybytes())


def read_rows(folder: str | Path, number: int) -> pa.Table:
    """The rows of a pair of files."""
    content = storage.read(metadata_path(folder, number))
    return pq.read_table(pa.BufferReader(content)).replace_schema_metadata()


def read_entry(folder: str | Path, number: int) -> dict[str, Any] | None:
    """What a pair of files says of itself; None if there is none whole, of this layout."""
    path = metadata_path(folder, number)
    if not storage.exists(path):
        return None
    try:
        table = pq.ParquetFile(pa.BufferReader(storage.read(path)))
    except pa.ArrowInvalid:  # no table: it is made again
        return None
    if table.schema_arrow.names != METADATA.names:  # likewise, of an earlier version
        return None
    if not _has_whole_vectors(folder, number, table.metadata.num_rows):
        return None
    return manifest.from_bytes(table.schema_arrow.metadata[_ENTRY])


def _has_whole_vectors(folder: str | Path, number: int, rows: int) -> bool:
    """Whether a vector is there for every row, by the header and the size of their file."""
    path = vectors_path(folder, number)
    if not storage.exists(path):
        return False
    header = io.BytesIO(storage.read(path, _HEADER_BYTES))
    try:
        np.lib.format.read_magic(header)
        shape, _, dtype = np.lib.format.read_array_header_1_0(header)
    except ValueError:  # it was cut before its end, or is something else
        return False
    content = math.prod(shape) * dtype.itemsize
    return shape[0] == rows and storage.size(path) == header.tell() + content


def numbers_in(folder: str | Path) -> list[int]:
    """Numbers of the files that are there, halves of a pair among them, ascending."""
    names = [
        name
        for part in ("img_emb", "metadata")
        for name in storage.names_in(storage.join(folder, part))
    ]
    found = (re.fullmatch(r"(?:img_emb_(\d+)\.npy|metadata_(\d+)\.parquet)", one) for one in names)
    return sorted({int(match[1] or match[2]) for match in found if match})


def remove_pair(folder: str | Path, number: int) -> None:
    """Removes a pair of files, the metadata first, so that no half passes for whole."""
    storage.remove(metadata_path(folder, number))
    storage.remove(vectors_path(folder, number))


def remove_all(folder: str | Path) -> None:
    """Removes embeddings: first what says that they are whole, then what says that pairs are."""
    remove_manifest(folder)
    numbers = numbers_in(folder)
    for path_of in (metadata_path, vectors_path):
        for number in numbers:
            storage.remove(path_of(folder, number))


def write_manifest(folder: str | Path, content: dict[str, Any]) -> None:
    """Writes what the embeddings say of themselves; where it is, they are whole."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    storage.write(storage.join(folder, MANIFEST), text.encode())


def remove_manifest(folder: str | Path) -> None:
    """Says that the embeddings are not whole."""
    storage.remove(storage.join(folder, MANIFEST))


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a finished embedding folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged.
    """
    path = storage.join(folder, MANIFEST)
    if not storage.exists(path):
        raise FileNotFoundError(f"{path} is missing; make it with `{_COMMAND}`.")
    try:
        return json.loads(storage.read(path))
    except ValueError as error:
        raise ValueError(f"{path} is damaged; make it again with `{_COMMAND}`.") from error


def read_embeddings(folders: Sequence[str | Path]) -> Embeddings:
    """Reads embeddings of one model, of one data set or several, one after the other.

    Raises:
        FileNotFoundError: If a folder holds no finished embeddings.
        ValueError: If the folders were made by different models, or a file of another run.
    """
    stored = open_embeddings(folders)
    return Embeddings(
        vectors=np.concatenate([np.zeros((0, stored.dimension), np.float32), *stored.blocks()]),
        metadata=stored.metadata,
        model_fingerprint=stored.model_fingerprint,
        shards=stored.shards,
        duplicates=stored.duplicates,
    )


def open_embeddings(folders: Sequence[str | Path]) -> StoredEmbeddings:
    """Opens what ``read_embeddings`` reads, the vectors staying where they are.

    Labels of different data sets are kept apart: each data set's count from a place of its own,
    the first one's as they are. An id that an earlier data set has too gets its data set's name
    before it, ``NAME/ID``.

    Raises:
        FileNotFoundError: If a folder holds no finished embeddings.
        ValueError: If the folders were made by different models, a file is of another run, or a
            data set has an id twice.
    """
    tables, fingerprints, shards, pairs = [], {}, {}, []
    for place, folder in enumerate(folders):
        described = read_manifest(folder)
        fingerprints[described["model_fingerprint"]] = folder
        shards[Path(folder).name] = [shard["sha256"] for shard in described["shards"]]
        for entry in described["shards"]:
            number = entry["pair"]
            if read_entry(folder, number) != entry:
                raise ValueError(_of_another_run(folder, number))
            rows = read_rows(folder, number)
            rows = _with_labels_from(place * _LABELS_OF_A_DATA_SET, rows)
            name = pa.array([Path(folder).name] * len(rows), pa.string())
            tables.append(rows.append_column(OF_SEVERAL.field("data"), name))
            pairs.append((str(folder), number, len(rows)))
    if len(fingerprints) > 1:
        named = ", ".join(f"{folder} by {made[:12]}" for made, folder in fingerprints.items())
        raise ValueError(f"Embeddings of one model are needed. Received: {named}.")
    table = pa.concat_tables(tables)
    kept = _first_of_each_photograph(table)
    return StoredEmbeddings(
        metadata=with_own_ids(table.take(kept)),
        model_fingerprint=next(iter(fingerprints)),
        shards=shards,
        duplicates=len(table) - len(kept),
        pairs=tuple(pairs),
        kept=kept,
    )


def with_own_ids(table: pa.Table, taken: Iterable[str] = ()) -> pa.Table:
    """Gives every row an id of its own: the name of its data set before one that is taken.

    Args:
        table: Of the schema ``OF_SEVERAL``.
        taken: Ids that rows elsewhere have.

    Raises:
        ValueError: If an id is taken even so.
    """
    seen, ids, twice = set(taken), [], []
    for found, name in zip(*(table[name].to_pylist() for name in ("id", "data")), strict=True):
        own = f"{name}/{found}" if found in seen else found
        if own in seen:
            twice.append(own)
        seen.add(own)
        ids.append(own)
    if twice:
        raise ValueError(
            f"{len(twice)} photographs have the id of another, {twice[0]!r} for one; ids tell "
            "photographs apart. Give them ids of their own in the records, or leave a data set out."
        )
    own_ids = pa.array(ids, pa.string())
    return table.set_column(METADATA.get_field_index("id"), "id", own_ids)


def _of_another_run(folder: str | Path, number: int) -> str:
    return (
        f"{metadata_path(folder, number)} and its vectors are not those that "
        f"{storage.join(folder, MANIFEST)} tells of; make them again with `{_COMMAND}`."
    )


def _read_vectors(folder: str | Path, number: int) -> np.ndarray:
    """As they lie, mapped where they are on this machine.

    Raises:
        ValueError: If they are damaged or gone.
    """
    path = vectors_path(folder, number)
    try:
        if storage.is_local(path):
            return np.load(path, mmap_mode="r")
        return np.load(io.BytesIO(storage.read(path)))
    except (ValueError, EOFError, FileNotFoundError) as error:
        raise ValueError(_of_another_run(folder, number)) from error


def _with_labels_from(first_label: int, table: pa.Table) -> pa.Table:
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
