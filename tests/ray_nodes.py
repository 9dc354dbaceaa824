"""A Ray cluster of several nodes on this machine, for tests."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

SECONDS = 120.0  # that anything may take on a busy machine


@contextlib.contextmanager
def sent_by_value(*modules: ModuleType) -> Iterator[None]:
    """Actors get what these modules define without importing them."""
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        ray.cloudpickle.unregister_pickle_by_value(module)


@contextlib.contextmanager
def ray_cluster() -> Iterator[Cluster]:
    """A head without cores; nothing is left of it and of nodes added to it at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # 15 starves them beside other work
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        head = {"num_cpus": 0, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            yield cluster
        finally:
            cluster.shutdown()


def have_nodes(cluster: Cluster, count: int) -> None:
    """Adds nodes of one core until there are so many beside the head."""
    while len(cluster.worker_nodes) < count:
        cluster.add_node(num_cpus=1)


def place() -> str:
    """Within an actor: its node and its process, to be told to ``kill``."""
    return f"{ray.get_runtime_context().get_node_id()} {os.getpid()}"


def kill(cluster: Cluster, where: str) -> None:
    """Kills a node and the actor on it, as if the machine had lost its power."""
    node_id, process = where.split()
    (node,) = (node for node in cluster.worker_nodes if node.node_id == node_id)
    cluster.remove_node(node, allow_graceful=False)
    os.kill(int(process), signal.SIGKILL)


def wait_for(found: Callable[[], Any]) -> Any:
    """What is found, once it is."""
    until = time.monotonic() + SECONDS
    while not (result := found()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return result


def wait_for_file(path: Path) -> None:
    """Returns when there is one."""
    wait_for(path.exists)
