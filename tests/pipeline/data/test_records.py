import collections
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from pipeline.data import records
from pipeline.data.records import Photograph

KEYS = {
    *("image/encoded", "image/format", "image/colorspace", "image/id"),
    *("image/height", "image/width", "image/channels", "image/sha256", "image/provenance"),
    *("image/class/label", "image/class/text"),
    *(f"image/attribution/{key}" for key in ("author", "license", "url", "title")),
}
PHOTOGRAPH = Photograph(
    id="00000000deadbeef",
    sha256="0" * 64,
    encoded=b"\xff\xd8 the file's own bytes \x00\xff",
    format="JPEG",
    height=30,
    width=20,
    landmark="Torre dos Clérigos",
    label=3,
    author="Ana",
    license="CC BY 4.0",
    url="https://example.org/1",
    title="Torre",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records") / "one"
    unlabelled = Photograph(id="2", sha256="0" * 64, encoded=b"BM", format="BMP", height=1, width=1)
    records.write_shards({"index": [PHOTOGRAPH, unlabelled]}, folder, shards=1)
    return folder


@pytest.fixture(scope="module")
def serialised(folder: Path) -> dict[bytes, bytes]:
    """The records as they lie in the file, by id."""
    (shard,) = records.list_shards(folder)
    lines = list(tf.data.TFRecordDataset(str(shard.path)).as_numpy_iterator())
    return {records.parse_photograph(line)["image/id"].numpy(): line for line in lines}


def test_records_are_read_by_tensorflow_datasets_alone(folder: Path) -> None:
    dataset = tfds.builder_from_directory(folder).as_dataset(split="index")
    images = {row["image"]["id"]: row["image"] for row in tfds.as_numpy(dataset)}
    assert images[b"00000000deadbeef"] == {
        "encoded": PHOTOGRAPH.encoded,
        "format": b"JPEG",
        "colorspace": b"RGB",
        "height": 30,
        "width": 20,
        "channels": 3,
        "id": b"00000000deadbeef",
        "sha256": b"0" * 64,
        "provenance": b"",
        "class": {"label": 3, "text": "Torre dos Clérigos".encode()},
        "attribution": {
            "author": b"Ana",
            "license": b"CC BY 4.0",
            "url": b"https://example.org/1",
            "title": b"Torre",
        },
    }
    assert images[b"2"]["class"] == {"label": -1, "text": b""}


def test_keys_in_the_file_are_delfs(serialised: dict[bytes, bytes]) -> None:
    for line in serialised.values():
        features = tf.train.Example.FromString(line).features.feature
        assert set(features) == KEYS
        assert features["image/class/label"].WhichOneof("kind") == "int64_list"


def test_photograph_is_parsed_eagerly_and_inside_a_data_set(
    serialised: dict[bytes, bytes],
) -> None:
    line = serialised[b"00000000deadbeef"]
    dataset = tf.data.Dataset.from_tensors(line).map(records.parse_photograph)
    for parsed in (records.parse_photograph(tf.constant(line)), next(iter(dataset))):
        assert parsed["image/encoded"].numpy() == PHOTOGRAPH.encoded
        assert parsed["image/class/label"].numpy() == 3
        assert parsed["image/class/text"].numpy().decode() == "Torre dos Clérigos"
        assert parsed["image/attribution/author"].numpy() == b"Ana"


def test_delfs_records_without_text_and_attribution_are_parsed() -> None:
    example = tf.train.Example()
    feature = example.features.feature
    feature["image/encoded"].bytes_list.value.append(b"bytes")
    feature["image/id"].bytes_list.value.append(b"0123456789abcdef")
    feature["image/class/label"].int64_list.value.append(81312)
    parsed = records.parse_photograph(tf.constant(example.SerializeToString()))
    assert parsed["image/class/label"].numpy() == 81312
    assert parsed["image/class/text"].numpy() == b""
    assert parsed["image/attribution/license"].numpy() == b""


def test_triplets_are_parsed_in_the_order_of_their_roles(triplet_files: list[Path]) -> None:
    dataset = tf.data.TFRecordDataset([str(path) for path in triplet_files])
    lines, rows = list(dataset), list(dataset.map(records.parse_triplet))
    for number, (line, parsed) in enumerate(zip(lines, rows, strict=True)):
        assert parsed.numpy().tolist() == records.parse_triplet(line).numpy().tolist()
        colours = [tf.io.decode_png(encoded)[0, 0].numpy().tolist() for encoded in parsed]
        assert colours == [[40 * number, 100 * role, 7] for role in range(3)]


def test_shards_are_listed_with_the_photographs_they_hold(labelled_records: Path) -> None:
    shards = records.list_shards(labelled_records)
    assert collections.Counter(shard.split for shard in shards) == {"train": 2, "validation": 2}
    counts: collections.Counter[str] = collections.Counter()
    for shard in shards:
        lines = list(tf.data.TFRecordDataset(str(shard.path)))
        assert len(lines) == shard.count > 0
        counts[shard.split] += len(lines)
    assert counts == {"train": 19, "validation": 6}
    assert records.list_shards(labelled_records, "validation") == [
        shard for shard in shards if shard.split == "validation"
    ]


def test_folder_holds_shards_and_their_description_alone(folder: Path) -> None:
    shards = [shard.path for shard in records.list_shards(folder)]
    described = [folder / "dataset_info.json", folder / "features.json"]
    assert sorted(folder.iterdir()) == sorted([*shards, *described])


@pytest.mark.parametrize("name", [".", "nothing"])
def test_folder_without_records_names_the_command_that_makes_them(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"pipeline.build_records --photos=DIR --output="):
        records.list_shards(tmp_path / name)


def test_unknown_split_is_refused_with_the_known_ones(labelled_records: Path) -> None:
    with pytest.raises(ValueError, match=r"splits train, validation. Received: test"):
        records.list_shards(labelled_records, "test")


def test_missing_shard_is_named(labelled_records: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(labelled_records, copy)
    lost = records.list_shards(copy, "train")[1].path
    lost.unlink()
    with pytest.raises(FileNotFoundError, match=f"{lost.name} is missing"):
        records.list_shards(copy)
    assert len(records.list_shards(copy, "validation")) == 2


@pytest.mark.parametrize("name", records.DESCRIPTION)
@pytest.mark.parametrize("content", ['{"a":', "", "[]", "\xff"])
def test_damaged_description_is_named_with_the_remedy(
    folder: Path, tmp_path: Path, name: str, content: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / name).write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=rf"{name}.*{copy} cannot be read.*copy them again"):
        records.list_shards(copy)
