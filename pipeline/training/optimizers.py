"""Optimizers: AdamW and SGD with warm-up, decay, and a learning rate for every depth."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras

from pipeline import command_line
from pipeline.command_line import setting

_BACKBONE_STAGES = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """How weights follow their gradients."""

    optimizer: Literal["adamw", "sgd"] = setting(
        "AdamW, or stochastic gradient descent with a momentum of 0.9.", default="adamw"
    )
    learning_rate: float = setting(
        "Peak learning rate. 1e-5 suits pretrained weights, 1e-3 a start from scratch.",
        default=1e-5,
    )
    head_learning_rate: float | None = setting(
        "Peak learning rate of what follows the backbone, ArcFace's centres among it; by default "
        "--learning_rate.",
        default=None,
    )
    layer_decay: float = setting(
        "By what the learning rate is multiplied from each stage of the backbone to the one "
        "before it; 1 for the same everywhere.",
        default=1.0,
    )
    warm_up: float = setting(
        "Share of the steps over which the rate rises to its peak.", default=0.1
    )
    decay: Literal["cosine", "constant"] = setting(
        "How the rate falls after that: along a cosine to zero, or not at all.", default="cosine"
    )
    weight_decay: float = setting(
        "Share of a weight that a step at a learning rate of 1 takes away.", default=1e-4
    )
    clip_norm: float = setting(
        "Norm of all gradients together above which they are scaled down.", default=1.0
    )

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(
            self, head_learning_rate=0, layer_decay=0, warm_up=0, weight_decay=0
        )
        if not self.learning_rate > 0:
            raise ValueError(
                "--learning_rate is above 0; --frozen_stages=5 trains the head alone. Received: "
                f"{self.learning_rate}."
            )
        for name in ("layer_decay", "warm_up"):
            if getattr(self, name) > 1:
                raise ValueError(f"--{name} is at most 1. Received: {getattr(self, name)}.")
        if not self.clip_norm > 0:
            raise ValueError(f"--clip_norm is above 0. Received: {self.clip_norm}.")


class _OfAllReplicas:
    """Takes gradients that replicas have added up, and gives each variable a rate of its own.

    Keras clips before it adds up, so that several replicas would not train as one does, and decays
    every weight at the one learning rate.
    """

    rates: Sequence[float]  # share of the learning rate, in the order of the built variables
    decays: Sequence[float]  # share of a weight that a step at a rate of 1 takes away, likewise

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> list[Any]:
        return list(grads_and_vars)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]
        learning_rate = learning_rate * self.rates[index]
        if self.decays[index]:
            variable.assign_sub(variable * learning_rate * self.decays[index])
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]


class _AdamW(_OfAllReplicas, keras.optimizers.Adam):
    pass


class _SGD(_OfAllReplicas, keras.optimizers.SGD):
    pass


def build_optimizer(
    settings: OptimizerSettings,
    steps: int,
    variables: Sequence[keras.Variable],
    stages: Mapping[str, int],
) -> keras.optimizers.Optimizer:
    """Builds the optimizer over the variables that learn.

    Args:
        settings: Which, and its rates.
        steps: Of the whole run.
        variables: What is to be trained.
        stages: The stage of the backbone of each variable's path, 1 to 5; of what is not among
            them, the head, the rate is the head's own.

    Returns:
        A built optimizer. Biases, scales and exponents do not decay.
    """
    rates = learning_rates(settings, steps)
    optimizer = _AdamW(rates) if settings.optimizer == "adamw" else _SGD(rates, momentum=0.9)
    optimizer.build(variables)
    optimizer.rates = [_rate(settings, stages.get(one.path)) for one in variables]
    optimizer.decays = [settings.weight_decay if len(one.shape) > 1 else 0.0 for one in variables]
    return optimizer


def _rate(settings: OptimizerSettings, stage: int | None) -> float:
    if stage is None or stage > _BACKBONE_STAGES:
        if settings.head_learning_rate is None:
            return 1.0
        return settings.head_learning_rate / settings.learning_rate
    return settings.layer_decay ** (_BACKBONE_STAGES - stage)


def learning_rates(
    settings: OptimizerSettings, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate by step: a linear rise, then a cosine to zero or a constant."""
    warm_up = round(settings.warm_up * steps)
    return keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / max(1, warm_up),
        max(1, steps - warm_up),
        alpha=1.0 if settings.decay == "constant" else 0.0,
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )
