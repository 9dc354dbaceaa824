import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline import manifest
from pipeline.data import record_rows, records, skip_list
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import open_records
from pipeline.data.shards import scan_records
from pipeline.data.skip_list import ShardSkips, SkippedRecord
from pipeline.data.sources.source import content_id


@pytest.fixture
def folder(labelled_records: Path, tmp_path: Path) -> Path:
    """As they were built: without the table that whoever opened them has written beside."""
    unread = shutil.ignore_patterns(record_rows.FILE)
    return Path(shutil.copytree(labelled_records, tmp_path / "squares", ignore=unread))


def first_shard(folder: Path) -> Path:
    return records.list_shards(folder, "train")[0].path


def skip(folder: Path, *offsets: int, lost: int = 0, sha256: str | None = None) -> None:
    """Lists records of the first shard."""
    path = first_shard(folder)
    (rows,) = record_rows.read_rows(folder, [path])
    skips = ShardSkips(
        sha256=sha256 or rows.sha256,
        lost=lost,
        records=tuple(SkippedRecord(offset=o, id="", reason="for the test") for o in offsets),
    )
    skip_list.write_skip_list(folder, {path.name: skips})


def test_table_tells_what_the_records_do(folder: Path) -> None:
    for split in ("train", "validation", None):
        table = open_records(folder, split)
        paths = [str(shard.path) for shard in records.list_shards(folder, split)]
        parsed = [
            records.parse_photograph(tf.constant(record))
            for record in tf.data.TFRecordDataset(paths).as_numpy_iterator()
        ]
        assert table.ids.tolist() == [row["image/id"] for row in parsed]
        assert table.labels.tolist() == [int(row["image/class/label"]) for row in parsed]
        encoded = [row["image/encoded"].numpy() for row in parsed]
        assert table.contents.tolist() == [content_id(one).encode() for one in encoded]
        assert table.missing == 0
        numbers = np.concatenate([table.of_shard(number) for number in range(len(paths))])
        assert numbers.tolist() == list(range(len(table)))


def test_second_opening_reads_no_shard(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_records(folder)
    monkeypatch.setattr(record_rows, "_read_shard", None)
    second = open_records(folder)
    for column in ("ids", "contents", "labels"):
        np.testing.assert_array_equal(getattr(second, column), getattr(first, column))
    np.testing.assert_array_equal(second.files.offset, first.files.offset)
    assert second.fingerprints == first.fingerprints


@pytest.mark.parametrize("content", [b"", b"not a table", None])
def test_table_that_is_damaged_or_gone_is_made_again(folder: Path, content: bytes | None) -> None:
    expected = open_records(folder).ids
    if content is None:
        (folder / record_rows.FILE).unlink()
    else:
        (folder / record_rows.FILE).write_bytes(content)
    np.testing.assert_array_equal(open_records(folder).ids, expected)


def test_records_of_others_that_cannot_be_written_beside_are_read_each_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, write: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(manifest, "write_atomically", refuse)
    assert len(open_records(folder, "train")) == 19
    assert not (folder / record_rows.FILE).exists()


def test_shard_that_has_changed_is_read_again_and_others_are_not(folder: Path) -> None:
    before = open_records(folder)
    path = first_shard(folder)
    offsets = scan_records(path).offsets
    path.write_bytes(path.read_bytes()[: offsets[-1]])
    after = open_records(folder)
    changed = [old != new for old, new in zip(before.fingerprints, after.fingerprints, strict=True)]
    assert changed == [shard.path == path for shard in after.shards]
    assert after.missing == 1
    assert len(after) == len(before) - 1


def test_records_without_a_hash_get_it_from_their_bytes(folder: Path) -> None:
    expected = open_records(folder).contents
    for shard in records.list_shards(folder):
        examples = [
            tf.train.Example.FromString(record)
            for record in tf.data.TFRecordDataset(str(shard.path)).as_numpy_iterator()
        ]
        with tf.io.TFRecordWriter(str(shard.path)) as writer:
            for example in examples:
                del example.features.feature["image/sha256"]
                writer.write(example.SerializeToString())
    np.testing.assert_array_equal(open_records(folder).contents, expected)


def test_record_of_another_schema_is_damage_and_others_stay(folder: Path) -> None:
    path = first_shard(folder)
    kept = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    kept[2] = tf.train.Example().SerializeToString()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in kept:
            writer.write(record)
    table = open_records(folder, "train")
    assert len(table) == 18
    (damage,) = table.files.damage
    assert damage.offset == scan_records(path).offsets[2]
    assert damage.reason == (
        "no record of a labelled photograph: it lacks image/encoded, image/id, image/class/label; "
        "it has no key at all"
    )


def test_folder_without_a_sound_record_is_refused(folder: Path) -> None:
    for shard in records.list_shards(folder):
        shard.path.write_bytes(b"not a record file")
    with pytest.raises(ValueError, match=r"holds no sound record.*no record starts here"):
        open_records(folder)


def test_skipped_records_are_left_out_and_nothing_else(folder: Path) -> None:
    whole = open_records(folder, "train")
    offsets = whole.files.offset[whole.of_shard(0)]
    skip(folder, int(offsets[1]), int(offsets[3]))
    table = open_records(folder, "train")
    np.testing.assert_array_equal(table.ids, np.delete(whole.ids, [1, 3]))
    assert table.missing == 0
    assert len(DamageCount.of(table, 0.0)) == 0
    changed = [old != new for old, new in zip(whole.fingerprints, table.fingerprints, strict=True)]
    assert changed == [True, False], "so what was made of the first is made again"


def test_damage_that_the_skip_list_knows_is_not_counted(folder: Path) -> None:
    path = first_shard(folder)
    offsets = scan_records(path).offsets
    path.write_bytes(path.read_bytes()[: offsets[-2] + 30])
    with pytest.raises(ValueError, match=r"2 of 19 photographs are damaged or missing"):
        DamageCount.of(open_records(folder, "train"), 0.1)
    assert len(DamageCount.of(open_records(folder, "train"), 0.2)) == 2
    skip(folder, int(offsets[-2]), lost=1)  # the one that was cut, and the one behind it
    table = open_records(folder, "train")
    assert (len(table), table.missing, table.left_out, len(table.files.damage)) == (17, 0, 2, 0)
    assert len(DamageCount.of(table, 0.0)) == 0


def test_damage_on_the_skip_list_leaves_the_fingerprint_and_so_what_was_made_of_the_rest(
    folder: Path,
) -> None:
    path = first_shard(folder)
    content = bytearray(path.read_bytes())
    offset = int(scan_records(path).offsets[2])
    content[offset + 40] ^= 1
    path.write_bytes(content)
    before = open_records(folder, "train")
    skip(folder, offset)
    after = open_records(folder, "train")
    assert before.fingerprints == after.fingerprints
    assert (before.missing, after.missing, after.left_out) == (1, 0, 1)


def test_skip_list_of_other_shards_is_refused(folder: Path) -> None:
    skip(folder, 0, sha256="0" * 64)
    with pytest.raises(ValueError, match=r"has changed since .*skip.json was made; check the rec"):
        open_records(folder)


@pytest.mark.parametrize("content", ["{", "{}", '{"shards": {"a": {}}}', '{"shards": []}'])
def test_damaged_skip_list_is_refused(folder: Path, content: str) -> None:
    (folder / skip_list.FILE).write_text(content)
    with pytest.raises(ValueError, match=r"skip.json is damaged; make it again with"):
        open_records(folder)


def test_copied_records_are_known_by_their_new_time(folder: Path) -> None:
    expected = open_records(folder).fingerprints
    os.utime(first_shard(folder), ns=(1, 1))
    assert open_records(folder).fingerprints == expected
