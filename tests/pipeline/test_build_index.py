import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.build_index import Settings, build_index, main
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.engine import Engine
from pipeline.index import generations
from pipeline.index.collection import read_manifest
from tests import vector_collections
from tests.tiny import Tiny


def _index(model: Path, records: Path) -> Path:
    embed(EmbedSettings(model=model, records=records))
    return build_index(Settings(model=model, data=(records.name,)))


def test_an_index_is_built_again_when_its_photographs_have_changed(
    tiny: Tiny, tmp_path: Path
) -> None:
    """As many as before, by the same model."""
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    photos = Path(shutil.copytree(tiny.photos, tmp_path / "photos"))
    settings = RecordSettings(photos=photos, output=tmp_path / "album", split=("index",))
    index = _index(model, build_records(settings))
    before = Engine(index)
    kept = (index / "manifest.json").stat().st_mtime_ns
    assert (_index(model, settings.output) / "manifest.json").stat().st_mtime_ns == kept
    first, second = (photos / "landmark 0" / name for name in ("0.jpg", "new.jpg"))
    first.rename(second)
    second.write_bytes(second.read_bytes() + b"\0")
    build_records(settings)
    with pytest.raises(ValueError, match=r"has been replaced since it was described"):
        [one.read_image() for one in before.photographs(before.collection.keys())]
    after = Engine(_index(model, settings.output))
    assert len(after) == len(before)
    titles = [one.title for one in after.photographs(after.collection.keys())]
    assert "landmark 0/new.jpg" in titles
    assert "landmark 0/0.jpg" not in titles


@pytest.mark.parametrize("data", [(), ("/",), ("photos", "")])
def test_data_sets_without_a_name_are_refused(data: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="--data names data sets"):
        Settings(model=Path("model"), data=data)


def test_what_has_no_room_and_cannot_be_merged_is_refused(tmp_path: Path) -> None:
    vectors = vector_collections.clusters(20, 10)
    rows = vector_collections.photographs(np.repeat(np.arange(20), 10))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    with pytest.raises(ValueError, match=r"hnsw of 200 vectors takes at least .* merged on disk"):
        vector_collections.build(model, "hnsw", build_memory="20kB")
    with pytest.raises(ValueError, match="--build_memory is a number above 0"):
        Settings(model=model, data=("made",), build_memory="much")
    folder = vector_collections.build(model, "auto", build_memory="20kB", recall=0.5)
    assert read_manifest(folder)["kind"] not in ("flat", "hnsw", "fastscan")


def test_a_second_builder_is_refused_before_it_starts(tmp_path: Path) -> None:
    vectors = vector_collections.clusters(20, 10)
    rows = vector_collections.photographs(np.repeat(np.arange(20), 10))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    with (
        generations.writing(model / "indexes" / "made-flat"),
        pytest.raises(BlockingIOError, match="Another process is changing"),
    ):
        vector_collections.build(model, "flat")


def test_how_far_similarities_are_to_be_trusted_is_measured_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = vector_collections.clusters(40, 10)
    rows = vector_collections.photographs(np.repeat(np.arange(40), 10))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    main(Settings(model=model, data=("made",), kind="ivf"))
    described = read_manifest(model / "indexes" / "made-ivf")
    account = described["recognition"]["account"]
    assert account["queries"] == 400
    assert account["answered"] > 0.9
    assert account["pairs"]["error"] < 0.05
    assert "Recognition, measured with 400 photographs of 40 landmarks" in capsys.readouterr().out


def test_without_labels_nothing_is_calibrated_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = vector_collections.clusters(20, 10)
    rows = vector_collections.photographs(np.full(200, -1))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    main(Settings(model=model, data=("made",)))
    assert read_manifest(model / "indexes" / "made-flat")["recognition"] is None
    assert "Not calibrated: at least 8 landmarks of two photographs" in capsys.readouterr().out
