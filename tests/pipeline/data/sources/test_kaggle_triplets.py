import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.sources.kaggle_triplets import KaggleTripletsSource, TripletCounts
from pipeline.data.sources.source import SourcePhotograph

ROLES = ("anchor_img", "positive_img", "negative_img")


def example(**values: bytes) -> bytes:
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in values.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path: Path, *triplets: str) -> Path:
    """Each triplet three letters, the content of anchor, positive and negative."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for triplet in triplets:
            contents = (letter.encode() * 10 for letter in triplet)
            writer.write(example(**dict(zip(ROLES, contents, strict=True))))
    return path


def letters(source: KaggleTripletsSource) -> str:
    """The content of every photograph, a letter each."""
    found = source.read(np.arange(len(source.labels)))
    return "".join(chr(item.encoded[0]) for item in found if isinstance(item, SourcePhotograph))


def triplets(source: KaggleTripletsSource) -> list[str]:
    content = letters(source)
    return ["".join(content[number] for number in row) for row in source.triplets]


def test_photograph_in_several_roles_and_files_is_listed_where_it_first_stands(
    tmp_path: Path,
) -> None:
    write(tmp_path / "train00.tfrec", "abx", "bcy")
    write(tmp_path / "train01.tfrec", "deb", "xya")
    source = KaggleTripletsSource(f"{tmp_path}/train*.tfrec")
    assert letters(source) == "abxcyde"
    assert triplets(source) == ["abx", "bcy", "deb", "xya"]
    assert source.counts == TripletCounts(read=4, degenerate=0, contradictory=0, repeated=0)


def test_pairs_joined_through_others_are_one_landmark_and_the_rest_have_none(
    tmp_path: Path,
) -> None:
    # a-b and c-d are apart until b-c joins them; x is only ever a negative.
    write(tmp_path / "train00.tfrec", "xxa", "abx", "efx", "cdx", "bcx")
    source = KaggleTripletsSource(f"{tmp_path}/*.tfrec")
    assert dict(zip(letters(source), source.labels.tolist(), strict=True)) == (
        {"x": -1, "a": 0, "b": 0, "e": 1, "f": 1, "c": 0, "d": 0}
    )
    assert source.labels.dtype == np.int64
    assert source.names == {0: "pseudo-landmark 0", 1: "pseudo-landmark 1"}


def test_photographs_are_read_with_their_landmark_and_where_they_stand(tmp_path: Path) -> None:
    path = write(tmp_path / "part1" / "train00.tfrec", "abx", "cdx")
    source = KaggleTripletsSource(str(path))
    x, d = source.read(np.array([2, 4]))
    assert isinstance(x, SourcePhotograph)
    assert isinstance(d, SourcePhotograph)
    assert (x.encoded, x.landmark, x.label, x.id) == (b"x" * 10, "", -1, None)
    assert (d.encoded, d.landmark, d.label) == (b"d" * 10, "pseudo-landmark 1", 1)
    assert x.name == f"{path}, byte 0, negative_img"
    assert x.title == "part1/train00.tfrec, byte 0, negative_img"
    assert d.title.endswith(", positive_img")


def test_useless_triplets_are_counted_and_kept_out(tmp_path: Path) -> None:
    # Same anchor and positive; a negative of the anchor's own landmark, twice; one seen before.
    write(tmp_path / "train00.tfrec", "abx", "aax", "bcx", "acb", "aba", "abx", "aby")
    source = KaggleTripletsSource(f"{tmp_path}/*.tfrec")
    assert triplets(source) == ["abx", "bcx", "aby"]
    assert source.counts == TripletCounts(read=7, degenerate=1, contradictory=2, repeated=1)


def test_parts_with_the_same_file_names_stay_apart(tmp_path: Path) -> None:
    write(tmp_path / "pt2" / "train00.tfrec", "abx")
    write(tmp_path / "pt3" / "train00.tfrec", "cdx")
    source = KaggleTripletsSource(f"{tmp_path}/**/train*.tfrec")
    assert letters(source) == "abxcd"
    titles = [item.title for item in source.read(np.array([0, 3])) if hasattr(item, "title")]
    assert [title.split(",")[0] for title in titles] == ["pt2/train00.tfrec", "pt3/train00.tfrec"]


def test_damaged_record_is_named_and_costs_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "train00.tfrec", "abx", "cdx", "efx")
    content = bytearray(path.read_bytes())
    content[content.index(b"c" * 10)] ^= 1
    path.write_bytes(content)
    source = KaggleTripletsSource(str(path))
    assert letters(source) == "abxef"
    assert triplets(source) == ["abx", "efx"]
    (left_out,) = source.left_out
    (second,) = struct.unpack_from("<Q", content)
    assert left_out.name == f"{path}, byte {second + 16}"
    assert "checksum" in left_out.reason


def test_cut_file_yields_its_whole_records(tmp_path: Path) -> None:
    path = write(tmp_path / "train00.tfrec", "abx", "cdx")
    path.write_bytes(path.read_bytes()[:-1])
    source = KaggleTripletsSource(str(path))
    assert letters(source) == "abx"
    (left_out,) = source.left_out
    assert left_out.name.startswith(str(path))


def test_record_damaged_after_it_was_listed_is_skipped_when_read(tmp_path: Path) -> None:
    path = write(tmp_path / "train00.tfrec", "abx", "cdx")
    source = KaggleTripletsSource(str(path))
    content = bytearray(path.read_bytes())
    content[content.index(b"a" * 10)] ^= 1
    path.write_bytes(content)
    assert letters(source) == "cd"
    first, *_ = source.read(np.array([0]))
    assert first.name.endswith("anchor_img")


def test_records_of_another_layout_are_refused_with_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "train00.tfrec"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(example(anchor_img=b"a", label=b"1"))
    with pytest.raises(ValueError, match=r"train00.tfrec, byte 0 .*found anchor_img, label\."):
        KaggleTripletsSource(str(path))


def test_records_that_are_no_examples_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train00.tfrec"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(ValueError, match="found no features"):
        KaggleTripletsSource(str(path))


def test_pattern_that_matches_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--triplets=.*train\*.tfrec matches no file"):
        KaggleTripletsSource(f"{tmp_path}/train*.tfrec")


def test_fingerprint_tells_of_a_changed_and_of_another_file(tmp_path: Path) -> None:
    path = write(tmp_path / "train00.tfrec", "abx")
    fingerprints = [KaggleTripletsSource(f"{tmp_path}/*").fingerprint for _ in range(2)]
    write(path, "abx", "cdx")
    fingerprints.append(KaggleTripletsSource(f"{tmp_path}/*").fingerprint)
    write(tmp_path / "train01.tfrec", "abx")
    fingerprints.append(KaggleTripletsSource(f"{tmp_path}/*").fingerprint)
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 3


def test_source_can_be_sent_to_another_process(tmp_path: Path) -> None:
    source = KaggleTripletsSource(str(write(tmp_path / "train00.tfrec", "abx")))
    assert letters(pickle.loads(pickle.dumps(source))) == "abx"


def test_groups_are_those_that_a_plain_search_finds(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("abcdefghijklmnopqrst"), 3)) for _ in range(12)]
    source = KaggleTripletsSource(str(write(tmp_path / "train00.tfrec", *rows)))
    groups = [{letter} for letter in set("".join(rows))]
    for row in rows:
        joined = [group for group in groups if group & set(row[:2])]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    content = letters(source)
    found = [{content[n] for n in np.flatnonzero(source.labels == label)} for label in source.names]
    expected = [group for group in groups if len(group) > 1]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
