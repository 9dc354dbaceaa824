"""Small DELFs and DELGs in every format that they are published in, with a known answer.

A feature is a square of eight pixels: its channels are the means of red, green and blue, 0 to 255,
times ``WEIGHTS``, its score the first of them, its box the square. At another scale the image is
resized first, and boxes are divided by the scale. A global descriptor is the mean of all squares.
TF-Hub's projection keeps the first two channels.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1

SIDE = 8
WEIGHTS = (2.0, 1.0, 0.5)
# Squares of (40, 60, 80) and three others; the features of the first are (80, 60, 40).
COLOURS = np.array([[[40, 60, 80], [10, 0, 0]], [[60, 0, 0], [0, 20, 0]]], np.uint8)
FOUR_SQUARES = np.kron(COLOURS, np.ones((SIDE, SIDE, 1), np.uint8))

_LOCAL = ("boxes", "features", "scales", "scores")


def write_hub(folder: Path, *, is_unit: bool = True) -> Path:
    """TF-Hub's format: no tags, a signature ``default``, reference variables as in its time."""
    with v1.Graph().as_default():
        image = v1.placeholder(tf.float32, (None, None, 3), "module/image")
        others = {
            "image_scales": v1.placeholder(tf.float32, (None,), "module/image_scales"),
            "score_threshold": v1.placeholder(tf.float32, (), "module/score_threshold"),
            "max_feature_num": v1.placeholder(tf.int32, (), "module/max_feature_num"),
        }
        found = _extract_as_tensorflow_1(image * 255, *others.values(), weights=WEIGHTS)
        del found["global_descriptors"]
        found["locations"] = (found["boxes"][:, :2] + found["boxes"][:, 2:]) / 2
        found["descriptors"] = found["features"][:, :2]
        if is_unit:
            found["descriptors"] = tf.math.l2_normalize(found["descriptors"], axis=1)
        signature = v1.saved_model.signature_def_utils.build_signature_def(
            _infos({"image": image, **others}), _infos(found), "delf"
        )
        _save(folder, [], {"default": signature})
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")  # what marks the format, version 3
    return folder


def write_tf1_archive(
    folder: Path,
    *,
    whole: bool,
    weights: tuple[float, ...] = WEIGHTS,
    tag: str = "serve",
    is_late: bool = False,
) -> Path:
    """A DELF archive, or with a global descriptor a DELG's: names of tensors, no signature.

    A late one has resource variables and a loop that is one operation.
    """
    with v1.Graph().as_default():
        image = v1.placeholder(tf.uint8, (None, None, 3), "input_image")
        scales = v1.placeholder(tf.float32, (None,), "input_scales")
        threshold = v1.placeholder(tf.float32, (), "input_abs_thres")
        most = v1.placeholder(tf.int32, (), "input_max_feature_num")
        chosen = None
        if whole:
            chosen = v1.placeholder(tf.int32, (None,), "input_global_scales_ind")
        given = (tf.cast(image, tf.float32), scales, threshold, most)
        if is_late:
            kernel = v1.get_variable("kernel", initializer=_kernel(weights), use_resource=True)
            found = _extract(*given, kernel=kernel, chosen=chosen)
        else:
            found = _extract_as_tensorflow_1(*given, weights=weights, chosen=chosen)
        for name in (*_LOCAL, "global_descriptors") if whole else _LOCAL:
            tf.identity(found[name], name)
        _save(folder, [tag], {})
    return folder


class _Both(tf.Module):
    """What DELG's own export writes of both, by the names of its inputs and outputs."""

    def __init__(self) -> None:
        super().__init__()
        self._kernel = tf.Variable(_kernel(WEIGHTS))

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, 3), tf.uint8, "input_image"),
            tf.TensorSpec((None,), tf.float32, "input_scales"),
            tf.TensorSpec((), tf.int32, "input_max_feature_num"),
            tf.TensorSpec((), tf.float32, "input_abs_thres"),
            tf.TensorSpec((None,), tf.int32, "input_global_scales_ind"),
        ]
    )
    def extract(
        self, image: Any, scales: Any, most: Any, threshold: Any, chosen: Any
    ) -> dict[str, tf.Tensor]:
        image = tf.cast(image, tf.float32)
        return _extract(image, scales, threshold, most, kernel=self._kernel, chosen=chosen)


class _Local(_Both):
    """Of local features only."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, 3), tf.uint8, "input_image"),
            tf.TensorSpec((None,), tf.float32, "input_scales"),
            tf.TensorSpec((), tf.int32, "input_max_feature_num"),
            tf.TensorSpec((), tf.float32, "input_abs_thres"),
        ]
    )
    def extract(self, image: Any, scales: Any, most: Any, threshold: Any) -> dict[str, tf.Tensor]:
        image = tf.cast(image, tf.float32)
        found = _extract(image, scales, threshold, most, kernel=self._kernel)
        return {name: found[name] for name in _LOCAL}


class _Whole(_Both):
    """Of the global descriptor only, one a scale."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, 3), tf.uint8, "input_image"),
            tf.TensorSpec((None,), tf.float32, "input_scales"),
            tf.TensorSpec((None,), tf.int32, "input_global_scales_ind"),
        ]
    )
    def extract(self, image: Any, scales: Any, chosen: Any) -> dict[str, tf.Tensor]:
        image = tf.cast(image, tf.float32)
        found = _extract(image, scales, 0.0, 1, kernel=self._kernel, chosen=chosen)
        return {"global_descriptors": found["global_descriptors"]}


class _Pooled(_Both):
    """Of the global descriptor only, pooled over scales of its own."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, 3), tf.uint8, "input_image")])
    def extract(self, image: Any) -> dict[str, tf.Tensor]:
        image = tf.cast(image, tf.float32)
        scales = tf.constant([1.0, 0.5])
        found = _extract(image, scales, 0.0, 1, kernel=self._kernel, chosen=tf.range(2))
        return {"global_descriptor": tf.reduce_mean(found["global_descriptors"], axis=0)}


def write_tf2_archive(folder: Path, kind: type[_Both]) -> Path:
    """What DELG's training exports."""
    module = kind()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.extract})
    return folder


SOURCES: dict[str, Callable[[Path], Path]] = {
    "TF-Hub's DELF": write_hub,
    "a DELF archive": lambda folder: write_tf1_archive(folder, whole=False),
    "a DELG archive": lambda folder: write_tf1_archive(folder, whole=True),
    "a DELG of TensorFlow 2": lambda folder: write_tf2_archive(folder, _Both),
    "a local DELG of TensorFlow 2": lambda folder: write_tf2_archive(folder, _Local),
    "a global DELG of TensorFlow 2": lambda folder: write_tf2_archive(folder, _Whole),
    "a pooled DELG of TensorFlow 2": lambda folder: write_tf2_archive(folder, _Pooled),
}
LOCAL_SOURCES = list(SOURCES)[:5]
GLOBAL_SOURCES = [*list(SOURCES)[2:4], *list(SOURCES)[5:]]


def _extract_as_tensorflow_1(
    *arguments: Any, weights: tuple[float, ...], chosen: Any = None
) -> dict[str, tf.Tensor]:
    """With a reference variable, and a loop of Enter and Exit operations."""
    kernel = v1.get_variable("kernel", initializer=_kernel(weights), use_resource=False)
    v1.disable_control_flow_v2()
    try:
        return _extract(*arguments, kernel=kernel, chosen=chosen)
    finally:
        v1.enable_control_flow_v2()


def _kernel(weights: tuple[float, ...]) -> np.ndarray:
    """Means of squares, ``(8, 8, 3, 3)``."""
    mean = np.ones((SIDE, SIDE, 1, 1), np.float32) / SIDE**2
    return mean * np.diag(np.array(weights, np.float32))


def _extract(
    image: Any, scales: Any, threshold: Any, most: Any, *, kernel: Any, chosen: Any = None
) -> dict[str, tf.Tensor]:
    """As DELG's ``export_model_utils`` does it, with a convolution for a network."""

    def of_scale(number: Any, boxes: Any, features: Any, inverse: Any, whole: Any) -> Any:
        scale = scales[number]
        size = tf.round(tf.cast(tf.shape(image)[:2], tf.float32) * scale)
        resized = tf.image.resize(image[None], tf.cast(size, tf.int32))
        grid = tf.nn.conv2d(resized, kernel, SIDE, "SAME")[0]
        rows, columns = tf.meshgrid(*map(tf.range, tf.unstack(tf.shape(grid)[:2])), indexing="ij")
        corners = tf.cast(tf.reshape(tf.stack([rows, columns], 2), (-1, 2)) * SIDE, tf.float32)
        squares = tf.reshape(grid, (-1, 3))
        picked = tf.where(squares[:, 0] >= threshold)[:, 0]
        mean = tf.reduce_mean(squares, axis=0, keepdims=True)
        if chosen is not None:
            mean = mean[: tf.cast(tf.reduce_any(tf.equal(chosen, number)), tf.int32)]
        found = tf.concat([corners, corners + SIDE - 1], 1) / scale
        return (
            number + 1,
            tf.concat([boxes, tf.gather(found, picked)], 0),
            tf.concat([features, tf.gather(squares, picked)], 0),
            tf.concat([inverse, tf.fill(tf.shape(picked), 1 / scale)], 0),
            tf.concat([whole, mean], 0),
        )

    start = [tf.constant(0), *(tf.zeros(shape) for shape in ((0, 4), (0, 3), (0,), (0, 3)))]
    shapes = [(), (None, 4), (None, 3), (None,), (None, 3)]
    _, boxes, features, inverse, whole = v1.while_loop(
        lambda number, *_: number < tf.shape(scales)[0],
        of_scale,
        start,
        shape_invariants=[tf.TensorShape(shape) for shape in shapes],
    )
    scores = features[:, 0]
    kept = tf.image.non_max_suppression(boxes, scores, most, iou_threshold=1.0)
    return {
        "boxes": tf.gather(boxes, kept),
        "features": tf.gather(features, kept),
        "scales": tf.gather(inverse, kept),
        "scores": tf.gather(scores, kept)[:, None],
        "global_descriptors": whole,
    }


def _infos(tensors: dict[str, tf.Tensor]) -> dict[str, Any]:
    return {
        name: v1.saved_model.utils.build_tensor_info(tensor) for name, tensor in tensors.items()
    }


def _save(folder: Path, tags: list[str], signatures: dict[str, Any]) -> None:
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, tags, signatures)
        builder.save()
