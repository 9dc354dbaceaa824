from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.preprocessing import load_at_sizes, resize
from models.serving import ServingModel, Views
from models.siamese import embedding_network
from pipeline.exporting import verification
from pipeline.exporting.verification import require_same_descriptions

SIZE = 32


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Random weights will do: what it gives is compared with what it gives."""
    keras.utils.set_random_seed(0)
    return embedding_network("small", "none", dimension=16)


def _stored_as_it_is(
    encoded: tf.Tensor, sizes: Sequence[int], *, keep_aspect: bool = False
) -> tuple[tf.Tensor, ...]:
    """What a server sees that knows nothing of EXIF; nor is it reduced while decoding."""
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(encoded, channels=3),
    )
    return tuple(tf.ensure_shape(resize(image, size), (size, size, 3)) for size in sizes)


class _Unturned(ServingModel):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def prepare(self, encoded: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return _stored_as_it_is(encoded, self._sides)


class _Unboxed(ServingModel):
    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            tf.TensorSpec([None, 4], tf.float32, name="box"),
        ]
    )
    def region(self, image_bytes: tf.Tensor, box: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.serving_default(image_bytes)


@pytest.mark.parametrize("keep_aspect", [False, True])
def test_a_model_that_sees_photographs_as_its_network_passes(
    network: keras.Model, tmp_path: Path, keep_aspect: bool
) -> None:
    views = Views(scales=(1.0, 1.5), flip=True, power=3.0, keep_aspect=keep_aspect)
    random = np.random.default_rng(0)
    whitening = random.normal(size=(16, 6)).astype(np.float32), np.full(16, 0.01, np.float32)
    ServingModel(network, SIZE, views, whitening).save(tmp_path / "model")
    require_same_descriptions(tmp_path / "model", network, SIZE, views, whitening, is_exact=True)


def test_a_model_that_squeezes_photographs_that_are_to_keep_their_aspect_ratio_is_refused(
    network: keras.Model, tmp_path: Path
) -> None:
    ServingModel(network, SIZE).save(tmp_path / "model")
    kept = Views(keep_aspect=True)
    with pytest.raises(ValueError, match="The signature serving_default of the SavedModel differs"):
        require_same_descriptions(tmp_path / "model", network, SIZE, kept, None, is_exact=True)


def test_a_model_that_describes_all_of_a_photograph_whatever_the_box_is_refused(
    network: keras.Model, tmp_path: Path
) -> None:
    _Unboxed(network, SIZE).save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"region of the SavedModel, of the box \(0\.207, .* diff"):
        require_same_descriptions(tmp_path / "model", network, SIZE, Views(), None, is_exact=True)


def test_a_model_that_does_not_turn_photographs_upright_is_refused(
    network: keras.Model, tmp_path: Path
) -> None:
    _Unturned(network, SIZE).save(tmp_path / "model")
    with pytest.raises(ValueError, match="description of a JPEG of orientation 3 differs from the"):
        require_same_descriptions(tmp_path / "model", network, SIZE, Views(), None, is_exact=True)


def test_preprocessing_that_shows_something_else_is_refused_even_where_both_share_it(
    network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Unturned(network, SIZE).save(tmp_path / "model")
    monkeypatch.setattr(verification, "load_at_sizes", _stored_as_it_is)
    with pytest.raises(ValueError, match="A network sees a JPEG of orientation 3 otherwise than"):
        require_same_descriptions(tmp_path / "model", network, SIZE, Views(), None, is_exact=True)


def test_a_large_photograph_is_described_as_it_is_decoded_at_a_reduced_scale(
    network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a network that sees large photographs in full, a sound model differs."""

    def in_full_where_large(
        encoded: tf.Tensor, sizes: Sequence[int], *, keep_aspect: bool
    ) -> tuple[tf.Tensor, ...]:
        is_large = tf.io.is_jpeg(encoded) and tf.io.extract_jpeg_shape(encoded)[1] > 100
        return (_stored_as_it_is if is_large else load_at_sizes)(encoded, sizes)

    ServingModel(network, SIZE).save(tmp_path / "model")
    monkeypatch.setattr(verification, "load_at_sizes", in_full_where_large)
    with pytest.raises(ValueError, match="description of a large JPEG differs from the trained"):
        require_same_descriptions(tmp_path / "model", network, SIZE, Views(), None, is_exact=True)
