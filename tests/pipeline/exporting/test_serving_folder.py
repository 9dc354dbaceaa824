"""TensorFlow Serving itself does not run here: what it would find and ask is read and asked."""

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from pipeline import manifest
from pipeline.export import export
from pipeline.exporting import serving_folder
from pipeline.exporting.serving_folder import WARM_UP, publish
from tests.tiny import Tiny, tiny_export


def _requests(version: Path) -> list[prediction_log_pb2.PredictionLog]:
    records = tf.data.TFRecordDataset(str(version / WARM_UP)).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]


def _replay(version: Path) -> dict[str, dict[str, np.ndarray]]:
    """What the model answers to the recorded requests, by signature, as Serving asks them."""
    signatures = tf.saved_model.load(str(version)).signatures
    answers = {}
    for log in _requests(version):
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        inputs = {
            name: tf.constant(tf.make_ndarray(value), tf.as_dtype(value.dtype))
            for name, value in request.inputs.items()
        }
        outputs = signatures[request.model_spec.signature_name](**inputs)
        answers[request.model_spec.signature_name] = {
            name: output.numpy() for name, output in outputs.items()
        }
    return answers


@pytest.fixture(scope="module")
def published(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first version of the tiny model, whose export was finished long since."""
    folder = tmp_path_factory.mktemp("serving") / "landmarks"
    export(tiny_export(tiny.model, serve_in=folder))
    return folder / "1"


def test_the_recorded_requests_are_answered_by_every_signature(published: Path) -> None:
    answers = _replay(published)
    assert set(answers) == {"serving_default", "pixels", "kaggle", "region"}
    shapes = {name: answer["global_descriptor"].shape for name, answer in answers.items()}
    batches = dict.fromkeys(("serving_default", "pixels", "region"), (1, 16))
    assert shapes == {**batches, "kaggle": (16,)}
    # The same photograph in three forms; the first is a JPEG of it.
    np.testing.assert_allclose(
        answers["pixels"]["global_descriptor"][0], answers["kaggle"]["global_descriptor"], atol=1e-5
    )
    near = answers["serving_default"]["global_descriptor"] @ answers["kaggle"]["global_descriptor"]
    assert near > 0.99


def test_the_readmes_request_is_json_that_serving_understands(
    published: Path, tmp_path: Path
) -> None:
    """As https://www.tensorflow.org/tfx/serving/api_rest: {"b64": ...} is a string of bytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    encoded = tf.io.encode_jpeg(pixels, quality=100).numpy()  # longer than one argument may be
    assert len(encoded) > 131072
    (tmp_path / "photograph.jpg").write_bytes(encoded)
    page = (Path(__file__).parents[3] / "exported" / "README.md").read_text()
    (command,) = re.findall(r"```sh\n(\{ printf.*?)```", page, flags=re.DOTALL)
    assert "/v1/models/landmarks:predict" in command
    command, _, _ = command.rpartition("| curl")
    finished = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (instance,) = json.loads(finished.stdout)["instances"]
    inputs = {
        name: tf.constant([base64.b64decode(value["b64"])]) for name, value in instance.items()
    }
    assert inputs["image_bytes"].numpy() == [encoded]
    signatures = tf.saved_model.load(str(published)).signatures
    assert signatures["serving_default"](**inputs)["global_descriptor"].shape == (1, 16)


def test_requests_name_the_model_as_its_folder_does(published: Path) -> None:
    names = {log.predict_log.request.model_spec.name for log in _requests(published)}
    assert names == {"landmarks"}


def test_serving_finds_one_version_of_the_files_it_loads(tiny: Tiny, published: Path) -> None:
    numbers = [path.name for path in published.parent.iterdir() if path.name.isdecimal()]
    assert numbers == ["1"]
    for name in ("saved_model.pb", "variables/variables.index"):
        assert (published / name).read_bytes() == (tiny.model / "saved_model" / name).read_bytes()
    assert stat.S_IMODE(published.stat().st_mode) & 0o555 == 0o555, "another user may read it"


def test_the_same_model_again_adds_no_version_and_another_does(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "serving"
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    assert publish(model, folder) == folder / "1"
    before = os.stat(folder / "1" / "saved_model.pb").st_mtime_ns
    assert publish(model, folder) == folder / "1"
    assert os.stat(folder / "1" / "saved_model.pb").st_mtime_ns == before
    with (model / "saved_model" / "saved_model.pb").open("ab") as file:
        file.write(b"\xfa\x01\0")  # a field that no reader knows: another model, and one that loads
    assert publish(model, folder) == folder / "2"
    assert publish(tiny.model, folder) == folder / "3", "Serving loads the highest, so not 1 again"


@pytest.mark.parametrize(
    ("there", "expected"),
    [(["7"], "8"), (["9", "10"], "11"), (["0007"], "8"), (["notes", ".3.part-a-1", "v5"], "1")],
    ids=["one", "by number", "zeros", "no versions"],
)
def test_the_next_version_is_above_all_that_serving_counts(
    tiny: Tiny, tmp_path: Path, there: list[str], expected: str
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    assert publish(tiny.model, tmp_path).name == expected


def test_a_version_that_lost_its_requests_is_published_anew(tiny: Tiny, tmp_path: Path) -> None:
    (publish(tiny.model, tmp_path) / WARM_UP).unlink()
    assert publish(tiny.model, tmp_path).name == "2"


def test_a_failure_in_the_midst_leaves_nothing_that_serving_would_load(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def fail(saved_model: Path, *rest: object) -> None:
        seen.extend(path.name for path in tmp_path.iterdir())
        raise OSError("No space left on device")

    monkeypatch.setattr(serving_folder, "_write_warm_up", fail)
    with pytest.raises(OSError, match="No space left"):
        publish(tiny.model, tmp_path)
    assert seen
    assert not [name for name in seen if name.isdecimal()]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    monkeypatch.undo()
    assert publish(tiny.model, tmp_path).name == "1"


def test_a_local_model_gets_requests_with_delfs_inputs(tmp_path: Path) -> None:
    class Local(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, 3], tf.float32, name="image"),
                tf.TensorSpec([None], tf.float32, name="image_scales"),
                tf.TensorSpec([], tf.float32, name="score_threshold"),
                tf.TensorSpec([], tf.int32, name="max_feature_num"),
            ]
        )
        def describe(
            self,
            image: tf.Tensor,
            image_scales: tf.Tensor,
            score_threshold: tf.Tensor,
            max_feature_num: tf.Tensor,
        ) -> dict[str, tf.Tensor]:
            brightest = tf.reduce_max(image) + score_threshold + image_scales[0]
            return {"scores": tf.fill([max_feature_num], brightest)}

    local = Local()
    saved_model = tmp_path / "model" / "saved_model"
    tf.saved_model.save(local, str(saved_model), signatures={"default": local.describe})
    answers = _replay(publish(tmp_path / "model", tmp_path / "serving"))
    # 0..1, so that the brightest is 1; 1 + threshold 0 + scale 1 is 2.
    np.testing.assert_allclose(answers["default"]["scores"], np.full(1000, 2.0))


def test_an_input_that_no_request_is_known_for_is_named(tmp_path: Path) -> None:
    class Odd(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="temperature")])
        def describe(self, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"twice": 2 * temperature}

    odd = Odd()
    tf.saved_model.save(odd, str(tmp_path / "saved_model"), signatures={"weather": odd.describe})
    with pytest.raises(ValueError, match="signature weather, because of its inputs temperature"):
        publish(tmp_path, tmp_path / "serving")


def test_without_the_extra_it_is_said_how_to_install_it(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    with pytest.raises(ValueError, match=r"--serve_in needs .* pip install '\.\[serving\]'"):
        publish(tiny.model, tmp_path / "serving")
    assert not (tmp_path / "serving").exists()


def test_where_it_is_published_is_not_part_of_what_is_exported(tiny: Tiny, published: Path) -> None:
    told = manifest.read_json(tiny.model / "model.json", "export")["settings"]
    assert "serve_in" not in told


def test_a_model_that_was_not_exported_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m pipeline\.export --model="):
        publish(tmp_path, tmp_path / "serving")
