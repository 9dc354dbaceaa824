import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow_datasets as tfds

from pipeline.build_records import Settings, build_records
from pipeline.data import records
from pipeline.data.sources.folder import FolderSource
from pipeline.data.splits import SplitSettings, split_photographs
from tests.tiny import Tiny, write_photographs


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / records.MANIFEST).read_text())


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_landmark_is_in_two_splits(tiny: Tiny) -> None:
    builder = tfds.builder_from_directory(tiny.records)
    labels = {
        split: {int(row["image"]["class"]["label"]) for row in tfds.as_numpy(dataset)}
        for split, dataset in builder.as_dataset().items()
    }
    assert len(labels["train"]) == 5
    assert len(labels["validation"]) == 1
    assert not labels["train"] & labels["validation"]


def test_a_file_stands_in_the_records_byte_for_byte_with_its_name(tiny: Tiny) -> None:
    dataset = tfds.builder_from_directory(tiny.records).as_dataset(split="train+validation")
    for row in tfds.as_numpy(dataset):
        file = tiny.photos / row["image"]["attribution"]["title"].decode()
        assert file.read_bytes() == row["image"]["encoded"]


def test_finished_records_are_left_alone_and_other_settings_refused(
    tiny: Tiny, tmp_path: Path
) -> None:
    settings = Settings(photos=tiny.photos, output=tmp_path / "records")
    before = _files(build_records(settings))
    assert _files(build_records(settings)) == before
    with pytest.raises(ValueError, match=r"seed was 0, now 1.*--overwrite"):
        build_records(Settings(photos=settings.photos, output=settings.output, seed=1))
    build_records(Settings(photos=settings.photos, output=settings.output, seed=1, overwrite=True))
    assert _files(tmp_path / "records") != before


def test_records_of_a_folder_that_has_changed_are_built_anew(tiny: Tiny, tmp_path: Path) -> None:
    settings = Settings(
        photos=Path(shutil.copytree(tiny.photos, tmp_path / "photos")), output=tmp_path / "records"
    )
    assert _manifest(build_records(settings))["photographs"] == 24
    (tmp_path / "photos" / "landmark 0" / "0.jpg").unlink()
    assert _manifest(build_records(settings))["photographs"] == 23


def test_a_split_without_a_usable_photograph_is_left_out(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", landmarks=5, photographs=2)
    labels = FolderSource(tmp_path / "photos").labels
    settings = SplitSettings(splits=("train", "validation"))
    held_out = labels[split_photographs(labels, settings)["validation"][0]]
    for photograph in (tmp_path / "photos" / f"landmark {held_out}").iterdir():
        photograph.write_text("text")
    output = build_records(Settings(photos=tmp_path / "photos", output=tmp_path / "records"))
    assert records.split_names(output) == ("train",)
    assert len(_manifest(output)["skipped"]) == 2


@pytest.mark.parametrize("name", ["notes", ".env"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_lies_beside_records_is_not_lost_when_they_are_built_anew(
    tiny: Tiny, tmp_path: Path, overwrite: bool, name: str
) -> None:
    photos = Path(shutil.copytree(tiny.photos, tmp_path / "photos"))
    settings = Settings(photos=photos, output=tmp_path / "records", overwrite=overwrite)
    build_records(settings)
    (tmp_path / "records" / name).mkdir()
    (photos / "landmark 0" / "0.jpg").unlink()
    with pytest.raises(ValueError, match=rf"holds other things \({name}\), which would be lost"):
        build_records(settings)
    assert _manifest(settings.output)["photographs"] == 24


def test_records_of_others_are_not_overwritten(tiny: Tiny, tmp_path: Path) -> None:
    output = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    (output / "manifest.json").unlink()
    with pytest.raises(ValueError, match="holds other things"):
        build_records(Settings(photos=tiny.photos, output=output, overwrite=True))


def test_records_do_not_go_among_the_photographs(tmp_path: Path) -> None:
    for photos, output in (("a", "a/records"), ("a/.photos", "a"), ("a", "a")):
        with pytest.raises(ValueError, match="lie one within the other"):
            Settings(photos=tmp_path / photos, output=tmp_path / output)


def test_splits_share_no_photograph_and_only_query_and_index_share_landmarks(
    tmp_path: Path,
) -> None:
    """One photograph stands under two landmarks, and another twice under each."""
    photos = tmp_path / "photos"
    write_photographs(photos, landmarks=10, photographs=4)
    for landmark in range(10):
        shutil.copy(photos / f"landmark {landmark}/0.jpg", photos / f"landmark {landmark}/0b.jpg")
        shutil.copy(photos / "landmark 0/1.jpg", photos / f"landmark {landmark}/shared.jpg")
    output = build_records(
        Settings(
            photos=photos, output=tmp_path / "out", split=("train", "validation", "query", "index")
        )
    )
    contents: dict[str, set[bytes]] = {}
    landmarks: dict[str, set[int]] = {}
    for split, dataset in tfds.builder_from_directory(output).as_dataset().items():
        rows = [row["image"] for row in tfds.as_numpy(dataset)]
        contents[split] = {row["sha256"] for row in rows}
        assert len(contents[split]) == len(rows)
        landmarks[split] = {int(row["class"]["label"]) for row in rows}
    assert contents.keys() == {"train", "validation", "query", "index"}
    assert sum(map(len, contents.values())) == len(set.union(*contents.values())) == 40
    assert landmarks["query"] == landmarks["index"]
    groups = landmarks["train"], landmarks["validation"], landmarks["index"]
    assert [len(group) for group in groups] == [6, 2, 2]
    assert len(set.union(*groups)) == 10


def test_more_shards_than_photographs_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--shards=10 cannot be: .*lower it"):
        build_records(Settings(photos=tiny.photos, output=tmp_path / "records", shards=10))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["manifest.json", "settings.json"])
def test_files_that_others_call_like_ours_are_not_overwritten(
    tiny: Tiny, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match="holds other things"):
        build_records(Settings(photos=tiny.photos, output=tmp_path, overwrite=True))
    assert (tmp_path / name).read_text() == "{}"


def test_old_records_stay_where_new_ones_cannot_be_built(tiny: Tiny, tmp_path: Path) -> None:
    output = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    before = _files(output)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("text")
    for photos in (tmp_path / "nothing", tmp_path / "photos"):
        with pytest.raises((ValueError, OSError)):
            build_records(Settings(photos=photos, output=output, overwrite=True))
    assert _files(output) == before


def test_a_city_without_photographs_is_refused() -> None:
    with pytest.raises(ValueError, match="--city_landmarks and --city_distractors are both 0"):
        Settings(output=Path("city"), city_landmarks=0)


def test_a_folder_that_holds_other_things_is_not_overwritten(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        settings = Settings(photos=tiny.photos, output=tmp_path, overwrite=overwrite)
        with pytest.raises(ValueError, match="holds other things"):
            build_records(settings)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_bad_photographs_are_skipped_counted_and_named(tmp_path: Path, tiny: Tiny) -> None:
    good = (tiny.photos / "landmark 0" / "0.jpg").read_bytes()
    for name, content in (
        ("a/good.jpg", good),
        ("a/again.jpg", good),
        ("a/text.jpg", b"no photograph at all"),
        ("b/cut.jpg", good[: len(good) // 2]),
        ("b/other.jpg", (tiny.photos / "landmark 1" / "0.jpg").read_bytes()),
    ):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    output = build_records(
        Settings(
            photos=tmp_path / "photos",
            output=tmp_path / "records",
            split=("index",),
        )
    )
    described = _manifest(output)
    assert described["photographs"] == 2
    reasons = {skipped["name"]: skipped["reason"] for skipped in described["skipped"]}
    assert reasons.keys() == {"a/good.jpg", "a/text.jpg", "b/cut.jpg"}
    assert reasons["a/good.jpg"] == "the same bytes as a/again.jpg"
    assert "not a" in reasons["a/text.jpg"]
    assert "damaged JPEG" in reasons["b/cut.jpg"]


def test_a_folder_without_one_photograph_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("text")
    settings = Settings(photos=tmp_path / "photos", output=tmp_path / "records")
    with pytest.raises(ValueError, match=r"None of the 1 files .*a\.jpg"):
        build_records(settings)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
