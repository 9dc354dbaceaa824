import logging
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import metrics
from pipeline.build_records import Settings, build_records
from pipeline.data import inputs, records
from pipeline.data.record_table import open_records
from pipeline.held_out import held_out_score
from tests.tiny import write_photographs

SIZE = 16
NONE = np.empty(0, bytes)


def _network() -> keras.Model:
    """Describes an image by its pixels."""
    images = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    pixels = keras.layers.Rescaling(1 / 127.5, offset=-1)(images)
    return keras.Model(images, keras.layers.UnitNormalization()(keras.layers.Flatten()(pixels)))


def _built(folder: Path, **counts: int) -> Path:
    write_photographs(folder / "photos", **counts)
    return build_records(
        Settings(photos=folder / "photos", output=folder / "records", validation_fraction=0.4)
    )


def test_score_is_the_map_of_the_held_out_photographs_alone(tmp_path: Path) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=3)
    network = _network()
    files = open_records(folder, "validation").files
    numbers = np.arange(len(files))
    ((_, _, images, parsed),) = inputs.photograph_batches(files, numbers, size=SIZE, batch=64)
    labels = parsed["image/class/label"].numpy()
    assert len(np.unique(labels)) == 4
    expected = metrics.average_precision(
        *metrics.leave_one_out(network(images).numpy(), labels)
    ).mean()
    assert held_out_score(folder, SIZE, NONE, 0.0)(network) == pytest.approx(expected)


def test_without_photographs_to_find_there_is_no_score_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=1)
    with caplog.at_level(logging.WARNING, "pipeline"):
        assert held_out_score(folder, SIZE, NONE, 0.0)(_network()) is None
    assert "has two photographs" in caplog.text


def test_records_without_the_split_are_scored_whole(tmp_path: Path) -> None:
    folder = _built(tmp_path, landmarks=1, photographs=3)
    assert records.split_names(folder) == ("train",)
    assert held_out_score(folder, SIZE, NONE, 0.0)(_network()) == 1.0, "there is but one landmark"


def test_photographs_that_are_learned_from_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=3)
    contents = open_records(folder, "validation").contents
    with caplog.at_level(logging.WARNING, "pipeline"):
        held_out_score(folder, SIZE, contents[:5], 0.0)
    assert "5 of the 12 photographs" in caplog.text


def test_the_network_is_compiled_once_for_all_epochs(tmp_path: Path) -> None:
    score = held_out_score(_built(tmp_path, landmarks=10, photographs=3), SIZE, NONE, 0.0)
    network, traced = _network(), []

    class Traced(keras.layers.Layer):
        def call(self, vectors: tf.Tensor) -> tf.Tensor:
            traced.append(vectors)
            return vectors

    network = keras.Model(network.input, Traced()(network.output))
    score(network)
    times = len(traced)
    assert score(network) == score(network)
    assert len(traced) == times


def test_damaged_records_are_named_before_training_begins(tmp_path: Path) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=3)
    path = records.list_shards(folder, "validation")[0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"1 of 12 photographs are damaged.*{path.name}"):
        held_out_score(folder, SIZE, NONE, 0.0)
    assert held_out_score(folder, SIZE, NONE, 0.1)(_network()) is not None
