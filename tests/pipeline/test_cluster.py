import functools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

import pipeline.cluster
from pipeline.cluster import run_on_cluster
from tests import ray_nodes

Work = Callable[[int], int]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Its actors import neither these modules nor, with them, TensorFlow: they start at once."""
    modules = (sys.modules[__name__], ray_nodes, pipeline.cluster)
    with ray_nodes.ray_cluster() as started, ray_nodes.sent_by_value(*modules):
        yield started


@pytest.fixture
def nodes(cluster: Cluster) -> Cluster:
    """Two of one core each, beside a head of none."""
    ray_nodes.have_nodes(cluster, 2)
    return cluster


def run(nodes: Cluster, load: Callable[[], Work], count: int) -> Iterator[int]:
    tasks = ((f"task {number}", number) for number in range(count))
    return run_on_cluster(nodes.address, 1, load, tasks)


def squares(folder: Path, held: tuple[int, ...] = ()) -> Work:
    """Leaves a file a load and a task; tasks that are held wait until there is a file "go"."""
    (folder / f"load by {os.getpid()}").touch()

    def work(number: int) -> int:
        (folder / f"{number} by {os.getpid()}").write_text(ray_nodes.place())
        if number in held:
            ray_nodes.wait_for((folder / "go").exists)
        return number**2

    return work


def begun(folder: Path, what: int | str) -> list[str]:
    """The places of all that have begun a task."""
    return [text for path in folder.glob(f"{what} by *") if (text := path.read_text())]


def wait_until_ended(folder: Path) -> None:
    """Waits for the processes of all actors to be gone."""
    processes = {path.name.split()[-1] for path in folder.glob("* by *")}
    assert processes
    ray_nodes.wait_for(lambda: not any(Path("/proc", one).exists() for one in processes))


def test_each_node_loads_once_and_gets_tasks_as_it_does_them(
    nodes: Cluster, tmp_path: Path
) -> None:
    """Task 0 keeps one node until the other has done all the others."""
    results = run(nodes, functools.partial(squares, tmp_path, (0,)), 6)
    assert [next(results) for _ in range(5)] == [1, 4, 9, 16, 25]
    (tmp_path / "go").touch()
    assert list(results) == [0]
    assert len(list(tmp_path.glob("load by *"))) == 2
    assert len(begun(tmp_path, "?")) == 6
    wait_until_ended(tmp_path)


def test_what_a_killed_node_was_doing_is_done_by_one_that_joins(
    nodes: Cluster, tmp_path: Path
) -> None:
    """The other node is kept busy, so that it cannot be the one."""
    results = run(nodes, functools.partial(squares, tmp_path, (0, 1)), 6)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(list, results)
        (first,) = ray_nodes.wait_for(lambda: begun(tmp_path, 0))
        ray_nodes.wait_for(lambda: begun(tmp_path, 1))
        ray_nodes.kill(nodes, first)
        ray_nodes.have_nodes(nodes, 2)
        ray_nodes.wait_for(lambda: len(begun(tmp_path, 0)) == 2)
        (tmp_path / "go").touch()
        assert sorted(running.result()) == [0, 1, 4, 9, 16, 25]
    assert [len(begun(tmp_path, number)) for number in range(6)] == [2, 1, 1, 1, 1, 1]


def fail_at_two(folder: Path) -> Work:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two is no number of mine")
        return squares(folder)(number)

    return work


def test_an_error_of_the_function_ends_the_run_as_it_is(nodes: Cluster, tmp_path: Path) -> None:
    results = run(nodes, functools.partial(fail_at_two, tmp_path), 50)
    with pytest.raises(ValueError, match=r"^two is no number of mine$") as caught:
        list(results)
    assert type(caught.value) is ValueError
    wait_until_ended(tmp_path)


def load_what_is_missing(folder: Path) -> Work:
    raise FileNotFoundError(f"{folder} is missing.")


def test_an_error_while_loading_ends_the_run_as_it_is(nodes: Cluster, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"^{tmp_path} is missing\.$"):
        list(run(nodes, functools.partial(load_what_is_missing, tmp_path), 2))


def die_at_zero(folder: Path) -> Work:
    work = squares(folder)

    def die(number: int) -> int:
        if work(number) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    return die


def test_a_task_that_kills_one_actor_after_the_other_is_named(
    nodes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.cluster, "_MOST_LOSSES", 2)
    with pytest.raises(OSError, match=r"^task 0 has cost 2 actors, the last on .*--batch_size"):
        list(run(nodes, functools.partial(die_at_zero, tmp_path), 50))
    assert len(begun(tmp_path, 0)) == 2


def test_actors_end_with_a_run_that_is_given_up(nodes: Cluster, tmp_path: Path) -> None:
    """As by Control-C, which reaches the generator in the same way."""
    results = run(nodes, functools.partial(squares, tmp_path, (1, 2)), 3)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    wait_until_ended(tmp_path)


def test_no_node_with_so_many_cores_is_an_error(
    nodes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found at the address that "auto" takes from the environment."""
    monkeypatch.setattr(pipeline.cluster, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    load = functools.partial(squares, tmp_path)
    with pytest.raises(OSError, match=r"has had 64 free cores .* lower --cluster_cores"):
        list(run_on_cluster("auto", 64, load, [("task 0", 0)]))


@pytest.mark.parametrize("name", ["local", "ray://127.0.0.1:10001", "127.0.0.1", "127.0.0.1:a"])
def test_what_is_no_address_of_a_head_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--cluster is auto, or HOST:PORT of a Ray cluster's"):
        list(run_on_cluster(name, 1, functools.partial(squares, tmp_path), [("task 0", 0)]))


@pytest.mark.parametrize("name", ["auto", "itself"])
def test_an_address_that_does_not_answer_is_told_within_seconds(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", gone)
    address = "auto" if name == "auto" else gone
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=rf"answers at --cluster={address} \(.*ray start --h"):
        list(run_on_cluster(address, 1, functools.partial(squares, tmp_path), [("task 0", 0)]))
    assert time.monotonic() - start < 10
