"""Small networks of the shape that embedding networks have, and statistics worth folding."""

import keras
import numpy as np

from models.siamese import all_layers


def draw_statistics(network: keras.Model) -> None:
    """Draws what batch normalisation holds; untrained, it changes next to nothing.

    Variances are large, or features would grow from block to block until rounding decides gates.
    """
    generator = np.random.default_rng(0)
    for layer in all_layers(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            *scale_and_offset, mean, _ = layer.get_weights()
            drawn = [one + generator.normal(0, 0.1, one.shape) for one in scale_and_offset]
            drawn += [generator.normal(0, 0.1, mean.shape), generator.uniform(4, 12, mean.shape)]
            layer.set_weights(drawn)


def network_around(backbone: keras.Model) -> keras.Model:
    """From uint8 images to unit vectors: pixels in 0 to 1, a backbone, the mean of its features."""
    images = keras.Input((None, None, 3), dtype="uint8")
    features = backbone(keras.layers.Rescaling(1 / 255)(images))
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float32")(features)
    network = keras.Model(images, keras.layers.UnitNormalization(dtype="float32")(pooled))
    draw_statistics(network)
    return network
