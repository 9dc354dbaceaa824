"""Biases for a network that was never trained, so that it costs what a trained one does."""

import keras
import numpy as np


def draw_biases(network: keras.Model) -> None:
    """Draws them: TensorFlow leaves out those of zero, and fuses no activation then."""
    generator = np.random.default_rng(0)
    for variable in network.weights:
        if variable.name in ("bias", "beta"):
            variable.assign(generator.normal(0, 0.02, variable.shape))
