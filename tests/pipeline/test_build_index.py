import shutil
from pathlib import Path

import pytest

from pipeline.build_index import Settings, build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.engine import Engine
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
