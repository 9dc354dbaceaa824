import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.data import beam_records, records
from pipeline.data.beam_records import Recorded, write_shards_on_beam
from pipeline.data.recorder import Recorder
from pipeline.data.sources.folder import FolderSource
from pipeline.data.sources.source import Skipped, SourcePhotograph
from pipeline.progress import progress_bar
from tests.tiny import write_photographs

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install '.[beam]'")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Beam and what it imports
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class NamedSource(FolderSource):
    """Photographs with ids of their own: "3/2.jpg" and "3/2-copy.jpg" share theirs."""

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        for item in super().read(numbers):
            if isinstance(item, Skipped):
                yield item
            else:
                yield SourcePhotograph(
                    **{**vars(item), "id": item.title.removesuffix(".jpg").split("-")[0]}
                )


def _locally(
    source: FolderSource, splits: dict[str, np.ndarray], folder: Path, shards: int
) -> Recorder:
    with progress_bar("Writing", unit="photographs", total=None) as bar:
        recorder = Recorder(source, bar)
        filled = {name: recorder.photographs(name, own) for name, own in splits.items()}
        records.write_shards(filled, folder, shards)
    return recorder


def _on_beam(
    source: FolderSource, splits: dict[str, np.ndarray], folder: Path, shards: int = 1
) -> Recorded:
    return write_shards_on_beam(source, splits, folder, shards, runner="DirectRunner")


def _serialised(folder: Path, split: str) -> list[bytes]:
    paths = [str(shard.path) for shard in records.list_shards(folder, split)]
    return [record.numpy() for record in tf.data.TFRecordDataset(paths)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six landmarks of about four: one damaged, one transcoded, copies within and across splits."""
    folder = tmp_path / "photos"
    write_photographs(folder, landmarks=6, photographs=4)
    (folder / "landmark 0" / "3.jpg").write_text("text")
    shutil.copy(folder / "landmark 1" / "1.jpg", folder / "landmark 1" / "copy.jpg")
    shutil.copy(folder / "landmark 0" / "1.jpg", folder / "landmark 4" / "1-copy.jpg")
    shutil.copy(folder / "landmark 5" / "2.jpg", folder / "landmark 3" / "2-copy.jpg")
    with Image.open(folder / "landmark 2" / "0.jpg") as image:
        image.save(folder / "landmark 2" / "0.webp")
    return folder


def _splits(source: FolderSource) -> dict[str, np.ndarray]:
    held_out = source.labels < 2
    return {"validation": np.flatnonzero(held_out), "train": np.flatnonzero(~held_out)}


@pytest.mark.parametrize("kind", [FolderSource, NamedSource])
def test_beam_writes_what_a_local_run_writes_in_the_same_order(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FolderSource]
) -> None:
    monkeypatch.setattr(beam_records, "_RANGE", 5)  # so that ranges end within landmarks
    source = kind(photos)
    local = _locally(source, _splits(source), tmp_path / "local", shards=2)
    on_beam = _on_beam(source, _splits(source), tmp_path / "beam", shards=2)
    assert records.split_names(tmp_path / "beam") == records.split_names(tmp_path / "local")
    for split in ("validation", "train"):
        expected = _serialised(tmp_path / "local", split)
        assert len(expected) > 4
        assert _serialised(tmp_path / "beam", split) == expected
    assert on_beam.counts == local.counts
    assert on_beam.transcoded == local.transcoded
    assert sum(on_beam.transcoded.values()) == 1
    assert Counter(on_beam.skipped) == Counter(local.skipped)
    assert len(on_beam.skipped) >= 3


def test_nothing_but_the_shards_and_their_description_is_left(photos: Path, tmp_path: Path) -> None:
    source = FolderSource(photos)
    _on_beam(source, _splits(source), tmp_path / "beam")
    _locally(source, _splits(source), tmp_path / "local", shards=1)
    names = [{path.name for path in (tmp_path / name).iterdir()} for name in ("beam", "local")]
    assert names[0] == names[1]
    info = [(tmp_path / name / "dataset_info.json").read_text() for name in ("beam", "local")]
    assert '"name": "landmark_records"' in info[0]
    assert '"name": "landmark_records"' in info[1]


def test_a_split_without_a_sound_photograph_is_left_out_and_its_files_named(
    photos: Path, tmp_path: Path
) -> None:
    for path in (photos / "landmark 0").iterdir():
        path.write_text("text")
    source = FolderSource(photos)
    none = source.labels == 0
    splits = {"validation": np.flatnonzero(none), "train": np.flatnonzero(~none)}
    recorded = _on_beam(source, splits, tmp_path / "beam")
    assert records.split_names(tmp_path / "beam") == ("train",)
    assert {one.name for one in recorded.skipped} >= {f"landmark 0/{n}.jpg" for n in range(4)}


def test_a_source_without_a_sound_photograph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("text")
    source = FolderSource(tmp_path / "photos")
    with pytest.raises(ValueError, match="no usable photograph"):
        _on_beam(source, {"index": np.arange(1)}, tmp_path / "beam")
