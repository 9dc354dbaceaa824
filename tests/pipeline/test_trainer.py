import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import siamese
from models.pooling import GeM
from pipeline.data import records
from pipeline.data.shards import RecordFiles
from pipeline.data.training_data import TrainingData
from pipeline.held_out import Evaluate
from pipeline.trainer import Trainer, adamw

STEPS = 4  # an epoch: 16 photographs of usable landmarks, 2 x 2 a batch


@pytest.fixture(scope="module")
def data(labelled_records: Path) -> TrainingData:
    return TrainingData.labelled(labelled_records, "train", landmarks=2, photographs=2)


def unscored(network: keras.Model) -> None:
    """What ``evaluate`` gives where nothing is held out."""


def tiny_network() -> keras.Model:
    """All that a checkpoint must hold, quick to compile: weights, batch statistics, GeM."""
    images = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(8, 4, strides=4)(x)
    x = keras.layers.BatchNormalization()(x)
    x = GeM()(keras.layers.ReLU()(x))
    x = keras.layers.Dense(4, name="projection")(x)
    return keras.Model(images, keras.layers.UnitNormalization()(x))


def trainer(
    data: TrainingData,
    folder: Path,
    *,
    start: int = 0,
    build: Callable[[], keras.Model] = tiny_network,
    epochs: int = 2,
    evaluate: Evaluate = unscored,
    batch_loss: siamese.BatchLoss | None = None,
    steps_per_epoch: int | None = None,
    checkpoint_steps: int = 1,
    max_damaged: float = 0.0,
) -> tuple[Trainer, keras.Model]:
    """A trainer of a network that starts from the random weights of seed ``start``."""
    keras.utils.set_random_seed(start)
    network = build()
    return Trainer(
        network,
        data,
        batch_loss or siamese.labelled_triplets(0.5),
        evaluate,
        folder,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        learning_rate=1e-3,
        image_size=32,
        seed=0,
        checkpoint_steps=checkpoint_steps,
        max_damaged=max_damaged,
    ), network


def interrupt_after(trained: Trainer, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises as Ctrl-C would, when a step has changed the weights and nothing is saved yet."""
    log_step = trained.log.step
    seen = 0

    def step(number: int, **scalars: tf.Tensor) -> None:
        nonlocal seen
        seen += "active_fraction" in scalars  # epochs are logged too
        if seen > steps:
            raise KeyboardInterrupt
        log_step(number, **scalars)

    monkeypatch.setattr(trained.log, "step", step)


@pytest.fixture(scope="module")
def whole_run(
    data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Trainer, keras.Model]:
    trained, network = trainer(data, tmp_path_factory.mktemp("whole"))
    trained.run()
    return trained, network


@pytest.mark.parametrize(
    "steps_and_checkpoints", [(1, 1), (STEPS + 2, 2)], ids=["first epoch", "second epoch"]
)
def test_interrupted_run_ends_as_if_it_had_not_been(
    steps_and_checkpoints: tuple[int, int],
    whole_run: tuple[Trainer, keras.Model],
    data: TrainingData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps, checkpoint_steps = steps_and_checkpoints
    first, _ = trainer(data, tmp_path, checkpoint_steps=checkpoint_steps)
    interrupt_after(first, steps, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    # Another start shows that weights, optimizer and statistics all come from the checkpoint.
    second, network = trainer(data, tmp_path, start=1, checkpoint_steps=checkpoint_steps)
    second.run()
    whole, expected = whole_run
    for weight, wanted in zip(network.weights, expected.weights, strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-4, atol=1e-6, err_msg=wanted.path)
    assert [row["epoch"] for row in second.log.epochs] == [0, 1, 2]
    losses = [row["loss"] for row in second.log.epochs]
    assert losses[0] is None
    assert losses[1:] == pytest.approx([row["loss"] for row in whole.log.epochs[1:]], rel=1e-4)


def test_finished_run_does_nothing_when_run_again(
    whole_run: tuple[Trainer, keras.Model], data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, expected = whole_run
    again, network = trainer(data, whole._folder, start=1)
    interrupt_after(again, 0, monkeypatch)
    again.run()
    np.testing.assert_array_equal(network.weights[0], expected.weights[0])
    assert again.log.epochs == whole.log.epochs
    assert json.loads((whole._folder / "history.json").read_text())["epochs"] == whole.log.epochs


def test_loss_falls(data: TrainingData, tmp_path: Path) -> None:
    trained, _ = trainer(
        data,
        tmp_path,
        build=lambda: siamese.embedding_network("small", "none", 8),
        epochs=8,
        checkpoint_steps=100,
    )
    trained.run()
    losses = [row["loss"] for row in trained.log.epochs[1:]]
    assert losses[-1] < 0.8 * losses[0]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_network_of_the_best_epoch_is_kept(data: TrainingData, tmp_path: Path) -> None:
    scores = [0.2, 0.9, 0.4]  # of the start and two epochs
    kernels = []

    def evaluate(network: keras.Model) -> float:
        kernels.append(network.get_layer("projection").get_weights()[0])
        return scores[len(kernels) - 1]

    trained, _ = trainer(data, tmp_path, evaluate=evaluate, steps_per_epoch=1)
    trained.run()
    assert trained.best_epoch == 1
    kept = siamese.load_network(tmp_path / "network.keras").get_layer("projection")
    np.testing.assert_array_equal(kept.get_weights()[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])
    assert [row["held-out mAP"] for row in trained.log.epochs] == scores


def test_without_held_out_landmarks_the_last_network_is_kept(
    whole_run: tuple[Trainer, keras.Model],
) -> None:
    trained, network = whole_run
    assert trained.best_epoch == 2
    kept = siamese.load_network(trained._folder / "network.keras")
    for weight, wanted in zip(kept.weights, network.weights, strict=True):
        np.testing.assert_array_equal(weight, wanted)


def test_no_epochs_keep_the_network_as_it_starts(data: TrainingData, tmp_path: Path) -> None:
    trained, network = trainer(data, tmp_path, epochs=0)
    start = network.get_weights()
    trained.run()
    assert trained.best_epoch == 0
    np.testing.assert_equal(siamese.load_network(tmp_path / "network.keras").get_weights(), start)


def test_loss_that_is_no_number_ends_training(data: TrainingData, tmp_path: Path) -> None:
    def batch_loss(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return float("nan") * tf.reduce_sum(embeddings), tf.constant(1.0)

    trained, _ = trainer(data, tmp_path, batch_loss=batch_loss)
    with pytest.raises(ValueError, match=r"loss is nan at step 1. Lower --learning_rate"):
        trained.run()
    # The last sound state, the start, is what a resumed run would restore.
    restored, network = trainer(data, tmp_path, start=1)
    assert restored._checkpoints.restore_or_initialize()
    assert all(np.all(np.isfinite(weight)) for weight in network.get_weights())


@pytest.fixture
def damaged(labelled_records: Path, tmp_path: Path) -> tuple[TrainingData, str]:
    """One of the 19 records to train on is no photograph, and where it is."""
    folder = Path(shutil.copytree(labelled_records, tmp_path / "records"))
    shard = records.list_shards(folder, "train")[0]
    files = RecordFiles.open([shard.path])
    examples = [tf.train.Example.FromString(files.read(number)) for number in range(len(files))]
    labels = [one.features.feature["image/class/label"].int64_list.value[0] for one in examples]
    number = labels.index(0)
    examples[number].features.feature["image/encoded"].bytes_list.value[0] = b"text"
    with tf.io.TFRecordWriter(str(shard.path)) as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    data = TrainingData.labelled(folder, "train", landmarks=4, photographs=2)
    return data, files.where(number)


def test_damaged_record_is_left_out_and_named(
    damaged: tuple[TrainingData, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, where = damaged
    trained, _ = trainer(data, tmp_path, epochs=3, max_damaged=1 / 19)
    with caplog.at_level(logging.WARNING, "pipeline"):
        trained.run()
    assert caplog.text.count(f"Left out the photograph at {where}: ") == 1, "not every epoch"
    assert trained.damaged == 1
    assert trained.log.epochs[-1]["epoch"] == 3


def test_more_damage_than_is_put_up_with_ends_training_with_its_name(
    damaged: tuple[TrainingData, str], tmp_path: Path
) -> None:
    data, where = damaged
    trained, _ = trainer(data, tmp_path, epochs=3, max_damaged=0.05)
    with pytest.raises(ValueError, match=rf"1 of 19 photographs are damaged.*{where}"):
        trained.run()


def test_interrupted_run_over_damaged_records_ends_as_if_it_had_not_been(
    damaged: tuple[TrainingData, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch after a damaged photograph is the same whether it was met before or not."""
    data, _ = damaged
    whole, expected = trainer(data, tmp_path / "whole", max_damaged=1)
    whole.run()
    first, _ = trainer(data, tmp_path / "part", max_damaged=1)
    interrupt_after(first, 3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second, network = trainer(data, tmp_path / "part", start=1, max_damaged=1)
    second.run()
    losses, wanted = ([row["loss"] for row in run.log.epochs[1:]] for run in (second, whole))
    assert losses == pytest.approx(wanted, rel=1e-4)
    kernel, wanted = (m.get_layer("projection").get_weights()[0] for m in (network, expected))
    np.testing.assert_allclose(kernel, wanted, rtol=1e-3, atol=1e-5)


def test_learning_rate_rises_over_a_tenth_of_the_steps_and_falls_to_zero() -> None:
    schedule = adamw(0.5, 100)._learning_rate
    rates = [float(schedule(step)) for step in range(101)]
    # Linear to 0.5 at step 10; half of it amid the cosine, at step 10 + 90 / 2; 0 at the end.
    assert rates[5] == pytest.approx(0.25)
    assert max(rates) == rates[10] == pytest.approx(0.5)
    assert rates[55] == pytest.approx(0.25)
    assert rates[100] == pytest.approx(0, abs=1e-9)
