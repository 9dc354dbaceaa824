"""HOG as a model folder, from photographs to scores."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from models import hog
from pipeline import model_folder
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.descriptors import describe_part, open_descriptor
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings import files
from pipeline.engine import Engine
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.export import Settings, export
from pipeline.manifest import read_json, remove
from tests.tiny import Tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Settings(model=tmp_path_factory.mktemp("exported") / "hog", classical="hog"))


def test_photographs_are_described_indexed_searched_and_scored(model: Path, tiny: Tiny) -> None:
    folder = Path(embed(EmbedSettings(model=model, records=tiny.records, batch_size=3)))
    embedded = files.read_embeddings([folder])
    assert embedded.vectors.shape == (24, hog.DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(embedded.vectors, axis=1), 1, atol=1e-5)
    for kind in ("flat", "hnsw"):
        index = build_index(IndexSettings(model=model, data=("squares",), kind=kind))
        engine = Engine(index)
        for row in (3, 17):
            photograph = engine.photographs(
                engine.collection.keys_of([embedded.metadata["id"][row].as_py()])
            )[0]
            found = engine.search(photograph.read_image(), 3)
            assert found[0].photograph.id == photograph.id
            assert found[0].similarity > 0.99
    scored = read_json(evaluate(EvaluateSettings(index=index)), "")
    assert scored["queries_trained_on"] == 0
    assert scored["scores"]["recall@1"] > 0.3
    assert "Histograms of oriented gradients" in (model / "README.md").read_text()


@pytest.mark.parametrize("kind", ["hog", "sift"])
def test_a_damaged_model_tells_what_makes_it_and_that_does(kind: str, tmp_path: Path) -> None:
    settings = Settings(model=tmp_path / "model", classical=kind)  # type: ignore[arg-type]
    command = f"python -m pipeline.export --classical={kind} --model={tmp_path / 'model'}"
    whole = model_folder.fingerprint(export(settings))
    for name in ("parts", "model.json"):
        remove(tmp_path / "model" / name)
        with pytest.raises(FileNotFoundError, match=f"make it with `{command}`"):
            model_folder.require_own_files(
                tmp_path / "model", model_folder.read_model_file(tmp_path / "model")
            )
        assert model_folder.fingerprint(export(settings)) == whole
    (tmp_path / "model" / "parts" / "settings.json").write_text("{")
    with pytest.raises(ValueError, match=f"make the model again with `{command} --overwrite`"):
        model_folder.require_own_files(
            tmp_path / "model", model_folder.read_model_file(tmp_path / "model")
        )


@pytest.mark.parametrize("sides", [(20, 20), (5000, 6000), (40, 48)])
def test_every_way_in_gives_the_same(model: Path, sides: tuple[int, int]) -> None:
    descriptor: Any = open_descriptor(model)
    noise = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    image = tf.image.resize(noise, sides, method="nearest").numpy()
    encoded = tf.io.encode_png(image).numpy()
    of_image = descriptor.describe_images(image[None])
    np.testing.assert_allclose(descriptor.describe_files([encoded]), of_image, atol=1e-6)
    prepared = descriptor.prepare(tf.constant(encoded))
    np.testing.assert_allclose(descriptor.describe_prepared(prepared[None]), of_image, atol=1e-6)
    assert len(descriptor.describe_files([])) == len(descriptor.none()) == 0


def test_a_blank_wall_is_like_nothing_and_what_is_damaged_is_told(model: Path) -> None:
    descriptor: Any = open_descriptor(model)
    blank = np.full((2, 30, 40, 3), 200, np.uint8)
    blank[1] = np.random.default_rng(0).integers(0, 256, blank[1].shape)
    wall, noise = descriptor.describe_images(blank)
    assert np.linalg.norm(wall) == pytest.approx(1, abs=1e-5)
    assert abs(wall @ noise) < 0.1
    with pytest.raises(ValueError, match="A photograph is damaged"):
        descriptor.describe_files([b"text"])


def test_a_box_cannot_be_cut_out_of_a_feature_map(model: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    by_default = describe_part(open_descriptor(model), image, (0, 0, 9, 9), "auto")
    of_part = open_descriptor(model).describe_images(image[None, :9, :9])
    np.testing.assert_array_equal(by_default, of_part)
    with pytest.raises(ValueError, match="no network and has no feature map; pass --box_from=ph"):
        describe_part(open_descriptor(model), image, (0, 0, 9, 9), "feature_map")


def test_the_folder_is_kept_or_refused(model: Path, tiny: Tiny, tmp_path: Path) -> None:
    """Made again it is the same; a network's folder is not written over."""
    before = model_folder.read_model_file(model)
    export(Settings(model=model, classical="hog"))
    assert model_folder.read_model_file(model) == before
    assert before["fingerprint"] == model_folder.fingerprint(model)
    with pytest.raises(ValueError, match="is the folder of a network"):
        export(Settings(model=tiny.model, classical="hog"))
    with pytest.raises(ValueError, match=r"made with other settings.*hog.*sift"):
        export(Settings(model=model, classical="sift"))
    copy = Path(shutil.copytree(model, tmp_path / "copy"))
    (copy / "parts" / "settings.json").write_text("{}")
    with pytest.raises(ValueError, match=r"copy/parts has the fingerprint"):
        open_descriptor(copy)
    export(Settings(model=copy, classical="hog"))
    assert open_descriptor(copy).fingerprint == before["fingerprint"]


@pytest.mark.parametrize("other", [{"delf": "x"}, {"flip": True}, {"variant": "plain"}])
def test_flags_of_networks_have_no_effect(tmp_path: Path, other: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="has no effect with --"):
        Settings(model=tmp_path, classical="hog", **other)  # type: ignore[arg-type]
