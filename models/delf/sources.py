"""The formats in which DELF and DELG are published, and what is in one of them.

- **TF-Hub** (https://tfhub.dev/google/delf/1): a signature ``default`` from ``image``,
  ``image_scales``, ``score_threshold`` and ``max_feature_num`` to finished local features.
- **TensorFlow 1 archives** (DELF, and DELG as its authors released it): tensors ``input_image``,
  ``input_scales``, ``input_abs_thres``, ``input_max_feature_num`` and, in DELG,
  ``input_global_scales_ind``; ``boxes``, ``features``, ``scales``, ``scores`` and, in DELG,
  ``global_descriptors``. No signature need be there.
- **TensorFlow 2 archives** (what DELG's training exports): a signature ``serving_default`` with
  the same names; what is only global may give one pooled ``global_descriptor``, at fixed scales.

The archives and their names:
https://github.com/tensorflow/models/blob/master/research/delf/delf/python/examples/extractor.py
and https://github.com/tensorflow/models/tree/master/research/delf/delf/python/training/model.
"""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from models.delf.named_function import NamedFunction
from models.delf.tf1_graph import Tf1Graph

Format = Literal["tf_hub", "tf1_archive", "tf2_archive"]

HUB_SIGNATURE = "default"
ARCHIVE_SIGNATURE = "serving_default"
HUB_INPUTS = ("image", "image_scales", "score_threshold", "max_feature_num")
HUB_OUTPUTS = ("locations", "descriptors", "boxes", "scales", "scores")
ARCHIVE_INPUTS = (
    *("input_image", "input_scales", "input_abs_thres", "input_max_feature_num"),
    "input_global_scales_ind",
)
ARCHIVE_OUTPUTS = ("boxes", "features", "scales", "scores")
# One for every scale; of all scales together.
GLOBAL_OUTPUTS = ("global_descriptors", "global_descriptor")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A published model.

    Attributes:
        format: What it is published as.
        tags: Those of the graph in it.
        local: Gives local features; None if the model has none.
        whole: Gives a global descriptor for every scale, or one; None if the model has none.
        holds: What a SavedModel of these functions has to keep: their weights.
    """

    format: Format
    tags: tuple[str, ...]
    local: NamedFunction | None
    whole: NamedFunction | None
    holds: Any


def open_source(folder: Path) -> Source:
    """Finds out what a SavedModel is, and its functions.

    Raises:
        FileNotFoundError: If there is no SavedModel.
        ValueError: If it is none of the formats.
    """
    meta_graph = _read_meta_graph(folder)
    tags = tuple(meta_graph.meta_info_def.tags)
    signatures = meta_graph.signature_def
    is_tf2 = meta_graph.HasField("object_graph_def")
    if HUB_SIGNATURE in signatures and set(signatures[HUB_SIGNATURE].inputs) == set(HUB_INPUTS):
        return _open_hub(folder, meta_graph, tags, is_tf2=is_tf2)
    if is_tf2 and ARCHIVE_SIGNATURE in signatures:
        loaded, function = _load_signature(folder, ARCHIVE_SIGNATURE)
        local, whole = _is_local(function.outputs), _is_whole(function.outputs)
        if "input_image" in function.inputs and (local or whole):
            return Source(
                format="tf2_archive",
                tags=tags,
                local=function if local else None,
                whole=function if whole else None,
                holds=loaded,
            )
    names = {f"{node.name}:0" for node in meta_graph.graph_def.node}
    if not is_tf2 and "input_image:0" in names:
        return _open_tf1_archive(folder, meta_graph, tags, names)
    raise ValueError(
        f"{folder} is no DELF or DELG. Expected a signature {HUB_SIGNATURE} of {_list(HUB_INPUTS)} "
        f"(TF-Hub), or tensors or a signature {ARCHIVE_SIGNATURE} of {_list(ARCHIVE_INPUTS)} (an "
        f"archive). Received the signatures: {_list(signatures) or 'none'}."
    )


def _open_hub(folder: Path, meta_graph: Any, tags: tuple[str, ...], *, is_tf2: bool) -> Source:
    signature = meta_graph.signature_def[HUB_SIGNATURE]
    missing = sorted(set(HUB_OUTPUTS) - set(signature.outputs))
    if missing:
        raise ValueError(
            f"The signature {HUB_SIGNATURE} of {folder} gives {_list(HUB_OUTPUTS)}. Received none "
            f"of these: {_list(missing)}."
        )
    if is_tf2:
        loaded, function = _load_signature(folder, HUB_SIGNATURE)
    else:
        inputs = {name: tensor.name for name, tensor in signature.inputs.items()}
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        graph = Tf1Graph(folder, meta_graph, [*inputs.values(), *outputs.values()])
        loaded, function = graph.variables, graph.function(inputs, outputs)
    return Source(format="tf_hub", tags=tags, local=function, whole=None, holds=loaded)


def _open_tf1_archive(
    folder: Path, meta_graph: Any, tags: tuple[str, ...], names: Collection[str]
) -> Source:
    inputs = _present(ARCHIVE_INPUTS, names)
    local, whole = _present(ARCHIVE_OUTPUTS, names), _present(GLOBAL_OUTPUTS, names)
    if not _is_local(local) and not whole:
        raise ValueError(
            f"The graph of {folder} holds tensors {_list(ARCHIVE_OUTPUTS)}, or "
            f"{GLOBAL_OUTPUTS[0]}. Received: {_list([*local, *whole]) or 'none of them'}."
        )
    graph = Tf1Graph(folder, meta_graph, [*inputs.values(), *local.values(), *whole.values()])
    return Source(
        format="tf1_archive",
        tags=tags,
        local=graph.function(inputs, local) if _is_local(local) else None,
        whole=graph.function(inputs, whole) if whole else None,
        holds=graph.variables,
    )


def _read_meta_graph(folder: Path) -> Any:
    """The graph for inference: the one tagged for serving, or without tags, as TF-Hub has it."""
    path = folder / tf.saved_model.SAVED_MODEL_FILENAME_PB
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; name the folder that holds it: of an unpacked archive, it may be "
            "the sub-folder model/."
        )
    try:
        meta_graphs = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs
    except DecodeError as error:
        raise ValueError(f"{path} is damaged, or no SavedModel; fetch it again.") from error
    fitting = [
        graph
        for graph in meta_graphs
        if set(graph.meta_info_def.tags) in (set(), {tf.saved_model.SERVING})
    ]
    if not fitting:
        tags = [sorted(graph.meta_info_def.tags) for graph in meta_graphs]
        raise ValueError(
            f"{folder} holds no graph tagged {tf.saved_model.SERVING}, nor one without tags. "
            f"Received: {tags}."
        )
    return fitting[0]


def _load_signature(folder: Path, name: str) -> tuple[Any, NamedFunction]:
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[name]
    function = NamedFunction(
        inputs=tuple(signature.structured_input_signature[1]),
        outputs=tuple(signature.structured_outputs),
        run=lambda given: signature(**given),
    )
    return loaded, function


def _present(wanted: Collection[str], names: Collection[str]) -> Mapping[str, str]:
    return {name: f"{name}:0" for name in wanted if f"{name}:0" in names}


def _is_local(outputs: Collection[str]) -> bool:
    return set(ARCHIVE_OUTPUTS) <= set(outputs)


def _is_whole(outputs: Collection[str]) -> bool:
    return bool(set(GLOBAL_OUTPUTS) & set(outputs))


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
