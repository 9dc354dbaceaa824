"""Checks the SavedModel of an imported DELF or DELG, read back, against its source.

The source is loaded by TensorFlow Hub and run as DELF's own extractor runs it:
https://github.com/tensorflow/models/blob/master/research/delf/delf/python/examples/extractor.py.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from models.delf import global_descriptor, local_features, sources
from models.delf.sources import Source
from models.delf.tf1_graph import quiet_tensorflow
from pipeline.exporting import delf_hub

# Two graphs of one network differ by the order of float32 sums, no more.
_TOLERANCE = 1e-4
_SIZES = ((97, 64), (131, 201), (10, 33))
_TOO_SMALL = (9, 40)
_LOWEST, _HIGHEST = tf.float32.min, tf.float32.max
_ALL = 100_000  # more features than images of these sizes have

_LOCAL_FEEDS = sources.ARCHIVE_INPUTS[:4]
_WHOLE_FEEDS = ("input_image", "input_scales", "input_global_scales_ind")
Arrays = dict[str, np.ndarray]


@quiet_tensorflow()
def require_same_features(saved_model: Path, folder: Path, source: Source) -> None:
    """Compares all signatures with the source, on images of odd sizes and where nothing is found.

    Args:
        saved_model: What was exported.
        folder: Where the source lies.
        source: What is in it.

    Raises:
        ValueError: If a signature gives something else, or no unit vectors.
    """
    signatures = tf.saved_model.load(str(saved_model)).signatures
    original = delf_hub.load(folder, source.tags)
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (*size, 3), np.uint8) for size in _SIZES]
    if source.local is not None:
        extract = _local_function(original, source)
        for image in images:
            for threshold in (_LOWEST, _HIGHEST):
                found = _run_default(signatures["default"], image, threshold)
                _require_same_local(found, extract(image, threshold), image.shape)
        small = np.zeros((*_TOO_SMALL, 3), np.uint8)
        found = _run_default(signatures["default"], small, _LOWEST)
        if any(len(values) for values in found.values()):
            raise ValueError(f"default of the SavedModel finds features in {_TOO_SMALL} pixels.")
    if source.whole is not None:
        outputs = [name for name in sources.GLOBAL_OUTPUTS if name in source.whole.outputs]
        describe = _whole_function(original, source, outputs)
        for image in images:
            _require_same_whole(signatures, image, describe(image))


def _run_default(signature: Any, image: np.ndarray, threshold: float) -> Arrays:
    found = signature(
        image=tf.constant(image / 255, tf.float32),
        image_scales=tf.constant(local_features.SCALES),
        score_threshold=tf.constant(threshold),
        max_feature_num=tf.constant(_ALL),
    )
    return _arrays(found)


def _local_function(original: Any, source: Source) -> Callable[[np.ndarray, float], Arrays]:
    """From an image and a threshold to what the source finds, after DELF's postprocessing."""
    if source.format == "tf_hub":
        signature = original.signatures[sources.HUB_SIGNATURE]
        return lambda image, threshold: _run_default(signature, image, threshold)
    run = _archive_function(original, source, _LOCAL_FEEDS, sources.ARCHIVE_OUTPUTS)

    def extract(image: np.ndarray, threshold: float) -> Arrays:
        found = run(
            {
                "input_image": tf.constant(image),
                "input_scales": tf.constant(local_features.SCALES),
                "input_abs_thres": tf.constant(threshold),
                "input_max_feature_num": tf.constant(_ALL),
                "input_global_scales_ind": tf.range(len(local_features.SCALES)),
            }
        )
        norms = np.linalg.norm(found["features"], axis=1, keepdims=True)
        found["descriptors"] = found["features"] / np.maximum(norms, 1e-6)
        found["locations"] = (found["boxes"][:, :2] + found["boxes"][:, 2:]) / 2
        return found

    return extract


def _whole_function(
    original: Any, source: Source, outputs: Sequence[str]
) -> Callable[[np.ndarray], np.ndarray]:
    """From an image to its description, each scale scaled to unit length, summed, and again."""
    run = _archive_function(original, source, _WHOLE_FEEDS, outputs)

    def describe(image: np.ndarray) -> np.ndarray:
        (found,) = run(
            {
                "input_image": tf.constant(image),
                "input_scales": tf.constant(global_descriptor.SCALES),
                "input_abs_thres": tf.constant(_LOWEST),
                "input_max_feature_num": tf.constant(_ALL),
                "input_global_scales_ind": tf.range(len(global_descriptor.SCALES)),
            }
        ).values()
        rows = np.atleast_2d(found).astype(np.float64)
        summed = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).sum(axis=0)
        return summed / np.linalg.norm(summed)

    return describe


def _archive_function(
    original: Any, source: Source, feeds: Sequence[str], outputs: Sequence[str]
) -> Callable[[Mapping[str, tf.Tensor]], Arrays]:
    if source.format == "tf2_archive":
        signature = original.signatures[sources.ARCHIVE_SIGNATURE]
        taken = signature.structured_input_signature[1]

        def run(given: Mapping[str, tf.Tensor]) -> Arrays:
            found = signature(**{name: given[name] for name in taken})
            return _arrays({name: found[name] for name in outputs})

        return run
    pruned = original.prune([f"{name}:0" for name in feeds], [f"{name}:0" for name in outputs])
    return lambda given: _arrays(
        dict(zip(outputs, pruned(*[given[name] for name in feeds]), strict=True))
    )


def _require_same_local(found: Arrays, expected: Arrays, shape: tuple[int, ...]) -> None:
    if set(found) != set(expected):
        raise ValueError(
            f"default of the SavedModel gives {sorted(expected)}. Received: {sorted(found)}."
        )
    counts = len(found["scores"]), len(expected["scores"])
    if counts[0] != counts[1]:
        raise ValueError(
            f"default of the SavedModel finds {counts[0]} features in an image of {shape}, its "
            f"source {counts[1]}."
        )
    order, expected_order = _by_place(found), _by_place(expected)
    for name, values in found.items():
        _require_close(
            f"{name} of default",
            values[order],
            expected[name].reshape(values.shape)[expected_order],
        )
    _require_unit("default", found["descriptors"])


def _require_same_whole(signatures: Any, image: np.ndarray, expected: np.ndarray) -> None:
    for name, outputs in (
        ("serving_default", signatures["serving_default"](tf.io.encode_png(image)[None])),
        ("pixels", signatures["pixels"](tf.constant(image[None]))),
        ("kaggle", signatures["kaggle"](tf.constant(image))),
    ):
        described = np.atleast_2d(outputs["global_descriptor"])
        _require_close(name, described, expected[None])
        _require_unit(name, described)


def _require_close(what: str, found: np.ndarray, expected: np.ndarray) -> None:
    if not found.size:
        return
    difference = np.abs(found - expected).max() / max(1.0, np.abs(expected).max())
    if not difference <= _TOLERANCE:
        raise ValueError(
            f"{what} of the SavedModel differs from its source by {difference:.2g} of the largest "
            f"value; at most {_TOLERANCE} is expected."
        )


def _require_unit(what: str, vectors: np.ndarray) -> None:
    norms = np.linalg.norm(vectors, axis=1)
    if not np.allclose(norms, 1, atol=1e-3):
        raise ValueError(
            f"{what} of the SavedModel gives vectors of unit length. Received lengths of "
            f"{norms.min():.3g} to {norms.max():.3g}."
        )


def _by_place(found: Arrays) -> np.ndarray:
    """An order of features that does not hang on their scores, which may be all but the same."""
    return np.lexsort([found["scales"].reshape(-1), *found["boxes"].T])


def _arrays(tensors: Mapping[str, tf.Tensor]) -> Arrays:
    return {name: tensor.numpy() for name, tensor in tensors.items()}
