from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from models.preprocessing import decode_photograph, resize
from pipeline.data import inputs, records
from pipeline.data.samplers import landmark_batches, shuffled_batches
from pipeline.data.shards import RecordFiles

SIZE = 12
Batches = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def labelled(labelled_records: Path) -> RecordFiles:
    shards = records.list_shards(labelled_records, "train")
    return RecordFiles.open([shard.path for shard in shards])


@pytest.fixture(scope="module")
def triplets(triplet_files: list[Path]) -> RecordFiles:
    return RecordFiles.open(triplet_files)


@pytest.fixture
def damaged(labelled: RecordFiles, tmp_path: Path) -> RecordFiles:
    """Six of the records; the photographs of 1 and 4 do not decode."""
    path = tmp_path / "damaged.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(6):
            example = tf.train.Example.FromString(labelled.read(number))
            encoded = example.features.feature["image/encoded"].bytes_list
            encoded.value[0] = {1: b"text", 4: encoded.value[0][:300]}.get(number, encoded.value[0])
            writer.write(example.SerializeToString())
    return RecordFiles.open([path])


def labelled_batches(
    files: RecordFiles, order: np.ndarray, *, seed: int | None = None, first: int = 0
) -> Batches:
    dataset = inputs.training_batches(
        files, order, inputs.parse_labelled, size=SIZE, seed=seed, first=first
    )
    return list(dataset.as_numpy_iterator())


def triplet_batches(
    files: RecordFiles, order: np.ndarray, *, seed: int | None = None, first: int = 0
) -> Batches:
    dataset = inputs.training_batches(
        files, order, inputs.parse_triplet, size=SIZE, seed=seed, first=first
    )
    return list(dataset.as_numpy_iterator())


def photograph(files: RecordFiles, number: int) -> tuple[np.ndarray, int]:
    parsed = records.parse_photograph(tf.constant(files.read(number)))
    image = resize(decode_photograph(parsed["image/encoded"]), SIZE)
    return image.numpy(), int(parsed["image/class/label"])


def assert_equal(found: Batches, expected: Batches) -> None:
    assert len(found) == len(expected)
    for (images, labels), (expected_images, expected_labels) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(images, expected_images)
        np.testing.assert_array_equal(labels, expected_labels)


def test_labels_are_read_in_the_order_of_the_records(labelled: RecordFiles) -> None:
    labels = inputs.read_ids_and_labels(labelled)[1]
    assert labels.tolist() == [photograph(labelled, number)[1] for number in range(19)]


@pytest.mark.parametrize(("landmarks", "photographs"), [(2, 1), (3, 2)])
def test_labelled_batches_hold_what_the_sampler_chose(
    labelled: RecordFiles, landmarks: int, photographs: int
) -> None:
    labels = inputs.read_ids_and_labels(labelled)[1]
    order = landmark_batches(labels, landmarks, photographs, seed=0, epoch=1)
    expected = [
        (
            np.stack([photograph(labelled, number)[0] for number in batch]),
            np.array([photograph(labelled, number)[1] for number in batch]),
        )
        for batch in order
    ]
    assert_equal(labelled_batches(labelled, order), expected)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_triplet_batches_hold_anchors_then_positives_then_negatives(
    triplets: RecordFiles, batch: int
) -> None:
    order = shuffled_batches(5, batch, seed=0, epoch=1)
    found = triplet_batches(triplets, order)
    assert len(found) == len(order)
    for (images, labels), numbers in zip(found, order, strict=True):
        assert images.shape == (3 * batch, SIZE, SIZE, 3)
        colours = [(40 * number, 100 * role, 7) for role in range(3) for number in numbers]
        expected = np.broadcast_to(np.reshape(colours, (-1, 1, 1, 3)), images.shape)
        np.testing.assert_array_equal(images, expected)
        assert labels.tolist() == [-1] * (3 * batch)


def test_batches_after_resuming_are_those_of_the_whole_run(
    labelled: RecordFiles, triplets: RecordFiles
) -> None:
    order = landmark_batches(inputs.read_ids_and_labels(labelled)[1], 2, 2, seed=0, epoch=1)
    whole = labelled_batches(labelled, order, seed=5)
    assert_equal(labelled_batches(labelled, order, seed=5, first=1), whole[1:])
    order = shuffled_batches(5, 2, seed=0, epoch=1)
    whole = triplet_batches(triplets, order, seed=5)
    assert_equal(triplet_batches(triplets, order, seed=5, first=1), whole[1:])


def test_augmentation_differs_between_seeds_and_repeats_with_the_same(
    labelled: RecordFiles,
) -> None:
    order = np.arange(4).reshape(1, 4)
    one, same, other = (labelled_batches(labelled, order, seed=seed)[0][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert all(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_one_photograph_is_augmented_anew_wherever_it_stands(labelled: RecordFiles) -> None:
    order = np.zeros((2, 3), int)
    images = np.concatenate([images for images, _ in labelled_batches(labelled, order, seed=1)])
    assert len({image.tobytes() for image in images}) == 6


def test_photographs_of_one_triplet_are_augmented_apart(tmp_path: Path) -> None:
    """One photograph in all three roles must not come out three times the same."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    example = tf.train.Example()
    for key in ("anchor_img", "positive_img", "negative_img"):
        example.features.feature[key].bytes_list.value.append(tf.io.encode_png(noise).numpy())
    path = tmp_path / "train00.tfrec"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(example.SerializeToString())
        writer.write(example.SerializeToString())
    ((images, _),) = triplet_batches(RecordFiles.open([path]), np.array([[0, 1]]), seed=3)
    assert len({image.tobytes() for image in images}) == 6


def test_damaged_records_are_left_out_and_named(damaged: RecordFiles) -> None:
    found = labelled_batches(damaged, np.arange(6).reshape(3, 2))
    sound = [photograph(damaged, number) for number in (0, 2, 3, 5)]
    expected = [
        (np.stack([sound[i][0], sound[i + 1][0]]), np.array([sound[i][1], sound[i + 1][1]]))
        for i in (0, 2)
    ]
    assert_equal(found, expected)
    reasons = dict(inputs.find_damaged(damaged, np.arange(6), inputs.parse_labelled))
    assert list(reasons) == [1, 4]
    assert all(reason and "\n" not in reason for reason in reasons.values())


def test_record_of_a_file_cut_while_training_is_left_out_and_named(damaged: RecordFiles) -> None:
    (path,) = damaged.paths
    path.write_bytes(path.read_bytes()[: damaged.offset[5] + 20])
    assert len(labelled_batches(damaged, np.array([[0], [5], [2]]))) == 2
    ((number, reason),) = inputs.find_damaged(damaged, np.array([0, 5]), inputs.parse_labelled)
    assert number == 5
    assert f"{path} ends within the record" in reason


def test_shard_is_described_in_its_order_and_its_damaged_records_left_out(
    damaged: RecordFiles,
) -> None:
    batches = list(inputs.photograph_batches(damaged.paths[0], size=SIZE, batch=3))
    assert [number.numpy().tolist() for number, _, _ in batches] == [[0, 2, 3], [5]]
    for numbers, images, parsed in batches:
        sound = [photograph(damaged, int(number)) for number in numbers]
        np.testing.assert_array_equal(images, [image for image, _ in sound])
        assert parsed["image/class/label"].numpy().tolist() == [label for _, label in sound]
        assert "image/encoded" not in parsed
        assert set(parsed["image/attribution/author"].numpy()) == {b"A. Photographer"}
