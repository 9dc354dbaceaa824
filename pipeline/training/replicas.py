"""Where training runs: on one device, on several, or on several machines, behind one shape."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.progress import logger

_CLUSTER = "TF_CONFIG"
_WORKERS = ("chief", "worker")  # the order in which TensorFlow numbers them


class Replicas:
    """Copies of a network that learn together, each from its part of every batch.

    Args:
        strategy: How they are kept equal; within its scope the network is made.
        worker: Number of this process among the workers.
        workers: Processes that train together.

    Attributes:
        strategy: As given.
        worker: As given.
        workers: As given.
        is_chief: Whether this process writes what training leaves.
        here: Replicas of this process.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, *, worker: int = 0, workers: int = 1
    ) -> None:
        self.strategy = strategy
        self.worker = worker
        self.workers = workers
        self.is_chief = worker == 0
        self.here = strategy.num_replicas_in_sync // workers

    @classmethod
    def found(cls) -> "Replicas":
        """What the environment offers: the workers of ``TF_CONFIG``, or all GPUs, or one device.

        Of several workers, to be called before anything else is computed.

        Raises:
            ValueError: If ``TF_CONFIG`` is no cluster of a chief and workers, or this process has
                computed already.
        """
        cluster = _read_cluster(os.environ.get(_CLUSTER, ""))
        if cluster is not None:
            worker, workers = cluster
            logger.info("Worker %d waits for all %d to be there.", worker, workers)
            try:
                strategy = tf.distribute.MultiWorkerMirroredStrategy()
            except RuntimeError as error:
                raise ValueError(
                    f"{_CLUSTER} names {workers} workers, which have to be joined before anything "
                    "is computed; start `python -m pipeline.train` in a process of its own."
                ) from error
            logger.info("Worker %d of %d, %s.", worker, workers, _counted(strategy))
            return cls(strategy, worker=worker, workers=workers)
        if len(tf.config.list_logical_devices("GPU")) > 1:
            strategy = tf.distribute.MirroredStrategy()
            logger.info("Training on %s.", _counted(strategy))
            return cls(strategy)
        return cls.one()

    @classmethod
    def one(cls) -> "Replicas":
        """The network itself, on one device."""
        return cls(tf.distribute.get_strategy())

    def deal(self, images: tf.Tensor, labels: tf.Tensor, photographs: int) -> tuple[Any, Any, Any]:
        """Divides this process's part of a batch among its replicas.

        Args:
            images: uint8 ``(photographs * examples, size, size, 3)``, those of an example lying
                ``examples`` apart.
            labels: int64 ``(photographs * examples,)``.
            photographs: Of an example.

        Returns:
            What ``strategy.run`` takes: images, labels, and how many examples each replica has.
            One that has none gets a black example, as no network describes nothing.
        """
        examples = labels.shape[0] // photographs
        size = images.shape[1:]
        if self.here == 1 and examples:
            return images, labels, tf.constant(examples)
        by_example = tf.reshape(images, (photographs, examples, *size))
        known = tf.reshape(labels, (photographs, examples))
        bounds = np.linspace(0, examples, self.here + 1).round().astype(int)
        parts = [
            (
                tf.reshape(by_example[:, i:j], (-1, *size)),
                tf.reshape(known[:, i:j], [-1]),
                tf.constant(int(j - i)),
            )
            if j > i
            else _nothing(photographs, size, images.dtype)
            for i, j in itertools.pairwise(bounds)
        ]
        if self.strategy.num_replicas_in_sync == 1:
            return parts[0]
        return tuple(map(self._placed, zip(*parts, strict=True)))

    def _placed(self, values: Sequence[Any]) -> Any:
        """A value for every replica of this process."""
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(
                values[context.replica_id_in_sync_group % self.here]
            )
        )

    def first(self, value: Any) -> tf.Tensor:
        """What the first replica of this process has computed."""
        return self.strategy.experimental_local_results(value)[0]

    def of_chief(self, value: Any) -> Any:
        """The chief's number or array, on every worker; waits until all have come here."""
        if self.workers == 1:
            return value
        mine = np.asarray(value)
        counted = mine if self.is_chief else np.zeros_like(mine)
        total = self.strategy.run(self._sum_up, args=(tf.constant(counted),))
        return self.first(total).numpy()

    def meet(self) -> None:
        """Waits until all workers have come here."""
        self.of_chief(np.float32(0.0))

    @tf.function(reduce_retracing=True)
    def _sum_up(self, counted: tf.Tensor) -> tf.Tensor:
        """Of one replica of every process."""
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group % self.here, 0)
        mine = tf.where(is_first, counted, tf.zeros_like(counted))
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    def share(self, variables: Sequence[keras.Variable]) -> None:
        """Gives every worker the chief's values, float32."""
        if self.workers == 1:
            return
        values = [variable.numpy() for variable in variables]
        bounds = np.cumsum([value.size for value in values])[:-1]
        of_chief = self.of_chief(np.concatenate([np.ravel(value) for value in values]))
        for variable, value, shared in zip(
            variables, values, np.split(of_chief, bounds), strict=True
        ):
            variable.assign(shared.reshape(value.shape))


@contextlib.contextmanager
def all_there() -> Iterator[None]:
    """Says what to do where another worker is lost within the block.

    Raises:
        ValueError: Naming the remedy.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        raise ValueError(
            "Another worker is gone; its own message says why. Start all of them again with the "
            "same command; they go on from the last checkpoint."
        ) from error


def _nothing(photographs: int, size: tf.TensorShape, dtype: tf.DType) -> tuple[tf.Tensor, ...]:
    """A black example of no landmark, which is not counted."""
    labels = tf.fill([photographs], tf.constant(-1, tf.int64))
    return tf.zeros((photographs, *size), dtype), labels, tf.constant(0)


def _require_list(of_kind: Any) -> list[Any]:
    if not isinstance(of_kind, list):
        raise TypeError(f"workers are a list, received {of_kind!r}")
    return of_kind


def _counted(strategy: tf.distribute.Strategy) -> str:
    count = strategy.num_replicas_in_sync
    return f"{count} replica{'' if count == 1 else 's'} in all"


def _read_cluster(text: str) -> tuple[int, int] | None:
    """This process's number and how many there are; None of one that is alone."""
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
        addresses = {name: _require_list(of_kind) for name, of_kind in cluster.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{_CLUSTER} is no JSON of a cluster and a task: {error}.") from error
    if unknown := sorted({kind, *addresses} - set(_WORKERS)):
        raise ValueError(
            f"{_CLUSTER} may name a chief and workers, which all train. Received: "
            f"{', '.join(unknown)}."
        )
    named = [address for of_kind in addresses.values() for address in of_kind]
    if len(set(named)) < len(named) or not all(isinstance(one, str) and one for one in named):
        raise ValueError(f"{_CLUSTER} names each worker's own HOST:PORT. Received: {named}.")
    workers = len(named)
    before = len(addresses.get("chief", ())) if kind == "worker" else 0
    if workers and not 0 <= index < len(addresses.get(kind, ())):
        raise ValueError(f"{_CLUSTER} names no {kind} {index}; the task is one of the cluster's.")
    return (before + index, workers) if workers > 1 else None
