"""A network that is quick to compile and has all that a checkpoint must hold."""

import keras

from models.pooling import GeM


def tiny_network(*, has_batch_statistics: bool = True) -> keras.Model:
    """Weights, GeM's exponent and, if wanted, batch statistics; embeddings of 4."""
    images = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(8, 4, strides=4)(x)
    if has_batch_statistics:
        x = keras.layers.BatchNormalization()(x)
    x = GeM()(keras.layers.ReLU()(x))
    x = keras.layers.Dense(4, name="projection", dtype="float32")(x)
    return keras.Model(images, keras.layers.UnitNormalization(dtype="float32")(x))
