import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.optimizers import OptimizerSettings, build_optimizer, learning_rates


def variables(*shapes: tuple[int, ...]) -> list[keras.Variable]:
    return [keras.Variable(np.ones(shape, np.float32)) for shape in shapes]


def step_of(settings: OptimizerSettings, stages: list[int | None]) -> list[float]:
    """How far one step at the peak takes a matrix of each stage, the gradient being 1."""
    weights = variables(*[(2, 2)] * len(stages))
    known = {one.path: at for one, at in zip(weights, stages, strict=True) if at is not None}
    optimizer = build_optimizer(settings, 1, weights, known)
    optimizer.apply([tf.ones((2, 2)) for _ in weights], weights)
    return [1.0 - float(weight[0, 0]) for weight in weights]


def settings(**changes: Any) -> OptimizerSettings:
    plain = OptimizerSettings(learning_rate=0.5, decay="constant", weight_decay=0.0)
    return dataclasses.replace(plain, **changes)


def test_learning_rate_rises_over_the_warm_up_and_falls_along_a_cosine_to_zero() -> None:
    schedule = learning_rates(settings(decay="cosine"), 100)
    rates = [float(schedule(step)) for step in range(101)]
    # Linear from a tenth of 0.5 to 0.5 at step 10; half of it amid the cosine, at step 10 + 90 / 2;
    # 0 at the end.
    assert rates[0] == pytest.approx(0.05)
    assert rates[5] == pytest.approx(0.275)
    assert max(rates) == rates[10] == pytest.approx(0.5)
    assert rates[55] == pytest.approx(0.25)
    assert rates[100] == pytest.approx(0, abs=1e-9)


def test_constant_learning_rate_stays_after_the_warm_up() -> None:
    schedule = learning_rates(settings(warm_up=0.2), 100)
    assert [float(schedule(step)) for step in (10, 20, 60, 100)] == pytest.approx(
        [0.2625, 0.5, 0.5, 0.5]
    )


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_learning_rate_decays_from_stage_to_stage_and_the_head_has_its_own(optimizer: str) -> None:
    chosen = settings(optimizer=optimizer, layer_decay=0.5, head_learning_rate=1.0)
    moved = step_of(chosen, [5, 4, 1, 6, None])
    # Stage 5 has the rate itself, stage 4 half of it, stage 1 a sixteenth; the head twice that.
    assert [one / moved[0] for one in moved] == pytest.approx([1, 1 / 2, 1 / 16, 2, 2], rel=1e-4)
    assert moved[0] > 0.3


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_matrices_decay_by_their_own_rates_and_biases_do_not(optimizer: str) -> None:
    weights = variables((2, 2), (2, 2), (2,), ())
    chosen = settings(optimizer=optimizer, weight_decay=0.1, layer_decay=0.5)
    built = build_optimizer(chosen, 1, weights, {weights[1].path: 4})
    built.apply([tf.zeros(one.shape) for one in weights], weights)
    # A step at a rate of 0.5 takes 0.5 * 0.1 of a weight away; half of that at half the rate.
    found = [float(np.ravel(one)[0]) for one in weights]
    assert found == pytest.approx([0.95, 0.975, 1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rate", 0.0, r"--learning_rate is above 0; --frozen_stages=5 trains the head"),
        ("layer_decay", 1.5, r"--layer_decay is at most 1"),
        ("warm_up", 2.0, r"--warm_up is at most 1"),
        ("clip_norm", 0.0, r"--clip_norm is above 0"),
    ],
)
def test_ranges_are_checked(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=rf"{message}.*Received: {value}"):
        settings(**{name: value})
