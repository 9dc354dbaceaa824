import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import pipeline.export
from models.preprocessing import decode_photograph, resize
from models.serving import ServingModel
from models.siamese import load_network
from pipeline import manifest, model_folder
from pipeline.data import records
from pipeline.descriptors import Descriptor
from pipeline.export import Settings, export
from pipeline.train import train
from tests.tiny import Tiny, tiny_training


def _pixels(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, channels), np.uint8)


def _photograph(tmp_path: Path, name: str, mode: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(_pixels(61, 45, 4), "RGBA").convert(mode)
    image.save(tmp_path / name, exif=exif)
    return (tmp_path / name).read_bytes()


def test_signatures_have_the_names_that_others_rely_on(tiny: Tiny) -> None:
    signatures = tf.saved_model.load(str(tiny.model / "saved_model")).signatures
    inputs = {name: list(s.structured_input_signature[1]) for name, s in signatures.items()}
    assert inputs == {
        "serving_default": ["image_bytes"],
        "pixels": ["images"],
        "kaggle": ["input_image"],
    }
    for signature in signatures.values():
        assert list(signature.structured_outputs) == ["global_descriptor"]


@pytest.mark.parametrize(
    ("name", "mode", "orientation"),
    [("a.jpg", "RGB", 1), ("a.jpg", "RGB", 6), ("a.jpg", "L", 1), ("a.png", "RGBA", 1)],
)
def test_a_file_is_described_as_the_trained_network_sees_it(
    tiny: Tiny, tmp_path: Path, name: str, mode: str, orientation: int
) -> None:
    encoded = _photograph(tmp_path, name, mode, orientation)
    network = load_network(tiny.model / "training" / "network.keras")
    upright = resize(decode_photograph(tf.constant(encoded)), 32)
    expected = network(upright[None], training=False)
    np.testing.assert_allclose(
        Descriptor(tiny.model).describe_files([encoded]), expected, atol=1e-5
    )


def test_all_signatures_agree_on_a_photograph_that_is_not_square(tiny: Tiny) -> None:
    signatures = tf.saved_model.load(str(tiny.model / "saved_model")).signatures
    image = tf.constant(_pixels(50, 71))
    one = signatures["kaggle"](input_image=image)["global_descriptor"]
    assert one.shape == (16,)
    np.testing.assert_allclose(np.linalg.norm(one), 1.0, atol=1e-5)
    pixels = signatures["pixels"](images=image[None])["global_descriptor"]
    files = signatures["serving_default"](image_bytes=tf.io.encode_png(image)[None])
    np.testing.assert_allclose(pixels[0], one, atol=1e-5)
    np.testing.assert_allclose(files["global_descriptor"][0], one, atol=1e-5)


def test_photographs_of_one_batch_may_differ_in_size(tiny: Tiny) -> None:
    descriptor = Descriptor(tiny.model)
    files = [tf.io.encode_png(_pixels(side, 40)).numpy() for side in (8, 33, 120)]
    together = descriptor.describe_files(files)
    alone = np.concatenate([descriptor.describe_files([file]) for file in files])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_other_keras_code_can_use_the_saved_model_as_a_layer(tiny: Tiny) -> None:
    layer = keras.layers.TFSMLayer(tiny.model / "saved_model", call_endpoint="pixels")
    images = _pixels(32, 32)[None]
    np.testing.assert_allclose(
        layer(images)["global_descriptor"],
        Descriptor(tiny.model).describe_images(images),
        atol=1e-5,
    )


def test_the_saved_model_needs_none_of_this_code(tiny: Tiny, tmp_path: Path) -> None:
    script = (
        "import sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "image = tf.zeros((40, 30, 3), tf.uint8)\n"
        "print(model.signatures['kaggle'](input_image=image)['global_descriptor'].shape)\n"
        "assert not {'models', 'pipeline'} & set(sys.modules), 'it imported our code'\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script, str(tiny.model / "saved_model")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == "(16,)"


def test_model_file_tells_what_decides_the_vectors(tiny: Tiny) -> None:
    described = model_folder.read_model_file(tiny.model)
    assert described["dimension"] == 16
    assert described["input_size"] == 32
    assert described["fingerprint"] == model_folder.fingerprint(tiny.model)
    assert described["training"]["data"]["landmarks"] == 5
    shards = [shard.path for shard in records.list_shards(tiny.records, "train")]
    assert described["training"]["data"]["files"] == {
        str(path): manifest.fingerprint_files(path.parent, [path]) for path in shards
    }


def test_a_swapped_saved_model_is_noticed(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    with (folder / "saved_model" / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"has the fingerprint .*pipeline\.export"):
        Descriptor(folder)


def test_a_network_that_was_trained_again_is_exported_again(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    before = Descriptor(export(Settings(model=folder))).fingerprint
    assert before == model_folder.fingerprint(tiny.model), "nothing to do"
    train(tiny_training(folder, tiny.records, seed=1, overwrite=True))
    assert Descriptor(export(Settings(model=folder))).fingerprint != before


def test_a_saved_model_that_is_gone_is_exported_again(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    shutil.rmtree(folder / "saved_model")
    with pytest.raises(
        FileNotFoundError, match=r"is missing; make it with `python -m pipeline.exp"
    ):
        Descriptor(folder)
    export(Settings(model=folder))
    assert Descriptor(folder).dimension == 16


def test_a_saved_model_that_differs_from_its_network_is_not_kept(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))

    class Broken(ServingModel):
        def _describe(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            return {name: -output for name, output in super()._describe(images).items()}

    monkeypatch.setattr(pipeline.export, "ServingModel", Broken)
    with pytest.raises(ValueError, match=r"serving_default of the SavedModel differs"):
        export(Settings(model=folder, overwrite=True))
    assert model_folder.fingerprint(folder) == model_folder.fingerprint(tiny.model)


def test_exporting_what_was_never_trained_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"make it with `python -m pipeline\.train"):
        export(Settings(model=tmp_path))


def test_a_damaged_file_is_a_clear_error(tiny: Tiny) -> None:
    with pytest.raises(ValueError, match="damaged, or no JPEG"):
        Descriptor(tiny.model).describe_files([b"text"])
