"""Over HOG, which needs no training; what decides the other cells is asked of the recipe."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pipeline import compare as stage
from pipeline.compare import Settings, compare, main
from pipeline.comparing import making as making_of
from pipeline.comparing.methods import METHODS
from tests.tiny import Tiny


def settings_of(tiny: Tiny, output: Path, **changes: Any) -> Settings:
    return Settings(
        **{
            "records": (str(tiny.records),),
            "output": output,
            "methods": ("hog",),
            "indexes": ("flat", "lsh"),
            "mobilenet_weights": "none",
            "resnet_weights": "none",
            "vgg_weights": "none",
            **changes,
        }
    )


@pytest.fixture(scope="module")
def compared(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """HOG with two kinds of index, and DELF, which is nowhere."""
    output = tmp_path_factory.mktemp("comparisons") / "squares"
    nowhere = str(output / "nowhere")
    settings = settings_of(tiny, output, methods=("hog", "delf-asmk-5000"), delf=nowhere)
    compare(settings)
    return settings


def told(settings: Settings) -> dict[str, Any]:
    return json.loads((settings.output / stage.RESULT).read_text())


def test_a_row_tells_what_a_method_finds_and_costs(compared: Settings) -> None:
    rows = told(compared)["rows"]
    assert {(row["method"], row["index"]) for row in rows} == {("hog", "flat"), ("hog", "lsh")}
    assert rows[0]["scores"]["mAP"] >= rows[1]["scores"]["mAP"], "best first"
    flat = next(row for row in rows if row["index"] == "flat")
    metrics = compared.output / "hog" / "metrics" / "squares-flat.json"
    assert flat["scores"] == json.loads(metrics.read_text())["scores"]
    assert flat["dimension"] == 3780
    assert flat["bytes"] == pytest.approx(4 * 3780, rel=0.01)
    assert flat["extraction_milliseconds"] > flat["query_milliseconds"] > 0
    assert flat["queries_trained_on"] == 0


def test_what_cannot_be_made_is_listed_with_the_reason(
    compared: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nowhere" in told(compared)["missing"]["delf-asmk-5000"]
    main(compared)
    assert "delf-asmk-5000 was not made: " in capsys.readouterr().out


def test_the_command_of_a_row_makes_that_row(compared: Settings) -> None:
    for row in told(compared)["rows"]:
        words = shlex.split(row["command"])
        assert words[:3] == ["python", "-m", "pipeline.compare"]
        assert "--methods=hog" in words
        assert f"--indexes={row['index']}" in words
        assert f"--output={compared.output}" in words


def test_finished_cells_are_kept(compared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = told(compared)

    def never(*_: object) -> None:
        raise AssertionError("a finished cell was made again")

    for name in ("evaluate", "build_index"):
        monkeypatch.setattr(stage, name, never)
    compare(compared)
    assert told(compared) == before


def test_a_model_of_other_records_is_made_anew(tiny: Tiny, tmp_path: Path) -> None:
    settings = settings_of(tiny, tmp_path / "compared", indexes=("flat",))
    compare(settings)
    decided = tmp_path / "compared" / "hog" / making_of.DECIDED
    content = json.loads(decided.read_text())
    decided.write_text(json.dumps({**content, "searched": {"others": ["0" * 64]}}))
    (tmp_path / "compared" / "hog" / "left.txt").write_text("of the earlier model")
    compare(settings)
    assert json.loads(decided.read_text()) == content
    assert not (tmp_path / "compared" / "hog" / "left.txt").exists()


def test_a_folder_of_something_else_is_not_touched(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "compared" / "hog" / "notes.txt"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ValueError, match=r"hog is of no comparison; name another folder"):
        compare(settings_of(tiny, tmp_path / "compared"))
    assert path.read_text() == "mine"


def test_a_changed_setting_decides_only_its_own_cells(tiny: Tiny, tmp_path: Path) -> None:
    def decided(**changes: Any) -> dict[str, dict[str, Any]]:
        making = settings_of(tiny, tmp_path, **changes).making
        return {name: making.decided_by(method) for name, method in METHODS.items()}

    def changed(**changes: Any) -> set[str]:
        before, after = decided(), decided(**changes)
        return {name for name in METHODS if before[name] != after[name]}

    networks = {name for name in METHODS if name.startswith(("mobilenet", "resnet", "vgg"))}
    assert changed(vgg_weights="vgg.weights.h5") == {n for n in networks if n.startswith("vgg")}
    assert changed(delf="elsewhere") == {n for n in METHODS if n.startswith("delf")}
    assert changed(random_image_size=64) == networks | {n for n in METHODS if n.startswith("head")}
    assert changed(indexes=("pq",)) == set()


def test_weights_that_cannot_be_had_are_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def offline(name: str, weights: str) -> None:
        raise FileNotFoundError("no weights") from OSError("no network")

    monkeypatch.setattr(making_of, "build_backbone", offline)
    making_of.start_of.cache_clear()
    assert making_of.start_of("vgg16", "imagenet") == "none"
    assert "vgg16 cannot be downloaded here (no network)" in caplog.text
    making_of.start_of.cache_clear()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"methods": ("surf",)}, "--methods are of hog, .*Received: surf"),
        ({"indexes": ("tree",)}, "--indexes are of flat, .*Received: tree"),
        ({"records": ("a/city", "b/city")}, "folders whose names differ"),
        ({"epochs": 0}, "--epochs is at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tiny: Tiny, tmp_path: Path, changes: dict[str, Any], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        settings_of(tiny, tmp_path, **changes)
