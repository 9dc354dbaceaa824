"""Foreign record files: found, opened, and their records taken apart."""

import glob
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from pipeline.data.shards import DamagedRecordError, RecordFiles
from pipeline.data.sources.source import Skipped
from pipeline.progress import progress_bar

Features = Mapping[str, tf.train.Feature]


def find_paths(pattern: str, flag: str) -> list[Path]:
    """The files that a glob names, in order.

    Args:
        pattern: The glob; ``**`` stands for folders however deep.
        flag: What the user gave it as, for the message.

    Raises:
        FileNotFoundError: If it matches no file.
    """
    found = glob.glob(os.path.expanduser(pattern), recursive=True)
    paths = sorted(path for path in map(Path, found) if path.is_file())
    if not paths:
        raise FileNotFoundError(
            f"--{flag}={pattern} matches no file; quote it, and try it with ls."
        )
    return paths


def open_records(pattern: str, flag: str) -> RecordFiles:
    """Opens the record files that a glob names, in the order of their paths.

    Raises:
        FileNotFoundError: If it matches no file.
        ValueError: If a file holds no whole record.
    """
    return RecordFiles.open(find_paths(pattern, flag))


def files_fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 over every file's path, size and time of change."""
    digest = hashlib.sha256()
    for path in paths:
        state = path.stat()
        digest.update(f"{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def read_through(files: RecordFiles, what: str) -> Iterator[tuple[int, Features | Skipped]]:
    """Reads every record in the order of the files, showing the progress.

    Args:
        files: The records.
        what: What is being read, shown to the user.

    Yields:
        A record's number and its features, or what is wrong with it; then, with the number -1,
        each stretch of a file in which there is no whole record.
    """
    total = sum(path.stat().st_size for path in files.paths)
    with progress_bar(what, unit="B", total=total) as bar:
        for number in range(len(files)):
            try:
                record = files.read(number)
            except DamagedRecordError as error:
                yield number, Skipped(name=files.where(number), reason=error.reason)
                continue
            bar.update(len(record))
            yield number, record_features(record)
    for damage in files.damage:
        yield -1, Skipped(name=f"{damage.path}, byte {damage.offset}", reason=damage.reason)


def record_features(record: bytes) -> Features:
    """The features of a serialised ``tf.train.Example``; none where it is something else."""
    try:
        return tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return {}


def require_features(
    features: Features, expected: Mapping[str, str], where: str, layout: str
) -> None:
    """Checks that a record has the features that its layout promises.

    Args:
        features: The record's.
        expected: By key, the kind of its list: "bytes_list" or "int64_list".
        where: The record, for the message.
        layout: Whose layout it should be.

    Raises:
        ValueError: If one is missing, of another kind or empty, naming those that are there.
    """
    for key, kind in expected.items():
        if key not in features or not getattr(features[key], kind).value:
            raise ValueError(
                f"{where} is no record of {layout}: expected {', '.join(expected)}; found "
                f"{', '.join(sorted(features)) or 'no features'}. Name files of that layout only."
            )
