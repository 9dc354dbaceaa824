"""Real processes over loopback, and replicas of one process, train as one process does."""

import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from tests.pipeline.training import joint_run
from tests.tiny import write_photographs

CHECKOUT = Path(__file__).parents[3]
SECONDS = 300  # that a run may take on a busy machine
Result = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five landmarks of four photographs in four shards."""
    root = tmp_path_factory.mktemp("joint")
    write_photographs(root / "photos", landmarks=5, photographs=4)
    return build_records(
        RecordSettings(
            photos=root / "photos", output=root / "records", shards=4, validation_fraction=0.0
        )
    )


@pytest.fixture(scope="module")
def alone(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """Gives, of a loss and a way, the run of one process, this one, undisturbed."""

    @functools.cache
    def run(loss: str, way: str = "plain") -> Result:
        folder = tmp_path_factory.mktemp("alone")
        joint_run.main(records, folder, loss, way=way)
        return np.load(folder / "0.npz")

    return run


@pytest.fixture(scope="module")
def replicas(records: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What two replicas of one process give, by the way they trained in."""
    ways = ("plain", "parts", "float16")
    return train_replicas(records, tmp_path_factory.mktemp("replicas"), 2, ways)


def train_replicas(
    records: Path, folder: Path, devices: int, ways: Sequence[str]
) -> dict[str, Result]:
    arguments = [str(records), str(folder), str(devices), *ways]
    ((status, errors),) = ends(start_module(joint_run.__name__, arguments, 1))
    assert status == 0, errors[-3000:]
    return {way: np.load(folder / way / "0.npz") for way in ways}


def start(
    records: Path, folder: Path, loss: str, *, workers: int = 1, dies: tuple[int, int] = (-1, 0)
) -> list["subprocess.Popen[str]"]:
    arguments = [str(records), str(folder), loss, *map(str, dies)]
    return start_module(joint_run.__name__, arguments, workers)


def start_module(module: str, arguments: list[str], workers: int) -> list["subprocess.Popen[str]"]:
    """Starts a module in processes that ``TF_CONFIG`` makes workers of one cluster."""
    ports = [socket.socket() for _ in range(workers)]
    for port in ports:
        port.bind(("127.0.0.1", 0))
    cluster = {"worker": [f"127.0.0.1:{port.getsockname()[1]}" for port in ports]}
    for port in ports:
        port.close()
    tasks = [{"type": "worker", "index": number} for number in range(workers)]
    return [
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            env=os.environ | {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for task in tasks
    ]


def ends(processes: list["subprocess.Popen[str]"]) -> list[tuple[int, str]]:
    """Exit status and standard error of each."""
    found = []
    for process in processes:
        _, errors = process.communicate(timeout=SECONDS)
        found.append((process.returncode, errors))
    return found


def results(processes: list["subprocess.Popen[str]"], folder: Path) -> list[Result]:
    for status, errors in ends(processes):
        assert status == 0, errors[-3000:]
    return [np.load(folder / f"{number}.npz") for number in range(len(processes))]


def assert_same_training(found: Result, expected: Result) -> None:
    np.testing.assert_allclose(found["losses"], expected["losses"], rtol=1e-4)
    np.testing.assert_allclose(found["weights"], expected["weights"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found["average"], expected["average"], rtol=1e-3, atol=1e-5)


def test_three_workers_train_as_one_process_with_the_joint_batch(
    records: Path, alone: Callable[..., Result], tmp_path: Path
) -> None:
    """With hard mining over a memory, which has to see the embeddings of all."""
    expected = alone("memory")
    found = results(start(records, tmp_path, "memory", workers=3), tmp_path)
    for worker in found:
        np.testing.assert_array_equal(worker["weights"], found[0]["weights"])
    assert_same_training(found[0], expected)
    # Each worker read shards of its own, and together they read what one process reads.
    files = [set(worker["files"].tolist()) for worker in found]
    assert all(files)
    assert sum(map(len, files)) == len(set.union(*files))
    assert set.union(*files) == set(expected["files"].tolist())


def test_command_ends_well_on_every_worker(records: Path, tmp_path: Path) -> None:
    arguments = [f"--records={records}", f"--output={tmp_path}", "--epochs=1", "--loss=arcface"]
    network = ["--backbone=small", "--weights=none", "--image_size=32", "--dimension=8"]
    for status, errors in ends(start_module("pipeline.train", [*arguments, *network], workers=2)):
        assert status == 0, errors[-3000:]
    described = json.loads((tmp_path / "training" / "training.json").read_text())
    assert [row["epoch"] for row in described["epochs"]] == [0, 1]


@pytest.mark.parametrize("way", ["plain", "parts"])
def test_replicas_of_one_process_train_as_one_device(
    replicas: dict[str, Result], alone: Callable[..., Result], way: str
) -> None:
    assert_same_training(replicas[way], alone("arcface"))


def test_replicas_scale_the_loss_of_16_bits_together(
    replicas: dict[str, Result], alone: Callable[..., Result]
) -> None:
    found, expected = replicas["float16"], alone("arcface", "float16")
    np.testing.assert_allclose(found["losses"], expected["losses"], rtol=2e-3)
    np.testing.assert_allclose(found["weights"], expected["weights"], rtol=0.05, atol=0.01)


def test_replicas_average_batch_statistics_by_their_photographs(
    records: Path, alone: Callable[..., Result], tmp_path: Path
) -> None:
    """Six photographs over four replicas; their means, so averaged, are those of the batch."""
    found = train_replicas(records, tmp_path, 4, ["statistics"])["statistics"]
    expected = alone("arcface", "statistics")
    assert np.abs(expected["moving_means"]).max() > 0.01
    np.testing.assert_allclose(found["moving_means"], expected["moving_means"], atol=1e-6)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_run_that_was_killed_ends_as_if_it_had_not_been(
    records: Path, alone: Callable[..., Result], tmp_path: Path, step: int
) -> None:
    """Before the first checkpoint within an epoch, in the step of one, and within the second."""
    ((status, _),) = ends(start(records, tmp_path, "memory", dies=(0, step)))
    assert status == -9
    joint_run.main(records, tmp_path, "memory")
    assert_same_training(np.load(tmp_path / "0.npz"), alone("memory"))


def test_run_whose_worker_was_killed_goes_on_when_all_are_started_again(
    records: Path, alone: Callable[..., Result], tmp_path: Path
) -> None:
    (status, errors), (killed, _) = ends(
        start(records, tmp_path, "arcface", workers=2, dies=(1, 3))
    )
    assert killed == -9
    assert status == 1
    assert "Another worker is gone; its own message says why. Start all of them again" in errors
    assert not (tmp_path / "0.npz").is_file()
    found = results(start(records, tmp_path, "arcface", workers=2), tmp_path)
    np.testing.assert_array_equal(found[0]["weights"], found[1]["weights"])
    assert_same_training(found[0], alone("arcface"))
