"""What an embedding job describes: photographs in shards, wherever they lie."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import tensorflow as tf

from pipeline.data import date_taken, inputs, records
from pipeline.data.record_table import RecordTable
from pipeline.data.shards import RecordFiles
from pipeline.embeddings.pairs import IN_A_FILE, METADATA
from pipeline.progress import logger

Keys = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """Photographs that are described together and give one pair of files.

    Attributes:
        name: Names it: the path of its record file.
        fingerprint: SHA-256 over what is to be described.
        numbers: int64 ``(n,)``, positions of its photographs among all.
    """

    name: str
    fingerprint: str
    numbers: np.ndarray


class Photographs(Protocol):
    """Photographs in shards, which can be sent to another process."""

    @property
    def source(self) -> str:
        """Where they lie."""
        ...

    @property
    def shards(self) -> Sequence[Shard]:
        """All of them."""
        ...

    @property
    def left_out(self) -> int:
        """How many are in no shard, as they are damaged or were to be left out."""
        ...

    @property
    def lost(self) -> Sequence[dict[str, str]]:
        """Where those that are damaged should be, and why they are not there."""
        ...

    def only(self, shard: int) -> "Photographs":
        """Those of one shard, as small as can be sent."""
        ...

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        """What is stored of photographs, bytes as object, of the shape of ``numbers``.

        It is empty where a photograph cannot be had.
        """
        ...

    def parse(self, stored: tf.Tensor) -> tuple[tf.Tensor, Keys]:
        """Splits what is stored, a string scalar, into an encoded photograph and further keys."""
        ...

    def rows(self, numbers: np.ndarray, keys: Keys) -> pa.Table:
        """What is known of photographs, a table of the schema ``METADATA``.

        Args:
            numbers: Which, int64 ``(n,)``.
            keys: Those that ``parse`` gave, batched.
        """
        ...

    def damage(self, numbers: np.ndarray) -> Iterator[tuple[str, str]]:
        """Names those of the photographs that cannot be described, and why."""
        ...

    def rename(self, shard: Shard, rows: pa.Table) -> pa.Table:
        """Rows that were made while the shard had another name."""
        ...

    def unwanted(self, rows: pa.Table) -> int:
        """How many rows are of photographs that are still there and in no shard."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordedPhotographs:
    """The photographs of records.

    Attributes:
        source: The records' folder.
        shards: The record files that have any of them.
        files: The records.
        contents: Content ids, bytes ``(records,)``.
        left_out: How many of the photographs are in no shard.
        lost: Where the files hold no whole record, and why.
    """

    source: str
    shards: Sequence[Shard]
    files: RecordFiles
    contents: np.ndarray
    left_out: int = 0
    lost: Sequence[dict[str, str]] = ()

    @classmethod
    def all_of(cls, folder: Path, table: RecordTable) -> "RecordedPhotographs":
        """All photographs of a folder's table."""
        for damage in table.files.damage:
            logger.warning("%s, byte %d: %s.", damage.path, damage.offset, damage.reason)
        return dataclasses.replace(
            cls._of(folder, table, np.ones(len(table), bool)),
            left_out=table.left_out + max(table.missing, len(table.files.damage)),
            lost=[
                {"photograph": f"{damage.path}, byte {damage.offset}", "reason": damage.reason}
                for damage in table.files.damage
            ],
        )

    @classmethod
    def of_ids(cls, folder: Path, table: RecordTable, ids: Sequence[str]) -> "RecordedPhotographs":
        """Those of some ids.

        Raises:
            ValueError: If there is none of an id, or no id.
        """
        wanted = np.array([one.encode() for one in ids], bytes)
        unknown = np.setdiff1d(wanted, table.ids)
        if not len(wanted) or len(unknown):
            raise ValueError(
                f"--ids names photographs of {folder}, one a line. Received: {len(wanted)} ids, "
                f"{len(unknown)} of them unknown: {[one.decode() for one in unknown[:3]]}."
            )
        return cls._of(folder, table, np.isin(table.ids, wanted))

    @classmethod
    def _of(cls, folder: Path, table: RecordTable, chosen: np.ndarray) -> "RecordedPhotographs":
        shards = []
        for place, shard in enumerate(table.shards):
            numbers = table.of_shard(place)
            kept = numbers[chosen[numbers]]
            if len(kept) or not len(numbers):  # an empty shard has an empty pair of files
                fingerprint = _fingerprint_of_part(table, place, numbers, kept)
                shards.append(Shard(name=str(shard.path), fingerprint=fingerprint, numbers=kept))
        return cls(
            source=str(folder), shards=tuple(shards), files=table.files, contents=table.contents
        )

    def only(self, shard: int) -> "RecordedPhotographs":
        """Those of one shard."""
        numbers = self.shards[shard].numbers
        files = RecordFiles(
            paths=(Path(self.shards[shard].name),),
            file=np.zeros(len(numbers), np.int32),
            offset=self.files.offset[numbers],
        )
        alone = dataclasses.replace(self.shards[shard], numbers=np.arange(len(numbers)))
        return dataclasses.replace(
            self, shards=(alone,), files=files, contents=self.contents[numbers]
        )

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        """The records, each behind the date of its photograph."""
        found = self.files.read_all(numbers)
        for place, record in np.ndenumerate(found):
            if record:
                found[place] = date_taken.put_before(date_taken.date_in_record(record), record)
        return found

    def parse(self, stored: tf.Tensor) -> tuple[tf.Tensor, Keys]:
        """The keys of the schema, and the photograph's date."""
        date, record = date_taken.split_off(stored)
        encoded, keys = records.split_photograph(record)
        return encoded, keys | {"image/date": date}

    def rows(self, numbers: np.ndarray, keys: Keys) -> pa.Table:
        """What the records tell, and where they lie."""

        def texts(key: str) -> list[str]:
            return [text.decode() for text in keys[f"image/{key}"].numpy()]

        columns = {
            "id": texts("id"),
            "content": [content.decode() for content in self.contents[numbers].tolist()],
            "label": keys["image/class/label"].numpy(),
            "landmark": texts("class/text"),
            "shard": [str(self.files.paths[file]) for file in self.files.file[numbers]],
            "offset": self.files.offset[numbers],
            **{key: texts(f"attribution/{key}") for key in records.ATTRIBUTION},
            "date": texts("date"),
        }
        return pa.table(columns, schema=METADATA)

    def damage(self, numbers: np.ndarray) -> Iterator[tuple[str, str]]:
        """Decodes them one by one."""
        for number, reason in inputs.find_damaged(self.files, numbers, inputs.parse_labelled):
            yield self.files.where(number), reason

    def rename(self, shard: Shard, rows: pa.Table) -> pa.Table:
        """The record file has moved."""
        column = pa.array([shard.name] * len(rows), pa.string())
        return rows.set_column(METADATA.get_field_index("shard"), "shard", column)

    def unwanted(self, rows: pa.Table) -> int:
        """Those of the records that are not chosen, and of files."""
        chosen = np.concatenate([np.zeros(0, np.int64), *(one.numbers for one in self.shards)])
        others = np.setdiff1d(self.contents, self.contents[chosen])
        in_a_file = rows["offset"].to_numpy() == IN_A_FILE
        contents = np.array(rows["content"].to_pylist(), bytes)[~in_a_file]
        paths = rows["shard"].filter(pa.array(in_a_file)).to_pylist()
        return int(np.isin(contents, others).sum()) + sum(Path(path).exists() for path in paths)


def _fingerprint_of_part(
    table: RecordTable, place: int, numbers: np.ndarray, kept: np.ndarray
) -> str:
    whole = table.fingerprints[place]
    if len(kept) == len(numbers):
        return whole
    offsets = ",".join(map(str, table.files.offset[kept]))
    return hashlib.sha256(f"{whole} only {offsets}".encode()).hexdigest()
