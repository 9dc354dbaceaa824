"""Jobs in a queue that outlives the server: one at a time, each in processes of its own."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import filelock
import psutil

import pipeline
from demo.making.job import ENDED, Job, Progress, Step, counted, reason
from demo.refusals import Busy, NotFound
from demo.texts import Collections
from pipeline import manifest

_CHECKOUT = Path(pipeline.__file__).parents[1]
_PATIENCE = 10.0  # seconds that a process has to end in, before it is ended by force
_CLOCK_SECONDS = 2.0  # by which the start of a process is told differently at different times
_NICENESS = 10  # so that searching goes first
_PROGRESS_SECONDS = "0.5"
_MOST_WAITING = 20
_KEPT = 50  # jobs that have ended, of which is told
_LOCK = ".lock"


class Jobs:
    """A queue of jobs.

    What is interrupted, because the server was ended or killed, is begun again when it starts; its
    stages go on where they stopped.

    Args:
        folder: Where jobs are remembered, and what their commands print.
        steps: The commands of a job, asked for when it begins, at which they may change what they
            need; they can be run again after an interruption.
        outcome: What is told of a job that has ended well.
    """

    def __init__(
        self,
        folder: Path,
        steps: Callable[[Job], Sequence[Step]],
        outcome: Callable[[Job], str] = lambda _: "",
    ) -> None:
        self._folder, self._steps, self._outcome = folder, steps, outcome
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._child: subprocess.Popen[bytes] | None = None
        self._step: tuple[Step, int, int, int] | None = None
        self._at = ""  # the job that the thread is at
        self._is_closing = False
        self._owned = filelock.FileLock(folder / _LOCK)
        self._thread: threading.Thread | None = None
        if folder.is_dir():
            self._open()

    def _open(self) -> bool:
        """Takes up the jobs of the folder, unless another server has them; whether it does."""
        with self._changed:
            if self._thread is not None:
                return True
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._owned.acquire(timeout=0)
            except filelock.Timeout:
                return False
            self._jobs = {job.id: self._taken_up(job) for job in _read(self._folder)}
            self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
            self._thread.start()
            return True

    def add(self, job: Job) -> Job:
        """Puts a job at the end of the queue.

        Raises:
            Busy: If too many wait already, or another server has the jobs of this folder.
        """
        if not self._open():
            raise Busy(Collections.ANOTHER)
        with self._changed:
            if sum(one.state == "waiting" for one in self._jobs.values()) >= _MOST_WAITING:
                raise Busy(Collections.QUEUE_FULL)
            self._set(job)
            self._changed.notify_all()
        return job

    def all(self) -> list[Job]:
        """Those of which is told, the newest first."""
        with self._changed:
            return sorted(self._jobs.values(), key=lambda job: job.id, reverse=True)

    def job(self, number: str) -> Job:
        """The job of an id.

        Raises:
            NotFound: If there is none.
        """
        with self._changed:
            if number not in self._jobs:
                raise NotFound(Collections.NO_JOB)
            return self._jobs[number]

    def are_at(self, collection: str) -> bool:
        """Whether one waits to change a collection, or does so; a cancelled one until it ends."""
        with self._changed:
            return any(
                job.collection == collection and (job.state not in ENDED or job.id == self._at)
                for job in self._jobs.values()
            )

    def progress(self) -> Progress | None:
        """How far the running job is; None where none runs."""
        with self._changed:
            if self._step is None:
                return None
            (step, number, count, begin), job = self._step, self._running()
        if job is None:
            return None
        return Progress(said=step.said, step=number, steps=count, **counted(self._log(job), begin))

    def cancel(self, number: str) -> None:
        """Ends a job, or takes it out of the queue; what it has done so far stays.

        Raises:
            NotFound: If there is no such job.
        """
        job = self.job(number)
        with self._changed:
            if job.state in ENDED:
                return
            was_running = self._jobs[number].state == "running"
            self._set(dataclasses.replace(self._jobs[number], state="cancelled", process=None))
            if was_running and self._child is not None:
                self._child.terminate()

    def go_on(self, number: str) -> None:
        """Puts a job that failed or was cancelled back into the queue.

        Raises:
            NotFound: If there is no such job.
        """
        job = self.job(number)
        if job.state in ("failed", "cancelled"):
            self.add(dataclasses.replace(job, state="waiting", said=""))

    def wait(self, number: str, seconds: float) -> Job:
        """The job, when it has ended or so many seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs[number].state in ENDED, seconds)
            return self._jobs[number]

    def close(self) -> None:
        """Interrupts what runs; it goes on when the server starts again."""
        with self._changed:
            self._is_closing = True
            if self._child is not None:
                self._child.terminate()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(2 * _PATIENCE)
        self._owned.release()

    def _taken_up(self, job: Job) -> Job:
        """A job as it stands when the server starts."""
        if job.state != "running":
            return job
        if job.process is not None:
            _end_left_over(*job.process)
        return dataclasses.replace(job, state="waiting", process=None)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing or self._next() is not None)
                job = self._next()
                if self._is_closing or job is None:
                    return
                job = dataclasses.replace(job, state="running", said="")
                self._at = job.id
                self._set(job)
            ended = self._run(job)
            with self._changed:
                self._step, self._at = None, ""
                # Cancelled meanwhile, or to go on when the server starts again.
                if self._jobs[job.id].state == "running" and not self._is_closing:
                    self._set(ended)
                self._forget()
                self._changed.notify_all()

    def _run(self, job: Job) -> Job:
        """Runs the steps of a job, and tells how it has ended."""
        try:
            steps = self._steps(job)
            for number, step in enumerate(steps, start=1):
                failure = self._run_step(job, step, number, len(steps))
                if failure is not None:
                    return dataclasses.replace(job, state="failed", said=failure)
            return dataclasses.replace(job, state="done", said=self._outcome(job))
        except (ValueError, OSError) as error:
            return dataclasses.replace(job, state="failed", said=str(error))

    def _run_step(self, job: Job, step: Step, number: int, count: int) -> str | None:
        """Runs a step; why it failed, or None."""
        log = self._log(job)
        with log.open("ab", buffering=0) as file:
            file.write(f"$ python -m {' '.join(step.command)}\n".encode())
            begin = file.tell()
            with self._changed:
                if self._is_closing or self._jobs[job.id].state != "running":
                    return ""
                self._child = _start(step, file.fileno())
                self._step = step, number, count, begin
                began = psutil.Process(self._child.pid).create_time()
                self._set(dataclasses.replace(job, process=(self._child.pid, began)))
            status = self._child.wait()
        with self._changed:
            self._child = None
        if status == 0:
            return None
        return reason(log, begin) or Collections.ended_with(status)

    def _next(self) -> Job | None:
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        return min(waiting, key=lambda job: job.id, default=None)

    def _running(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "running"), None)

    def _set(self, job: Job) -> None:
        job.write(self._folder)
        self._jobs[job.id] = job
        self._changed.notify_all()

    def _forget(self) -> None:
        """Of many that have ended, the oldest."""
        ended = sorted(job.id for job in self._jobs.values() if job.state in ENDED)
        for number in ended[:-_KEPT]:
            for path in (self._folder / f"{number}.json", self._folder / f"{number}.log"):
                path.unlink(missing_ok=True)
            del self._jobs[number]

    def _log(self, job: Job) -> Path:
        return self._folder / f"{job.id}.log"


def _read(folder: Path) -> list[Job]:
    paths = sorted(folder.glob("*.json"))
    return [Job.read(path) for path in paths if not manifest.is_temporary(path)]


def _start(step: Step, log: int) -> "subprocess.Popen[bytes]":
    """A process that Ctrl-C at the server does not reach, and that yields to it."""
    child = subprocess.Popen(  # the stages of this project, with checked settings
        [sys.executable, "-m", *step.command],
        cwd=_CHECKOUT,
        env={**os.environ, "TQDM_MININTERVAL": _PROGRESS_SECONDS},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    with contextlib.suppress(psutil.Error):
        psutil.Process(child.pid).nice(_NICENESS)
    return child


def _end_left_over(number: int, began: float) -> None:
    """Ends the process of a server that was killed, so that no two do the same."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        if abs(process.create_time() - began) > _CLOCK_SECONDS:  # another has its number now
            return
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except psutil.TimeoutExpired:
            process.kill()
