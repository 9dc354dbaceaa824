import functools
import json
import logging
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.preprocessing import load_photograph
from pipeline.build_records import Settings, build_records
from pipeline.data import batching, records
from pipeline.data.record_table import open_records
from pipeline.scoring import metrics
from pipeline.training.held_out import choose_shown, held_out_score
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
    load = functools.partial(load_photograph, size=SIZE)
    ((_, _, images, parsed),) = batching.photograph_batches(files, numbers, load, batch=64)
    labels = parsed["image/class/label"].numpy()
    assert len(np.unique(labels)) == 4
    expected = metrics.average_precision(
        *metrics.leave_one_out(network(images).numpy(), labels)
    ).mean()
    scored = held_out_score(folder, SIZE, NONE, 0.0)(network)
    assert scored is not None
    assert scored.mean_average_precision == pytest.approx(expected)


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
    scored = held_out_score(folder, SIZE, NONE, 0.0)(_network())
    assert scored is not None
    assert scored.mean_average_precision == 1.0, "there is but one landmark"


def test_photographs_to_look_at_lie_beside_their_embeddings(tmp_path: Path) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=3)
    network = _network()
    scored = held_out_score(folder, SIZE, NONE, 0.0)(network)
    assert scored is not None
    table = open_records(folder, "validation")
    assert scored.embeddings.shape == (12, SIZE * SIZE * 3)
    # Images of 16 pixels are shown as they are, so that the network describes them the same.
    np.testing.assert_allclose(network(scored.thumbnails), scored.embeddings, atol=1e-6)
    np.testing.assert_array_equal(scored.labels, table.labels)
    np.testing.assert_array_equal(scored.ids, table.ids.astype(str))
    listed = json.loads((folder / records.MANIFEST).read_text())["landmarks"]
    assert set(scored.names) < set(listed)
    # A landmark has one name, and a name one landmark.
    assert len({*zip(scored.names, scored.labels, strict=True)}) == len(set(scored.names)) == 4


def test_thumbnails_are_no_larger_than_a_sprite_has_place_for(tmp_path: Path) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=3)
    images = keras.Input((None, None, 3), dtype="uint8")
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    network = keras.Model(images, keras.layers.UnitNormalization()(mean))
    scored = held_out_score(folder, 96, NONE, 0.0)(network)
    assert scored is not None
    assert scored.thumbnails.shape == (12, 64, 64, 3)
    assert scored.thumbnails.dtype == np.uint8


def test_whole_landmarks_are_shown_and_the_unknown_last() -> None:
    labels = np.array([4, -1, 2, 4, 2, -1, 9, 9, 9])
    for count in range(1, 8):
        shown = choose_shown(labels, count)
        assert len(shown) == count
        assert np.all(np.diff(shown) > 0)
        assert np.all(labels[shown] >= 0)
        sizes = {4: 2, 2: 2, 9: 3}
        parts = [label for label in sizes if 0 < np.sum(labels[shown] == label) < sizes[label]]
        assert len(parts) <= 1, "at most the last landmark is cut"
    assert sorted(labels[choose_shown(labels, 8)]) == [-1, 2, 2, 4, 4, 9, 9, 9]
    assert list(choose_shown(labels, 100)) == list(range(9))


def test_not_the_first_landmarks_are_shown_but_any() -> None:
    shown = choose_shown(np.repeat(np.arange(100), 2), 100)
    assert list(shown) == list(choose_shown(np.repeat(np.arange(100), 2), 100))
    assert 20 < np.mean(shown >= 100) * 100 < 80


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
    first = score(network)
    times = len(traced)
    second = score(network)
    assert len(traced) == times
    assert first is not None
    assert second is not None
    assert first.mean_average_precision == second.mean_average_precision


def test_damaged_records_are_named_before_training_begins(tmp_path: Path) -> None:
    folder = _built(tmp_path, landmarks=10, photographs=3)
    path = records.list_shards(folder, "validation")[0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"1 of 12 photographs are damaged.*{path.name}"):
        held_out_score(folder, SIZE, NONE, 0.0)
    scored = held_out_score(folder, SIZE, NONE, 0.1)(_network())
    assert scored is not None
    of_each = (scored.embeddings, scored.labels, scored.names, scored.ids, scored.thumbnails)
    assert [len(values) for values in of_each] == 5 * [11]
