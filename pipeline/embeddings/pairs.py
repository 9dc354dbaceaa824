"""What is known of the photographs of a data set as files: a pair a shard.

``NAME/NAME_<k>.npy`` holds an array, ``metadata/metadata_<k>.parquet`` a row for each photograph:
what it shows, where it lies, and whom it is by. They may lie wherever TensorFlow reaches.
"""

import dataclasses
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import manifest, storage

MANIFEST = "manifest.json"
_ENTRY = b"shard"  # key, in a metadata file, of what it says of its shard
_HEADER_BYTES = 1024  # more than that of an .npy file, fields of its elements named

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
IN_A_FILE = -1  # the offset of a photograph that is a file, not a record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of files of one kind.

    Attributes:
        name: Of the arrays.
        what: They are, in messages; ``whole`` is what a folder of them is.
        elsewhere: Flag that has them go to another folder.
        schema: Of the rows; it begins with ``METADATA``.
        command: That makes them.
        decided_by: Flag that decides, besides the model, what they hold; None where none does.
        counted: Column that tells how many elements of the array are of each photograph, those of
            one after those of the other; None where each has one.
    """

    name: str
    what: str
    whole: str
    elsewhere: str
    schema: pa.Schema
    command: str
    decided_by: str | None = None
    counted: str | None = None

    def array_path(self, folder: str | Path, number: int) -> str:
        """Where the array of a pair of files goes."""
        return storage.join(folder, self.name, f"{self.name}_{number}.npy")

    def metadata_path(self, folder: str | Path, number: int) -> str:
        """Where the rows of a pair of files go."""
        return storage.join(folder, "metadata", f"metadata_{number}.parquet")

    def write_pair(
        self,
        folder: str | Path,
        number: int,
        array: np.ndarray,
        rows: pa.Table,
        entry: dict[str, Any],
    ) -> None:
        """Writes the pair of files of a shard, the metadata last: where that is, both are whole.

        Args:
            folder: Of the data set.
            number: Of the pair.
            array: What is stored of the photographs.
            rows: A table of the schema, a row for every photograph.
            entry: What the pair says of itself.
        """
        buffer = io.BytesIO()
        np.save(buffer, array)
        storage.remove(self.metadata_path(folder, number))  # never beside another run's array
        storage.write(self.array_path(folder, number), buffer.getvalue())
        self.write_rows(folder, number, rows, entry)

    def write_rows(
        self, folder: str | Path, number: int, rows: pa.Table, entry: dict[str, Any]
    ) -> None:
        """Writes the metadata of a pair alone, its array being the one that is there."""
        rows = rows.replace_schema_metadata({_ENTRY: manifest.to_bytes(entry)})
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink)
        storage.write(self.metadata_path(folder, number), sink.getvalue().to_pybytes())

    def read_rows(self, folder: str | Path, number: int) -> pa.Table:
        """The rows of a pair of files."""
        content = storage.read(self.metadata_path(folder, number))
        return pq.read_table(pa.BufferReader(content)).replace_schema_metadata()

    def read_entry(self, folder: str | Path, number: int) -> dict[str, Any] | None:
        """What a pair of files says of itself; None if there is none whole, of this layout."""
        path = self.metadata_path(folder, number)
        if not storage.exists(path):
            return None
        try:
            table = pq.ParquetFile(pa.BufferReader(storage.read(path)))
        except pa.ArrowInvalid:  # no table: it is made again
            return None
        if table.schema_arrow.names != self.schema.names:  # likewise, of an earlier version
            return None
        if not self._has_whole_array(folder, number, self._elements(table)):
            return None
        return manifest.from_bytes(table.schema_arrow.metadata[_ENTRY])

    def _elements(self, table: pq.ParquetFile) -> int:
        """How many the array of a pair has."""
        if self.counted is None:
            return table.metadata.num_rows
        return pc.sum(table.read([self.counted])[self.counted], min_count=0).as_py()

    def _has_whole_array(self, folder: str | Path, number: int, elements: int) -> bool:
        """Whether so many elements are there, by the header and the size of their file."""
        path = self.array_path(folder, number)
        if not storage.exists(path):
            return False
        header = io.BytesIO(storage.read(path, _HEADER_BYTES))
        try:
            np.lib.format.read_magic(header)
            shape, _, dtype = np.lib.format.read_array_header_1_0(header)
        except ValueError:  # it was cut before its end, or is something else
            return False
        content = math.prod(shape) * dtype.itemsize
        return shape[0] == elements and storage.size(path) == header.tell() + content

    def read_array(self, folder: str | Path, number: int, elements: int) -> np.ndarray:
        """The array of a pair as it lies, mapped where it is on this machine.

        Raises:
            ValueError: If it is damaged or gone, or has not so many elements.
        """
        path = self.array_path(folder, number)
        try:
            if storage.is_local(path):
                array = np.load(path, mmap_mode="r")
            else:
                array = np.load(io.BytesIO(storage.read(path)))
        except (ValueError, EOFError, FileNotFoundError) as error:
            raise ValueError(self.of_another_run(folder, number)) from error
        if len(array) != elements:
            raise ValueError(self.of_another_run(folder, number))
        return array

    def numbers_in(self, folder: str | Path) -> list[int]:
        """Numbers of the files that are there, halves of a pair among them, ascending."""
        names = [
            name
            for part in (self.name, "metadata")
            for name in storage.names_in(storage.join(folder, part))
        ]
        pattern = rf"(?:{re.escape(self.name)}_(\d+)\.npy|metadata_(\d+)\.parquet)"
        found = (re.fullmatch(pattern, one) for one in names)
        return sorted({int(match[1] or match[2]) for match in found if match})

    def remove_pair(self, folder: str | Path, number: int) -> None:
        """Removes a pair of files, the metadata first, so that no half passes for whole."""
        storage.remove(self.metadata_path(folder, number))
        storage.remove(self.array_path(folder, number))

    def remove_all(self, folder: str | Path) -> None:
        """Removes all: first what says that they are whole, then what says that pairs are."""
        self.remove_manifest(folder)
        numbers = self.numbers_in(folder)
        for path_of in (self.metadata_path, self.array_path):
            for number in numbers:
                storage.remove(path_of(folder, number))

    def write_manifest(self, folder: str | Path, content: dict[str, Any]) -> None:
        """Writes what the pairs say together; where it is, they are whole."""
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        storage.write(storage.join(folder, MANIFEST), text.encode())

    def remove_manifest(self, folder: str | Path) -> None:
        """Says that the pairs are not whole."""
        storage.remove(storage.join(folder, MANIFEST))

    def read_manifest(self, folder: str | Path) -> dict[str, Any]:
        """The manifest of a finished folder.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is damaged.
        """
        path = storage.join(folder, MANIFEST)
        if not storage.exists(path):
            raise FileNotFoundError(f"{path} is missing; make it with `{self.command}`.")
        try:
            return json.loads(storage.read(path))
        except ValueError as error:
            raise ValueError(f"{path} is damaged; make it again with `{self.command}`.") from error

    def of_another_run(self, folder: str | Path, number: int) -> str:
        """That the manifest does not tell of a pair, for an error."""
        return (
            f"{self.metadata_path(folder, number)} and its {self.what} are not those that "
            f"{storage.join(folder, MANIFEST)} tells of; make them again with `{self.command}`."
        )
