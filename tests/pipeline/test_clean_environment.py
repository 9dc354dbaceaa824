"""What another gets who has a model's folder, and TensorFlow, and nothing of this project."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.descriptors import SavedDescriptor
from tests.clean_environment import make_clean_environment, required_by
from tests.tiny import Tiny

_ABSENT = (
    *("models", "pipeline", "demo", "tests"),
    *("tensorflow_hub", "tensorflow_datasets", "tensorflow_serving", "faiss", "PIL", "cv2"),
)
_DESCRIBE = """
import importlib.util, json, sys
found = [name for name in sys.argv[3:] if importlib.util.find_spec(name)]
assert not found, f"not a clean environment: it has {found}"
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
encoded = tf.io.read_file(sys.argv[2])
image = tf.io.decode_image(encoded)
described = [
    signatures["serving_default"](image_bytes=encoded[None])["global_descriptor"][0],
    signatures["pixels"](images=image[None])["global_descriptor"][0],
    signatures["kaggle"](input_image=image)["global_descriptor"],
]
print(json.dumps([vector.numpy().tolist() for vector in described]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has TensorFlow and nothing else."""
    return make_clean_environment(tmp_path_factory.mktemp("clean"))


def _run(python: Path, code: str, *arguments: str | Path, cwd: Path) -> str:
    finished = subprocess.run(
        [python, "-I", "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_all_signatures_describe_where_there_is_tensorflow_and_nothing_else(
    tiny: Tiny, python: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 55, 3), np.uint8)
    encoded = tf.io.encode_png(pixels).numpy()
    (tmp_path / "photograph.png").write_bytes(encoded)
    arguments = (tiny.model / "saved_model", tmp_path / "photograph.png", *_ABSENT)
    described = json.loads(_run(python, _DESCRIBE, *arguments, cwd=tmp_path))
    (expected,) = SavedDescriptor(tiny.model).describe_files([encoded])
    np.testing.assert_allclose(described, np.tile(expected, (3, 1)), atol=1e-5)


def test_the_code_in_the_model_card_runs_there(tiny: Tiny, python: Path) -> None:
    photograph = next(tiny.photos.rglob("*.jpg"))
    (code,) = re.findall(
        r"```python\n(.*?)```", (tiny.model / "README.md").read_text(), flags=re.DOTALL
    )
    code = code.replace('"photograph.jpg"', repr(str(photograph)))
    assert _run(python, code, cwd=tiny.model).strip() == "(1, 16)"


def test_an_environment_that_has_more_is_found_out(tmp_path: Path) -> None:
    """The one that the tests run in; before anything is loaded."""
    finished = subprocess.run(
        [sys.executable, "-I", "-c", _DESCRIBE, "model", "photograph", *_ABSENT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "not a clean environment" in finished.stderr
    assert "'tensorflow_hub'" in finished.stderr


def test_what_tensorflow_does_not_require_is_not_linked() -> None:
    required = required_by("tensorflow")
    assert {"numpy", "keras", "rich"} <= required, "rich is required by keras alone"
    assert not required & {"pillow", "tensorflow-hub", "faiss-cpu", "tensorboard"}
