"""Photographs that lie about as files, described without making records of them first."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline.data import date_taken
from pipeline.data.inspection import decoding_error
from pipeline.data.sources.folder import FolderSource, as_text
from pipeline.data.sources.source import content_id
from pipeline.data.transcoding import transcode
from pipeline.embeddings.pairs import IN_A_FILE, METADATA
from pipeline.embeddings.photographs import Keys, Shard
from pipeline.line_list import STANDARD_INPUT, read_lines

_MOST = 1000  # photographs a shard: some tens of seconds of work that an interruption may cost
_LEAST = 250  # but for the last shard
_ONE_IN = 250  # files ends a shard; it has some 500 on average
_CONTENT_BYTES = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundFiles:
    """Photographs' own files.

    Attributes:
        source: The folder, the file, or "standard input".
        shards: Up to a thousand files each, see ``cut``.
        paths: The files, absolute.
        titles: Their names in messages and results.
        labels: The landmark of each, int64 ``(files,)``, -1 where unknown.
        landmarks: Its name, "" where unknown.
    """

    source: str
    shards: Sequence[Shard]
    paths: Sequence[Path]
    titles: Sequence[str]
    labels: np.ndarray
    landmarks: Sequence[str]
    left_out: int = 0
    lost: Sequence[dict[str, str]] = ()

    @classmethod
    def below(cls, folder: Path) -> "FoundFiles":
        """The files of a folder, those of a sub-folder being of the landmark it is named for.

        Raises:
            ValueError: If it holds no files.
        """
        found = FolderSource(folder)
        return cls._of(str(folder), found.files, found.titles, found.labels, found.landmarks)

    @classmethod
    def listed(cls, source: str, paths: Sequence[Path]) -> "FoundFiles":
        """These files, of no known landmark, each once.

        Raises:
            FileNotFoundError: If one is not there.
            ValueError: If there is none.
        """
        if not paths:
            raise ValueError(f"{source} names no photograph; give paths, one a line.")
        paths = list({path.absolute(): path for path in paths}.values())
        for path in paths:
            if not path.is_file():
                raise FileNotFoundError(f"{path}, named by {source}, is no file.")
        labels = np.full(len(paths), -1, np.int64)
        return cls._of(
            source, paths, [as_text(str(path)) for path in paths], labels, [""] * len(paths)
        )

    @classmethod
    def _of(
        cls,
        source: str,
        paths: Sequence[Path],
        titles: Sequence[str],
        labels: np.ndarray,
        landmarks: Sequence[str],
    ) -> "FoundFiles":
        shards = []
        for numbers in cut(titles):
            told = [_state(paths[n], titles[n], landmarks[n]) for n in numbers.tolist()]
            fingerprint = hashlib.sha256("\n".join(told).encode()).hexdigest()
            name = f"{source}, {titles[numbers[0]]} to {titles[numbers[-1]]}"
            shards.append(Shard(name=name, fingerprint=fingerprint, numbers=numbers))
        return cls(
            source=source,
            shards=tuple(shards),
            paths=[path.absolute() for path in paths],
            titles=titles,
            labels=labels,
            landmarks=landmarks,
        )

    def only(self, shard: int) -> "FoundFiles":
        """Those of one shard."""
        numbers = self.shards[shard].numbers
        return dataclasses.replace(
            self,
            shards=(dataclasses.replace(self.shards[shard], numbers=np.arange(len(numbers))),),
            paths=[self.paths[number] for number in numbers],
            titles=[self.titles[number] for number in numbers],
            labels=self.labels[numbers],
            landmarks=[self.landmarks[number] for number in numbers],
        )

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        """Dates, content ids and, of each, the bytes of a photograph that TensorFlow decodes."""
        found = np.empty(numbers.size, object)
        for place, number in enumerate(numbers.flat):
            try:
                encoded = self.paths[number].read_bytes()
                kept = transcode(encoded).encoded
                stored = content_id(encoded).encode() + kept
                found[place] = date_taken.put_before(date_taken.date_taken(kept), stored)
            except (OSError, ValueError):
                found[place] = b""
        return found.reshape(numbers.shape)

    def parse(self, stored: tf.Tensor) -> tuple[tf.Tensor, Keys]:
        """The photograph, its content id and its date."""
        date, stored = date_taken.split_off(stored)
        content = tf.strings.substr(stored, 0, _CONTENT_BYTES)
        return tf.strings.substr(stored, _CONTENT_BYTES, -1), {"content": content, "date": date}

    def rows(self, numbers: np.ndarray, keys: Keys) -> pa.Table:
        """What they and their places tell; a photograph's id is its content's."""
        contents = [content.decode() for content in keys["content"].numpy()]
        unknown = [""] * len(numbers)
        columns = {
            "id": contents,
            "content": contents,
            "label": self.labels[numbers],
            "landmark": [self.landmarks[number] for number in numbers],
            "shard": [str(self.paths[number]) for number in numbers],
            "offset": np.full(len(numbers), IN_A_FILE),
            "author": unknown,
            "license": unknown,
            "url": unknown,
            "title": [self.titles[number] for number in numbers],
            "date": [date.decode() for date in keys["date"].numpy()],
        }
        return pa.table(columns, schema=METADATA)

    def damage(self, numbers: np.ndarray) -> Iterator[tuple[str, str]]:
        """Reads and decodes them one by one.

        Raises:
            OSError: If the file system fails.
        """
        for number in numbers:
            try:
                kept = transcode(self.paths[number].read_bytes())
                decode_photograph(tf.constant(kept.encoded))
            except OSError as error:
                if _is_gone(self.paths[number], error):
                    yield self.titles[number], "is gone"
                elif _is_its_own_fault(self.paths[number], error):
                    yield self.titles[number], f"cannot be read: {error.strerror}"
                else:
                    raise
            except ValueError as error:
                yield self.titles[number], str(error)
            except tf.errors.InvalidArgumentError as error:
                yield self.titles[number], decoding_error(error)

    def rename(self, shard: Shard, rows: pa.Table) -> pa.Table:
        """The folder has moved; the files' names within it have not."""
        path_of = {self.titles[number]: str(self.paths[number]) for number in shard.numbers}
        paths = [path_of[title] for title in rows["title"].to_pylist()]
        place = METADATA.get_field_index("shard")
        return rows.set_column(place, "shard", pa.array(paths, pa.string()))

    def unwanted(self, rows: pa.Table) -> int:
        """Those whose files are there and not among these."""
        paths = set(map(str, self.paths))
        before = rows["shard"].to_pylist()
        return sum(path not in paths and Path(path).exists() for path in before)


def cut(titles: Sequence[str]) -> Iterator[np.ndarray]:
    """Cuts a list of files into shards where the files' own names say.

    So a file that is added, removed or changed costs its own shard, and seldom the next: the
    other cuts stay where they are. What an earlier run did has no part in it, so that an
    interrupted run ends as an uninterrupted one. Content-defined chunking, as of Muthitacharoen et
    al., 2001, https://doi.org/10.1145/502034.502052, with names for content.

    Yields:
        Positions in the list, int64 ``(n,)``, of one shard after the other.
    """
    start = 0
    for place, title in enumerate(titles):
        count = place + 1 - start
        may_end = int(hashlib.sha256(title.encode()).hexdigest(), 16) % _ONE_IN == 0
        is_end = count == _MOST or (may_end and count >= _LEAST)
        if is_end or place == len(titles) - 1:
            yield np.arange(start, place + 1)
            start = place + 1


def find_photographs(named: str) -> FoundFiles:
    """The photographs of a folder, one photograph, or those whose paths standard input lists.

    Args:
        named: The folder, the file, or "-".

    Raises:
        FileNotFoundError: If one is not there.
        ValueError: If there is none.
    """
    if named == STANDARD_INPUT:
        paths = [Path(line) for line in read_lines("photos", named)]
        return FoundFiles.listed("standard input", paths)
    path = Path(named).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"--photos={path} is not there; name a folder of photographs, one photograph, or - for "
            "the paths that standard input lists."
        )
    return FoundFiles.listed(str(path), [path]) if path.is_file() else FoundFiles.below(path)


def _is_gone(path: Path, error: OSError) -> bool:
    """Whether a file was removed since it was listed.

    Its folder then has others. Where a mount is lost its folder is empty, or is gone too.
    """
    if not isinstance(error, FileNotFoundError) or path.is_symlink():
        return False
    return path.parent.is_dir() and any(path.parent.iterdir())


def _is_its_own_fault(path: Path, error: OSError) -> bool:
    """Whether a file cannot be read while others may: no right to it, a link to nowhere."""
    return isinstance(error, PermissionError) or path.is_symlink() or path.is_dir()


def _state(path: Path, title: str, landmark: str) -> str:
    """Differs when the photograph may have changed."""
    try:
        state = path.stat() if path.exists() else path.lstat()
    except FileNotFoundError:  # removed since it was listed
        return f"{title}\0{landmark}\0gone"
    return f"{title}\0{landmark}\0{state.st_size}\0{state.st_mtime_ns}"
