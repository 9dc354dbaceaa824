from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.local.head import global_network, with_local_head
from models.local.receptive_field import ReceptiveField
from models.regions import split, within
from models.serving import ServingModel, Views
from models.siamese import embedding_network
from models.variants import build_variant
from pipeline.exporting.odd_photographs import odd_photographs
from tests.networks import network_around

SIZE = 32
ALL = (0.0, 0.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """One convolution without padding: a part of its map is the map of a part of the image."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    return network_around(
        keras.Model(images, keras.layers.Conv2D(8, 5, strides=3, activation="tanh")(images))
    )


def photographs(count: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    """Coarse enough to survive resizing."""
    coarse = np.random.default_rng(count).integers(0, 256, (count, 10, 10, 3), np.uint8)
    return tf.image.resize(coarse, (height, width), "nearest").numpy()


def described(model: ServingModel, images: np.ndarray, *boxes: tuple[float, ...]) -> np.ndarray:
    files = tf.stack([tf.io.encode_png(image) for image in images])
    return model.region(files, tf.constant(boxes))["global_descriptor"].numpy()


def columns_of(span: tuple[float, float], count: int, seen: ReceptiveField) -> list[int]:
    """Which columns of a map with that many lie in a span of 40 pixels."""
    features = tf.range(count, dtype=tf.float32)[None, None, :, None]
    box = tf.constant([span[0], 0.0, span[1], 1.0])
    return within(features, box, tf.constant([9, 40]), seen).numpy().astype(int).ravel().tolist()


def test_places_whose_centres_lie_in_the_box_are_taken_by_hand() -> None:
    # Centres at 5, 15, 25 and 35 of 40 pixels.
    seen = ReceptiveField(stride=10, first=-10, last=19)
    assert columns_of((0.0, 1.0), 4, seen) == [0, 1, 2, 3]
    assert columns_of((0.2, 0.7), 4, seen) == [1, 2]  # 8 to 28
    assert columns_of((0.12, 0.13), 4, seen) == [0], "5 is nearer to 5 than 15 is"
    assert columns_of((0.30, 0.32), 4, seen) == [1], "12.4 is nearer to 15 than to 5"
    assert columns_of((0.99, 1.0), 4, seen) == [3]


def test_a_centre_in_the_padding_counts_as_the_border() -> None:
    # Of 4 pixels before the image and of 46: 0.5 and 39.5, so that all is in the whole.
    seen = ReceptiveField(stride=10, first=-10, last=1)
    assert columns_of((0.0, 1.0), 6, seen) == [0, 1, 2, 3, 4, 5]
    assert columns_of((0.0, 0.1), 6, seen) == [0]
    assert columns_of((0.95, 1.0), 6, seen) == [5]


def test_rows_are_counted_down_and_columns_to_the_right() -> None:
    features = tf.reshape(tf.range(12.0), (1, 3, 4, 1))
    seen = ReceptiveField(stride=10, first=0, last=9)
    box = tf.constant([0.5, 0.0, 1.0, 0.34])  # columns at 25 and 35, the row at 5 of 30
    found = within(features, box, tf.constant([30, 40]), seen)
    np.testing.assert_array_equal(found.numpy().squeeze(), [2, 3])


def test_a_box_is_described_as_the_pixels_that_its_places_see(network: keras.Model) -> None:
    """Places see 5 pixels, every 3, and have their centres at 2.5, 5.5, ... of 32."""
    (image,) = photographs(1)
    # Across 3.2 to 19.2: places 1 to 5, pixels 3 to 19; down 16 to 32: places 5 to 9, 15 to 31.
    box = (0.1, 0.5, 0.6, 1.0)
    expected = network(image[None, 15:32, 3:20], training=False)
    np.testing.assert_allclose(
        described(ServingModel(network, SIZE), image[None], box), expected, atol=1e-5
    )
    # In the mirror 12.8 to 28.8: places 4 to 8, pixels 12 to 28.
    mirrored = network(image[None, 15:32, ::-1][:, :, 12:29], training=False)
    both = (expected + mirrored) / np.linalg.norm(expected + mirrored)
    flipping = ServingModel(network, SIZE, Views(flip=True))
    np.testing.assert_allclose(described(flipping, image[None], box), both, atol=1e-5)


@pytest.mark.parametrize(("name", "keep_aspect"), [("plain", False), ("frozen", True)])
def test_the_whole_photograph_is_described_as_by_serving_default(
    network: keras.Model, name: str, keep_aspect: bool, tmp_path: Path
) -> None:
    views = Views(scales=(1.0, 1.5), flip=True, keep_aspect=keep_aspect)
    generator = np.random.default_rng(0)
    whitening = generator.normal(size=(8, 5)).astype(np.float32), np.zeros(8, np.float32)
    variant = build_variant(network, name)  # type: ignore[arg-type]
    ServingModel(variant, SIZE, views, whitening).save(tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    files = [tf.io.encode_png(image[: 70 - 20 * n]) for n, image in enumerate(photographs(2, 70))]
    whole = signatures["serving_default"](image_bytes=tf.stack(files))
    boxes = tf.constant([ALL, ALL])
    found = signatures["region"](image_bytes=tf.stack(files), box=boxes)
    np.testing.assert_allclose(found["global_descriptor"], whole["global_descriptor"], atol=1e-6)
    part = signatures["region"](image_bytes=tf.stack(files), box=boxes / 2)
    assert np.abs(part["global_descriptor"] - whole["global_descriptor"]).max() > 1e-2


@pytest.mark.parametrize(("name", "keep_aspect"), [("plain", False), ("frozen", True)])
def test_every_place_is_described_as_the_box_around_its_centre(
    network: keras.Model, name: str, keep_aspect: bool, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    whitening = generator.normal(size=(8, 5)).astype(np.float32), np.zeros(8, np.float32)
    views = Views(keep_aspect=keep_aspect)
    variant = build_variant(network, name)  # type: ignore[arg-type]
    ServingModel(variant, 3 * SIZE, views, whitening).save(tmp_path / "model")
    model = tf.saved_model.load(str(tmp_path / "model"))
    (image,) = photographs(1, 180, 60)
    encoded = tf.io.encode_png(image)
    found = {key: values.numpy() for key, values in model.describe_places(encoded).items()}
    rows, columns, _ = found["descriptors"].shape
    assert found["down"].shape == (rows,)
    assert found["across"].shape == (columns,)
    assert (rows > columns) == keep_aspect
    np.testing.assert_allclose(np.linalg.norm(found["descriptors"], axis=2), 1, atol=1e-5)
    places = [(row, column) for row in range(rows) for column in range(columns)][::17]
    middles = np.array([(found["across"][column], found["down"][row]) for row, column in places])
    boxes = np.concatenate([middles - 1e-3, middles + 1e-3], axis=1)  # narrower than a place
    region = model.signatures["region"]
    files = tf.repeat(encoded[None], len(boxes))
    expected = region(image_bytes=files, box=tf.constant(boxes, tf.float32))["global_descriptor"]
    of_places = found["descriptors"].reshape(-1, 5)[::17]
    np.testing.assert_allclose(of_places, expected, atol=1e-5)


def test_places_are_those_of_the_largest_scale(network: keras.Model) -> None:
    (image,) = photographs(1)
    encoded = tf.io.encode_png(image)
    largest = ServingModel(network, 2 * SIZE).describe_places(encoded)
    several = ServingModel(network, SIZE, Views(scales=(2.0, 1.0), flip=True))
    found = several.describe_places(encoded)
    for name in ("descriptors", "down", "across"):
        np.testing.assert_allclose(found[name], largest[name], atol=1e-6)


def test_a_box_is_one_of_the_upright_photograph(network: keras.Model) -> None:
    model = ServingModel(network, SIZE)
    (turned,) = (one for one in odd_photographs(64) if one.name == "a JPEG of orientation 6")
    assert turned.pixels is not None
    files = tf.stack([turned.encoded, tf.io.encode_png(turned.pixels)])
    for box in ((0.0, 0.0, 0.5, 0.25), (0.5, 0.75, 1.0, 1.0)):
        found = model.region(files, tf.constant([box, box]))["global_descriptor"].numpy()
        np.testing.assert_allclose(found[0], found[1], atol=0.01)
    assert np.abs(described(model, turned.pixels[None], (0.0, 0.0, 0.5, 0.25)) - found).max() > 0.1


@pytest.mark.parametrize(
    "box", [(0.5, 0.0, 0.5, 1.0), (0.0, 0.6, 1.0, 0.2), (0.0, 0.0, 40.0, 40.0), (-0.1, 0, 1, 1)]
)
def test_what_is_no_box_is_refused(network: keras.Model, box: tuple[float, ...]) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="as shares of width and height"):
        described(ServingModel(network, SIZE), photographs(1), box)


def test_a_network_with_a_local_head_is_split_after_its_last_map() -> None:
    """Its backbone gives two maps, at strides of 8 and 16 pixels."""
    network = embedding_network("small", "none", dimension=16)
    whole = global_network(with_local_head(network, 3, 8))
    for one in (network, whole):
        parts = split(one)
        assert parts.seen == ReceptiveField(stride=16, first=-28, last=58)
        images = tf.constant(photographs(2, 48, 64))
        features = parts.features(images)
        assert features.shape == (2, 3, 4, 128)
        expected = network(images, training=False)
        np.testing.assert_allclose(parts.head(features), expected, atol=1e-5)
