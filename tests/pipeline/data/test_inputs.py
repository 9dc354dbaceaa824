import contextlib
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from models.preprocessing import load_photograph
from pipeline.data import batching, inputs, records
from pipeline.data.augmentation import Augmentation
from pipeline.data.damage import DamageCount
from pipeline.data.samplers import landmark_batches, pair_batches, shuffled_batches
from pipeline.data.shards import DamagedRecordError, RecordFiles

SIZE = 12
TRIPLET_LABELS = np.arange(15).reshape(5, 3)  # of five records' three photographs
Batches = list[tuple[np.ndarray, ...]]


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


def changed(seed: int | None) -> dict[str, Any]:
    """The settings of augmented batches; of unchanged ones without a seed."""
    return {} if seed is None else {"seed": seed, "augmentation": Augmentation()}


def labelled_batches(
    files: RecordFiles, order: np.ndarray, *, seed: int | None = None, first: int = 0
) -> Batches:
    """Batches of photographs, ``order`` being ``(batches, photographs)``."""
    dataset = inputs.training_batches(
        files,
        order[..., None],
        inputs.parse_labelled,
        labels_of(files)[:, None],
        size=SIZE,
        **changed(seed),
        first=first,
    )
    return list(dataset.as_numpy_iterator())


def triplet_batches(
    files: RecordFiles, order: np.ndarray, *, seed: int | None = None, first: int = 0
) -> Batches:
    dataset = inputs.training_batches(
        files,
        order[..., None],
        inputs.parse_triplet,
        TRIPLET_LABELS,
        size=SIZE,
        **changed(seed),
        first=first,
    )
    return list(dataset.as_numpy_iterator())


def photograph(files: RecordFiles, number: int) -> tuple[np.ndarray, int]:
    parsed = records.parse_photograph(tf.constant(files.read(number)))
    image = load_photograph(parsed["image/encoded"], SIZE)
    return image.numpy(), int(parsed["image/class/label"])


def labels_of(files: RecordFiles) -> np.ndarray:
    """The label of every record, damaged photographs among them; -1 of what cannot be read."""
    labels = np.full(len(files), -1, np.int64)
    for number in range(len(files)):
        with contextlib.suppress(DamagedRecordError, FileNotFoundError):
            example = tf.train.Example.FromString(files.read(number))
            labels[number] = example.features.feature["image/class/label"].int64_list.value[0]
    return labels


def assert_equal(found: Batches, expected: Batches) -> None:
    assert len(found) == len(expected)
    for batch, expected_batch in zip(found, expected, strict=True):
        for tensor, expected_tensor in zip(batch, expected_batch, strict=True):
            np.testing.assert_array_equal(tensor, expected_tensor)


@pytest.mark.parametrize(("landmarks", "photographs"), [(2, 1), (3, 2)])
def test_labelled_batches_hold_what_the_sampler_chose(
    labelled: RecordFiles, landmarks: int, photographs: int
) -> None:
    order = landmark_batches(labels_of(labelled), landmarks, photographs, seed=0, epoch=1)
    expected: Batches = [
        (
            np.array(number),
            np.arange(landmarks * photographs),
            np.stack([photograph(labelled, number)[0] for number in batch]),
            np.array([photograph(labelled, number)[1] for number in batch]),
        )
        for number, batch in enumerate(order)
    ]
    assert_equal(labelled_batches(labelled, order), expected)


def test_pairs_lie_as_all_the_first_then_all_the_second(labelled: RecordFiles) -> None:
    order = pair_batches(labels_of(labelled), 4, seed=0, epoch=1)
    dataset = inputs.training_batches(
        labelled, order, inputs.parse_labelled, labels_of(labelled)[:, None], size=SIZE
    )
    for number, kept, images, labels in dataset.as_numpy_iterator():
        assert kept.tolist() == [0, 1, 2, 3]
        numbers = [*order[number, :, 0], *order[number, :, 1]]
        expected = [photograph(labelled, record) for record in numbers]
        np.testing.assert_array_equal(images, [image for image, _ in expected])
        assert labels.tolist() == [label for _, label in expected]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_triplet_batches_hold_anchors_then_positives_then_negatives(
    triplets: RecordFiles, batch: int
) -> None:
    order = shuffled_batches(5, batch, seed=0, epoch=1)
    found = triplet_batches(triplets, order)
    assert len(found) == len(order)
    for (_, _, images, labels), numbers in zip(found, order, strict=True):
        assert images.shape == (3 * batch, SIZE, SIZE, 3)
        colours = [(40 * number, 100 * role, 7) for role in range(3) for number in numbers]
        expected = np.broadcast_to(np.reshape(colours, (-1, 1, 1, 3)), images.shape)
        np.testing.assert_array_equal(images, expected)
        assert labels.tolist() == [3 * number + role for role in range(3) for number in numbers]


def test_batches_after_resuming_are_those_of_the_whole_run(
    labelled: RecordFiles, triplets: RecordFiles
) -> None:
    order = landmark_batches(labels_of(labelled), 2, 2, seed=0, epoch=1)
    whole = labelled_batches(labelled, order, seed=5)
    assert_equal(labelled_batches(labelled, order, seed=5, first=1), whole[1:])
    order = shuffled_batches(5, 2, seed=0, epoch=1)
    whole = triplet_batches(triplets, order, seed=5)
    assert_equal(triplet_batches(triplets, order, seed=5, first=1), whole[1:])


def test_augmentation_differs_between_seeds_and_repeats_with_the_same(
    labelled: RecordFiles,
) -> None:
    order = np.arange(4).reshape(1, 4)
    one, same, other = (labelled_batches(labelled, order, seed=seed)[0][2] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert all(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_one_photograph_is_augmented_anew_wherever_it_stands(labelled: RecordFiles) -> None:
    order = np.zeros((2, 3), int)
    images = np.concatenate([batch[2] for batch in labelled_batches(labelled, order, seed=1)])
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
    ((_, _, images, _),) = triplet_batches(RecordFiles.open([path]), np.array([[0, 1]]), seed=3)
    assert len({image.tobytes() for image in images}) == 6


def test_damaged_records_are_left_out_and_others_keep_their_batches(damaged: RecordFiles) -> None:
    order = np.array([[0, 1, 2], [4, 1, 4], [3, 4, 5], [5, 2, 0]])
    kept = [[0, 2], [], [0, 2], [0, 1, 2]]
    found = labelled_batches(damaged, order)
    assert [batch[0] for batch in found] == [0, 1, 2, 3]
    assert [batch[1].tolist() for batch in found] == kept
    for number, (_, _, images, labels) in enumerate(found):
        sound = [photograph(damaged, int(record)) for record in order[number, kept[number]]]
        np.testing.assert_array_equal(images, np.reshape([one[0] for one in sound], images.shape))
        assert labels.tolist() == [label for _, label in sound]


def test_pair_with_a_damaged_photograph_is_left_out_whole(damaged: RecordFiles) -> None:
    order = np.array([[[0, 2], [3, 4], [1, 5], [5, 0]]])
    dataset = inputs.training_batches(
        damaged, order, inputs.parse_labelled, labels_of(damaged)[:, None], size=SIZE
    )
    ((_, kept, images, _),) = dataset.as_numpy_iterator()
    assert kept.tolist() == [0, 3]
    expected = [photograph(damaged, number)[0] for number in (0, 5, 2, 0)]
    np.testing.assert_array_equal(images, expected)


def test_workers_read_their_part_of_the_batches_and_together_all_of_it(
    labelled: RecordFiles,
) -> None:
    order = landmark_batches(labels_of(labelled), 2, 2, seed=0, epoch=1)[..., None]
    labels = labels_of(labelled)[:, None]

    def read(taken: np.ndarray | None) -> Batches:
        dataset = inputs.training_batches(
            labelled, order, inputs.parse_labelled, labels, size=SIZE, **changed(7), taken=taken
        )
        return list(dataset.as_numpy_iterator())

    first = np.arange(order[..., 0].size).reshape(order.shape[:2]) % 3 == 0
    parts = zip(read(first), read(~first), read(None), strict=True)
    for (number, mine, images, known), (_, theirs, others, unknown), whole in parts:
        np.testing.assert_array_equal(np.flatnonzero(first[number]), mine)
        # Each photograph is changed as it would be where one process reads all of the batch.
        place = np.argsort(np.concatenate([mine, theirs]))
        np.testing.assert_array_equal(np.concatenate([images, others])[place], whole[2])
        np.testing.assert_array_equal(np.concatenate([known, unknown])[place], whole[3])


def test_damaged_records_are_named_once_with_the_reason(
    damaged: RecordFiles, caplog: pytest.LogCaptureFixture
) -> None:
    damage = DamageCount(6, most=0.5)
    for _ in range(2):
        inputs.name_damaged(damaged, np.array([[3, 4], [1, 5]]), damage)
    assert len(damage) == 2
    messages = [record.getMessage() for record in caplog.records]
    assert [message.partition(": ")[0] for message in messages] == [
        f"Left out the photograph at {damaged.where(number)}" for number in (1, 4)
    ]
    assert all("\n" not in message for message in messages)


def test_record_of_a_file_cut_while_training_is_left_out_and_named(damaged: RecordFiles) -> None:
    (path,) = damaged.paths
    path.write_bytes(path.read_bytes()[: damaged.offset[5] + 20])
    found = labelled_batches(damaged, np.array([[0], [5], [2]]))
    assert [len(kept) for _, kept, _, _ in found] == [1, 0, 1]
    ((number, reason),) = inputs.find_damaged(damaged, np.array([0, 5]), inputs.parse_labelled)
    assert number == 5
    assert reason == "the file ends within the record"


def test_record_with_a_wrong_checksum_costs_nothing_but_itself(damaged: RecordFiles) -> None:
    (path,) = damaged.paths
    content = bytearray(path.read_bytes())
    content[damaged.offset[2] + 40] ^= 1
    path.write_bytes(content)
    ((_, kept, _, _),) = labelled_batches(damaged, np.array([[0, 2, 3, 5]]))
    assert kept.tolist() == [0, 2, 3]
    ((_, reason),) = inputs.find_damaged(damaged, np.array([2]), inputs.parse_labelled)
    assert reason == "its checksum is wrong"


def test_file_that_is_gone_ends_the_run_with_its_name(damaged: RecordFiles) -> None:
    damaged.paths[0].unlink()
    ((_, kept, _, _),) = labelled_batches(damaged, np.array([[0, 2]]))
    with pytest.raises(FileNotFoundError, match=r"damaged.tfrecord"):
        inputs.name_damaged(damaged, np.delete([0, 2], kept), DamageCount(9, most=1))


def test_photographs_are_described_in_order_and_the_damaged_left_out(damaged: RecordFiles) -> None:
    numbers = np.array([5, 4, 3, 2, 1, 0])
    load = functools.partial(load_photograph, size=SIZE)
    batches = list(batching.photograph_batches(damaged, numbers, load, batch=4))
    assert [kept.numpy().tolist() for _, kept, _, _ in batches] == [[0, 2, 3], [5]]
    for _, kept, images, parsed in batches:
        sound = [photograph(damaged, int(number)) for number in numbers[kept]]
        np.testing.assert_array_equal(images, [image for image, _ in sound])
        assert parsed["image/class/label"].numpy().tolist() == [label for _, label in sound]
        assert "image/encoded" not in parsed
        assert set(parsed["image/attribution/author"].numpy()) == {b"A. Photographer"}
