import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline.check_records import Settings, check_records, failures, main
from pipeline.data import records, skip_list
from pipeline.data.checks.report_text import report_text
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import open_records
from pipeline.data.records import Photograph
from pipeline.data.shards import read_record, scan_records
from pipeline.data.training_data import TrainingData
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings.files import read_manifest
from pipeline.reshard import Settings as ReshardSettings
from pipeline.reshard import reshard
from tests.tiny import Tiny

# What is there when nothing is wrong: 10 photographs of train, 6 of validation, two shards each.
LANDMARKS = {"train": [0] * 4 + [1] * 4 + [2, -1], "validation": [5] * 3 + [6] * 3}


def pixels(seed: int) -> np.ndarray:
    """Colours in 12 by 16 squares; two seeds have nothing in common, and 192 x 256 pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3))
    return np.kron(coarse, np.ones((16, 16, 1), int)).astype(np.uint8)


def encode(image: np.ndarray, quality: int = 90) -> bytes:
    return tf.io.encode_jpeg(image, quality=quality).numpy()


def photograph(seed: int, label: int, encoded: bytes | None = None, **changes: Any) -> Photograph:
    content = encode(pixels(seed)) if encoded is None else encoded
    values = {
        "id": f"{seed:08x}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "encoded": content,
        "format": "JPEG",
        "height": 192,
        "width": 256,
        "landmark": f"landmark {label}" if label >= 0 else "",
        "label": label,
        **changes,
    }
    return Photograph(**values)


def sound(first_seed: int = 0) -> dict[str, list[Photograph]]:
    splits: dict[str, list[Photograph]] = {}
    seed = first_seed
    for split, labels in LANDMARKS.items():
        splits[split] = []
        for label in labels:
            splits[split].append(photograph(seed, label))
            seed += 1
    return splits


def write(folder: Path, splits: dict[str, list[Photograph]]) -> Path:
    records.write_shards(splits, folder, shards=2)
    return folder


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("checked") / "sound", sound())


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "set")


def shard(folder: Path, split: str = "train", number: int = 0) -> Path:
    return folder / f"landmark_records-{split}.tfrecord-{number:05d}-of-00002"


def check(*folders: Path, **changes: Any) -> dict[str, Any]:
    """The report of the first folder."""
    settings = Settings(records=tuple(map(str, folders)), **changes)
    return check_records(settings)[0]


def causes(found: dict[str, Any], kind: str = "damaged") -> list[tuple[str, str, int]]:
    return [(one["shard"], one["cause"], one["records"]) for one in found[kind]["causes"]]


def skipped(folder: Path) -> set[tuple[str, int]]:
    return {
        (name, one.offset)
        for name, skips in skip_list.read_skip_list(folder).items()
        for one in skips.records
    }


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 16
    path.write_bytes(content)


def require_honoured(folder: Path, photographs: int) -> None:
    """Every later stage reads all that is sound, and does not complain of what is not."""
    table = open_records(folder)
    assert (len(table), table.files.damage, table.missing) == (photographs, (), 0)
    assert len(DamageCount.of(table, most=0)) == 0
    for number in range(len(table)):
        table.files.read(number)


def test_sound_records_are_sound(folder: Path) -> None:
    found = check(folder)
    assert json.loads((folder / "check.json").read_text()) == json.loads(json.dumps(found))
    assert found["photographs"] == 16
    assert [one["sound"] for one in found["shards"]] == [5, 5, 3, 3]
    for kind in ("damaged", "doubtful"):
        assert found[kind] == {"count": 0, "causes": [], "listed": []}
    assert found["duplicates"]["groups"] == found["near_duplicates"]["groups"] == 0
    assert found["leaks"] == found["overlaps"] == []
    assert found["landmarks"] == {
        "train": {
            **{"photographs": 10, "unlabelled": 1, "landmarks": 3, "single": 1},
            **{"least": 1, "median": 4.0, "most": 4},
        },
        "validation": {
            **{"photographs": 6, "unlabelled": 0, "landmarks": 2, "single": 0},
            **{"least": 3, "median": 3.0, "most": 3},
        },
    }
    assert skipped(folder) == set()
    require_honoured(folder, 16)


@pytest.mark.parametrize(("lost", "whole"), [(1, 4), (0, 3), (30, 2)])
def test_cut_shard_keeps_its_whole_records(folder: Path, lost: int, whole: int) -> None:
    """Cut one byte before its end, exactly after the third record, and within the third."""
    path = shard(folder)
    starts = [*scan_records(path).offsets.tolist(), path.stat().st_size]
    end = starts[whole] if lost == 0 else starts[whole + 1] - lost
    path.write_bytes(path.read_bytes()[:end])
    found = check(folder)
    assert found["photographs"] == 11 + whole
    assert found["damaged"]["count"] == 5 - whole
    assert ("fewer records than promised" in str(causes(found))) == (whole < 4)
    require_honoured(folder, 11 + whole)


@pytest.mark.parametrize(
    ("position", "reason"),
    [
        (3, "no record starts here"),
        (9, "no record starts here"),
        (12 + 500, "its checksum is wrong"),
    ],
)
def test_flipped_bit_costs_one_record(folder: Path, position: int, reason: str) -> None:
    """In the length, in the checksum of the length, in the photograph."""
    path = shard(folder)
    start = int(scan_records(path).offsets[2])
    flip(path, start + position)
    found = check(folder)
    assert causes(found) == [(path.name, "no sound record", 1)]
    assert reason in found["damaged"]["listed"][0]["reason"]
    assert skipped(folder) == {(path.name, start)}
    require_honoured(folder, 15)


def test_bit_that_flips_without_the_files_time_changing_is_found(folder: Path) -> None:
    """As on a failing disk: what records.parquet knows of the shard must not be believed."""
    open_records(folder)
    path = shard(folder)
    before = path.stat()
    flip(path, 600)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert causes(check(folder)) == [(path.name, "no sound record", 1)]
    require_honoured(folder, 15)


def test_shard_of_another_schema_is_named_with_the_remedy(
    folder: Path, triplet_files: list[Path]
) -> None:
    path = shard(folder, number=1)
    shutil.copyfile(triplet_files[0], path)
    found = check(folder)
    assert causes(found) == [
        (path.name, "fewer records than promised", 2),
        (path.name, "a record of another schema", 3),
    ]
    assert "--triplets=FILES" in found["damaged"]["causes"][1]["first"]
    assert found["damaged"]["count"] == 5
    require_honoured(folder, 11)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Changes the third record of a shard, checksum and all."""
    lines = [read_record(path, offset) for offset in scan_records(path).offsets.tolist()]
    lines[2] = change(lines[2])
    with tf.io.TFRecordWriter(str(path)) as writer:
        for line in lines:
            writer.write(line)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: b"text",
        lambda record: b"\xff\xd8\xff\xe0 a JPEG as it is",
        lambda record: record[:-1],
        lambda record: record.replace(b"image/id", b"image/\xff\xfe"),
        lambda record: b"",
    ],
)
def test_record_that_is_something_else_costs_only_itself(
    folder: Path, change: Callable[[bytes], bytes]
) -> None:
    rewrite(shard(folder), change)
    assert causes(check(folder)) == [(shard(folder).name, "a record of another schema", 1)]
    require_honoured(folder, 15)


@pytest.mark.parametrize("content", [b"", b"no record but some other file's text", b"\0" * 5000])
def test_shard_without_any_record_is_damage(folder: Path, content: bytes) -> None:
    shard(folder).write_bytes(content)
    found = check(folder)
    assert found["photographs"] == 11
    assert found["damaged"]["count"] == 5
    require_honoured(folder, 11)


def test_missing_shard_is_damage_and_the_others_are_checked(folder: Path) -> None:
    shard(folder).unlink()
    found = check(folder)
    assert causes(found) == [(shard(folder).name, "the shard is missing", 5)]
    assert found["photographs"] == 11
    assert len(open_records(folder, "validation")) == 6


def test_folder_whose_shards_are_all_gone_is_damaged(folder: Path) -> None:
    for path in folder.glob("*.tfrecord-*"):
        path.unlink()
    found = check(folder)
    assert (found["photographs"], found["damaged"]["count"]) == (0, 16)


def test_left_over_shard_is_doubtful(folder: Path) -> None:
    left_over = folder / "landmark_records-train.tfrecord-00000-of-00003"
    shutil.copyfile(shard(folder), left_over)
    found = check(folder)
    assert causes(found, "doubtful") == [
        (left_over.name, "the file is no part of the description", 0)
    ]
    assert found["photographs"] == 16


@pytest.mark.parametrize("description", [None, "", "{}", '{"splits": [{"name": "train"}]}'])
def test_shards_without_a_description_are_checked_all_the_same(
    folder: Path, description: str | None
) -> None:
    path = folder / "dataset_info.json"
    path.unlink()
    if description is not None:
        path.write_text(description)
    found = check(folder)
    assert causes(found) == [("dataset_info.json", "no description of the shards", 0)]
    assert {split: one["photographs"] for split, one in found["landmarks"].items()} == {
        "train": 10,
        "validation": 6,
    }
    assert not (folder / "skip.json").exists()
    assert "No other stage opens it" in report_text(found, [])


def test_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no records.*build_records"):
        check(tmp_path)


def with_more(split: str, *more: Photograph) -> dict[str, list[Photograph]]:
    splits = sound()
    splits[split] += more
    return splits


def test_photograph_that_does_not_decode_is_left_out(tmp_path: Path) -> None:
    cut = encode(pixels(50))[:2000]
    folder = write(
        tmp_path / "set", with_more("train", photograph(50, 2, cut), photograph(51, 2, b"text"))
    )
    found = check(folder)
    assert found["photographs"] == 16
    assert {one["id"] for one in found["damaged"]["listed"]} == {"00000032", "00000033"}
    assert {cause for _, cause, _ in causes(found)} == {"the photograph does not decode"}
    require_honoured(folder, 16)


def test_other_bytes_than_told_are_damage(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", with_more("train", photograph(50, 2, sha256="ab" * 32)))
    found = check(folder)
    assert [cause for _, cause, _ in causes(found)] == [
        "other bytes than those whose SHA-256 is told"
    ]
    require_honoured(folder, 16)


def test_wrong_size_is_doubtful_and_the_photograph_stays(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", with_more("train", photograph(50, 2, height=256, width=192)))
    found = check(folder)
    assert found["damaged"]["count"] == 0
    assert "192 x 256, told 256 x 192" in found["doubtful"]["causes"][0]["first"]
    assert failures(Settings(records=("a",)), found) == []
    assert failures(Settings(records=("a",), fail_on=("doubtful",)), found) == ["doubtful"]
    require_honoured(folder, 17)


def test_id_of_two_photographs_is_doubtful(tmp_path: Path) -> None:
    """In two splits, as those of Google Landmarks v2's index may be those of its train."""
    folder = write(tmp_path / "set", with_more("validation", photograph(50, 5, id="00000000")))
    assert check(folder)["ids_of_different_photographs"] == {"count": 1, "listed": ["00000000"]}


def copies_and_near() -> dict[str, list[Photograph]]:
    """Photograph 10 of validation is in train too, 11 nearly; 0 is twice in train, 1 nearly."""
    extra = [
        photograph(60, 2, encode(pixels(10))),
        photograph(61, 2, encode(pixels(11), quality=60)),
        photograph(62, 2, encode(pixels(0))),
        photograph(63, 2, encode(pixels(1), quality=60)),
    ]
    return with_more("train", *extra)


def ids(folder: Path) -> set[str]:
    return {one.id for skips in skip_list.read_skip_list(folder).values() for one in skips.records}


def test_of_copies_one_stays_and_evaluation_goes_before_training(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", copies_and_near())
    found = check(folder)
    groups = [{one["id"] for one in group} for group in found["duplicates"]["listed"]]
    assert groups == [{"0000000a", "0000003c"}, {"00000000", "0000003e"}]  # across splits first
    assert found["duplicates"]["groups_across_splits"] == 1
    near = [{one["id"] for one in group} for group in found["near_duplicates"]["listed"]]
    assert near == [{"0000000b", "0000003d"}, {"00000001", "0000003f"}]
    assert found["near_duplicates"]["groups_across_splits"] == 1
    left_out = ids(folder)
    assert "0000003c" in left_out
    assert len(left_out & {"00000000", "0000003e"}) == 1
    assert len(left_out) == 2
    assert failures(Settings(records=("a",)), found) == []
    require_honoured(folder, 18)


def test_near_duplicates_of_evaluation_leave_training_if_asked(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", copies_and_near())
    check(folder, skip=("near_duplicates",))
    assert ids(folder) == {"0000003d"}
    require_honoured(folder, 19)


def test_checking_again_makes_the_list_anew(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", copies_and_near())
    first = check(folder)
    assert check(folder) == first
    assert ids(folder)
    check(folder, skip=())
    assert ids(folder) == set()


def test_landmarks_of_two_splits_are_leaks_by_label_and_by_name(tmp_path: Path) -> None:
    more = [photograph(50, 5, landmark="another"), photograph(51, 9, landmark="landmark 6")]
    folder = write(tmp_path / "set", with_more("train", *more))
    (leak,) = check(folder)["leaks"]
    assert leak["splits"] == ("train", "validation")
    assert leak["labels"] == {"count": 1, "listed": [5]}
    assert leak["names"] == {"count": 1, "listed": ["landmark 6"]}


def test_queries_and_their_index_share_landmarks_without_a_leak(tmp_path: Path) -> None:
    def of(seed: int) -> list[Photograph]:
        return [photograph(seed + n, 1) for n in range(2)]

    folder = write(tmp_path / "set", {"query": of(0), "index": of(10), "train": of(20)})
    assert {frozenset(leak["splits"]) for leak in check(folder)["leaks"]} == {
        frozenset({"train", "query"}),
        frozenset({"train", "index"}),
    }


def test_overlap_of_data_sets_is_told_and_leaves_the_first_if_asked(
    folder: Path, tmp_path: Path
) -> None:
    test_set = sound(first_seed=100)
    test_set["train"] += [
        photograph(70, 1, encode(pixels(12))),
        photograph(71, 90, encode(pixels(2), quality=60)),
    ]
    other = write(tmp_path / "other", test_set)
    first, second = check_records(Settings(records=(str(folder), str(other))))
    for found, there, copies, near in (
        (first, other, ["0000000c"], ["00000002"]),
        (second, folder, ["00000046"], ["00000047"]),
    ):
        (overlap,) = found["overlaps"]
        assert overlap["other"] == str(there)
        assert [one["id"] for one in overlap["copies"]["listed"]] == copies
        assert [one["id"] for one in overlap["near_duplicates"]["listed"]] == near
        assert overlap["landmarks"]["count"] == 5
        # A near duplicate in another data set is none within this one.
        assert found["near_duplicates"]["groups"] == 0
    check_records(Settings(records=(str(folder), str(other)), skip=("overlap",)))
    assert ids(folder) == {"0000000c", "00000002"}
    assert ids(other) == set()
    require_honoured(folder, 14)


def test_later_stages_leave_out_what_is_listed(tmp_path: Path, tiny: Tiny) -> None:
    folder = write(tmp_path / "set", copies_and_near())
    table = open_records(folder)
    (without_copy,) = np.flatnonzero(table.ids == b"00000004")
    path = table.files.paths[table.files.file[without_copy]]
    flip(path, int(table.files.offset[without_copy]) + 600)
    check(folder)
    model = shutil.copytree(tiny.model, tmp_path / "model")
    output = embed(EmbedSettings(model=model, records=folder))
    described = read_manifest(output)
    assert (described["photographs"], described["skipped"]) == (17, 3)
    data = TrainingData.labelled(folder, "train", landmarks=2, photographs=2)
    assert len(data.files) == 11  # of 14: one is damaged, two are copies
    assert len(data.damage(0)) == 0


def test_damage_is_the_exit_status_and_the_report_tells_where(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status of sound records, 0, is seen where README's commands run."""
    main(Settings(records=(str(folder),)))
    assert "Damage: none." in capsys.readouterr().out
    command = [sys.executable, "-m", "pipeline.check_records", f"--records={folder}"]
    flip(shard(folder), 600)
    damaged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert damaged.returncode == 1
    assert f"{shard(folder).name}: no sound record (1)" in damaged.stdout
    assert "Every other stage leaves out: 1 damaged." in damaged.stdout
    assert damaged.stderr.splitlines()[-1].startswith("error: Not as it should be:")


def test_report_is_printed_and_long_lists_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = sound()
    splits["train"] += [photograph(80 + n, 2, encode(pixels(n))) for n in range(10)]
    folder = write(tmp_path / "set", splits)
    with pytest.raises(ValueError, match=r"set \(duplicates\)"):
        main(Settings(records=(str(folder),), fail_on=("duplicates",)))
    printed = capsys.readouterr().out
    assert "20 in 10 groups, of which 0 across splits" in printed
    assert "  and 2 more." in printed
    assert f"In full: {folder / 'check.json'}, {folder / 'skip.json'}" in printed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skip": ("dupes",)}, "--skip takes some of damaged, duplicates, near_duplicates"),
        ({"fail_on": ("all",)}, "--fail_on takes some of damaged, doubtful"),
        ({"records": ("a", "b", "a")}, "--records names a folder twice"),
        ({"records": ()}, "--records is empty"),
    ],
)
def test_settings_are_checked(changes: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**{"records": ("a",), **changes})


def test_folder_that_cannot_be_written_to_is_reported_on_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: dict[str, Any]) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pipeline.manifest.write_json", refuse)
    assert check(folder)["photographs"] == 16
    assert not (folder / "check.json").exists()


def test_shard_that_another_has_replaced_is_found_though_its_records_are_sound(
    tiny: Tiny, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    first, second = (shard.path for shard in records.list_shards(folder, "train"))
    assert check(folder)["damaged"]["count"] == 0
    shutil.copy(second, first)
    found = check(folder)
    (cause,) = found["damaged"]["causes"]
    assert (cause["shard"], cause["cause"]) == (first.name, "another file than was built")
    assert failures(Settings(records=(str(folder),)), found) == ["damaged"]


def test_lost_records_are_told_of_by_the_report_and_by_later_stages(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    first = records.list_shards(folder, "train")[0]
    first.path.write_bytes(b"")
    found = check(folder)
    assert found["skipped"]["lost"] == first.count
    assert f"Every other stage leaves out: {first.count} lost" in report_text(found, [])
    with caplog.at_level(logging.INFO, "pipeline"):
        table = open_records(folder)
    assert (table.missing, table.left_out) == (0, first.count)
    assert f"{folder}: {first.count} left out" in caplog.text


def test_damaged_record_is_counted_once(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    path = records.list_shards(folder, "train")[0].path
    flip(path, int(scan_records(path).offsets[1]) + 60)
    found = check(folder)
    assert (found["skipped"]["damaged"], found["skipped"]["lost"]) == (1, 0)
    table = open_records(folder)
    assert (len(table), table.missing, table.left_out) == (23, 0, 1)
    output = reshard(ReshardSettings(records=folder, output=tmp_path / "copy", shards=1))
    assert len(json.loads((output / records.MANIFEST).read_text())["skipped"]) == 1


def test_split_that_a_shard_is_missing_of_is_not_said_to_be_read(
    tiny: Tiny, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    records.list_shards(folder, "train")[0].path.unlink()
    text = report_text(check(folder), [])
    assert "leaves out: every split that a shard is missing of, until it is back" in text
