"""Over HOG, which needs no training; what decides the other cells is asked of the recipe."""

import dataclasses
import hashlib
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import compare as stage
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.compare import Settings, compare, main
from pipeline.comparing import cells, markers
from pipeline.comparing import recipe as recipe_of
from pipeline.comparing.methods import METHODS, Words
from tests.tiny import Tiny, write_photographs

METHODS_COMPARED = ("hog", "delf-asmk-5000")


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
    """HOG with two kinds of index, a third that takes more photographs, and DELF, nowhere."""
    output = tmp_path_factory.mktemp("comparisons") / "squares"
    nowhere = str(output / "nowhere")
    settings = settings_of(
        tiny, output, methods=METHODS_COMPARED, indexes=("flat", "lsh", "fastscan"), delf=nowhere
    )
    compare(settings)
    return settings


def replaced(settings: Settings, **changes: Any) -> Settings:
    return dataclasses.replace(settings, **changes)


def run(command: str) -> None:
    """Runs what a row tells, as the shell would read it."""
    flags = dict(word[2:].split("=", 1) for word in shlex.split(command)[3:])
    tuples = {name: tuple(flags.pop(name).split(",")) for name in ("records", "methods", "indexes")}
    output = Path(flags.pop("output"))
    compare(Settings(output=output, **tuples, **flags))  # type: ignore[arg-type]


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
    assert flat["queries_trained_on"] == flat["landmarks_trained_on"] == 0
    assert flat["image_size"] is None, "it is no network"
    took = {row["extraction_milliseconds"] for row in rows}
    assert len(took) == 1, "measured once a model"


def test_what_cannot_be_made_is_listed_with_the_reason(
    compared: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = told(compared)["missing"]
    assert missing.keys() == {"delf-asmk-5000", "hog, fastscan"}
    assert "nowhere" in missing["delf-asmk-5000"]
    assert "the kind fastscan is built of" in missing["hog, fastscan"]
    main(compared)
    said = capsys.readouterr().out
    assert "delf-asmk-5000 was not made: " in said
    assert "hog, fastscan was not made: " in said
    low, high = told(compared)["rows"][0]["intervals"]["mAP"]
    assert f"({low:.3f} to {high:.3f})" in said


def test_a_cell_that_fails_does_not_lose_the_others(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(settings: Any) -> Path:
        if settings.kind == "lsh":
            raise ValueError("too large.\nDetails.")
        return build_index(settings)

    monkeypatch.setattr(stage, "build_index", failing)
    settings = settings_of(tiny, tmp_path / "compared")
    compare(settings)
    assert [row["index"] for row in told(settings)["rows"]] == ["flat"]
    assert told(settings)["missing"] == {"hog, lsh": "too large."}


def test_the_command_of_a_row_makes_that_row(compared: Settings) -> None:
    for row in told(compared)["rows"]:
        words = shlex.split(row["command"])
        assert words[:3] == ["python", "-m", "pipeline.compare"]
        assert "--methods=hog" in words
        assert f"--indexes={row['index']}" in words
        assert f"--output={compared.output}" in words


def test_the_command_of_a_row_keeps_the_table(compared: Settings) -> None:
    before = told(compared)
    for row in before["rows"]:
        run(row["command"])
        assert told(compared) == before


def test_the_command_of_a_method_keeps_the_rows_of_others(
    compared: Settings, tmp_path: Path
) -> None:
    before = told(compared)
    with pytest.raises(ValueError, match=r"Nothing was made to compare: .*nowhere"):
        compare(replaced(compared, methods=("delf-asmk-5000",), output=tmp_path))
    compare(replaced(compared, methods=("delf-asmk-5000",), indexes=("flat",)))
    assert told(compared) == before


def test_rows_of_what_is_made_of_something_else_now_are_left_out_and_said(
    tiny: Tiny, compared: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = Path(shutil.copytree(compared.output, tmp_path / "squares"))
    (output / "hog" / markers.SEARCHED).write_text(json.dumps({"searched": [["0" * 64]]}))
    settings = settings_of(tiny, output, methods=("delf-asmk-5000",), delf=str(output / "nowhere"))
    with pytest.raises(ValueError, match="Nothing was made"):
        compare(settings)
    assert "The rows of hog are left out: its model was made of something else" in caplog.text
    assert (output / "hog" / "cells" / "flat.json").is_file(), "nothing is removed"


def test_a_cell_is_made_again_when_asked_to_be(compared: Settings, tmp_path: Path) -> None:
    output = Path(shutil.copytree(compared.output, tmp_path / "squares"))
    settings = replaced(
        compared, output=output, methods=("hog",), indexes=("flat",), overwrite=True
    )
    paths = {kind: cells.path_of(output / "hog", kind) for kind in ("flat", "lsh")}
    for path in paths.values():
        path.write_text(json.dumps({**json.loads(path.read_text()), "build_seconds": -1.0}))
    compare(settings)
    rows = {row["index"]: row for row in told(settings)["rows"]}
    assert rows["flat"]["build_seconds"] >= 0
    assert rows["lsh"]["build_seconds"] == -1.0, "it was not asked for"
    assert "--overwrite" not in rows["flat"]["command"]


def test_a_cell_of_an_earlier_version_is_made_again(
    compared: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = Path(shutil.copytree(compared.output, tmp_path / "squares"))
    path = cells.path_of(output / "hog", "flat")
    row = json.loads(path.read_text())
    path.write_text(json.dumps({name: row[name] for name in row if name != "image_size"}))
    compare(replaced(compared, output=output))
    assert "is of another version, which differs in image_size" in caplog.text
    assert json.loads(path.read_text()).keys() == row.keys()


def test_records_without_pairs_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", landmarks=3, photographs=1)
    records = build_records(RecordSettings(photos=tmp_path / "photos", output=tmp_path / "records"))
    output = tmp_path / "compared"
    with pytest.raises(ValueError, match="cannot be scored: no landmark has two photographs"):
        compare(Settings(records=(str(records),), output=output, methods=("hog",)))
    assert not output.exists()


def test_finished_cells_are_kept(compared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = told(compared)

    def never(*_: object) -> None:
        raise AssertionError("a finished cell was made again")

    for name in ("evaluate", "build_index"):
        monkeypatch.setattr(stage, name, never)
    compare(compared)
    assert told(compared) == before


def test_a_model_of_something_else_is_made_anew(tiny: Tiny, tmp_path: Path) -> None:
    settings = settings_of(tiny, tmp_path / "compared", indexes=("flat",))
    compare(settings)
    decided = tmp_path / "compared" / "hog" / markers.FILE
    content = json.loads(decided.read_text())
    decided.write_text(json.dumps({**content, "method": {"other": 1}}))
    (tmp_path / "compared" / "hog" / "left.txt").write_text("of the earlier model")
    compare(settings)
    assert json.loads(decided.read_text()) == content
    assert not (tmp_path / "compared" / "hog" / "left.txt").exists()


def test_other_records_to_search_make_cells_anew_of_the_same_model(
    tiny: Tiny, tmp_path: Path
) -> None:
    method = "sift-tfidf-200"
    settings = settings_of(tiny, tmp_path / "compared", methods=(method, "hog"), indexes=("flat",))
    settings = dataclasses.replace(settings, training=tiny.records)
    compare(settings)
    write_photographs(tmp_path / "photos", landmarks=2, photographs=3, seed=7)
    more = build_records(
        RecordSettings(photos=tmp_path / "photos", output=tmp_path / "more", split=("index",))
    )
    model = tmp_path / "compared" / method / "model.json"
    words = model.stat().st_mtime_ns
    wider = dataclasses.replace(settings, records=(*settings.records, str(more)))
    compare(wider)
    assert model.stat().st_mtime_ns == words
    rows = told(wider)["rows"]
    assert len(rows) == 2
    for row in rows:
        index = tmp_path / "compared" / row["method"] / "indexes"
        assert [one.name for one in index.iterdir()] == [f"squares+more-{row['index']}"]


def test_a_path_decides_nothing(
    tiny: Tiny, compared: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a copy of the records elsewhere nor another way to write a path."""
    before = told(compared)
    copy = Path(shutil.copytree(tiny.records, tmp_path / tiny.records.name))
    monkeypatch.chdir(tmp_path)
    for name in ("evaluate", "build_index"):
        monkeypatch.setattr(stage, name, None)
    compare(replaced(compared, records=(copy.name,)))
    assert told(compared)["rows"] == before["rows"]


def test_weights_decide_by_what_is_in_them(tiny: Tiny, tmp_path: Path) -> None:
    one, two, other = (tmp_path / f"{name}.weights.h5" for name in ("one", "two", "other"))
    for path, content in ((one, b"same"), (two, b"same"), (other, b"else")):
        path.write_bytes(content)
    first, second, third = (
        settings_of(tiny, tmp_path, vgg_weights=str(path)).recipe.decided_by(
            METHODS["vgg16-gem-triplet"]
        )
        for path in (one, two, other)
    )
    assert first == second != third
    assert first["start"] == hashlib.sha256(b"same").hexdigest()


def test_delf_decides_by_what_is_in_its_folder(tiny: Tiny, tmp_path: Path) -> None:
    def decided(handle: str) -> object:
        settings = settings_of(tiny, tmp_path, delf=handle)
        return settings.recipe.decided_by(METHODS["delf-asmk-5000"])["delf"]

    for name, content in (("one", b"same"), ("two", b"same"), ("other", b"else")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_bytes(content)
    one, two, other = (decided(str(tmp_path / name)) for name in ("one", "two", "other"))
    assert one == two != other
    assert decided("https://hub/delf/1") == "https://hub/delf/1"


def test_a_finished_network_of_imagenet_is_kept_offline(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = METHODS["mobilenet_v2-gem-triplet"]
    recipe = settings_of(tiny, tmp_path, mobilenet_weights="imagenet").recipe
    folder = tmp_path / method.name
    with monkeypatch.context() as online:
        online.setattr(recipe_of, "start_of", lambda _, weights: weights)
        assert recipe.model(method) == folder
    monkeypatch.setattr(recipe_of, "start_of", lambda *_: "none")
    assert recipe.decided_by(method)["start"] == "none", "it is not finished"
    (folder / "model.json").write_text("{}")
    assert recipe.model(method) == folder
    assert (folder / "model.json").is_file()
    assert recipe.start_name(method) == "ImageNet"
    assert recipe.image_size_of(method) == 224
    assert recipe.start_name(METHODS["head-asmk-5000"]) == "ImageNet", "it stands on the same"
    assert recipe.has(method)


def test_a_folder_of_something_else_is_not_touched(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "compared" / "hog" / "notes.txt"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ValueError, match=r"hog is of no comparison; name another folder"):
        compare(settings_of(tiny, tmp_path / "compared"))
    assert path.read_text() == "mine"


def test_a_changed_setting_decides_only_its_own_cells(tiny: Tiny, tmp_path: Path) -> None:
    def decided(**changes: Any) -> dict[str, dict[str, Any]]:
        recipe = settings_of(tiny, tmp_path, **changes).recipe
        return {name: recipe.decided_by(method) for name, method in METHODS.items()}

    def changed(**changes: Any) -> set[str]:
        before, after = decided(), decided(**changes)
        return {name for name in METHODS if before[name] != after[name]}

    networks = {name for name in METHODS if name.startswith(("mobilenet", "resnet", "vgg"))}
    weights = tmp_path / "vgg.weights.h5"
    weights.write_bytes(b"weights")
    assert changed(vgg_weights=str(weights)) == {n for n in networks if n.startswith("vgg")}
    assert changed(delf="elsewhere") == {n for n in METHODS if n.startswith("delf")}
    assert changed(random_image_size=64) == networks | {n for n in METHODS if n.startswith("head")}
    assert changed(indexes=("pq",)) == set()


def test_vlad_is_projected_where_enough_photographs_teach_it(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = settings_of(tiny, tmp_path).recipe
    vlad = Words(extractor="sift", aggregation="vlad", words=64)
    assert recipe.projected(vlad) is None
    monkeypatch.setattr(recipe_of, "open_records", lambda *_: range(768))
    assert recipe.projected(vlad) == 512
    assert recipe.projected(dataclasses.replace(vlad, aggregation="asmk")) is None


def test_weights_that_cannot_be_had_are_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def offline(name: str, weights: str) -> None:
        raise FileNotFoundError("no weights") from OSError("no network")

    monkeypatch.setattr(recipe_of, "build_backbone", offline)
    recipe_of.start_of.cache_clear()
    assert recipe_of.start_of("vgg16", "imagenet") == "none"
    assert "vgg16 cannot be downloaded here (no network)" in caplog.text
    recipe_of.start_of.cache_clear()


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
