"""The graph of a TensorFlow 1 SavedModel, its variables turned into constants."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from models.delf.named_function import NamedFunction


class FrozenGraph:
    """Makes functions of parts of a graph.

    Most of these SavedModels are older than resource variables. ``tf.saved_model.load`` runs them,
    but what ``tf.saved_model.save`` makes of that lacks their weights: nothing tracks a reference
    variable. Constants are part of the graph.

    Args:
        folder: The SavedModel.
        meta_graph: A ``MetaGraphDef`` of it.
        tensors: Names of all tensors that functions may take and give, such as ``boxes:0``.
    """

    def __init__(self, folder: Path, meta_graph: Any, tensors: Iterable[str]) -> None:
        graph_def = _freeze(folder, meta_graph.meta_info_def.tags, tensors)
        self._wrapped = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(graph_def, name=""), signature=[]
        )

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
