"""A function whose inputs and outputs have names, whatever kind of SavedModel it comes from."""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedFunction:
    """Calls a part of a SavedModel.

    Attributes:
        inputs: Names of what it takes.
        outputs: Names of what it gives.
        run: The part itself.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[[dict[str, tf.Tensor]], Mapping[str, tf.Tensor]]

    def __call__(self, given: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Runs it on what it takes of the given; the rest is left aside."""
        return dict(self.run({name: given[name] for name in self.inputs}))
