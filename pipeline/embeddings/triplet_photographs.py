"""The photographs of Kaggle's triplets, each described once, however many triplets it is in."""

import dataclasses
import glob
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline.data.inspection import decoding_error
from pipeline.data.shards import DamagedRecordError, RecordFiles
from pipeline.data.sources.kaggle_triplets import ROLES, KaggleTripletsSource
from pipeline.data.sources.record_files import record_features
from pipeline.embeddings.pairs import METADATA
from pipeline.embeddings.photographs import Keys, Shard


@dataclasses.dataclass(frozen=True, kw_only=True)
class TripletPhotographs:
    """Photographs in the files in which they first stand.

    Attributes:
        source: Folder that the files lie in, or below it.
        shards: The files that have any of them.
        files: The triplets' records.
        records: Of every photograph the record, int64 ``(photographs,)``.
        roles: Its place among ``ROLES`` there, int64 ``(photographs,)``.
        contents: Its content id, uint64 ``(photographs,)``.
        labels: Its pseudo-landmark, int64 ``(photographs,)``, -1 where it has none.
    """

    source: str
    shards: Sequence[Shard]
    files: RecordFiles
    records: np.ndarray
    roles: np.ndarray
    contents: np.ndarray
    labels: np.ndarray
    left_out: int = 0
    lost: Sequence[dict[str, str]] = ()

    @classmethod
    def all_of(cls, pattern: str, triplets: KaggleTripletsSource) -> "TripletPhotographs":
        """All photographs of the triplets that a glob names."""
        records, roles = triplets.places
        file = triplets.files.file[records]
        shards = []
        for place in np.unique(file):
            numbers = np.flatnonzero(file == place)
            shards.append(
                Shard(
                    name=str(triplets.files.paths[place]),
                    fingerprint=hashlib.sha256(triplets.contents[numbers].tobytes()).hexdigest(),
                    numbers=numbers,
                )
            )
        return cls(
            source=str(folder_of(pattern)),
            shards=tuple(shards),
            files=triplets.files,
            records=records,
            roles=roles,
            contents=triplets.contents,
            labels=triplets.labels,
            left_out=len(triplets.left_out),
            lost=[{"photograph": one.name, "reason": one.reason} for one in triplets.left_out],
        )

    def only(self, shard: int) -> "TripletPhotographs":
        """Those of one shard."""
        numbers = self.shards[shard].numbers
        alone = dataclasses.replace(self.shards[shard], numbers=np.arange(len(numbers)))
        columns = ("records", "roles", "contents", "labels")
        chosen = {name: getattr(self, name)[numbers] for name in columns}
        return dataclasses.replace(self, shards=(alone,), **chosen)

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        """The photographs' own bytes."""
        found = np.empty(numbers.size, object)
        for place, number in enumerate(numbers.flat):
            try:
                found[place] = self._read(int(number))
            except (DamagedRecordError, OSError):
                found[place] = b""
        return found.reshape(numbers.shape)

    def _read(self, number: int) -> bytes:
        features = record_features(self.files.read(int(self.records[number])))
        return features[ROLES[self.roles[number]]].bytes_list.value[0]

    def parse(self, stored: tf.Tensor) -> tuple[tf.Tensor, Keys]:
        """What is stored is the photograph."""
        return stored, {}

    def rows(self, numbers: np.ndarray, keys: Keys) -> pa.Table:
        """A photograph's id is its content's; of where it is from the triplets tell nothing."""
        del keys
        contents = [content_text(content) for content in self.contents[numbers].tolist()]
        records = self.records[numbers]
        unknown = [""] * len(numbers)
        columns = {
            "id": contents,
            "content": contents,
            "label": self.labels[numbers],
            "landmark": unknown,
            "shard": [str(self.files.paths[file]) for file in self.files.file[records]],
            "offset": self.files.offset[records],
            **dict.fromkeys(("author", "license", "url"), unknown),
            "title": [ROLES[role] for role in self.roles[numbers]],
            "date": unknown,
        }
        return pa.table(columns, schema=METADATA)

    def damage(self, numbers: np.ndarray) -> Iterator[tuple[str, str]]:
        """Decodes them one by one.

        Raises:
            FileNotFoundError: If their file is gone.
        """
        for number in numbers.tolist():
            role = ROLES[self.roles[number]]
            where = f"{self.files.where(int(self.records[number]))}, {role}"
            try:
                decode_photograph(tf.constant(self._read(number)))
            except DamagedRecordError as error:
                yield where, error.reason
            except tf.errors.InvalidArgumentError as error:
                yield where, decoding_error(error)

    def rename(self, shard: Shard, rows: pa.Table) -> pa.Table:
        """The record file has moved."""
        place = METADATA.get_field_index("shard")
        return rows.set_column(place, "shard", pa.array([shard.name] * len(rows), pa.string()))

    def unwanted(self, rows: pa.Table) -> int:
        """Those of files that are still there and not among these."""
        named = {content_text(content) for content in self.contents.tolist()}
        columns = (rows[name].to_pylist() for name in ("content", "shard"))
        return sum(
            content not in named and Path(shard).exists()
            for content, shard in zip(*columns, strict=True)
        )


def folder_of(pattern: str) -> Path:
    """The folder that a glob's files lie in, or below it where it names folders by a glob, too."""
    folder = Path(pattern).expanduser().parent
    return next(one for one in (folder, *folder.parents) if not glob.has_magic(str(one)))


def content_text(content: int) -> str:
    """A content id as text, see ``content_id``."""
    return f"{content:016x}"
