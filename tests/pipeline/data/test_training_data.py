import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.training_data import TrainingData


def write_triplets(path: Path, triplets: Sequence[tuple[int, int, int]]) -> str:
    """Kaggle's layout; a photograph is known by its colour. Returns the glob of the files."""
    with tf.io.TFRecordWriter(str(path / "train00.tfrec")) as writer:
        for numbers in triplets:
            example = tf.train.Example()
            for key, number in zip(("anchor", "positive", "negative"), numbers, strict=True):
                encoded = tf.io.encode_png(np.full((8, 8, 3), 9 * number, np.uint8)).numpy()
                example.features.feature[f"{key}_img"].bytes_list.value.append(encoded)
            writer.write(example.SerializeToString())
    return str(path / "train*.tfrec")


def test_photographs_of_triplets_have_one_label_wherever_they_stand(tmp_path: Path) -> None:
    """0, 1 and 2 are joined by pairs, so that no other triplet takes one of them for a negative."""
    pattern = write_triplets(tmp_path, [(0, 1, 3), (2, 1, 6), (4, 5, 0), (4, 5, 3)])
    labels = TrainingData.triplet_files(pattern, batch=2).labels
    landmark, other = labels[0, 0], labels[2, 0]
    assert landmark != other
    assert labels[:, 0].tolist() == [landmark, landmark, other, other]
    assert labels[:, 1].tolist() == [landmark, landmark, other, other]
    alone = labels[:, 2]
    assert alone[2] == landmark, "the negative of one triplet is the anchor of another"
    assert alone[0] == alone[3], "one photograph, known by its content"
    assert len({landmark, other, alone[0], alone[1]}) == 4
    assert (labels >= 0).all()


def test_triplets_that_contradict_others_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pattern = write_triplets(tmp_path, [(0, 1, 3), (2, 1, 0), (5, 5, 0), (4, 5, 0)])
    with caplog.at_level(logging.WARNING, "pipeline"):
        data = TrainingData.triplet_files(pattern, batch=1)
    assert sorted(data.order(0, 1).ravel().tolist()) == [0, 3]
    assert "1 triplets are left out, their anchor and positive being one" in caplog.text
    with pytest.raises(ValueError, match="No triplet can be learned from"):
        TrainingData.triplet_files(write_triplets(tmp_path, [(5, 5, 0)]), batch=1)


def test_shuffled_batches_show_every_comparable_photograph_once_an_epoch(
    labelled_records: Path,
) -> None:
    """Neither the landmark of one photograph nor the photographs of no landmark."""
    data = TrainingData.shuffled(labelled_records, "train", batch=8)
    first, second = data.order(0, 0).ravel(), data.order(0, 1).ravel()
    assert data.order(0, 0).shape == (2, 8, 1)
    assert sorted(first) == sorted(second)
    assert first.tolist() != second.tolist()
    labels, counts = np.unique(data.labels[first], return_counts=True)
    assert dict(zip(labels.tolist(), counts.tolist(), strict=True)) == {0: 4, 1: 4, 2: 4, 3: 4}
    assert len(data.labels) == 19


def test_workers_share_an_order_by_the_files_that_its_records_lie_in(
    labelled_records: Path,
) -> None:
    data = TrainingData.labelled(labelled_records, "train", landmarks=2, photographs=2)
    order = data.order(0, 1)
    shares = np.stack([data.share(order, worker, 2) for worker in range(2)])
    assert (shares.sum(axis=0) == 1).all(), "each example is read once"
    for worker, share in enumerate(shares):
        assert set(data.files.file[order[share]].ravel().tolist()) == {worker}
