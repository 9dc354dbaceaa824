import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from pipeline.data import records
from pipeline.data.record_table import open_records
from pipeline.sample import Settings, sample


@pytest.fixture
def labelled_records(labelled_records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: what a stage keeps beside the records must not reach other tests."""
    return Path(shutil.copytree(labelled_records, tmp_path_factory.mktemp("copy") / "squares"))


def _labels(folder: Path, split: str) -> Counter[int]:
    return Counter(open_records(folder, split).labels.tolist())


def _serialised(folder: Path, split: str) -> list[bytes]:
    paths = [str(shard.path) for shard in records.list_shards(folder, split)]
    return [record.numpy() for record in tf.data.TFRecordDataset(paths)]


def test_every_landmark_keeps_its_share_of_every_split(
    labelled_records: Path, tmp_path: Path
) -> None:
    output = sample(Settings(records=labelled_records, output=tmp_path / "part", fraction=0.75))
    # 3 of 4, the only one, 1.5 of 2 raised to 2, 2.25 of 3 twice: 19.5, rounded to 20, so that
    # one of the last two is rounded up.
    assert _labels(output, "train") == {0: 3, 1: 3, 2: 3, 3: 3, 4: 1, -1: 2}
    validation = _labels(output, "validation")
    assert validation.keys() == {5, 6}
    assert sorted(validation.values()) == [2, 3]


def test_two_photographs_of_a_landmark_stay_at_least(
    labelled_records: Path, tmp_path: Path
) -> None:
    output = sample(Settings(records=labelled_records, output=tmp_path / "part", fraction=0.01))
    assert _labels(output, "train") == {0: 2, 1: 2, 2: 2, 3: 2, 4: 1, -1: 2}
    assert _labels(output, "validation") == {5: 2, 6: 2}


@pytest.mark.parametrize(("photographs", "least"), [(8, 1), (9, 1), (15, 2), (20, 2), (25, 3)])
def test_as_many_photographs_as_asked_for_are_taken(
    labelled_records: Path, tmp_path: Path, photographs: int, least: int
) -> None:
    settings = Settings(records=labelled_records, output=tmp_path / "part", photographs=photographs)
    output = sample(settings)
    assert len(open_records(output)) == photographs
    counts = _labels(output, "train") + _labels(output, "validation")
    assert counts.keys() >= {0, 1, 2, 3, 4, 5, 6}
    assert min(counts[label] for label in (0, 1, 2, 3, 5, 6)) == least


def test_landmarks_are_taken_with_all_their_photographs(
    labelled_records: Path, tmp_path: Path
) -> None:
    output = sample(Settings(records=labelled_records, output=tmp_path / "part", landmarks=4))
    whole = {0: 4, 1: 4, 2: 4, 3: 4, 4: 1, 5: 3, 6: 3}
    train, validation = (_labels(output, split) for split in ("train", "validation"))
    assert (len(train), len(validation)) == (3, 1)  # 5/7 and 2/7 of 4 are 2.9 and 1.1
    assert all(count == whole[label] for label, count in (train + validation).items())


def test_the_records_are_those_of_the_source_in_its_order_and_the_seed_chooses(
    labelled_records: Path, tmp_path: Path
) -> None:
    parts = [
        sample(
            Settings(records=labelled_records, output=tmp_path / name, photographs=12, seed=seed)
        )
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    source = _serialised(labelled_records, "train")
    chosen = [_serialised(part, "train") for part in parts]
    assert chosen[0] == [record for record in source if record in chosen[0]]
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


def test_tensorflow_datasets_and_the_manifest_tell_the_same(
    labelled_records: Path, tmp_path: Path
) -> None:
    output = sample(
        Settings(records=labelled_records, output=tmp_path / "part", photographs=12, shards=2)
    )
    content: dict[str, Any] = json.loads((output / records.MANIFEST).read_text())
    builder = tfds.builder_from_directory(output)
    rows = [row for split in builder.as_dataset().values() for row in tfds.as_numpy(split)]
    names = Counter(row["image"]["class"]["text"].decode() for row in rows)
    assert content["landmarks"] == names
    assert content["photographs"] == len(rows) == 12
    assert len(content["shards"]) == 4


def test_a_query_keeps_something_to_find_in_the_index(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def photographs(split: str, count: int) -> list[records.Photograph]:
        return [
            records.Photograph(
                id=f"{split}{label}-{number}",
                sha256=f"{int(rng.integers(2**62)):064x}",
                encoded=b"not read",
                format="JPEG",
                height=1,
                width=1,
                landmark=str(label),
                label=label,
            )
            for label in range(10)
            for number in range(count)
        ]

    splits = {"query": photographs("q", 1), "index": photographs("i", 4)}
    records.write_shards(splits, tmp_path / "records", shards=1)
    settings = Settings(records=tmp_path / "records", output=tmp_path / "part", landmarks=3)
    output = sample(settings)
    assert _labels(output, "query").keys() == _labels(output, "index").keys()
    assert set(_labels(output, "index").values()) == {4}
    settings = Settings(records=tmp_path / "records", output=tmp_path / "few", photographs=20)
    assert _labels(sample(settings), "index") == dict.fromkeys(range(10), 1)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"photographs": 7}, r"at least one of each of 8 groups.*Received: 7"),
        ({"photographs": 26}, r"at most all 25\. Received: 26"),
        ({"landmarks": 8}, r"at most all 7\. Received: 8"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    labelled_records: Path, tmp_path: Path, part: dict[str, int], message: str
) -> None:
    settings = Settings(records=labelled_records, output=tmp_path / "part", **part)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        sample(settings)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({}, "Received: none"),
        ({"fraction": 0.1, "landmarks": 1}, "Received: --fraction and --landmarks"),
        ({"fraction": 1.5}, "--fraction is above 0 to 1"),
        ({"photographs": 0}, "--photographs is at least 1"),
    ],
)
def test_one_part_in_its_range_must_be_named(
    tmp_path: Path, part: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(records=tmp_path / "a", output=tmp_path / "b", **part)
