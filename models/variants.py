"""Graphs that compute one embedding network: which is fastest depends on network and machine."""

from collections.abc import Callable, Collection
from typing import Any, Literal, get_args

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from models.backbones.stages import backbone_of, staged_layers
from models.folding import folded
from models.regions import NetworkParts, split
from models.siamese import all_layers

VariantName = Literal["plain", "frozen", "mixed", "bfloat16"]
VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
_EXACT_STAGES = 3
"""Of MobileNetV2 with ImageNet's weights, 16 bits throughout leave a cosine of .982 with its own
vectors, after one stage .9975, after two .9989, after three .9993."""
_OWN_GRADIENT = "_gradient_op_type"


class FrozenNetwork(tf.Module):
    """A network whose weights are constants of two graphs, which all its callers share.

    TensorFlow prepares constants once, for the processor's convolutions, and variables in every
    call. There are two graphs, so that a part of the feature map can be described without the
    constants being stored twice.

    Args:
        network: From uint8 ``(batch, height, width, 3)`` of any size to float32 ``(batch, dim)``.

    Attributes:
        output_shape: ``(None, dim)``.
        parts: The graph before the pooling, and that of the pooling and what follows.
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        parts = split(network)
        self._features = _frozen(parts.features, tf.TensorSpec([None, None, None, 3], tf.uint8))
        (feature_map,) = self._features.outputs
        given = tf.TensorSpec([None, None, None, feature_map.shape[-1]], feature_map.dtype)
        self._head = _frozen(parts.head, given)
        self.parts = NetworkParts(
            features=lambda images: self._features(images)[0],
            head=lambda features: self._head(features)[0],
            seen=parts.seen,
        )
        self.output_shape: tuple[None, int] = network.output_shape

    def __call__(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Describes images, uint8 ``(batch, height, width, 3)``.

        Raises:
            ValueError: If it is to be trained.
        """
        if training:
            raise ValueError("A frozen network cannot be trained; train the one it was made of.")
        return self.parts.head(self.parts.features(images))


def is_exact(name: VariantName) -> bool:
    """Whether a variant computes in float32 throughout, as the network itself."""
    return name in ("plain", "frozen")


def build_variant(network: keras.Model, name: VariantName) -> keras.Model | FrozenNetwork:
    """Builds one of the graphs that compute a network.

    Args:
        network: An embedding network in float32. It is left as it is.
        name: ``"plain"`` is the network itself. ``"frozen"`` has batch normalisation folded into
            convolutions (``models.folding``) and constants for weights. ``"bfloat16"`` is frozen
            too, and its backbone computes in bfloat16; that of ``"mixed"`` does after its third
            stage.

    Returns:
        What is called as the network is, with ``training=False``.
    """
    if name == "plain":
        return network
    simpler = folded(network)
    if is_exact(name):
        return FrozenNetwork(simpler)
    return FrozenNetwork(in_bfloat16(simpler, exact_layers(network) if name == "mixed" else ()))


def exact_layers(network: keras.Model) -> set[str]:
    """Names of the layers of a backbone's first stages, which ``"mixed"`` leaves in float32."""
    staged = staged_layers(backbone_of(network))
    return {layer.name for layer, stage in staged if stage <= _EXACT_STAGES}


def in_bfloat16(network: keras.Model, exact: Collection[str] = ()) -> keras.Model:
    """A copy whose backbone computes in bfloat16, but for layers of the names ``exact``.

    What follows the backbone stays in float32. Kernels are kept in bfloat16, or every call would
    round them anew; the statistics of a normalisation stay in float32.
    """
    inside = {layer.name for layer in all_layers(backbone_of(network))} - set(exact)

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer.name in inside:
            config["dtype"] = "bfloat16" if hasattr(layer, "kernel") else "mixed_bfloat16"
        return type(layer).from_config(config)

    copy = keras.models.clone_model(network, clone_function=clone, recursive=True)
    copy.set_weights(network.get_weights())
    return copy


def _frozen(compute: Callable[[tf.Tensor], tf.Tensor], given: tf.TensorSpec) -> Any:
    """The graph of a function, its variables constants; it gives a list of one tensor."""
    traced = tf.function(compute).get_concrete_function(given)
    _forget_gradients(traced.graph)
    return convert_variables_to_constants_v2(traced)


def _forget_gradients(graph: tf.Graph) -> None:
    """Drops gradients of a function's own, as swish has: of constants, they cannot be saved."""
    for operation in graph.get_operations():
        if _OWN_GRADIENT in operation.node_def.attr:
            operation._clear_attr(_OWN_GRADIENT)
