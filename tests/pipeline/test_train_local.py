"""From a trained model to one that finds local features, too."""

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from models.local import head
from models.siamese import load_network
from pipeline import model_folder
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.data.synthetic_city import CitySettings, render_photograph
from pipeline.descriptors import SavedDescriptor
from pipeline.export import export
from pipeline.local_features.extractor import open_extractor
from pipeline.train_local import Settings, train_local
from tests.tiny import Tiny, tiny_export

CITY = CitySettings(landmarks=1, photographs_per_landmark=1, size=256)


def settings_of(tiny: Tiny, output: Path, **changes: object) -> Settings:
    settings = Settings(
        model=tiny.model,
        records=tiny.records,
        output=output,
        stage=3,
        local_dimension=16,
        image_size=64,
        landmarks_per_batch=3,
        photographs_per_landmark=2,
        epochs=2,
    )
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def local(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("exported") / "local"
    train_local(settings_of(tiny, output))
    return export(tiny_export(output))


def test_the_global_descriptor_stays_to_the_bit(tiny: Tiny, local: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    before = load_network(tiny.model / "training" / "network.keras")
    after = head.global_network(load_network(local / "training" / "network.keras"))
    np.testing.assert_array_equal(before(images), after(images))


def test_photographs_are_described_as_before(tiny: Tiny, local: Path) -> None:
    photograph = next(tiny.photos.rglob("*.jpg")).read_bytes()
    descriptors = [SavedDescriptor(model) for model in (tiny.model, local)]
    before, after = (one.describe_files([photograph]) for one in descriptors)
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_what_it_learns_from_lies_in_its_folder(tiny: Tiny, local: Path) -> None:
    training = json.loads((local / "training" / "training.json").read_text())
    losses = [row["loss"] for row in training["epochs"][1:]]
    assert losses[-1] < losses[0]
    assert training["beneath"]["settings"]["backbone"] == "small"
    learned = model_folder.learned_contents(local)
    assert np.isin(model_folder.learned_contents(tiny.model), learned).all()
    card = (local / "README.md").read_text()
    assert "backbone | small" in card
    assert "The local head learned from" in card
    assert 'model.signatures["default"]' in card


def test_the_signatures_are_delfs_and_those_of_every_model(local: Path) -> None:
    loaded = tf.saved_model.load(str(local / "saved_model"))
    named = {"default", "serving_default", "pixels", "kaggle", "region"}
    assert set(loaded.signatures) == named
    image = render_photograph(CITY, 0, 0)
    found = loaded.signatures["default"](
        image=tf.constant(image, tf.float32) / 255,
        image_scales=tf.constant([0.7071, 1.0]),
        score_threshold=tf.constant(0.0),
        max_feature_num=tf.constant(50),
    )
    shapes = {name: values.shape.as_list() for name, values in found.items()}
    assert shapes == {
        **{"locations": [50, 2], "descriptors": [50, 16], "boxes": [50, 4]},
        **{"scales": [50], "scores": [50]},
    }
    np.testing.assert_allclose(np.linalg.norm(found["descriptors"], axis=1), 1, rtol=1e-5)
    scores = found["scores"].numpy()
    assert np.all(np.diff(scores) <= 0)
    scales = 1 / found["scales"].numpy()
    assert np.isclose(scales[:, None], [0.7071, 1.0]).any(axis=1).all()


def test_features_move_as_the_photograph_does(local: Path) -> None:
    """A known homography: features that match lie where it takes them, on average to the pixel."""
    extractor = open_extractor(local)
    image = render_photograph(CITY, 0, 0)
    corners = np.array([[0, 0], [255, 0], [255, 255], [0, 255]], np.float32)
    moved = np.array([[12, 5], [240, 14], [250, 244], [6, 250]], np.float32)
    homography = cv2.getPerspectiveTransform(corners, moved)
    before = extractor.extract(image)
    after = extractor.extract(cv2.warpPerspective(image, homography, (256, 256)))
    similarities = before.descriptors @ after.descriptors.T
    nearest = similarities.argmax(axis=1)
    is_mutual = similarities.argmax(axis=0)[nearest] == np.arange(len(before))
    points = before.locations[is_mutual][:, ::-1]
    expected = cv2.perspectiveTransform(points[None], homography)[0]
    errors = after.locations[nearest[is_mutual]][:, ::-1] - expected
    near = np.abs(errors).max(axis=1) < 16  # within two positions of the map
    assert near.sum() > 50
    np.testing.assert_allclose(errors[near].mean(axis=0), 0, atol=1.5)


def test_other_scales_are_another_extractor(local: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    described = json.loads((local / "model.json").read_text())
    (other / "model.json").write_text(json.dumps({**described, "local_scales": [1.0]}))
    assert open_extractor(other).fingerprint != open_extractor(local).fingerprint


def test_a_model_that_was_trained_anew_is_told_of(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, output = tmp_path / "model", tmp_path / "output"
    shutil.copytree(tiny.model / "training", model / "training")
    settings = settings_of(tiny, output, model=model, epochs=0)
    train_local(settings)
    path = model / "training" / "training.json"
    path.write_text(path.read_text().replace('"best_epoch"', '"other": 1, "best_epoch"'))
    with caplog.at_level(logging.WARNING):
        train_local(settings)
    assert "has been trained anew since; this network builds on what it was" in caplog.text
    (output / "training" / "training.json").unlink()
    with pytest.raises(ValueError, match="or the model that this one builds on, have changed"):
        train_local(settings)


def test_jointly_the_backbone_learns_too(tiny: Tiny, tmp_path: Path) -> None:
    of_records = RecordSettings(
        photos=tiny.photos, output=tmp_path / "records", validation_fraction=0
    )
    records = build_records(of_records)  # nothing is held out, so the last epoch is kept
    settings = settings_of(tiny, tmp_path, records=records, jointly=True, epochs=1)
    output = train_local(settings)
    before = load_network(tiny.model / "training" / "network.keras")
    after = head.global_network(load_network(output / "network.keras"))
    kernels = [
        [weight.numpy() for weight in network.trainable_weights] for network in (before, after)
    ]
    assert not all(map(np.array_equal, *kernels))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": 5}, "--stage is 3 or 4. Received: 5"),
        ({"local_dimension": 0}, "--local_dimension is at least 1"),
        ({"batches": "pairs", "photographs_per_landmark": 4}, "A local head learns from landmarks"),
        ({"loss": "arcface"}, r"--loss has no effect with a backbone that stays; pass --jointly"),
        ({"output": "model"}, r"holds the model itself; name another folder, such as .*-local"),
        ({"model": "nowhere"}, r"training.json is missing; make it with `python -m pipeline.train"),
        ({"local_dimension": 4096}, r"--local_dimension is below \d+, the channels of stage 3"),
    ],
)
def test_what_cannot_be_is_refused(
    tiny: Tiny, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    places = {"model": tiny.model, "nowhere": tmp_path / "nowhere"}
    changes = {
        name: places[str(value)] if name in ("output", "model") else value
        for name, value in changes.items()
    }
    changes = {"output": tmp_path / "output", **changes}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        train_local(settings_of(tiny, **changes))  # type: ignore[arg-type]


def test_a_head_on_a_head_is_refused(tiny: Tiny, local: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a local head already"):
        train_local(settings_of(tiny, tmp_path / "output", model=local))


def test_scales_of_features_that_there_are_none_of_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny.model / "training", model / "training")
    with pytest.raises(ValueError, match=r"--local_scales has no effect: .* has no local head"):
        export(tiny_export(model, local_scales=("1",)))
    with pytest.raises(ValueError, match="--local_scales are numbers above 0"):
        tiny_export(model, local_scales=("0",))
