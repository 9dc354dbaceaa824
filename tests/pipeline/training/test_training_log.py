import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import (  # type: ignore[import-untyped]
    plugin_event_accumulator,
)

from pipeline.training.held_out import HeldOut
from pipeline.training.step_report import Step
from pipeline.training.training_log import TrainingLog

ROW = {"epoch": 1, "loss": 0.25, "held-out mAP": 0.5}


def step_of(number: int, *, batch: int = 6, loss: float = 0.5, **scalars: float) -> Step:
    generator = np.random.default_rng(number)
    vectors = generator.normal(size=(batch, 4))
    return Step(
        number=number,
        loss=loss,
        active=0.75,
        gradient_norm=2.0,
        learning_rate=2**-10,
        embeddings=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        labels=np.arange(batch) // 2,
        images=generator.integers(0, 256, (batch, 8, 8, 3), np.uint8),
        scalars=scalars,
    )


def read_events(folder: Path) -> plugin_event_accumulator.EventAccumulator:
    """All that TensorBoard itself would show, without its sampling."""
    events = plugin_event_accumulator.EventAccumulator(
        str(folder / "tensorboard"), size_guidance={"tensors": 0}, purge_orphaned_data=True
    )
    return events.Reload()


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    return [
        (event.step, float(tf.make_ndarray(event.tensor_proto)))
        for event in read_events(folder).Tensors(name)
    ]


def record(log: TrainingLog, numbers: Iterable[int], *, loss: float) -> None:
    for number in numbers:
        log.step(step_of(number, loss=loss))


def age(folder: Path) -> None:
    """Makes the event files an hour older: TensorBoard reads them by the time in their names."""
    for path in (folder / "tensorboard").glob("events.out.tfevents.*"):
        start, time, rest = path.name.split("tfevents.")[0], *path.name.split(".", 4)[3:]
        os.rename(path, path.with_name(f"{start}tfevents.{int(time) - 3600}.{rest}"))


def test_scalars_of_every_step_are_read_back(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.step(step_of(1, loss=0.5, gem_power=3.0))
    log.step(step_of(2, loss=0.25, gem_power=3.5))
    log.flush()
    assert curve(tmp_path, "loss") == [(1, 0.5), (2, 0.25)]
    assert curve(tmp_path, "active_fraction") == [(1, 0.75), (2, 0.75)]
    assert curve(tmp_path, "gradient_norm") == [(1, 2.0), (2, 2.0)]
    assert curve(tmp_path, "learning_rate") == [(1, 2**-10), (2, 2**-10)]
    assert curve(tmp_path, "gem_power") == [(1, 3.0), (2, 3.5)]


def test_histograms_hold_every_pair_once_and_only_now_and_then(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, histogram_steps=2)
    record(log, range(1, 6), loss=0.5)
    log.flush()
    events = read_events(tmp_path)
    for name, pairs in (("positive", 3), ("negative", 12)):  # of 6 photographs, 2 a landmark
        histograms = events.Tensors(f"squared_distance/{name}")
        assert [event.step for event in histograms] == [2, 4]
        buckets = tf.make_ndarray(histograms[0].tensor_proto)  # (buckets, 3): from, to, count
        assert buckets[:, 2].sum() == pairs
        assert 0 <= buckets[0, 0] <= buckets[-1, 1] <= 4


def test_the_pairs_of_a_large_batch_are_not_all_counted(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, histogram_steps=1)
    log.step(step_of(1, batch=300))  # 44,700 negative pairs and 150 positive ones
    log.flush()
    events = read_events(tmp_path)
    counts = {
        name: tf.make_ndarray(events.Tensors(f"squared_distance/{name}")[0].tensor_proto)[
            :, 2
        ].sum()
        for name in ("positive", "negative")
    }
    assert counts["positive"] == 150
    assert 5_000 < counts["negative"] <= 10_000


@pytest.mark.parametrize("labels", [[-1, -1], [3, 3], [3, 4]])
def test_batches_that_lack_pairs_are_recorded_too(tmp_path: Path, labels: list[int]) -> None:
    log = TrainingLog(tmp_path, histogram_steps=1)
    step = step_of(1, batch=2)
    step.labels[:] = labels
    log.step(step)
    log.epoch(1, None, **ROW)
    assert curve(tmp_path, "loss") == [(1, 0.5)]
    assert "hardest_triplets" not in read_events(tmp_path).Tags()["tensors"]


def test_an_epoch_leaves_its_row_a_curve_and_its_hardest_triplets(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.epoch(0, None, epoch=0, loss=None, **{"held-out mAP": 0.25})
    record(log, [1, 2], loss=0.5)
    log.epoch(2, None, **ROW)
    rows = json.loads((tmp_path / "history.json").read_text())["epochs"]
    assert rows == log.epochs == [{"epoch": 0, "loss": None, "held-out mAP": 0.25}, ROW]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert curve(tmp_path, "epoch/held-out mAP") == [(0, 0.25), (2, 0.5)]
    assert curve(tmp_path, "epoch/loss") == [(2, 0.25)]
    (drawn,) = read_events(tmp_path).Tensors("hardest_triplets")
    assert drawn.step == 2, "an epoch without steps has no triplets"
    width, height, png = tf.make_ndarray(drawn.tensor_proto)
    assert tf.io.decode_png(png).shape[:2] == (int(height), int(width))
    assert set(TrainingLog.FILES) == {path.name for path in tmp_path.iterdir()}


def test_held_out_photographs_are_shown_as_they_are_described_last(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    for epoch in (0, 1):
        scored = HeldOut(
            mean_average_precision=0.5,
            embeddings=np.full((3, 2), epoch, np.float32),
            labels=np.arange(3),
            names=np.array(["a", "b", "c"]),
            ids=np.array(["1", "2", "3"]),
            thumbnails=np.zeros((3, 4, 4, 3), np.uint8),
        )
        log.epoch(epoch, scored, **ROW)
    shown = np.loadtxt(tmp_path / "tensorboard" / "projector" / "embeddings.tsv")
    np.testing.assert_array_equal(shown, np.ones((3, 2)))


@pytest.mark.parametrize("cut", [0, 5], ids=["whole records", "last record cut off"])
def test_resumed_run_leaves_no_doubled_points(tmp_path: Path, cut: int) -> None:
    """Killed after step 7 of epochs of 4, it goes on from the checkpoint of step 5."""
    killed = TrainingLog(tmp_path, histogram_steps=1)
    killed.epoch(0, None, epoch=0, loss=None, **{"held-out mAP": 0.25})
    record(killed, range(1, 5), loss=0.5)
    killed.epoch(4, None, **ROW)
    record(killed, range(5, 8), loss=0.5)
    killed.flush()
    age(tmp_path)
    newest = max((tmp_path / "tensorboard").glob("events*.v2"))
    os.truncate(newest, newest.stat().st_size - cut)

    resumed = TrainingLog(tmp_path, histogram_steps=1)
    resumed.resume(1, 5)
    record(resumed, [6], loss=0.125)
    resumed.flush()
    now = [(n, 0.5) for n in range(1, 6)] + [(6, 0.125)]
    assert curve(tmp_path, "loss") == now, "steps 6 and 7 are forgotten at once"
    record(resumed, [7, 8], loss=0.125)
    resumed.epoch(8, None, **(ROW | {"epoch": 2}))
    assert curve(tmp_path, "loss") == [*now, (7, 0.125), (8, 0.125)]
    histograms = read_events(tmp_path).Tensors("squared_distance/negative")
    assert [event.step for event in histograms] == list(range(1, 9))
    assert [step for step, _ in curve(tmp_path, "epoch/held-out mAP")] == [0, 4, 8]
    assert [row["epoch"] for row in resumed.epochs] == [0, 1, 2]


def test_epoch_that_a_checkpoint_does_not_know_is_forgotten(tmp_path: Path) -> None:
    killed = TrainingLog(tmp_path)
    killed.epoch(0, None, **(ROW | {"epoch": 0}))
    record(killed, [1, 2, 3, 4], loss=0.5)
    killed.epoch(4, None, **ROW)
    age(tmp_path)
    resumed = TrainingLog(tmp_path)
    resumed.resume(0, 3)
    record(resumed, [4], loss=0.125)
    resumed.epoch(4, None, **(ROW | {"held-out mAP": 0.75}))
    assert [row["held-out mAP"] for row in resumed.epochs] == [0.5, 0.75]
    assert curve(tmp_path, "epoch/held-out mAP") == [(0, 0.5), (4, 0.75)]


def test_run_that_starts_anew_after_one_without_a_checkpoint_forgets_all_of_it(
    tmp_path: Path,
) -> None:
    killed = TrainingLog(tmp_path)
    killed.epoch(0, None, **(ROW | {"epoch": 0}))
    record(killed, [1, 2, 3], loss=0.5)
    killed.flush()
    age(tmp_path)
    anew = TrainingLog(tmp_path)
    anew.epoch(0, None, **(ROW | {"epoch": 0}))
    record(anew, [1], loss=0.125)
    anew.flush()
    assert curve(tmp_path, "loss") == [(1, 0.125)]
    assert curve(tmp_path, "epoch/held-out mAP") == [(0, 0.5)]
    assert len(json.loads((tmp_path / "history.json").read_text())["epochs"]) == 1


def test_history_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"history\.json is missing.*--overwrite"):
        TrainingLog(tmp_path).resume(0, 0)
