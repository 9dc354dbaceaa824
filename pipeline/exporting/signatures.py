"""What the signatures of a SavedModel take and give, read from its file, the model not loaded."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

_INITIALISER = "__saved_model_init_op"  # stands among the signatures and is none


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """Inputs and outputs by name; a side that may vary is None."""

    inputs: dict[str, tf.TensorSpec]
    outputs: dict[str, tf.TensorSpec]


def read_signatures(saved_model: Path) -> dict[str, Signature]:
    """The signatures of a SavedModel by name, in order, as TensorFlow Serving finds them.

    Raises:
        FileNotFoundError: If there is none.
    """
    content = (saved_model / "saved_model.pb").read_bytes()
    (graph,) = [
        graph
        for graph in saved_model_pb2.SavedModel.FromString(content).meta_graphs
        if tf.saved_model.SERVING in graph.meta_info_def.tags
    ]
    return {
        name: Signature(inputs=_specs(found.inputs), outputs=_specs(found.outputs))
        for name, found in sorted(graph.signature_def.items())
        if name != _INITIALISER
    }


def _specs(tensors: Mapping[str, object]) -> dict[str, tf.TensorSpec]:
    return {name: _spec(tensors[name]) for name in sorted(tensors)}


def _spec(tensor: object) -> tf.TensorSpec:
    shape = tf.TensorShape(tensor.tensor_shape)  # type: ignore[attr-defined]
    return tf.TensorSpec(shape, tf.as_dtype(tensor.dtype))  # type: ignore[attr-defined]
