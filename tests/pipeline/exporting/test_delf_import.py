import dataclasses
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

import pipeline.exporting.delf_import
from models.delf.named_function import NamedFunction
from models.delf.serving import DelfModel
from models.delf.sources import Source
from pipeline import manifest, model_folder
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.descriptors import SavedDescriptor
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.engine import Engine
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.export import Settings, export
from pipeline.exporting import serving_folder
from tests.delf_sources import FOUR_SQUARES, SOURCES, write_hub, write_tf1_archive
from tests.tiny import Tiny

# Refused at once: nothing listens there.
UNREACHABLE = "http://127.0.0.1:9/google/delf/1"


def _import(source: Path | str, model: Path, *, overwrite: bool = False) -> Path:
    return export(Settings(model=model, delf=str(source), overwrite=overwrite))


@pytest.fixture(scope="module")
def delf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TF-Hub's DELF, imported from the folder beside it."""
    root = tmp_path_factory.mktemp("delf")
    return _import(write_hub(root / "source"), root / "delf")


@pytest.fixture(scope="module")
def delg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DELG archive, likewise."""
    root = tmp_path_factory.mktemp("delg")
    return _import(SOURCES["a DELG archive"](root / "source"), root / "delg")


@pytest.mark.parametrize(
    ("name", "kind", "source_format", "local", "whole"),
    [
        ("TF-Hub's DELF", "delf", "tf_hub", 2, None),
        ("a DELF archive", "delf", "tf1_archive", 3, None),
        ("a DELG of TensorFlow 2", "delg", "tf2_archive", 3, 3),
        ("a local DELG of TensorFlow 2", "delf", "tf2_archive", 3, None),
        ("a global DELG of TensorFlow 2", "delg", "tf2_archive", None, 3),
        ("a pooled DELG of TensorFlow 2", "delg", "tf2_archive", None, 3),
    ],
    ids=list(SOURCES)[:2] + list(SOURCES)[3:],
)
def test_every_format_is_imported(
    tmp_path: Path, name: str, kind: str, source_format: str, local: int | None, whole: int | None
) -> None:
    model = _import(SOURCES[name](tmp_path / "source"), tmp_path / "model")
    described = model_folder.read_model_file(model)
    assert described["kind"] == kind
    assert described["dimension"] == (local if whole is None else whole)
    assert described.get("local_dimension") == local
    assert described["source"]["format"] == source_format
    assert described["source"]["handle"] == str(tmp_path / "source")
    assert described["fingerprint"] == model_folder.fingerprint(model)
    scales = [0.25, 0.3536, 0.5, 0.7071, 1.0, 1.4142, 2.0]
    assert described.get("local_scales") == (None if local is None else scales)
    assert described.get("scales") == (None if whole is None else [0.70710677, 1.0, 1.4142135])


def test_the_card_of_an_import_tells_how_to_use_it_and_where_it_is_from(
    delf: Path, delg: Path
) -> None:
    of_delf, of_delg = ((model / "README.md").read_text() for model in (delf, delg))
    for card, model in ((of_delf, delf), (of_delg, delg)):
        source = model_folder.read_model_file(model)["source"]
        assert f"Imported from `{source['handle']}`" in card
        assert source["fingerprint"] in card
        assert "## Training data" not in card
    assert 'model.signatures["default"]' in of_delf
    assert "| `descriptors` | float32 [n, 2], unit length |" in of_delf
    assert "serving_default" not in of_delf  # it has no such signature
    assert "| `serving_default` |" in of_delg
    assert "at most 1,024 pixels, RGB, the aspect ratio kept" in of_delg


def test_the_code_on_the_card_runs_as_it_stands(
    delf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (delf / "README.md").read_text(), re.DOTALL)
    (tmp_path / "photograph.jpg").write_bytes(tf.io.encode_jpeg(FOUR_SQUARES).numpy())
    (tmp_path / "saved_model").symlink_to(delf / "saved_model")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert re.fullmatch(r"\(\d+, 2\)\n", capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["delf", "delg"])
def test_an_import_is_published_for_serving_with_requests_for_all_its_signatures(
    kind: str, delf: Path, delg: Path, tmp_path: Path
) -> None:
    model = {"delf": delf, "delg": delg}[kind]
    handle = model_folder.read_model_file(model)["source"]["handle"]
    export(Settings(model=model, delf=handle, serve_in=tmp_path / "served"))
    version = tmp_path / "served" / "1"
    module = tf.saved_model.load(str(version))
    recorded = tf.data.TFRecordDataset(str(version / serving_folder.WARM_UP))
    asked = set()
    for one in recorded.as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(one).predict_log.request
        signature = request.model_spec.signature_name
        found = module.signatures[signature](
            **{name: tf.constant(tf.make_ndarray(it)) for name, it in request.inputs.items()}
        )
        assert all(np.isfinite(value).all() for value in found.values())
        asked.add(signature)
    assert asked == set(module.signatures)


def test_the_saved_model_needs_neither_this_code_nor_tensorflow_hub(
    delf: Path, tmp_path: Path
) -> None:
    """Its weights were reference variables, which TensorFlow 2 saves without their values."""
    np.save(tmp_path / "image.npy", (FOUR_SQUARES / 255).astype(np.float32))
    script = (
        "import sys, numpy as np, tensorflow as tf\n"
        "default = tf.saved_model.load(sys.argv[1]).signatures['default']\n"
        "found = default(image=tf.constant(np.load('image.npy')), image_scales=tf.constant([1.]),\n"
        "    score_threshold=tf.constant(15.), max_feature_num=tf.constant(9))\n"
        "print(sorted(found), found['scores'].numpy().round(2).tolist())\n"
        "ours = {'models', 'pipeline', 'tensorflow_hub'} & set(sys.modules)\n"
        "assert not ours, f'it imported {ours}'\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script, str(delf / "saved_model")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    names = ["boxes", "descriptors", "features", "locations", "scales", "scores"]
    assert finished.stdout.strip() == f"{names} [120.0, 80.0, 20.0]"


def test_a_finished_import_is_kept(delf: Path, tmp_path: Path) -> None:
    before = (delf / "model.json").stat().st_mtime_ns
    source = delf.parent / "source"
    _import(source, delf)
    moved = Path(shutil.copytree(source, tmp_path / "moved"))
    _import(moved, delf)  # the same from elsewhere
    assert (delf / "model.json").stat().st_mtime_ns == before


def test_a_finished_import_no_longer_needs_its_source(delf: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(delf, tmp_path / "model"))
    described = model_folder.read_model_file(model)
    described["source"]["handle"] = "/gone"
    manifest.write_json(model / "model.json", described)
    _import("/gone", model)
    assert model_folder.read_model_file(model) == described


def test_a_source_that_has_changed_is_refused(tmp_path: Path) -> None:
    source, model = tmp_path / "source", tmp_path / "model"
    write_tf1_archive(source, whole=False)
    before = model_folder.read_model_file(_import(source, model))
    shutil.rmtree(source)
    write_tf1_archive(source, whole=False, weights=(3.0, 2.0, 1.0))
    with pytest.raises(ValueError, match=r"was imported from .*source, .* now .*--overwrite"):
        _import(source, model)
    assert model_folder.read_model_file(model) == before
    after = model_folder.read_model_file(_import(source, model, overwrite=True))
    assert after["fingerprint"] != before["fingerprint"]
    assert after["source"]["fingerprint"] != before["source"]["fingerprint"]


def test_a_half_replaced_import_is_made_again(delf: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(delf, tmp_path / "model"))
    with (model / "saved_model" / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    _import(delf.parent / "source", model)
    described = model_folder.read_model_file(model)
    assert described["fingerprint"] == model_folder.fingerprint(model)


def test_a_trained_model_is_not_imported_over(tiny: Tiny, delf: Path, tmp_path: Path) -> None:
    source = delf.parent / "source"
    with pytest.raises(ValueError, match=r"is trained here; name another one, such as --model="):
        _import(source, tiny.model, overwrite=True)
    model = tmp_path / "model"
    shutil.copytree(tiny.model, model, ignore=shutil.ignore_patterns("training"))
    with pytest.raises(ValueError, match=r"model of the kind deep; name another folder"):
        _import(source, model)


@pytest.mark.parametrize(
    "changes",
    [{"scales": ("1", "2")}, {"flip": True}, {"whitening": "pca", "whitening_records": Path("a")}],
    ids=["scales", "flip", "whitening"],
)
def test_what_an_export_does_to_descriptions_is_refused(changes: dict[str, object]) -> None:
    (name, *_) = changes
    with pytest.raises(ValueError, match=f"--{name} has no effect with --delf"):
        Settings(model=Path("model"), delf="folder", **changes)  # type: ignore[arg-type]


def test_a_handle_that_cannot_be_reached_names_the_other_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(FileNotFoundError, match=r"cannot be fetched.*pass --delf=DIR"):
        _import(UNREACHABLE, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_handle_is_found_in_the_cache_of_tensorflow_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not fetched again, nor even looked for once it is imported."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    cached = write_hub(tmp_path / hashlib.sha1(UNREACHABLE.encode()).hexdigest())
    model = _import(UNREACHABLE, tmp_path / "model")
    assert model_folder.read_model_file(model)["source"]["handle"] == UNREACHABLE
    shutil.rmtree(cached)
    _import(UNREACHABLE, model)


def test_a_handle_no_resolver_knows_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--delf=ftp://a/b cannot be fetched"):
        _import("ftp://a/b", tmp_path / "model")


def test_a_folder_that_is_missing_tells_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is no folder.*tfhub\.dev/google/delf/1.*github"):
        _import(tmp_path / "none", tmp_path / "model")


def _spoilt(function: NamedFunction | None, output: str) -> NamedFunction | None:
    """Gives one of its outputs wrong."""
    if function is None:
        return None
    right = function.run

    def run(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        found = dict(right(given))
        return {name: found[name] + 7 if name == output else found[name] for name in found}

    return dataclasses.replace(function, run=run)


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("a DELF archive", "scores"),
        ("a DELF archive", "features"),
        ("TF-Hub's DELF", "locations"),
        ("a global DELG of TensorFlow 2", "global_descriptors"),
    ],
    ids=["scores", "features", "locations", "global"],
)
def test_a_saved_model_that_differs_from_its_source_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, output: str
) -> None:
    class Broken(DelfModel):
        def __init__(self, source: Source) -> None:
            local, whole = (_spoilt(part, output) for part in (source.local, source.whole))
            super().__init__(dataclasses.replace(source, local=local, whole=whole))

    monkeypatch.setattr(pipeline.exporting.delf_import, "DelfModel", Broken)
    with pytest.raises(ValueError, match=r"of the SavedModel differs from its source"):
        _import(SOURCES[name](tmp_path / "source"), tmp_path / "model")
    assert not (tmp_path / "model" / "saved_model").exists()


def test_descriptors_that_are_no_unit_vectors_are_refused(tmp_path: Path) -> None:
    source = write_hub(tmp_path / "source", is_unit=False)
    with pytest.raises(
        ValueError, match=r"default .* gives vectors of unit length\. Received leng"
    ):
        _import(source, tmp_path / "model")


def test_a_model_of_local_features_is_refused_where_one_vector_is_needed(
    tiny: Tiny, delf: Path
) -> None:
    for use in (
        lambda: SavedDescriptor(delf),
        lambda: embed(EmbedSettings(model=delf, records=tiny.records)),
    ):
        with pytest.raises(ValueError, match=r"no global descriptor, only local.*import a DELG"):
            use()
    assert not (delf / "embeddings").exists()


def test_a_delg_is_embedded_indexed_searched_and_scored(
    tiny: Tiny, delg: Path, caplog: pytest.LogCaptureFixture
) -> None:
    embeddings = embed(EmbedSettings(model=delg, records=tiny.records, batch_size=4))
    assert Path(embeddings).is_relative_to(delg)
    index = build_index(IndexSettings(model=delg, data=("squares",)))
    engine = Engine(index)
    photograph = sorted(tiny.photos.rglob("*.jpg"))[5]
    (best,) = engine.search(tf.io.decode_jpeg(photograph.read_bytes()).numpy(), k=1)
    assert best.similarity == pytest.approx(1, abs=1e-3)
    result = evaluate(EvaluateSettings(index=index))
    assert '"queries_trained_on": null' in result.read_text()
    assert "was trained elsewhere; whether it has learned from the queries" in caplog.text


def test_a_damaged_photograph_is_no_error_of_a_delg(delg: Path) -> None:
    with pytest.raises(ValueError, match="damaged, or no JPEG"):
        SavedDescriptor(delg).describe_files([b"text"])


def test_no_box_is_cut_out_of_the_feature_map_of_a_delg(delg: Path) -> None:
    with pytest.raises(ValueError, match="does not describe a part of its feature map: it was imp"):
        SavedDescriptor(delg).describe_region(np.zeros((9, 9, 3), np.uint8), np.array([0, 0, 1, 1]))
