"""Which graph of a network is fastest on this machine and describes alike."""

import dataclasses
import gc
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from models.serving import ServingModel
from models.variants import VARIANTS, VariantName
from pipeline.exporting.agreement import LEAST_COSINE, least_cosine
from pipeline.exporting.measured_photographs import MeasuredPhotographs, measured_photographs
from pipeline.progress import logger

# Builds what would be exported, whole: all scales and mirror images, and the whitening.
Build = Callable[[VariantName], ServingModel]

_LEAST_GAIN = 1.05
"""Below it a difference may be the machine's mood, and the graph that was trained is kept."""
_PHOTOGRAPHS = 16
_ROUNDS = 7
_FEWEST_ROUNDS = 3
_SECONDS = 3.0  # for each variant


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found of a variant.

    Attributes:
        speed: Photographs a second as a multiple of plain's.
        cosine: Least cosine of its vectors with plain's, -1 to 1.
    """

    speed: float
    cosine: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class VariantChoice:
    """A variant, and what decided for it, empty where it was asked for."""

    name: VariantName
    reasons: dict[str, Any] = dataclasses.field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """What ``model.json`` says of it."""
        return {"variant": {"name": self.name, **self.reasons}}


def choose_variant(build: Build, training: dict[str, Any]) -> VariantChoice:
    """Measures all variants on this machine, in a few seconds, and chooses.

    Args:
        build: Makes a variant's model.
        training: What ``training.json`` holds, for the photographs to measure with.
    """
    logger.info("Measuring which graph of the network is fastest here.")
    plain = build("plain")
    photographs = measured_photographs(plain, training, _PHOTOGRAPHS)
    measured: dict[VariantName, Measured] = {"plain": Measured(speed=1.0, cosine=1.0)}
    for name in VARIANTS:
        if name != "plain":
            measured[name] = compare(build(name), plain, photographs.images)
            gc.collect()  # graphs refer to themselves, and one at a time is large enough
    chosen = fastest_equal(measured)
    logger.info(
        "%s is exported: %.2f times plain's photographs a second.", chosen, measured[chosen].speed
    )
    return VariantChoice(name=chosen, reasons=_reasons(measured, photographs))


def compare(model: ServingModel, plain: ServingModel, images: tuple[tf.Tensor, ...]) -> Measured:
    """Describes the same photographs with a variant and with plain, in turns.

    Args:
        model: The variant.
        plain: What it is compared with.
        images: What ``ServingModel.prepare`` gives, batched.

    Returns:
        The median, over the rounds, of plain's time over the variant's, because what else runs on
        the machine slows down neighbours in time alike; and the least cosine.
    """
    cosine = least_cosine(_described(model, images), _described(plain, images))
    speeds: list[float] = []
    begin = time.perf_counter()
    for done in range(_ROUNDS):
        if done >= _FEWEST_ROUNDS and time.perf_counter() - begin > _SECONDS:
            break
        of_plain, of_model = (_seconds(one, images) for one in (plain, model))
        speeds.append(of_plain / of_model)
    return Measured(speed=float(np.median(speeds)), cosine=cosine)


def fastest_equal(measured: Mapping[VariantName, Measured]) -> VariantName:
    """The fastest whose vectors agree with plain's; plain unless it is clearly faster."""
    equal = [name for name, found in measured.items() if found.cosine >= LEAST_COSINE]
    faster = [name for name in equal if measured[name].speed >= _LEAST_GAIN]
    return max(faster, key=lambda name: measured[name].speed) if faster else "plain"


def _seconds(model: ServingModel, images: tuple[tf.Tensor, ...]) -> float:
    start = time.perf_counter()
    _described(model, images)
    return time.perf_counter() - start


def _described(model: ServingModel, images: tuple[tf.Tensor, ...]) -> np.ndarray:
    return model.describe_prepared(images)["global_descriptor"].numpy()


def _reasons(
    measured: Mapping[VariantName, Measured], photographs: MeasuredPhotographs
) -> dict[str, Any]:
    return {
        "measured": {
            name: {"speed": round(found.speed, 2), "cosine": round(found.cosine, 6)}
            for name, found in measured.items()
        },
        "photographs": photographs.count,
        "source": photographs.source,
        "cores": os.cpu_count(),
        "devices": [device.name for device in tf.config.list_physical_devices()],
    }
