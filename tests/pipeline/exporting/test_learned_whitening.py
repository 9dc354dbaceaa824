import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.serving import ServingModel, Views
from models.whitening import pca_whitening, supervised_whitening
from pipeline.data import records
from pipeline.data.record_table import RecordTable, open_records
from pipeline.data.records import Photograph
from pipeline.data.sources.source import content_id
from pipeline.exporting.learned_whitening import LearnedWhitening, has_changed, learn_whitening


@pytest.fixture(scope="module")
def model() -> ServingModel:
    """Describes an image at two scales, each by its mean colours in nine places."""
    images = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Lambda(lambda image: tf.image.resize(image, (3, 3), "area"))(images)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, offset=-1)(x))
    network = keras.Model(images, keras.layers.UnitNormalization()(x))
    return ServingModel(network, 32, Views(scales=(1.0, 1.5)))


def learn(model: ServingModel, folder: Path, **changes: Any) -> LearnedWhitening:
    settings: dict[str, Any] = {
        "kind": "pca",
        "split": "train",
        "dimension": 4,
        "strength": 0.5,
        "max_damaged": 0.0,
    }
    return learn_whitening(model, records=folder, **(settings | changes))


def described(model: ServingModel, table: RecordTable, numbers: np.ndarray) -> np.ndarray:
    """One photograph at a time, from its bytes, float32 ``(numbers, dim)``."""
    encoded = [
        records.parse_photograph(tf.constant(table.files.read(number)))["image/encoded"]
        for number in numbers
    ]
    rows = [model.serving_default(one[None])["global_descriptor"][0] for one in encoded]
    return np.stack(rows)


def flip_a_bit(path: Path) -> None:
    """Of a photograph in the middle of a record file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_pca_learns_from_all_photographs_of_the_split(
    model: ServingModel, labelled_records: Path
) -> None:
    table = open_records(labelled_records, "train")
    rows = described(model, table, np.arange(len(table)))
    learned = learn(model, labelled_records)
    projection, mean = pca_whitening(rows, 4, 0.5)
    np.testing.assert_allclose(learned.whitening[0], projection, atol=1e-3)
    np.testing.assert_allclose(learned.whitening[1], mean, atol=1e-5)
    assert learned.contents.tolist() == table.contents.tolist()
    assert learned.learned_from["photographs"] == 19
    assert list(learned.learned_from["files"].values()) == list(table.fingerprints)


def test_supervised_whitening_learns_from_the_photographs_of_landmarks(
    model: ServingModel, labelled_records: Path
) -> None:
    table = open_records(labelled_records, "train")
    numbers = np.flatnonzero(table.labels >= 0)
    rows = described(model, table, numbers)
    learned = learn(model, labelled_records, kind="supervised")
    whitened = (rows - learned.whitening[1]) @ learned.whitening[0]
    projection, mean = supervised_whitening(rows, table.labels[numbers], 4)
    np.testing.assert_allclose(np.abs(whitened), np.abs((rows - mean) @ projection), atol=1e-2)
    assert learned.contents.tolist() == table.contents[numbers].tolist()
    assert learned.learned_from["photographs"] == 17


def test_the_dimension_is_by_default_the_models(
    model: ServingModel, labelled_records: Path
) -> None:
    """Of 27, which its 19 photographs are too few for: that is said before any is described."""

    class Blind(ServingModel):
        def pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            raise AssertionError("a photograph was described")

    blind = Blind(model._network, 32)
    with pytest.raises(ValueError, match=r"--whitening_dimension=18 or less.*Received: 27"):
        learn(blind, labelled_records, dimension=None)
    with pytest.raises(ValueError, match=r"--whitening_dimension=16 or less.*Received: 17"):
        learn(blind, labelled_records, kind="supervised", dimension=17)


def test_damaged_photographs_are_left_out_and_counted(
    model: ServingModel, labelled_records: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    flip_a_bit(records.list_shards(folder, "train")[0].path)
    with pytest.raises(ValueError, match=r"1 of 19 photographs are damaged.*--max_damaged=0 of"):
        learn(model, folder)
    learned = learn(model, folder, max_damaged=0.1)
    assert learned.learned_from["damaged"] == 1
    assert learned.learned_from["photographs"] == len(learned.contents) == 18


def test_a_photograph_that_does_not_decode_is_named(
    model: ServingModel, labelled_records: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its record is sound, so only decoding shows the damage."""
    table = open_records(labelled_records, "train")
    parsed = [records.parse_photograph(tf.constant(table.files.read(n))) for n in range(8)]
    photographs = [
        Photograph(
            id=row["image/id"].numpy().decode(),
            sha256="",
            encoded=row["image/encoded"].numpy()[: 200 if number == 3 else None],
            format="JPEG",
            height=40,
            width=48,
            label=int(row["image/class/label"]),
        )
        for number, row in enumerate(parsed)
    ]
    folder = tmp_path / "records"
    records.write_shards({"train": photographs}, folder, shards=1)
    with pytest.raises(ValueError, match=r"1 of 8 photographs are damaged"):
        learn(model, folder)
    learned = learn(model, folder, max_damaged=0.2)
    cut = content_id(photographs[3].encoded).encode()
    assert len(learned.contents) == 7
    assert cut not in learned.contents
    assert "Left out the photograph at" in caplog.text


def test_changed_records_are_noticed_but_not_missing_ones(
    model: ServingModel, labelled_records: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    learned = learn(model, folder)
    assert not has_changed(learned.learned_from, folder, "train")
    flip_a_bit(records.list_shards(folder, "train")[0].path)
    assert has_changed(learned.learned_from, folder, "train")
    shutil.rmtree(folder)
    assert not has_changed(learned.learned_from, folder, "train")
