"""The connection to a Ray cluster, https://docs.ray.io."""

import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import ray
from ray._private import services

_CODE = tuple(str(Path(__file__).parents[1] / package) for package in ("models", "pipeline"))
_ANSWER_SECONDS = 5.0


@contextlib.contextmanager
def connection(address: str, cores: int) -> Iterator[None]:
    """Is connected to a cluster while it is entered; actors end when it is left.

    Args:
        address: ``auto`` for the cluster that this machine is a node of, or HOST:PORT of its head.
        cores: Threads of TensorFlow in every actor.

    Raises:
        ValueError: If the address is none.
        ConnectionError: If there is no cluster, or this machine is no node of it.
    """
    head = _find_head(address)
    threads = {"TF_NUM_INTRAOP_THREADS": str(cores), "TF_NUM_INTEROP_THREADS": str(cores)}
    try:
        ray.init(
            address=head,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"py_modules": list(_CODE), "env_vars": threads},
        )
    except ConnectionError as error:
        raise ConnectionError(
            f"This machine is no node of the Ray cluster at {head}; run the command on one, or "
            f"make this machine one with `ray start --address={head} --num-cpus=0`."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _find_head(address: str) -> str:
    """HOST:PORT of the head of a cluster, if it answers.

    Ray itself waits for minutes for one that does not (2.60).
    """
    try:
        head = services.canonicalize_bootstrap_address(address)
        host, _, port = (head or "").rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except ValueError as error:
        raise ValueError(
            f"--cluster is auto, or HOST:PORT of a Ray cluster's head. Received: {address!r}."
        ) from error
    except OSError as error:
        raise ConnectionError(
            f"No Ray cluster answers at --cluster={address} ({error}); start one with `ray start "
            "--head --disable-usage-stats`, and `ray start --address=HOST:6379` on other machines."
        ) from error
    return head or ""
