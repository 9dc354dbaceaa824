import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import pipeline.export
from models.local.extraction import LocalExtraction
from models.preprocessing import decode_photograph, resize
from models.serving import ServingModel, Views
from models.siamese import load_network
from models.variants import VARIANTS, VariantName
from pipeline import manifest, model_folder
from pipeline.data import records
from pipeline.data.record_table import open_records
from pipeline.descriptors import SavedDescriptor
from pipeline.export import Settings, export
from pipeline.train import train
from tests.tiny import Tiny, tiny_export, tiny_training


def _pixels(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, channels), np.uint8)


def _photograph(tmp_path: Path, name: str, mode: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(_pixels(61, 45, 4), "RGBA").convert(mode)
    image.save(tmp_path / name, exif=exif)
    return (tmp_path / name).read_bytes()


def _whitening(model: Path, **changes: object) -> Settings:
    """Two scales, and whitening from what was trained on."""
    folder = model_folder.read_model_file(model)["training"]["settings"]["records"]
    settings = tiny_export(
        model,
        scales=("1", "1.5"),
        whitening="supervised",
        whitening_records=Path(folder),
        whitening_dimension=5,
    )
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whitened(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, exported so."""
    model = tmp_path_factory.mktemp("whitened") / "model"
    shutil.copytree(tiny.model, model)
    return export(_whitening(model, overwrite=True))


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
        SavedDescriptor(tiny.model).describe_files([encoded]), expected, atol=1e-5
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
    descriptor = SavedDescriptor(tiny.model)
    files = [tf.io.encode_png(_pixels(side, 40)).numpy() for side in (8, 33, 120)]
    together = descriptor.describe_files(files)
    alone = np.concatenate([descriptor.describe_files([file]) for file in files])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_other_keras_code_can_use_the_saved_model_as_a_layer(tiny: Tiny) -> None:
    layer = keras.layers.TFSMLayer(tiny.model / "saved_model", call_endpoint="pixels")
    images = _pixels(32, 32)[None]
    np.testing.assert_allclose(
        layer(images)["global_descriptor"],
        SavedDescriptor(tiny.model).describe_images(images),
        atol=1e-5,
    )


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
        SavedDescriptor(folder)


def test_a_network_that_was_trained_again_is_exported_again(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    before = SavedDescriptor(export(tiny_export(folder))).fingerprint
    assert before == model_folder.fingerprint(tiny.model), "nothing to do"
    train(tiny_training(folder, tiny.records, seed=1, overwrite=True))
    assert SavedDescriptor(export(tiny_export(folder))).fingerprint != before


@pytest.mark.parametrize("gone", ["saved_model", "saved_model/variables"])
def test_a_saved_model_that_is_gone_is_exported_again(
    gone: str, tiny: Tiny, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    shutil.rmtree(folder / gone)
    with pytest.raises(
        FileNotFoundError,
        match=r"saved_model is missing or not whole; make it with `python -m pipeline.exp",
    ):
        SavedDescriptor(folder)
    export(tiny_export(folder))
    assert SavedDescriptor(folder).dimension == 16


def test_what_a_model_tells_of_itself_is_written_again_where_it_is_damaged(
    tiny: Tiny, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    (folder / "model.json").write_text("{}")
    with pytest.raises(
        ValueError, match=r"model.json is damaged; make it again with `python -m pipeline.export"
    ):
        SavedDescriptor(folder)
    export(tiny_export(folder))
    assert SavedDescriptor(folder).dimension == 16


def test_a_saved_model_that_differs_from_its_network_is_not_kept(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))

    class Broken(ServingModel):
        def _describe(self, images: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
            return {name: -output for name, output in super()._describe(images).items()}

    monkeypatch.setattr(pipeline.export, "ServingModel", Broken)
    with pytest.raises(ValueError, match=r"serving_default of the SavedModel differs"):
        export(tiny_export(folder, overwrite=True))
    assert model_folder.fingerprint(folder) == model_folder.fingerprint(tiny.model)


def test_scales_and_whitening_are_in_the_saved_model(tiny: Tiny, whitened: Path) -> None:
    """Against the network, photograph by photograph; PNG shows all signatures the same pixels."""
    network = load_network(tiny.model / "training" / "network.keras")
    described = model_folder.read_model_file(whitened)
    assert described["input_size"] == 32
    assert described["dimension"] == 5
    assert described["scales"] == [1.0, 1.5]
    image = tf.constant(_pixels(70, 50))
    views = [network(resize(image, side)[None], training=False)[0].numpy() for side in (32, 48)]
    mean = sum(views) / np.linalg.norm(sum(views))
    module = tf.saved_model.load(str(whitened / "saved_model"))
    shapes = {tuple(variable.shape): variable for variable in module._whitening}
    expected = (mean - shapes[(16,)].numpy()) @ shapes[(16, 5)].numpy()
    (found,) = SavedDescriptor(whitened).describe_images(image[None])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-4)


def test_model_file_tells_what_whitening_was_learned_from(tiny: Tiny, whitened: Path) -> None:
    told = model_folder.read_model_file(whitened)["whitening"]
    table = open_records(tiny.records, "train")
    assert told == {
        "kind": "supervised",
        "strength": 0.5,
        "dimension": 5,
        "files": {
            str(shard.path): sha256
            for shard, sha256 in zip(table.shards, table.fingerprints, strict=True)
        },
        "photographs": 20,
        "damaged": 0,
    }


def test_whitening_counts_as_learning_even_of_a_network_without_training(
    tiny: Tiny, whitened: Path, tmp_path: Path
) -> None:
    held_out = open_records(tiny.records, "validation").contents
    learned = open_records(tiny.records, "train").contents
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    assert set(model_folder.learned_contents(model)) == set(learned)
    assert set(model_folder.learned_contents(whitened)) == set(learned)
    export(
        tiny_export(
            model,
            whitening="pca",
            whitening_records=tiny.records,
            whitening_split="validation",
            whitening_dimension=2,
            overwrite=True,
        )
    )
    assert set(model_folder.learned_contents(model)) == {*learned, *held_out}
    described = model_folder.read_model_file(model)
    described["training"]["settings"]["epochs"] = 0
    manifest.write_json(model / "model.json", described)
    assert set(model_folder.learned_contents(model)) == set(held_out)
    export(tiny_export(model, overwrite=True))
    assert set(model_folder.learned_contents(model)) == set(learned), "whitened no longer"


def test_a_finished_export_is_kept_wherever_it_lies(whitened: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(whitened, tmp_path / "moved"))
    before = (moved / "model.json").stat().st_mtime_ns
    export(_whitening(moved, scales=("1.50", "1")))  # the same in another order and spelling
    assert (moved / "model.json").stat().st_mtime_ns == before


def test_other_flags_over_a_finished_export_are_refused_by_name(
    tiny: Tiny, whitened: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(whitened, tmp_path / "model"))
    with pytest.raises(ValueError, match=r"whitening_strength was 0\.5, now 1\.0.*--overwrite"):
        export(_whitening(model, whitening_strength=1.0))
    with pytest.raises(ValueError, match=r"scales was \['1.0', '1.5'\], now \['1.0'\]; whiten"):
        export(tiny_export(model))
    export(tiny_export(model, overwrite=True))
    assert model_folder.read_model_file(model)["whitening"] is None
    image = _pixels(32, 32)[None]
    as_before = SavedDescriptor(tiny.model).describe_images(image)
    np.testing.assert_array_equal(SavedDescriptor(model).describe_images(image), as_before)


def test_an_export_of_an_earlier_version_is_made_again(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    described = model_folder.read_model_file(model)
    del described["settings"]
    manifest.write_json(model / "model.json", described)
    export(tiny_export(model, flip=True))
    assert model_folder.read_model_file(model)["flip"] is True


def test_it_is_said_that_the_records_of_the_whitening_have_changed(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    settings = _whitening(model, whitening_records=folder, scales=("1",))
    export(dataclasses.replace(settings, overwrite=True))
    export(settings)
    assert "has changed since" not in caplog.text
    with records.list_shards(folder, "train")[0].path.open("ab") as file:
        file.write(b"more")
    export(settings)
    assert "has changed since" in caplog.text


def test_whitening_that_differs_is_not_kept(
    whitened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path(shutil.copytree(whitened, tmp_path / "model"))

    class Broken(ServingModel):
        def __init__(
            self,
            network: keras.Model,
            size: int,
            views: Views,
            whitening: tuple[np.ndarray, np.ndarray] | None = None,
            local: LocalExtraction | None = None,
        ) -> None:
            wrong = whitening and (whitening[0], whitening[1] + 1)
            super().__init__(network, size, views, wrong, local)

    monkeypatch.setattr(pipeline.export, "ServingModel", Broken)
    with pytest.raises(ValueError, match=r"serving_default of the SavedModel differs"):
        export(_whitening(model, overwrite=True))
    assert model_folder.fingerprint(model) == model_folder.fingerprint(whitened)


def test_the_fastest_graph_that_describes_alike_is_exported_and_kept(
    tiny: Tiny, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    settings = tiny_export(model, variant="auto")
    with pytest.raises(ValueError, match=r"variant was 'plain', now 'auto'"):
        export(settings)
    export(dataclasses.replace(settings, overwrite=True))
    told = model_folder.read_model_file(model)["variant"]
    assert told["name"] in VARIANTS
    assert set(told["measured"]) == set(VARIANTS)
    assert told["source"] == str(tiny.records)
    image = _pixels(32, 32)[None]
    found, expected = (SavedDescriptor(one).describe_images(image) for one in (model, tiny.model))
    assert (found * expected).sum() > 0.999
    before = (model / "model.json").stat().st_mtime_ns
    export(settings)
    assert (model / "model.json").stat().st_mtime_ns == before, "whatever was chosen is current"


@pytest.mark.parametrize("variant", ["frozen", "bfloat16"])
def test_a_graph_that_is_asked_for_is_exported_without_measuring(
    whitened: Path, tmp_path: Path, variant: VariantName
) -> None:
    model = Path(shutil.copytree(whitened, tmp_path / "model"))
    export(_whitening(model, variant=variant, overwrite=True))
    assert model_folder.read_model_file(model)["variant"] == {"name": variant}
    assert model_folder.fingerprint(model) != model_folder.fingerprint(whitened)
    image = _pixels(48, 48)[None]
    found, expected = (SavedDescriptor(one).describe_images(image) for one in (model, whitened))
    assert (found * expected).sum() > 0.999


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scales": ()}, r"--scales are numbers above 0.*Received: \(\)"),
        ({"scales": ("1", "0")}, "--scales are numbers above 0"),
        ({"scales": ("1", "-2")}, "--scales are numbers above 0"),
        ({"scales": ("nan",)}, "--scales are numbers above 0"),
        ({"scales": ("inf",)}, "--scales are numbers above 0"),
        ({"scales": ("large",)}, r"--scales are numbers.*Received: \('large',\)"),
        ({"aggregation": "gem"}, "does nothing to one scale; pass several --scales"),
        ({"aggregation_power": 0.5}, r"--aggregation_power is 1 to 10\. Received: 0\.5"),
        ({"whitening": "pca"}, "--whitening=pca is learned from --whitening_records"),
        ({"whitening_records": Path("a")}, "belong to --whitening=pca or supervised"),
        ({"whitening_dimension": 8}, "belong to --whitening=pca or supervised"),
        ({"whitening_strength": 1.5}, r"--whitening_strength is 0 to 1\. Received: 1\.5"),
        ({"max_damaged": -1.0}, "--max_damaged is at least 0"),
    ],
)
def test_flags_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(model=Path("model"), **changes)  # type: ignore[arg-type]


def test_exporting_what_was_never_trained_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"make it with `python -m pipeline\.train"):
        export(tiny_export(tmp_path))


def test_a_damaged_file_is_a_clear_error(tiny: Tiny) -> None:
    with pytest.raises(ValueError, match="damaged, or no JPEG"):
        SavedDescriptor(tiny.model).describe_files([b"text"])
