import pickle
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.sources.delf_records import DelfRecordsSource
from pipeline.data.sources.source import SourcePhotograph


def example(photograph_id: str, label: int | None) -> bytes:
    """A record as ``_convert_to_example`` of DELF's build_image_dataset.py makes it."""

    def text(value: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    def number(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = {
        "image/height": number(6),
        "image/width": number(8),
        "image/colorspace": text("RGB"),
        "image/channels": number(3),
        "image/format": text("JPEG"),
        "image/id": text(photograph_id),
        "image/encoded": text(f"bytes of {photograph_id}"),
    }
    if label is not None:
        features["image/class/label"] = number(label)
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(folder: Path, *shards: dict[str, int | None], split: str = "train") -> str:
    for place, shard in enumerate(shards):
        path = folder / f"{split}-{place:05d}-of-{len(shards):05d}"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for photograph_id, label in shard.items():
                writer.write(example(photograph_id, label))
    return f"{folder}/{split}-*-of-*"


def read(source: DelfRecordsSource) -> list[SourcePhotograph]:
    found = source.read(np.arange(len(source.labels)))
    return [item for item in found if isinstance(item, SourcePhotograph)]


def test_records_keep_their_ids_labels_and_bytes(tmp_path: Path) -> None:
    source = DelfRecordsSource(write(tmp_path, {"00a1": 7, "00b2": 3}, {"00c3": 7}))
    assert source.labels.tolist() == [7, 3, 7]
    assert source.labels.dtype == np.int64
    assert source.names == {3: "3", 7: "7"}
    photographs = read(source)
    assert [photograph.id for photograph in photographs] == ["00a1", "00b2", "00c3"]
    assert [photograph.landmark for photograph in photographs] == ["7", "3", "7"]
    assert photographs[1].encoded == b"bytes of 00b2"
    assert photographs[2].name.endswith("train-00001-of-00002, byte 0 (00c3)")
    (last,) = source.read(np.array([2]))
    assert last == photographs[2]


def test_records_of_the_test_set_have_no_landmark(tmp_path: Path) -> None:
    source = DelfRecordsSource(write(tmp_path, {"00a1": None}, split="test"))
    assert source.labels.tolist() == [-1]
    assert source.names == {}
    assert (read(source)[0].landmark, read(source)[0].label) == ("", -1)


@pytest.mark.parametrize("is_named", [True, False])
def test_landmarks_of_the_clean_set_get_their_numbers_back(tmp_path: Path, is_named: bool) -> None:
    pattern = write(tmp_path, {"00a1": 0, "00b2": 1})
    table = tmp_path / "relabeling.csv"
    table.write_text("new_label,old_label\n0,1513\n1,203093\n")
    source = DelfRecordsSource(pattern, table if is_named else None)
    assert source.labels.tolist() == [1513, 203093]
    assert source.names == {1513: "1513", 203093: "203093"}


def test_landmark_that_the_table_lacks_is_named(tmp_path: Path) -> None:
    pattern = write(tmp_path, {"00a1": 0, "00b2": 5})
    (tmp_path / "relabeling.csv").write_text("new_label,old_label\n0,1513\n")
    with pytest.raises(ValueError, match=r"has no new_label 5, .* --relabeling"):
        DelfRecordsSource(pattern)


@pytest.mark.parametrize(
    "content", ["old,new\n1,2\n", "new_label,old_label\n1,two\n", "new_label,old_label\n1\n"]
)
def test_table_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "relabeling.csv").write_text(content)
    with pytest.raises(ValueError, match="in the columns new_label and old_label"):
        DelfRecordsSource(write(tmp_path, {"00a1": 1}))


def test_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--relabeling=.*none.csv: no such file"):
        DelfRecordsSource(write(tmp_path, {"00a1": 1}), tmp_path / "none.csv")


def test_damaged_record_is_named_and_costs_no_other(tmp_path: Path) -> None:
    pattern = write(tmp_path, {"00a1": 7, "00b2": 3, "00c3": 4})
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[content.index(b"bytes of 00b2")] ^= 1
    path.write_bytes(content)
    source = DelfRecordsSource(pattern)
    assert source.labels.tolist() == [7, 4]
    assert [photograph.id for photograph in read(source)] == ["00a1", "00c3"]
    (left_out,) = source.left_out
    assert left_out.name.startswith(f"{path}, byte ")


def test_record_damaged_after_it_was_listed_is_skipped_when_read(tmp_path: Path) -> None:
    source = DelfRecordsSource(write(tmp_path, {"00a1": 7, "00b2": 3}))
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[content.index(b"bytes of 00a1")] ^= 1
    path.write_bytes(content)
    assert [photograph.id for photograph in read(source)] == ["00b2"]
    assert len(list(source.read(np.array([0, 1])))) == 2


def test_records_of_another_layout_are_refused_with_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "train-00000-of-00001"
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a"]))
    other = tf.train.Example(features=tf.train.Features(feature={"image_raw": feature}))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(other.SerializeToString())
    with pytest.raises(ValueError, match=r"expected image/encoded, image/id; found image_raw\."):
        DelfRecordsSource(str(path))


def test_pattern_that_matches_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--delf_records=.* matches no file"):
        DelfRecordsSource(f"{tmp_path}/train-*")


def test_fingerprint_tells_of_another_table(tmp_path: Path) -> None:
    pattern = write(tmp_path, {"00a1": 0})
    before = DelfRecordsSource(pattern).fingerprint
    assert DelfRecordsSource(pattern).fingerprint == before
    (tmp_path / "relabeling.csv").write_text("new_label,old_label\n0,1513\n")
    assert DelfRecordsSource(pattern).fingerprint != before


def test_source_can_be_sent_to_another_process(tmp_path: Path) -> None:
    source = DelfRecordsSource(write(tmp_path, {"00a1": 7}))
    assert read(pickle.loads(pickle.dumps(source))) == read(source)
