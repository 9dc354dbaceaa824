from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.serving import ServingModel
from models.variants import VARIANTS, VariantName, build_variant
from pipeline.exporting.variant_choice import Measured, choose_variant, compare, fastest_equal
from tests.networks import network_around


def network(seed: int = 0, filters: int = 4) -> keras.Model:
    keras.utils.set_random_seed(seed)
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(filters, 3, padding="same")(images)
    x = keras.layers.Conv2D(8, 3, strides=2)(x)
    x = keras.layers.BatchNormalization()(x)
    return network_around(keras.Model(images, x, name="small"))


def serving(one: keras.Model) -> ServingModel:
    return ServingModel(one, 32)


def photographs() -> tuple[tf.Tensor]:
    return (tf.constant(np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)),)


@pytest.mark.parametrize(
    ("frozen", "bfloat16", "chosen"),
    [
        ((1.5, 1.0), (2.0, 0.9995), "bfloat16"),
        ((1.5, 1.0), (2.0, 0.9985), "frozen"),
        ((1.5, 1.0), (0.5, 0.9995), "frozen"),
        ((1.04, 1.0), (0.5, 0.9995), "plain"),
        ((1.04, 1.0), (9.0, -1.0), "plain"),
        ((0.9, 1.0), (1.05, 0.999), "bfloat16"),
    ],
)
def test_the_fastest_is_chosen_of_those_that_describe_alike(
    frozen: tuple[float, float], bfloat16: tuple[float, float], chosen: VariantName
) -> None:
    """Each has a speed and a cosine; plain, unless another is a twentieth faster."""
    found: dict[VariantName, tuple[float, float]] = {
        "plain": (1.0, 1.0),
        "frozen": frozen,
        "bfloat16": bfloat16,
    }
    measured = {name: Measured(speed=pair[0], cosine=pair[1]) for name, pair in found.items()}
    assert fastest_equal(measured) == chosen


def test_speed_and_cosine_are_those_beside_plain() -> None:
    """One network computes many times as much, another describes otherwise."""
    plain = serving(network())
    assert compare(serving(network()), plain, photographs()).cosine == pytest.approx(1.0)
    assert compare(serving(network(filters=512)), plain, photographs()).speed < 0.8
    assert compare(serving(network(seed=1)), plain, photographs()).cosine < 0.99


def test_the_model_file_tells_what_was_measured_and_with_what(tmp_path: Path) -> None:
    one = network()
    training = {"settings": {"records": None}, "data": {"files": {str(tmp_path / "gone"): ""}}}
    choice = choose_variant(lambda name: serving(build_variant(one, name)), training)
    told = choice.described()["variant"]
    assert told["name"] == choice.name
    assert set(told["measured"]) == set(VARIANTS)
    assert told["measured"]["plain"] == {"speed": 1.0, "cosine": 1.0}
    assert told["measured"]["frozen"]["cosine"] == pytest.approx(1.0, abs=1e-5)
    assert (told["photographs"], told["source"]) == (16, "the synthetic city")
    assert told["cores"] >= 1
