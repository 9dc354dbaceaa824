from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.shards import RecordFiles, read_record, scan_records

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
    scan = scan_records(shard)
    assert shard.stat().st_size == SIZE
    assert scan.offsets.tolist() == STARTS
    assert scan.offsets.dtype == np.int64
    assert scan.damage == ()


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
    scan = scan_records(shard)
    assert scan.offsets.tolist() == STARTS[:whole]
    cut_within = size not in (*STARTS, SIZE)
    assert [damage.offset for damage in scan.damage] == STARTS[whole : whole + cut_within]
    assert [read_record(shard, start) for start in STARTS[:whole]] == LINES[:whole]


@pytest.mark.parametrize("bit", range(0, 8 * 12, 7))
@pytest.mark.parametrize("record", range(len(LINES)))
def test_flipped_bit_in_a_frame_costs_one_record(shard: Path, record: int, bit: int) -> None:
    content = bytearray(shard.read_bytes())
    content[STARTS[record] + bit // 8] ^= 1 << bit % 8
    shard.write_bytes(content)
    scan = scan_records(shard)
    assert scan.offsets.tolist() == STARTS[:record] + STARTS[record + 1 :]
    (damage,) = scan.damage
    assert (damage.path, damage.offset) == (shard, STARTS[record])
    lost = [*STARTS, SIZE][record + 1] - STARTS[record]
    assert damage.reason == f"no record starts here, and {lost} bytes are lost"


@pytest.mark.parametrize("position", [12, 12 + 4, 12 + 5 + 3])
def test_flipped_bit_in_a_record_is_found_when_it_is_read(shard: Path, position: int) -> None:
    content = bytearray(shard.read_bytes())
    content[position] ^= 16
    shard.write_bytes(content)
    assert scan_records(shard).offsets.tolist() == STARTS
    with pytest.raises(ValueError, match=r"a.tfrecord, byte 0: its checksum is wrong"):
        read_record(shard, 0)
    assert read_record(shard, STARTS[3]) == LINES[3]


def test_records_are_found_behind_a_hole_larger_than_what_is_searched_at_a_time(
    tmp_path: Path,
) -> None:
    """As a download leaves that had reserved its space and was cut off."""
    path = write(tmp_path / "a.tfrecord", [b"x" * 100, b"y" * 3_000_000, b"z" * 50])
    content = bytearray(path.read_bytes())
    content[116 : 116 + 2_900_000] = bytes(2_900_000)
    path.write_bytes(content)
    scan = scan_records(path)
    assert scan.offsets.tolist() == [0, 116 + 3_000_016]
    assert read_record(path, int(scan.offsets[1])) == b"z" * 50


@pytest.mark.parametrize("shift", range(12))
def test_frame_across_the_border_of_two_searches_is_found(tmp_path: Path, shift: int) -> None:
    """A search takes 1 MiB at a time; the frame stands on either side of its end and on both."""
    first = 2**20 - 16 + 1 - shift
    path = write(tmp_path / "a.tfrecord", [b"\x01" * first, b"second"])
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    assert scan_records(path).offsets.tolist() == [first + 16]


@pytest.mark.parametrize("size", [1066, 1070, 1076])
def test_record_beyond_the_end_is_refused_with_its_file(shard: Path, size: int) -> None:
    shard.write_bytes(shard.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"a.tfrecord, byte 1053: the file ends within"):
        read_record(shard, 1053)


@pytest.mark.parametrize("size", [1000, 1053, 1057])
def test_record_whose_frame_is_cut_is_refused(shard: Path, size: int) -> None:
    shard.write_bytes(shard.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"a.tfrecord, byte 1053: no record starts"):
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
    with pytest.raises(ValueError, match="the file was cut or replaced"):
        read_record(shard, shard.stat().st_size - 40)


def test_missing_file_is_an_error_of_its_own(shard: Path) -> None:
    files = RecordFiles.open([shard])
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=r"a.tfrecord"):
        files.read(0)
    with pytest.raises(FileNotFoundError, match=r"a.tfrecord"):
        RecordFiles.open([shard])
