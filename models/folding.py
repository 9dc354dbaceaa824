"""A network with fewer operations: batch normalisation within the convolutions before it."""

import collections
from typing import Any

import keras
import numpy as np
from keras.layers import BatchNormalization, Conv2D, DepthwiseConv2D

from models.backbones.stages import backbone_of
from models.siamese import all_layers

Convolution = Conv2D | DepthwiseConv2D


def folded(network: keras.Model) -> keras.Model:
    """A copy of an embedding network that describes alike, of fewer and faster operations.

    Out of training, batch normalisation multiplies every channel by a constant and adds another,
    so the convolution before it can do both: Jacob et al., 2018, section 3.2,
    https://arxiv.org/abs/1712.05877. It does where nothing else reads it. A convolution of one
    channel a group becomes a depthwise one, which TensorFlow computes several times as fast.

    Args:
        network: An embedding network. It is left as it is.

    Returns:
        A network for inference only, with the names of the layers that remain.
    """
    backbone = backbone_of(network)
    normalisations = _foldable(backbone)
    left_out = {layer.name for layer in normalisations.values()}

    def call(layer: keras.layers.Layer, inputs: Any, *others: Any, **options: Any) -> Any:
        return inputs if layer.name in left_out else layer(inputs, *others, **options)

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        has_bias = layer.name in normalisations or getattr(layer, "use_bias", False)
        if _is_depthwise(layer):
            return _depthwise(layer, use_bias=has_bias)
        config = layer.get_config()
        if has_bias:
            config["use_bias"] = True
        if type(layer) is Conv2D and layer.kernel_size == (1, 1):
            # Nothing is padded either way, but so TensorFlow sees that an unknown size stays what
            # it is, and fuses the additions of residual blocks: in 16 bits 1.7 times as fast.
            config["padding"] = "same"
        return type(layer).from_config(config)

    copy = keras.models.clone_model(
        network, clone_function=clone, call_function=call, recursive=True
    )
    originals = {layer.name: layer for layer in all_layers(network)}
    for layer in all_layers(copy):
        if layer.weights and not isinstance(layer, keras.Model):
            original = originals[layer.name]
            layer.set_weights(_folded_weights(original, normalisations.get(layer.name)))
    return copy


def _foldable(backbone: keras.Model) -> dict[str, BatchNormalization]:
    """By the name of a convolution, the batch normalisation that alone reads it."""
    nodes = [node for at_depth in backbone._nodes_by_depth.values() for node in at_depth]
    readers = collections.Counter(
        parent.operation for node in nodes for parent in node.parent_nodes
    )
    readers.update(tensor._keras_history.operation for tensor in backbone.outputs)
    found = {}
    for node in nodes:
        if type(node.operation) is not BatchNormalization or node.operation.axis not in (-1, 3):
            continue
        (parent,) = node.parent_nodes
        before = parent.operation
        is_linear = getattr(before, "activation", None) is keras.activations.linear
        if type(before) in (Conv2D, DepthwiseConv2D) and is_linear and readers[before] == 1:
            found[before.name] = node.operation
    return found


def _is_depthwise(layer: keras.layers.Layer) -> bool:
    if type(layer) is not Conv2D or layer.groups == 1:
        return False
    return layer.groups == layer.filters and layer.kernel.shape[2] == 1


def _depthwise(layer: Conv2D, *, use_bias: bool) -> DepthwiseConv2D:
    config = layer.get_config()
    for name in ("filters", "groups"):
        del config[name]
    for name in ("initializer", "regularizer", "constraint"):
        config[f"depthwise_{name}"] = config.pop(f"kernel_{name}")
    return DepthwiseConv2D.from_config({**config, "use_bias": use_bias})


def _folded_weights(
    layer: keras.layers.Layer, normalisation: BatchNormalization | None
) -> list[np.ndarray]:
    """The weights of a layer's copy, those of a convolution float32 ``[kernel, bias]``."""
    weights = layer.get_weights()
    if normalisation is not None:
        scale, offset = _scale_and_offset(normalisation)
        kernel = weights[0].astype(np.float64)
        bias = weights[1] if layer.use_bias else 0.0
        # A depthwise kernel is (height, width, channels, filters of each), others end in filters.
        by_filter = scale.reshape(kernel.shape[2:]) if type(layer) is DepthwiseConv2D else scale
        folded = (kernel * by_filter, bias * scale + offset)
        weights = [one.astype(np.float32) for one in folded]
    if _is_depthwise(layer):
        weights[0] = weights[0].swapaxes(2, 3)
    return weights


def _scale_and_offset(normalisation: BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """What it multiplies with and adds out of training, float64 ``(channels,)`` each."""
    mean = np.asarray(normalisation.moving_mean, np.float64)
    variance = np.asarray(normalisation.moving_variance, np.float64)
    scale = 1 / np.sqrt(variance + normalisation.epsilon)
    if normalisation.scale:
        scale = scale * np.asarray(normalisation.gamma, np.float64)
    offset = -mean * scale
    if normalisation.center:
        offset = offset + np.asarray(normalisation.beta, np.float64)
    return scale, offset
