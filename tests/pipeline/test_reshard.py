import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from pipeline.data import records, skip_list, triplet_table
from pipeline.data.record_table import open_records
from pipeline.data.shards import scan_records
from pipeline.data.skip_list import ShardSkips, SkippedRecord
from pipeline.reshard import Settings, reshard


@pytest.fixture
def labelled_records(labelled_records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: what a stage keeps beside the records must not reach other tests."""
    return Path(shutil.copytree(labelled_records, tmp_path_factory.mktemp("copy") / "squares"))


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / records.MANIFEST).read_text())


def _serialised(folder: Path, split: str) -> list[bytes]:
    paths = [str(shard.path) for shard in records.list_shards(folder, split)]
    return [record.numpy() for record in tf.data.TFRecordDataset(paths)]


@pytest.mark.parametrize("shards", [1, 3])
def test_the_same_records_stand_in_the_same_order_in_other_shards(
    labelled_records: Path, tmp_path: Path, shards: int
) -> None:
    output = reshard(Settings(records=labelled_records, output=tmp_path / "other", shards=shards))
    assert records.split_names(output) == records.split_names(labelled_records)
    for split in ("train", "validation"):
        assert len(records.list_shards(output, split)) == shards
        assert _serialised(output, split) == _serialised(labelled_records, split)


def test_tensorflow_datasets_reads_them(labelled_records: Path, tmp_path: Path) -> None:
    output = reshard(Settings(records=labelled_records, output=tmp_path / "other", shards=3))
    before, after = (tfds.builder_from_directory(path) for path in (labelled_records, output))
    assert after.info.splits["train"].num_examples == 19
    assert after.info.splits["train"].num_bytes == before.info.splits["train"].num_bytes
    ids = [
        [row["image"]["id"] for row in tfds.as_numpy(builder.as_dataset(split="validation"))]
        for builder in (before, after)
    ]
    assert sorted(ids[0]) == sorted(ids[1])


def test_the_manifest_tells_splits_landmarks_and_shards(
    labelled_records: Path, tmp_path: Path
) -> None:
    content = _manifest(
        reshard(Settings(records=labelled_records, output=tmp_path / "other", shards=1))
    )
    assert content["photographs"] == 25
    assert content["splits"]["train"] == {"photographs": 19, "landmarks": 5}
    assert content["landmarks"]["landmark 5"] == 3
    assert content["landmarks"][""] == 2
    assert content["skipped"] == []
    shards = {(shard["split"], shard["photographs"]) for shard in content["shards"].values()}
    assert shards == {("train", 19), ("validation", 6)}


def test_shards_are_of_about_the_megabytes_asked_for(
    labelled_records: Path, tmp_path: Path
) -> None:
    size = sum(
        shard.path.stat().st_size for shard in records.list_shards(labelled_records, "train")
    )
    settings = Settings(
        records=labelled_records, output=tmp_path / "other", shard_megabytes=size / 4 / 1e6
    )
    lengths = [shard.count for shard in records.list_shards(reshard(settings), "train")]
    assert lengths == [5, 5, 4, 5]  # bounds: 19/4 = 4.75, 9.5, 14.25, rounded


def test_what_is_damaged_or_listed_is_left_out_and_named(
    labelled_records: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    first, second = records.list_shards(folder, "train")
    content = bytearray(first.path.read_bytes())
    content[500] ^= 1  # within the first record's photograph
    first.path.write_bytes(content)
    fingerprint = open_records(folder).fingerprints[1]
    listed = SkippedRecord(offset=int(scan_records(second.path).offsets[2]), id="x", reason="blank")
    skips = ShardSkips(sha256=fingerprint, records=(listed,))
    skip_list.write_skip_list(folder, {second.path.name: skips})
    whole = _serialised(labelled_records, "train")
    kept = whole[1 : first.count + 2] + whole[first.count + 3 :]

    output = reshard(Settings(records=folder, output=tmp_path / "other", shards=2))

    assert _serialised(output, "train") == kept
    skipped = _manifest(output)["skipped"]
    assert [entry["name"] for entry in skipped] == [
        f"{first.path.name}, byte 0",
        f"{second.path.name}, byte {listed.offset}",
    ]
    assert skipped[1]["reason"] == "blank"
    assert _manifest(output)["photographs"] == 23
    assert not (output / skip_list.FILE).exists()


def test_a_cut_shard_loses_what_was_behind_the_cut_and_the_count_tells_it(
    labelled_records: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    shard = records.list_shards(folder, "train")[0]
    offsets = scan_records(shard.path).offsets
    shard.path.write_bytes(shard.path.read_bytes()[: offsets[-2] + 20])
    content = _manifest(reshard(Settings(records=folder, output=tmp_path / "other", shards=1)))
    assert content["photographs"] == 23
    assert [entry["reason"].split()[0] for entry in content["skipped"]] == ["the", "1"]


def test_triplets_and_landmarks_come_along(labelled_records: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    ids = open_records(folder).ids[:3].astype(str)
    triplet_table.write_triplets(folder, np.array([ids, ["gone", *ids[1:]]]))
    (folder / "landmarks.csv").write_text("label,name\n5,Fünf\n99,elsewhere\n", encoding="utf-8")

    output = reshard(Settings(records=folder, output=tmp_path / "other", shards=1))

    copied = open_records(output)
    triplets = triplet_table.read_triplets(output, copied.ids)
    assert copied.ids[triplets].astype(str).tolist() == [ids.tolist()]
    with (output / "landmarks.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{"label": "5", "name": "Fünf"}]


def test_a_finished_output_is_left_alone_until_the_records_change(
    labelled_records: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    settings = Settings(records=folder, output=tmp_path / "other", shards=2)
    before = (reshard(settings) / records.MANIFEST).stat().st_mtime_ns
    assert (reshard(settings) / records.MANIFEST).stat().st_mtime_ns == before
    shard = records.list_shards(folder, "train")[0]
    shard.path.write_bytes(shard.path.read_bytes()[:-1])
    assert _manifest(reshard(settings))["photographs"] == 24


def test_other_settings_over_a_finished_output_are_refused(
    labelled_records: Path, tmp_path: Path
) -> None:
    output = reshard(Settings(records=labelled_records, output=tmp_path / "other", shards=2))
    with pytest.raises(ValueError, match=r"shards was 2, now 3.*--overwrite"):
        reshard(Settings(records=labelled_records, output=output, shards=3))
    reshard(Settings(records=labelled_records, output=output, shards=3, overwrite=True))
    assert len(records.list_shards(output, "train")) == 3


def test_a_folder_with_other_things_is_not_replaced(labelled_records: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ValueError, match=r"holds other things \(notes\)"):
        reshard(Settings(records=labelled_records, output=tmp_path, shards=2))
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_more_shards_than_photographs_are_refused_and_nothing_is_written(
    labelled_records: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"--shards=7 cannot be: a split has 6 photographs"):
        reshard(Settings(records=labelled_records, output=tmp_path / "other", shards=7))
    assert list(tmp_path.iterdir()) == []


def test_records_are_not_written_over_themselves(labelled_records: Path) -> None:
    for output in (labelled_records, labelled_records / "in", labelled_records.parent):
        with pytest.raises(ValueError, match="one within the other"):
            Settings(records=labelled_records, output=output, shards=2)
