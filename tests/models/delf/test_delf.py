from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.delf.global_descriptor import GlobalDescriptor
from models.delf.local_features import LocalFeatures
from models.delf.serving import DelfModel
from models.delf.sources import Source, open_source
from tests.delf_sources import (
    FOUR_SQUARES,
    GLOBAL_SOURCES,
    LOCAL_SOURCES,
    SOURCES,
    write_hub,
    write_tf1_archive,
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    """Every format, by what it is called."""
    root = tmp_path_factory.mktemp("sources")
    return {name: open_source(write(root / name)) for name, write in SOURCES.items()}


def _extract(
    source: Source, image: np.ndarray, threshold: float = 0.0, most: int = 100
) -> dict[str, np.ndarray]:
    model = LocalFeatures(source)
    found = model.default(tf.constant(image, tf.float32), tf.constant([1.0, 0.5]), threshold, most)
    return {name: tensor.numpy() for name, tensor in found.items()}


@pytest.mark.parametrize("name", LOCAL_SOURCES)
def test_local_features_are_those_of_the_source(sources: dict[str, Source], name: str) -> None:
    """Hand arithmetic: means of a square times (2, 1, .5); at half size one square is left."""
    found = _extract(sources[name], FOUR_SQUARES / 255, threshold=15.0)
    # Red means are 40, 10, 60 and 0; at half size their mean, 27.5. Twice those, above 15:
    np.testing.assert_allclose(found["scores"], [120, 80, 55, 20], atol=1e-3)
    np.testing.assert_allclose(found["features"][1], [80, 60, 40], atol=1e-3)
    np.testing.assert_array_equal(found["scales"], [1, 1, 2, 1])
    np.testing.assert_array_equal(found["boxes"][0], [8, 0, 15, 7])
    np.testing.assert_array_equal(found["boxes"][2], [0, 0, 14, 14])  # (0, 0, 7, 7) / .5
    np.testing.assert_array_equal(
        found["locations"], [[11.5, 3.5], [3.5, 3.5], [7, 7], [3.5, 11.5]]
    )
    np.testing.assert_allclose(np.linalg.norm(found["descriptors"], axis=1), 1, atol=1e-5)
    projected = [0.8, 0.6]  # (80, 60) / 100, of TF-Hub's two channels
    whole = np.array([80, 60, 40]) / np.sqrt(80**2 + 60**2 + 40**2)
    expected = projected if name == "TF-Hub's DELF" else whole
    np.testing.assert_allclose(found["descriptors"][1], expected, atol=1e-5)


@pytest.mark.parametrize("name", LOCAL_SOURCES)
def test_the_highest_scores_are_kept(sources: dict[str, Source], name: str) -> None:
    found = _extract(sources[name], FOUR_SQUARES / 255, most=2)
    np.testing.assert_allclose(found["scores"], [120, 80], atol=1e-3)


@pytest.mark.parametrize("name", LOCAL_SOURCES)
@pytest.mark.parametrize(
    ("shape", "threshold"),
    [((40, 33), 1e6), ((9, 40), 0.0), ((40, 9), 0.0), ((1, 1), 0.0)],
    ids=["nothing scores", "flat", "narrow", "one pixel"],
)
def test_nothing_found_is_an_empty_answer(
    sources: dict[str, Source], name: str, shape: tuple[int, int], threshold: float
) -> None:
    found = _extract(sources[name], np.full((*shape, 3), 0.5), threshold)
    dimension = LocalFeatures(sources[name]).dimension
    assert dimension == (2 if name == "TF-Hub's DELF" else 3)
    assert {key: values.shape for key, values in found.items()} == {
        "locations": (0, 2),
        "descriptors": (0, dimension),
        "boxes": (0, 4),
        "features": (0, 3),
        "scales": (0,),
        "scores": (0,),
    }


def test_an_archive_of_late_tensorflow_1_is_read_alike(
    sources: dict[str, Source], tmp_path: Path
) -> None:
    late = open_source(write_tf1_archive(tmp_path / "late", whole=True, is_late=True))
    image = FOUR_SQUARES / 255
    before, after = _extract(sources["a DELG archive"], image), _extract(late, image)
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, atol=1e-5)
    DelfModel(late).save(tmp_path / "saved")
    kaggle = tf.saved_model.load(str(tmp_path / "saved")).signatures["kaggle"]
    photograph = tf.constant(np.tile(np.array([40, 60, 80], np.uint8), (20, 30, 1)))
    expected = np.array([80, 60, 40]) / np.sqrt(80**2 + 60**2 + 40**2)
    found = kaggle(input_image=photograph)["global_descriptor"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["TF-Hub's DELF", "a DELG archive"])
def test_the_weights_of_tensorflow_1_are_kept_once(sources: dict[str, Source], name: str) -> None:
    """Not as a constant of every function."""
    (kernel,) = sources[name].holds
    np.testing.assert_allclose(kernel[:, :, 0, 0], np.full((8, 8), 2 / 64))


def test_an_image_of_ten_pixels_is_not_too_small(sources: dict[str, Source]) -> None:
    assert len(_extract(sources["a DELF archive"], np.full((10, 10, 3), 0.5))["scores"])


def test_an_archive_sees_the_nearest_of_its_256_levels(sources: dict[str, Source]) -> None:
    """A level a little off, up or down, is still that level: its score is twice the level."""
    levels = np.arange(256) + np.tile([0.4, -0.4], 128)
    image = np.kron(levels[:, None, None], np.ones((8, 16, 3))) / 255
    model = LocalFeatures(sources["a DELF archive"])
    found = model.default(tf.constant(image, tf.float32), tf.constant([1.0]), -1.0, 1000)
    found_levels = np.unique(found["scores"].numpy().round(3)) / 2
    np.testing.assert_array_equal(found_levels, np.arange(256))


@pytest.mark.parametrize("name", GLOBAL_SOURCES)
def test_a_photograph_of_one_colour_has_that_descriptor(
    sources: dict[str, Source], name: str
) -> None:
    """(40, 60, 80) gives (80, 60, 40) at every scale: whatever the sum, its direction stays."""
    images = tf.constant(np.tile(np.array([40, 60, 80], np.uint8), (2, 64, 48, 1)))
    model = GlobalDescriptor(sources[name])
    assert model.dimension == 3
    expected = np.array([80, 60, 40]) / np.sqrt(80**2 + 60**2 + 40**2)
    found = model.pixels(images)["global_descriptor"]
    np.testing.assert_allclose(found, [expected, expected], atol=1e-5)
    np.testing.assert_allclose(model.kaggle(images[0])["global_descriptor"], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["a DELG archive", "a global DELG of TensorFlow 2"])
def test_every_scale_counts_alike(sources: dict[str, Source], name: str) -> None:
    """Against a loop: each scale to unit length, then the sum."""
    source = sources[name]
    assert source.whole is not None
    image = np.random.default_rng(0).integers(0, 256, (45, 70, 3), np.uint8)
    rows = []
    for scale in (0.70710677, 1.0, 1.4142135):
        given = {
            "input_image": tf.constant(image),
            "input_scales": tf.constant([scale]),
            "input_global_scales_ind": tf.constant([0]),
            "input_abs_thres": tf.constant(0.0),
            "input_max_feature_num": tf.constant(1),
        }
        (row,) = source.whole(given)["global_descriptors"].numpy()
        rows.append(row / np.linalg.norm(row))
    expected = sum(rows) / np.linalg.norm(sum(rows))
    model = GlobalDescriptor(source)
    found = model.kaggle(tf.constant(image))["global_descriptor"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["a DELG archive", "a DELG of TensorFlow 2"])
def test_photographs_of_one_batch_may_differ_in_size(sources: dict[str, Source], name: str) -> None:
    model = GlobalDescriptor(sources[name])
    random = np.random.default_rng(0)
    shapes = [(40, 30), (17, 90), (64, 64)]
    images = [random.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes]
    files = tf.stack([tf.io.encode_png(image) for image in images])
    together = model.serving_default(files)["global_descriptor"]
    alone = [model.kaggle(tf.constant(image))["global_descriptor"] for image in images]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    prepared = (
        tf.data.Dataset.from_tensor_slices(files).map(model.prepare).batch(3).get_single_element()
    )
    described = model.describe_prepared(prepared)["global_descriptor"]
    np.testing.assert_array_equal(described, together)


@pytest.mark.parametrize(
    ("shape", "seen"),
    [((1030, 515), (1024, 512)), ((3, 2048), (10, 1024)), ((1024, 700), (1024, 700))],
    ids=["large", "a strip", "not large"],
)
def test_a_large_photograph_is_reduced_as_pillow_reduces_it(
    sources: dict[str, Source], shape: tuple[int, int], seen: tuple[int, int]
) -> None:
    """Those of 1,024 pixels are left alone, and none is narrower than 10."""
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    model = GlobalDescriptor(sources["a global DELG of TensorFlow 2"])
    prepared = model.prepare(tf.io.encode_png(image))
    found = tf.io.parse_tensor(prepared, tf.uint8).numpy()
    resized = Image.fromarray(image).resize(seen[::-1], Image.Resampling.BILINEAR)
    assert found.shape == (*seen, 3)
    assert np.abs(found.astype(int) - np.array(resized)).max() <= 1


@pytest.mark.parametrize(
    ("name", "kind", "signatures"),
    [
        ("TF-Hub's DELF", "delf", ["default"]),
        ("a local DELG of TensorFlow 2", "delf", ["default"]),
        ("a DELG archive", "delg", ["default", "kaggle", "pixels", "serving_default"]),
        ("a pooled DELG of TensorFlow 2", "delg", ["kaggle", "pixels", "serving_default"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_model_has_the_signatures_of_what_it_can_do(
    sources: dict[str, Source], tmp_path: Path, name: str, kind: str, signatures: list[str]
) -> None:
    model = DelfModel(sources[name])
    assert model.kind == kind
    model.save(tmp_path / "saved")
    assert sorted(tf.saved_model.load(str(tmp_path / "saved")).signatures) == signatures


def test_what_a_model_lacks_is_not_wrapped(sources: dict[str, Source]) -> None:
    with pytest.raises(ValueError, match="local features is expected"):
        LocalFeatures(sources["a global DELG of TensorFlow 2"])
    with pytest.raises(ValueError, match="global descriptor is expected"):
        GlobalDescriptor(sources["a DELF archive"])


def test_a_saved_model_of_local_features_can_be_a_source_again(
    sources: dict[str, Source], tmp_path: Path
) -> None:
    """It has TF-Hub's signature, though TensorFlow 2 wrote it."""
    DelfModel(sources["a DELF archive"]).save(tmp_path / "saved")
    again = open_source(tmp_path / "saved")
    assert again.format == "tf_hub"
    image = FOUR_SQUARES / 255
    before, after = _extract(sources["a DELF archive"], image), _extract(again, image)
    for key, values in before.items():
        np.testing.assert_allclose(after[key], values, atol=1e-5)


def test_another_saved_model_is_refused(tmp_path: Path) -> None:
    module = tf.Module()
    module.call = tf.function(
        lambda x: {"y": x}, input_signature=[tf.TensorSpec([], tf.float32, name="x")]
    )
    tf.saved_model.save(module, str(tmp_path), signatures={"other": module.call})
    with pytest.raises(ValueError, match=r"is no DELF or DELG.*input_image.*Received.*other"):
        open_source(tmp_path)


def test_an_archive_for_training_is_refused(tmp_path: Path) -> None:
    write_tf1_archive(tmp_path / "archive", whole=False, tag="train")
    with pytest.raises(ValueError, match=r"no graph tagged serve.*Received: \[\['train'\]\]"):
        open_source(tmp_path / "archive")


def test_a_folder_without_a_saved_model_names_where_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"saved_model\.pb is missing.*sub-folder model/"):
        open_source(tmp_path)


def test_a_damaged_saved_model_is_a_clear_error(tmp_path: Path) -> None:
    write_hub(tmp_path / "hub")
    (tmp_path / "hub" / "saved_model.pb").write_bytes(b"<html>403</html>")
    with pytest.raises(ValueError, match=r"saved_model\.pb is damaged"):
        open_source(tmp_path / "hub")
