import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.serving import ServingModel, Views
from pipeline.data import records
from pipeline.exporting.measured_photographs import measured_photographs


@pytest.fixture(scope="module")
def model() -> ServingModel:
    images = keras.Input((None, None, 3), dtype="uint8")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    network = keras.Model(images, keras.layers.UnitNormalization()(pooled))
    return ServingModel(network, 32, Views(scales=(1.0, 1.5)))


def training(paths: list[Path], *, labelled: bool = True) -> dict[str, Any]:
    return {
        "settings": {"records": "tfrecords/some" if labelled else None},
        "data": {"files": dict.fromkeys(map(str, paths), "sha256")},
    }


def shards(folder: Path) -> list[Path]:
    return [shard.path for shard in records.list_shards(folder, "train")]


def first_photographs(path: Path) -> list[tf.Tensor]:
    dataset = tf.data.TFRecordDataset([str(path)])
    return [records.parse_photograph(record)["image/encoded"] for record in dataset]


def test_they_are_the_first_that_the_network_was_trained_on(
    model: ServingModel, labelled_records: Path
) -> None:
    paths = shards(labelled_records)
    found = measured_photographs(model, training(paths), 3)
    assert found.source == str(labelled_records)
    assert found.count == 3
    for number, encoded in enumerate(first_photographs(paths[0])[:3]):
        for images, expected in zip(found.images, model.prepare(encoded), strict=True):
            np.testing.assert_array_equal(images[number], expected)


def test_all_roles_of_triplets_count(model: ServingModel, triplet_files: list[Path]) -> None:
    found = measured_photographs(model, training(triplet_files, labelled=False), 4)
    # Red is 40 times the triplet's number; green is 0, 100, 200 by role.
    assert found.images[0][:, 0, 0, :2].numpy().tolist() == [[0, 0], [0, 100], [0, 200], [40, 0]]


def test_damaged_ones_and_missing_files_are_left_out(
    model: ServingModel, labelled_records: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    first, second = shards(folder)
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    found = measured_photographs(model, training([tmp_path / "gone", first, second]), 100)
    assert len(first_photographs(second)) <= found.count < 19
    assert found.source == str(folder)


def test_where_none_are_left_buildings_are_rendered(model: ServingModel, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no records")
    found = measured_photographs(model, training([tmp_path / "gone", tmp_path / "text"]), 3)
    assert found.source == "the synthetic city"
    assert [images.shape for images in found.images] == [(3, 32, 32, 3), (3, 48, 48, 3)]
    assert len({image.numpy().tobytes() for image in found.images[0]}) == 3
