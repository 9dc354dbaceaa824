from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.preprocessing import load_photograph, resize
from models.serving import ServingModel, Views, aggregate

SIZE = 32
THREE = Views(scales=(1.0, 1.5, 2.0))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Eight components, some below zero, that depend on where the edges are."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Conv2D(8, 5, strides=3)(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("tanh")(x))
    return keras.Model(images, keras.layers.UnitNormalization()(x))


def photographs(count: int, height: int = 70, width: int = 53) -> np.ndarray:
    """Coarse enough to survive resizing."""
    coarse = np.random.default_rng(count).integers(0, 256, (count, 10, 10, 3), np.uint8)
    return tf.image.resize(coarse, (height, width), "nearest").numpy()


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def whitening(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(8, 5)).astype(np.float32),
        generator.normal(size=8).astype(np.float32),
    )


def described(model: ServingModel, images: np.ndarray) -> np.ndarray:
    return model.pixels(tf.constant(images))["global_descriptor"].numpy()


def test_one_view_gives_what_the_network_gives_bit_for_bit(network: keras.Model) -> None:
    images = photographs(3)
    alone = tf.function(lambda batch: network(batch, training=False))
    expected = alone(resize(tf.constant(images), SIZE)).numpy()
    np.testing.assert_array_equal(described(ServingModel(network, SIZE), images), expected)


@pytest.mark.parametrize("power", [1.0, 3.0])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_scales_and_mirror_images_match_a_loop(
    network: keras.Model, batch: int, flip: bool, power: float
) -> None:
    views = Views(scales=(2.0, 1.0, 1.5), flip=flip, power=power)
    images = photographs(batch)
    expected = []
    for image in images:
        total = np.zeros(8)
        for side in (32, 48, 64):
            seen = resize(tf.constant(image), side).numpy()
            for one in [seen, seen[:, ::-1]] if flip else [seen]:
                (vector,) = network(one[None], training=False).numpy().astype(float)
                total += np.sign(vector) * np.abs(vector) ** power
        expected.append(unit(np.sign(total) * np.abs(total) ** (1 / power)))
    found = described(ServingModel(network, SIZE, views), images)
    np.testing.assert_allclose(found, expected, atol=1e-4 if power == 3 else 1e-5)


def test_a_mirror_image_is_described_as_the_photograph_is(network: keras.Model) -> None:
    images = photographs(2)
    model = ServingModel(network, SIZE, Views(flip=True))
    mirrored = described(model, images[:, :, ::-1])
    np.testing.assert_allclose(mirrored, described(model, images), atol=1e-5)
    plain = ServingModel(network, SIZE)
    assert np.abs(described(plain, images[:, :, ::-1]) - described(plain, images)).max() > 1e-3


@pytest.mark.parametrize("views", [Views(), THREE])
def test_whitening_comes_last(network: keras.Model, views: Views) -> None:
    projection, mean = whitening()
    images = photographs(5)
    before = described(ServingModel(network, SIZE, views), images)
    model = ServingModel(network, SIZE, views, (projection, mean))
    expected = [unit(projection.T @ (row - mean)) for row in before]
    np.testing.assert_allclose(described(model, images), expected, atol=1e-5)
    assert model.dimension == 5


def test_all_signatures_agree_once_saved_and_loaded(network: keras.Model, tmp_path: Path) -> None:
    model = ServingModel(network, SIZE, Views(scales=(1.0, 2.0), flip=True), whitening())
    images = photographs(1)
    expected = described(model, images)
    model.save(tmp_path / "saved")
    signatures = tf.saved_model.load(str(tmp_path / "saved")).signatures
    outputs = (
        signatures["serving_default"](tf.io.encode_png(images[0])[None])["global_descriptor"],
        signatures["pixels"](tf.constant(images))["global_descriptor"],
        signatures["kaggle"](tf.constant(images[0]))["global_descriptor"][None],
    )
    for output in outputs:
        np.testing.assert_allclose(output, expected, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(output), 1, atol=1e-5)


def test_every_scale_is_seen_as_if_it_were_the_only_one(network: keras.Model) -> None:
    """In particular the scale trained at: as in training, not through another size."""
    (image,) = photographs(1, 140, 90)
    model = ServingModel(network, SIZE, THREE)
    for encoded in (tf.io.encode_png(image), tf.io.encode_jpeg(image, quality=100)):
        for seen, side in zip(model.prepare(encoded), (32, 48, 64), strict=True):
            alone = load_photograph(encoded, side).numpy()
            # libjpeg halves what is shown at 32 alone by another filter.
            most = 3 if side == 32 else 0
            assert np.abs(seen.numpy().astype(int) - alone).mean() <= most


def test_what_is_prepared_in_a_data_set_is_described_alike(
    network: keras.Model, tmp_path: Path
) -> None:
    ServingModel(network, SIZE, THREE, whitening()).save(tmp_path / "saved")
    module = tf.saved_model.load(str(tmp_path / "saved"))
    encoded = [tf.io.encode_jpeg(image) for image in photographs(3, 200, 150)]
    dataset = tf.data.Dataset.from_tensor_slices(encoded).map(module.prepare, num_parallel_calls=2)
    ((*batch,),) = dataset.batch(3)
    found = module.describe_prepared(tuple(batch))["global_descriptor"]
    expected = module.signatures["serving_default"](tf.stack(encoded))["global_descriptor"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_photographs_that_keep_their_aspect_ratio_are_described_as_if_alone(
    network: keras.Model, tmp_path: Path
) -> None:
    """Of one batch, in three sizes; a network that is shown squares describes them otherwise."""
    views = Views(scales=(1.0, 2.0), flip=True, keep_aspect=True)
    model = ServingModel(network, SIZE, views, whitening())
    model.save(tmp_path / "saved")
    module = tf.saved_model.load(str(tmp_path / "saved"))
    sides = ((200, 150), (60, 130), (130, 60), (200, 150))
    images = [photographs(n + 1, *shape)[n] for n, shape in enumerate(sides)]
    files = tf.stack([tf.io.encode_png(image) for image in images])
    prepared = tf.data.Dataset.from_tensor_slices(files).map(module.prepare)
    ((*batch,),) = prepared.batch(len(sides))
    expected = np.concatenate([described(model, image[None]) for image in images])
    for found in (
        module.describe_prepared(tuple(batch)),
        module.signatures["serving_default"](files),
    ):
        np.testing.assert_allclose(found["global_descriptor"], expected, atol=1e-5)
    squares = ServingModel(network, SIZE, Views(scales=(1.0, 2.0), flip=True), whitening())
    assert np.abs(described(squares, images[1][None]) - expected[1]).max() > 1e-3


def test_aggregation_of_hand_numbers() -> None:
    # Two views of one photograph, (.6, .8) and (.8, -.6). Mean: (.7, .1) over .7071.
    views = tf.constant([[[0.6, 0.8]], [[0.8, -0.6]]])
    expected = np.array([[0.7, 0.1]]) / np.sqrt(0.5)
    np.testing.assert_allclose(aggregate(views, 1.0), expected, atol=1e-6)
    # Squares with their signs: (.36 + .64) / 2 = .5 and (.64 - .36) / 2 = .14; roots .7071 and
    # .3742, over the root of .5 + .14 = .8.
    expected = np.sqrt([[0.5, 0.14]]) / 0.8
    np.testing.assert_allclose(aggregate(views, 2.0), expected, atol=1e-6)


def test_a_higher_power_comes_nearer_to_the_maximum() -> None:
    views = np.random.default_rng(0).random((3, 4, 8)).astype(np.float32)
    views /= np.linalg.norm(views, axis=-1, keepdims=True)
    highest = views.max(axis=0)
    highest /= np.linalg.norm(highest, axis=-1, keepdims=True)
    away = [np.abs(aggregate(tf.constant(views), power) - highest).max() for power in (1, 3, 10)]
    assert away[0] > away[1] > away[2]


@pytest.mark.parametrize(
    ("scales", "sides"), [((0.5, 1.0), "16, 32"), ((1.0, 1.001), "32, 32"), ((2.0, 2.0), "64, 64")]
)
def test_scales_that_do_not_fit_the_size_are_refused(scales: tuple[float, ...], sides: str) -> None:
    with pytest.raises(ValueError, match=f"--scales .* at least 32 pixels.* Received: {sides} pi"):
        Views(scales=scales).sides(SIZE)


def test_sides_are_rounded_and_ascend() -> None:
    # 224 * .7071 = 158.4, 224 * 1.4142 = 316.8.
    assert Views(scales=(1.4142, 1.0, 0.7071)).sides(224) == (158, 224, 317)
