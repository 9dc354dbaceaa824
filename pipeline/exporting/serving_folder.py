"""The folder that TensorFlow Serving watches: ``DIR/1``, ``DIR/2``, ..., each a SavedModel.

Serving looks at the folder now and then, loads the highest number it finds there
(https://www.tensorflow.org/tfx/serving/serving_config), and answers the requests that are recorded
in it before any other (https://www.tensorflow.org/tfx/serving/saved_model_warmup): nobody waits
while TensorFlow sets itself up. Names that are no numbers it passes over.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import tensorflow as tf

from pipeline import manifest, model_folder
from pipeline.exporting.signatures import read_signatures
from pipeline.progress import logger

WARM_UP = "assets.extra/tf_serving_warmup_requests"  # of at most 1,000 requests
_LOCK = ".publishing.lock"


def publish(model: Path, folder: Path) -> Path:
    """Publishes the SavedModel of a model as the next version, which appears whole.

    Args:
        model: Folder of an exported model.
        folder: The base path of Serving; made if missing.

    Returns:
        The folder of the version: the latest, where that is the same model already.

    Raises:
        ValueError: If tensorflow-serving-api is not installed, or the model has an input that no
            request is known for.
        FileNotFoundError: If the folder holds no exported model.
        OSError: If the folder cannot be written to.
    """
    messages = _require_messages()
    fingerprint = model_folder.fingerprint(model)
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / _LOCK):  # two that publish take two numbers
        versions = _versions(folder)
        latest = max(versions, default=0)
        if versions and _is_of(versions[latest], fingerprint):
            logger.info("%s is published as %s already.", model, versions[latest])
            return versions[latest]
        version = folder / str(latest + 1)

        def copy(part: Path) -> None:
            shutil.copytree(model / model_folder.SAVED_MODEL, part)
            _write_warm_up(part, folder.resolve().name, messages)

        manifest.write_atomically(version, copy)
    logger.info("%s is published as %s.", model, version)
    return version


def _versions(folder: Path) -> dict[int, Path]:
    names = [path for path in folder.iterdir() if path.name.isascii() and path.name.isdecimal()]
    return {int(path.name): path for path in names}


def _is_of(version: Path, fingerprint: str) -> bool:
    """Whether a version is whole and of the model of that fingerprint."""
    try:
        found = model_folder.fingerprint_saved_model(version)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return found == fingerprint and (version / WARM_UP).is_file()


def _require_messages() -> Any:
    """The modules of Serving's messages that a request is written with."""
    try:
        from tensorflow_serving import apis  # noqa: PLC0415  # an extra
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise ValueError(
            "--serve_in needs tensorflow-serving-api; install it with: pip install '.[serving]' "
            "(or: pip install tensorflow-serving-api)."
        ) from error
    return apis


def _write_warm_up(saved_model: Path, name: str, messages: Any) -> None:
    """Records a request for every signature, as a server of that name would get them."""
    path = saved_model / WARM_UP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in _requests(saved_model, name, messages):
            log = messages.prediction_log_pb2.PredictLog(request=request)
            whole = messages.prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(whole.SerializeToString(deterministic=True))


def _requests(saved_model: Path, name: str, messages: Any) -> Iterator[Any]:
    known = _inputs()
    for signature, tensors in read_signatures(saved_model).items():
        unknown = tensors.inputs.keys() - known.keys()
        if unknown:
            raise ValueError(
                f"No warm-up request is known for the signature {signature}, because of its "
                f"inputs {', '.join(sorted(unknown))}. Known are {', '.join(known)}."
            )
        request = messages.predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = signature
        for key, tensor in tensors.inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(known[key], tensor.dtype))
        yield request


def _inputs() -> dict[str, Any]:
    """One photograph, 480 x 640, in every form that signatures take, a box, and DELF's settings."""
    rows, columns = np.indices((480, 640))
    image = np.stack([rows, columns, rows ^ columns], axis=-1).astype(np.uint8)
    return {
        "image_bytes": [tf.io.encode_jpeg(image).numpy()],
        "images": image[None],
        "box": [[0.25, 0.25, 0.75, 0.75]],
        "input_image": image,
        "image": image / 255,
        "image_scales": [1.0],
        "score_threshold": 0.0,  # so that something is found
        "max_feature_num": 1000,
    }
