import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import quickstart as recipe
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.index.collection import load_collection
from pipeline.quickstart import Row, Settings, quickstart, table_of
from tests.tiny import Tiny, write_photographs


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A quickstart over a village, its network a blink of the real one's training.

    The models are trained by the test that comes first; the others find them finished.
    """
    folder = tmp_path_factory.mktemp("quickstart")
    village = dataclasses.replace(
        recipe.CITY, city_landmarks=4, city_photographs=5, city_distractors=4, city_size=64
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "CITY", village)
        yield Settings(
            weights="none",
            tfrecords=folder / "tfrecords",
            exported=folder / "exported",
            training_landmarks=10,
            epochs=1,
        )


def test_from_rendered_photographs_to_recall_in_one_call(small: Settings) -> None:
    rows = quickstart(small)
    assert [row.method for row in rows] == [
        "small-untrained, flat",
        "small, flat",
        "small, ivf",
        "small, lsh",
        "small, pq",
    ]
    for row in rows:
        assert row.mean_average_precision is not None
        # 19 others of which 4 are relevant: even a random order has an mAP above .2.
        assert 0.1 < row.mean_average_precision <= 1
        assert row.recall_at_1 is not None
        assert row.milliseconds > 0
    exported = Path(small.exported)
    result = json.loads((exported / "small" / "metrics" / "city-flat.json").read_text())
    assert result["scores"]["recall@1"] == rows[1].recall_at_1
    assert result["queries"] == 20
    assert result["distractors"] == 4
    assert result["queries_trained_on"] == 0, "the buildings to search are new to the network"
    before = _times(exported)
    assert len(before) == 5
    assert len(quickstart(small)) == 5
    assert _times(exported) == before, "what is finished is not done again"


def _times(exported: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in exported.rglob("index-*.faiss")}


def test_a_folder_without_landmarks_is_indexed_but_not_scored(
    small: Settings, tiny: Tiny, tmp_path: Path
) -> None:
    photos = tmp_path / "holiday"
    photos.mkdir()
    for number, path in enumerate(sorted(tiny.photos.rglob("*.jpg"))):
        shutil.copy(path, photos / f"{number}.jpg")
    rows = quickstart(dataclasses.replace(small, photos=photos))
    assert {row.mean_average_precision for row in rows} == {None}
    index = Path(small.exported) / "small" / "indexes" / "holiday-flat"
    assert len(load_collection(index)) == 24
    (photos / "0.jpg").unlink()
    quickstart(dataclasses.replace(small, photos=photos))
    assert len(load_collection(index)) == 23, "what has changed is done again"


def test_a_folder_called_like_the_city_does_not_take_its_place(
    small: Settings, tiny: Tiny, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(tiny.photos, tmp_path / "city"))
    collection = recipe._collection_records(dataclasses.replace(small, photos=photos))
    assert collection == small.tfrecords / "city-2"


def test_folders_of_one_name_are_kept_apart(small: Settings, tiny: Tiny, tmp_path: Path) -> None:
    folders = [
        Path(shutil.copytree(tiny.photos, tmp_path / year / "album")) for year in ("2024", "2025")
    ]
    for _ in range(2):
        built = [
            recipe._collection_records(dataclasses.replace(small, photos=folder))
            for folder in folders
        ]
        assert [path.name for path in built] == ["album", "album-2"]


def test_too_few_photographs_for_product_quantisation_leave_the_other_indexes(
    tmp_path: Path,
) -> None:
    for landmarks, kinds in ((3, ("flat", "ivf", "lsh")), (4, ("flat", "ivf", "lsh", "pq"))):
        photos = tmp_path / str(landmarks)
        write_photographs(photos, landmarks=landmarks, photographs=4)
        folder = build_records(RecordSettings(photos=photos, output=tmp_path / f"of {landmarks}"))
        assert recipe._kinds("small", folder) == kinds
    assert recipe._kinds("small-untrained", folder) == ("flat",)


def test_weights_that_cannot_be_downloaded_are_said_and_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(name: str, weights: str) -> None:
        raise FileNotFoundError("no weights") from OSError("name or service not known")

    monkeypatch.setattr(recipe, "build_backbone", refuse)
    with caplog.at_level("INFO", logger="pipeline"):
        assert not recipe._has_pretrained("imagenet")
    assert "name or service not known" in caplog.text
    assert "from scratch" in caplog.text
    with pytest.raises(FileNotFoundError):
        recipe._has_pretrained("missing.weights.h5")


def test_the_table_has_a_dash_where_there_is_no_score() -> None:
    rows = [
        Row(method="small, flat", mean_average_precision=0.5, recall_at_1=1.0, milliseconds=2.0),
        Row(method="pq", mean_average_precision=None, recall_at_1=None, milliseconds=1.25),
    ]
    assert [line.split() for line in table_of(rows).splitlines()] == [
        ["method", "mAP", "recall@1", "ms", "a", "query"],
        ["small,", "flat", "0.500", "1.000", "2.0"],
        ["pq", "-", "-", "1.2"],
    ]
