from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.shards import RecordFiles, read_record, record_offsets

# Frames add 8 + 4 bytes before a record and 4 after it.
LINES = [b"first", b"", b"\x00" * 1000, b"last one"]
STARTS = [0, 21, 37, 1053]
SIZE = 1077


def write(path: Path, lines: list[bytes]) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for line in lines:
            writer.write(line)
    return path


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write(tmp_path / "a.tfrecord", LINES)


def test_offsets_are_where_the_records_start(shard: Path) -> None:
    offsets = record_offsets(shard)
    assert shard.stat().st_size == SIZE
    assert offsets.tolist() == STARTS
    assert offsets.dtype == np.int64


def test_records_are_read_in_any_order(shard: Path) -> None:
    assert [read_record(shard, STARTS[i]) for i in (3, 0, 2, 1)] == [LINES[i] for i in (3, 0, 2, 1)]


def test_records_of_real_shards_are_tensorflows(labelled_records: Path) -> None:
    paths = sorted(labelled_records.glob("*.tfrecord-*"))
    files = RecordFiles.open(paths)
    expected = list(tf.data.TFRecordDataset([str(path) for path in paths]).as_numpy_iterator())
    assert len(files) == len(expected) == 25
    assert [files.read(number) for number in range(25)] == expected


def test_files_are_one_long_list(shard: Path, tmp_path: Path) -> None:
    files = RecordFiles.open([shard, write(tmp_path / "b.tfrecord", [b"other"])])
    assert [files.read(number) for number in range(len(files))] == [*LINES, b"other"]
    assert files.file.tolist() == [0, 0, 0, 0, 1]
    assert files.where(3) == f"{shard}, byte 1053"
    assert files.where(4) == f"{tmp_path / 'b.tfrecord'}, byte 0"


@pytest.mark.parametrize(
    ("size", "whole"), [(SIZE, 4), (SIZE - 1, 3), (1053, 3), (1052, 2), (36, 1), (21, 1)]
)
def test_cut_file_yields_its_whole_records(shard: Path, size: int, whole: int) -> None:
    """A download or a disk may end anywhere, at a record's end too."""
    shard.write_bytes(shard.read_bytes()[:size])
    assert record_offsets(shard).tolist() == STARTS[:whole]
    assert [read_record(shard, start) for start in STARTS[:whole]] == LINES[:whole]


@pytest.mark.parametrize("size", [1057, 1070, 1000])
def test_record_beyond_the_end_is_refused_with_its_file(shard: Path, size: int) -> None:
    shard.write_bytes(shard.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"a.tfrecord ends within the record at byte 1053"):
        read_record(shard, 1053)


@pytest.mark.parametrize("content", [b"", b"short", b"no record but some other file's text"])
def test_file_without_a_whole_record_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.tfrecord"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"empty.tfrecord holds no whole TFRecord"):
        RecordFiles.open([path])


def test_place_where_no_record_starts_is_refused(shard: Path) -> None:
    """Its length is then any number: that many bytes must not be asked for."""
    with shard.open("ab") as file:
        file.write(b"\xff" * 64)
    with pytest.raises(ValueError, match="it was cut or replaced"):
        read_record(shard, shard.stat().st_size - 40)


def test_missing_file_is_an_error_of_its_own(shard: Path) -> None:
    files = RecordFiles.open([shard])
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=r"a.tfrecord"):
        files.read(0)
    with pytest.raises(FileNotFoundError, match=r"a.tfrecord"):
        RecordFiles.open([shard])
