"""A function run on all machines of a Ray cluster (the extra ``cluster``), https://docs.ray.io.

Actors, one a GPU or a group of cores, load once what the function needs, and then work on one task
after the other. What an actor that is lost was working on, alone or with its machine, goes to
another.
"""

import collections
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.cluster_connection import connection
from pipeline.progress import logger

Given = TypeVar("Given")
Result = TypeVar("Result")

_LOOK_SECONDS = 1.0  # between two looks for machines that have joined
_START_SECONDS = 60.0  # an actor that takes longer is not counted on: others may have its cores
_PATIENCE_SECONDS = 600.0  # without any actor at work: machines may still be starting
# A machine that is taken away is no fault of the task. With one shard a minute and machines that
# last two hours, a task is lost so often once in 25 thousand million times.
_MOST_LOSSES = 5
_MOST_FAILED_STARTS = 3  # of actors on a machine, in a row
# The actor, its machine or what it answered is gone, or it could not be started.
_LOST = (
    exceptions.RayActorError,
    exceptions.ActorUnschedulableError,
    exceptions.NodeDiedError,
    exceptions.ObjectLostError,
    exceptions.OutOfMemoryError,
    exceptions.RuntimeEnvSetupError,
    exceptions.WorkerCrashedError,
)


def run_on_cluster(
    address: str,
    cores: int,
    load: Callable[[], Callable[[Given], Result]],
    tasks: Iterable[tuple[str, Given]],
) -> Iterator[Result]:
    """Runs a function of one task on actors.

    The nodes need the packages that this program has; its code is sent to them. An actor is started
    for each GPU or, where no node has any, for each group of cores. Nodes that join get actors
    too. All actors end with the generator.

    Args:
        address: ``auto`` for the cluster that this machine is a node of, or HOST:PORT of its head.
        cores: Cores an actor, and threads of TensorFlow in it.
        load: Gives the function, once an actor; it has to be picklable.
        tasks: Their names, and what the function is to be called with. They are taken one by one,
            as actors get free.

    Yields:
        What the function returned, in the order in which the tasks were done.

    Raises:
        ValueError: If the address is none.
        ConnectionError: If there is no cluster, or this machine is no node of it.
        OSError: If a task costs one actor after the other, or no node has room for an actor.
        Exception: Whatever the function raises.
    """
    with connection(address, cores):
        yield from _Run(cores, load, tasks).results()


class _Worker:
    """What an actor does."""

    def __init__(self, load: Callable[[], Callable[[Any], Any]]) -> None:
        self._load = load

    def load(self) -> None:
        """Makes ready; apart from ``__init__`` so that an error arrives as it is."""
        self._work = self._load()

    def work(self, given: Any) -> Any:
        """Does one task."""
        return self._work(given)


@dataclasses.dataclass(kw_only=True)
class _Task:
    name: str
    given: Any
    losses: int = 0


@dataclasses.dataclass(kw_only=True, eq=False)
class _Actor:
    """An actor.

    Attributes:
        handle: Ray's.
        node: What Ray tells of its node.
        answer: To be had once it has done its task or, where it has none, has loaded; then None.
        since: When it was started.
        task: What it works on.
    """

    handle: Any
    node: dict[str, Any]
    answer: Any
    since: float
    task: _Task | None = None

    @property
    def is_about_to_work(self) -> bool:
        """Whether the next task is for it."""
        in_time = time.monotonic() < self.since + _START_SECONDS
        return self.task is None and (self.answer is None or in_time)


class _Run:
    """Hands out the tasks of one run."""

    def __init__(
        self,
        cores: int,
        load: Callable[[], Callable[[Given], Result]],
        tasks: Iterable[tuple[str, Given]],
    ) -> None:
        self._cores = cores
        self._load = load
        self._tasks = iter(tasks)
        self._waiting: collections.deque[_Task] = collections.deque()
        self._actors: list[_Actor] = []
        self._failed_starts: collections.Counter[str] = collections.Counter()
        self._room: int | None = None  # for actors, at the last look
        self._looked = float("-inf")
        self._worked = time.monotonic()

    def results(self) -> Iterator[Any]:
        """Runs until all tasks are done."""
        while self._have_waiting(1) or self._working:
            self._look_for_room()
            self._hand_out()
            for actor in self._answered():
                yield from self._receive(actor)

    @property
    def _working(self) -> int:
        return sum(actor.task is not None for actor in self._actors)

    def _have_waiting(self, count: int) -> bool:
        """Whether so many tasks wait, once the next have been taken."""
        while len(self._waiting) < count:
            following = next(self._tasks, None)
            if following is None:
                return False
            self._waiting.append(_Task(name=following[0], given=following[1]))
        return True

    def _look_for_room(self) -> None:
        """Starts actors where there is room, but no more than there are tasks."""
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return
        self._looked = now
        nodes = [node for node in ray.nodes() if node["Alive"]]
        gpus = int(any(node["Resources"].get("GPU", 0) >= 1 for node in nodes))
        places = [self._places(node, gpus) for node in nodes]
        if sum(places) != self._room:
            self._room = sum(places)
            logger.info("%d nodes have room for %d actors.", len(nodes), self._room)
        for node, count in zip(nodes, places, strict=True):
            here = sum(actor.node["NodeID"] == node["NodeID"] for actor in self._actors)
            for _ in range(count - here):
                if self._have_waiting(1 + sum(one.is_about_to_work for one in self._actors)):
                    self._actors.append(self._start(node, gpus))
        if self._working:
            self._worked = now
        elif now >= self._worked + _PATIENCE_SECONDS:
            raise OSError(
                f"No node of the Ray cluster has had {self._cores} free cores"
                f"{' and a GPU' if gpus else ''} for {_PATIENCE_SECONDS:.0f} seconds; look at `ray "
                "status`, add nodes or lower --cluster_cores, and run again: it goes on."
            )

    def _places(self, node: dict[str, Any], gpus: int) -> int:
        """How many actors a node has room for."""
        if self._failed_starts[node["NodeID"]] >= _MOST_FAILED_STARTS:
            return 0
        groups = int(node["Resources"].get("CPU", 0)) // self._cores
        return min(groups, int(node["Resources"].get("GPU", 0))) if gpus else groups

    def _start(self, node: dict[str, Any], gpus: int) -> _Actor:
        handle = (
            ray.remote(_Worker)
            .options(
                num_cpus=self._cores,
                num_gpus=gpus,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            )
            .remote(self._load)
        )
        answer = handle.load.remote()
        return _Actor(handle=handle, node=node, answer=answer, since=time.monotonic())

    def _hand_out(self) -> None:
        for actor in self._actors:
            if actor.answer is None and self._have_waiting(1):
                actor.task = self._waiting.popleft()
                actor.answer = actor.handle.work.remote(actor.task.given)

    def _answered(self) -> list[_Actor]:
        """The actors that are ready or have done a task, once there are any; none for a while."""
        answers = {actor.answer: actor for actor in self._actors if actor.answer is not None}
        if not answers:
            time.sleep(_LOOK_SECONDS)
            return []
        done, _ = ray.wait(list(answers), timeout=_LOOK_SECONDS)
        return [answers[answer] for answer in done]

    def _receive(self, actor: _Actor) -> Iterator[Any]:
        try:
            result = ray.get(actor.answer)
        except exceptions.RayTaskError as error:
            what = actor.task.name if actor.task else "A start"
            logger.error("%s failed on %s.", what, actor.node["NodeManagerHostname"])
            raise error.cause from error
        except _LOST as error:
            self._lose(actor, error)
            return
        done, actor.task, actor.answer = actor.task, None, None
        if done is None:
            self._failed_starts[actor.node["NodeID"]] = 0
        else:
            yield result

    def _lose(self, actor: _Actor, error: Exception) -> None:
        """Gives an actor up, and its task back.

        Raises:
            OSError: If the task has cost too many actors.
        """
        self._actors.remove(actor)
        ray.kill(actor.handle)  # it may be out of reach only
        host, task = actor.node["NodeManagerHostname"], actor.task
        logger.debug("An actor on %s is lost: %s", host, error)
        if task is None:
            self._failed_starts[actor.node["NodeID"]] += 1
            logger.warning("An actor on %s is lost before it was ready.", host)
            return
        task.losses += 1
        if task.losses >= _MOST_LOSSES:
            raise OSError(
                f"{task.name} has cost {task.losses} actors, the last on {host}. If it had too "
                "little memory, pass a smaller --batch_size or, for fewer actors, a larger "
                f"--cluster_cores. {error}"
            ) from error
        logger.warning("An actor on %s is lost; %s goes to another.", host, task.name)
        self._waiting.appendleft(task)
