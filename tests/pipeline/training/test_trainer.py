import dataclasses
import functools
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import siamese
from models.losses.arcface import ArcFace
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import BatchLoss, in_batch
from models.losses.triplet import batch_all_triplet_loss
from pipeline.data import records
from pipeline.data.shards import RecordFiles
from pipeline.data.training_data import TrainingData
from pipeline.training.held_out import Evaluate, HeldOut
from pipeline.training.step_report import Step
from pipeline.training.trainer import Trainer
from pipeline.training.trainer_settings import TrainerSettings
from tests.pipeline.training.tiny_network import tiny_network

STEPS = 4  # an epoch: 16 photographs of usable landmarks, 2 x 2 a batch


@pytest.fixture(scope="module")
def data(labelled_records: Path) -> TrainingData:
    return TrainingData.labelled(labelled_records, "train", landmarks=2, photographs=2)


def unscored(network: keras.Model) -> None:
    """What ``evaluate`` gives where nothing is held out."""


def scored(mean_average_precision: float) -> HeldOut:
    """A score, of two photographs of one landmark."""
    return HeldOut(
        mean_average_precision=mean_average_precision,
        embeddings=np.eye(2, 4, dtype=np.float32),
        labels=np.zeros(2, np.int64),
        names=np.array(["tower", "tower"]),
        ids=np.array(["a", "b"]),
        thumbnails=np.zeros((2, 8, 8, 3), np.uint8),
    )


def trainer(
    data: TrainingData,
    folder: Path,
    *,
    start: int = 0,
    build: Callable[[], keras.Model] = tiny_network,
    evaluate: Evaluate = unscored,
    batch_loss: BatchLoss | None = None,
    **changes: Any,
) -> tuple[Trainer, keras.Model]:
    """A trainer of a network that starts from the random weights of seed ``start``."""
    keras.utils.set_random_seed(start)
    network = build()
    settings = TrainerSettings(
        learning_rate=1e-3, image_size=32, epochs=2, checkpoint_steps=1, max_damaged=0.0
    )
    return Trainer(
        network,
        data,
        batch_loss or in_batch(functools.partial(batch_all_triplet_loss, margin=0.5)),
        evaluate,
        folder,
        dataclasses.replace(settings, **changes),
    ), network


def interrupt_after(trained: Trainer, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises as Ctrl-C would, when a step has changed the weights and nothing is saved yet."""
    log_step = trained.log.step
    seen = 0

    def step(taken: Step) -> None:
        nonlocal seen
        seen += 1
        if seen > steps:
            raise KeyboardInterrupt
        log_step(taken)

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


@pytest.mark.parametrize("epochs", [1, 2])
def test_run_that_was_killed_while_an_epoch_was_scored_scores_it_again(
    data: TrainingData, tmp_path: Path, epochs: int
) -> None:
    def interrupted(network: keras.Model) -> None:
        if len(first.log.epochs) == 1:
            raise KeyboardInterrupt

    first, _ = trainer(data, tmp_path, evaluate=interrupted, epochs=epochs)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second, _ = trainer(data, tmp_path, start=1, epochs=epochs)
    second.run()
    assert [row["epoch"] for row in second.log.epochs] == list(range(epochs + 1))
    assert int(second._train_step._optimizer.iterations) == epochs * STEPS


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
        build=lambda: siamese.embedding_network("small", "none", dimension=8),
        epochs=20,
        checkpoint_steps=100,
    )
    trained.run()
    losses = [row["loss"] for row in trained.log.epochs[1:]]
    assert losses[-1] < 0.8 * losses[0]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_network_of_the_best_epoch_is_kept(data: TrainingData, tmp_path: Path) -> None:
    scores = [0.2, 0.9, 0.4]  # of the start and two epochs
    kernels = []

    def evaluate(network: keras.Model) -> HeldOut:
        kernels.append(network.get_layer("projection").get_weights()[0])
        return scored(scores[len(kernels) - 1])

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
    with pytest.raises(ValueError, match=r"loss is nan .*at step 1\. Lower --learning_rate"):
        trained.run()
    # The last sound state, the start, is what a resumed run would restore.
    restored, network = trainer(data, tmp_path, start=1)
    assert restored._checkpoints.restore()
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


def test_training_stops_when_the_score_no_longer_rises(data: TrainingData, tmp_path: Path) -> None:
    scores = iter([0.5, 0.6, 0.4, 0.5, 0.9])
    trained, _ = trainer(
        data,
        tmp_path,
        evaluate=lambda network: scored(next(scores)),
        steps_per_epoch=1,
        epochs=9,
        patience=2,
    )
    trained.run()
    assert [row["epoch"] for row in trained.log.epochs] == [0, 1, 2, 3]
    assert trained.best_epoch == 1


def test_average_of_the_weights_is_scored_and_kept(data: TrainingData, tmp_path: Path) -> None:
    kernels = []

    def evaluate(network: keras.Model) -> HeldOut:
        kernels.append(network.get_layer("projection").get_weights()[0])
        return scored(len(kernels) / 10)

    trained, network = trainer(data, tmp_path, evaluate=evaluate, average_momentum=0.99)
    trained.run()
    kept = siamese.load_network(tmp_path / "network.keras").get_layer("projection")
    np.testing.assert_array_equal(kept.get_weights()[0], kernels[-1])
    assert not np.array_equal(network.get_layer("projection").get_weights()[0], kernels[-1])


def test_images_grow_to_their_full_size(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    trained, _ = trainer(
        data, tmp_path, image_size=128, first_image_size=32, epochs=4, steps_per_epoch=1
    )
    monkeypatch.setattr(trained.log, "step", lambda step: sizes.append(step.images.shape[1]))
    trained.run()
    # From 32 to 128 in three quarters of 4 epochs: 32 + 96 * n / 3 in epoch n + 1.
    assert sizes == [32, 64, 96, 128]


def test_losses_own_variables_are_in_the_checkpoint(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ArcFace's centres and a memory's embeddings decide the next step as weights do."""
    pair_loss = functools.partial(batch_all_triplet_loss, margin=0.5)

    def arcface() -> ArcFace:
        keras.utils.set_random_seed(0)
        return ArcFace([0, 1, 2, 3], 4)

    for kind in (arcface, lambda: CrossBatchMemory(pair_loss, 12, 4)):
        folder = tmp_path / kind.__name__
        whole, expected = trainer(data, folder / "whole", batch_loss=kind())
        whole.run()
        first, _ = trainer(data, folder / "part", batch_loss=kind())
        interrupt_after(first, STEPS + 1, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            first.run()
        second, network = trainer(data, folder / "part", start=1, batch_loss=kind())
        second.run()
        for weight, wanted in zip(network.weights, expected.weights, strict=True):
            np.testing.assert_allclose(weight, wanted, rtol=1e-3, atol=1e-5, err_msg=wanted.path)


def test_random_states_are_in_the_checkpoint(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> keras.Model:
        images = keras.Input((None, None, 3), dtype="uint8")
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
        x = keras.layers.Dropout(0.5)(keras.layers.Dense(32)(x))
        return keras.Model(images, keras.layers.UnitNormalization()(keras.layers.Dense(4)(x)))

    whole, expected = trainer(data, tmp_path / "whole", build=build)
    whole.run()
    first, _ = trainer(data, tmp_path / "part", build=build)
    interrupt_after(first, 3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second, network = trainer(data, tmp_path / "part", start=1, build=build)
    second.run()
    for weight, wanted in zip(network.weights, expected.weights, strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-3, atol=1e-6, err_msg=wanted.path)


def test_network_without_anything_to_train_is_refused(data: TrainingData, tmp_path: Path) -> None:
    def build() -> keras.Model:
        network = tiny_network()
        network.trainable = False
        return network

    with pytest.raises(ValueError, match=r"Nothing is left to train; pass a lower --frozen_stages"):
        trainer(data, tmp_path, build=build)
