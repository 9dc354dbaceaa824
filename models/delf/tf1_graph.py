"""The graph of a TensorFlow 1 SavedModel, its weights in variables that TensorFlow 2 keeps."""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from models.delf.named_function import NamedFunction

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")


class Tf1Graph:
    """Makes functions of parts of a graph.

    Most of these SavedModels are older than resource variables. ``tf.saved_model.load`` runs them,
    but what ``tf.saved_model.save`` makes of that lacks their weights: nothing tracks a reference
    variable. So the graph is frozen, and the constants that were variables, which every function
    would hold a copy of, become variables of TensorFlow 2.

    Args:
        folder: The SavedModel.
        meta_graph: A ``MetaGraphDef`` of it.
        tensors: Names of all tensors that functions may take and give, such as ``boxes:0``.

    Attributes:
        variables: The weights, which a SavedModel of the functions has to hold.
    """

    def __init__(self, folder: Path, meta_graph: Any, tensors: Iterable[str]) -> None:
        names = {node.name for node in meta_graph.graph_def.node if node.op in _VARIABLES}
        graph_def = _freeze(folder, meta_graph.meta_info_def.tags, tensors)
        weights = _take_weights(graph_def, names)
        self.variables = list(weights.values())

        def import_graph() -> None:
            read = {name: variable.read_value() for name, variable in weights.items()}
            tf.graph_util.import_graph_def(graph_def, input_map=read, name="")

        self._wrapped = tf.compat.v1.wrap_function(import_graph, signature=[])

    def function(self, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> NamedFunction:
        """From tensors to tensors, both by the names that they are to have outside."""
        tensors = [self._wrapped.graph.as_graph_element(name) for name in inputs.values()]
        pruned = self._wrapped.prune(tensors, dict(outputs))
        return NamedFunction(
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            run=lambda given: pruned(*[given[name] for name in inputs]),
        )


def _freeze(folder: Path, tags: Iterable[str], tensors: Iterable[str]) -> Any:
    operations = sorted({name.partition(":")[0] for name in tensors})
    with quiet_tensorflow(), tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, list(tags), str(folder))
        return tf.compat.v1.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), operations
        )


def _take_weights(graph_def: Any, names: Collection[str]) -> dict[str, tf.Variable]:
    """Takes constants out of a graph.

    Returns:
        Variables of the same values, by the tensors that they are to replace.
    """
    weights = {}
    for node in graph_def.node:
        if node.name in names and node.op == "Const":
            value = tf.make_ndarray(node.attr["value"].tensor)
            weights[f"{node.name}:0"] = tf.Variable(value, trainable=False)
            node.op = "Placeholder"
            del node.attr["value"]
    return weights


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Leaves out that TensorFlow 1 is deprecated and that reference variables have no object."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
