import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from demo.making.job import Job, Step, counted, reason
from demo.making.jobs import Jobs
from demo.refusals import Busy, NotFound
from pipeline.progress import progress_bar

QUICK = Step(said="quick", command=("calendar", "2026"))
LONG = Step(said="long", command=("timeit", "-n1", "-r1", "-s", "import time", "time.sleep(60)"))
WRONG = Step(said="wrong", command=("calendar", "--no-such-flag"))
SECONDS = 20.0
Steps = Callable[[Job], Sequence[Step]]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Jobs]]:
    """Opens queues, all of the same folder, and closes what is left of them."""
    queues = []

    def open_queue(steps: Steps, outcome: Callable[[Job], str] = lambda _: "") -> Jobs:
        queues.append(Jobs(tmp_path / "jobs", steps, outcome))
        return queues[-1]

    yield open_queue
    for queue in queues:
        queue.close()


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def test_jobs_are_done_one_after_the_other_and_told(opened: Callable[..., Jobs]) -> None:
    jobs = opened(lambda _: [QUICK, QUICK], lambda job: f"{job.collection} is there")
    asked = [jobs.add(Job.new("make", name)) for name in ("a", "b")]
    ended = [jobs.wait(job.id, SECONDS) for job in asked]
    assert [(job.state, job.said) for job in ended] == [
        ("done", "a is there"),
        ("done", "b is there"),
    ]
    assert [job.collection for job in jobs.all()] == ["b", "a"]
    assert jobs.progress() is None


def test_a_failure_is_told_and_the_job_can_go_on(opened: Callable[..., Jobs]) -> None:
    steps = [QUICK, WRONG]
    jobs = opened(lambda _: steps)
    job = jobs.add(Job.new("make", "a"))
    ended = jobs.wait(job.id, SECONDS)
    assert ended.state == "failed"
    assert "press “Go on”" in ended.said
    steps[:] = [QUICK]
    jobs.go_on(job.id)
    assert jobs.wait(job.id, SECONDS).state == "done"
    jobs.go_on(job.id)
    assert jobs.job(job.id).state == "done", "what is done is left alone"


def test_the_error_of_a_stage_is_told_in_its_own_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("$ python -m pipeline.embed\nerror: of an earlier run\n")
    begin = log.stat().st_size
    assert reason(log, begin) == ""
    with log.open("a") as file:
        file.write("Describing: 1%\rerror: --photos=x is empty; put photographs into it.\n")
    assert reason(log, begin) == "--photos=x is empty; put photographs into it."


def test_a_log_tells_which_command_printed_what(
    opened: Callable[..., Jobs], tmp_path: Path
) -> None:
    jobs = opened(lambda _: [WRONG])
    job = jobs.wait(jobs.add(Job.new("make", "a")).id, SECONDS)
    lines = (tmp_path / "jobs" / f"{job.id}.log").read_text().splitlines()
    assert lines[0] == "$ python -m calendar --no-such-flag"
    assert "no-such-flag" in lines[-1]


def test_an_error_before_the_first_step_is_told(opened: Callable[..., Jobs]) -> None:
    def steps(job: Job) -> list[Step]:
        raise NotFound("The model is gone.")

    jobs = opened(steps)
    job = jobs.wait(jobs.add(Job.new("make", "a")).id, SECONDS)
    assert (job.state, job.said) == ("failed", "The model is gone.")


def test_a_running_job_is_stopped_and_the_next_begins(opened: Callable[..., Jobs]) -> None:
    jobs = opened(lambda job: [LONG if job.collection == "long" else QUICK])
    long, waiting, last = (jobs.add(Job.new("make", name)) for name in ("long", "never", "last"))
    until(lambda: jobs.job(long.id).process)
    told = jobs.progress()
    assert told is not None
    assert (told.said, told.step, told.steps, told.done) == ("long", 1, 1, None)
    jobs.cancel(waiting.id)
    jobs.cancel(long.id)
    assert jobs.wait(last.id, SECONDS).state == "done"
    assert {jobs.job(one.id).state for one in (long, waiting)} == {"cancelled"}
    assert jobs.job(long.id).process is None


def test_a_closed_queue_goes_on_when_it_is_opened_again(opened: Callable[..., Jobs]) -> None:
    first = opened(lambda _: [LONG])
    job = first.add(Job.new("remove", "a", ids=("1", "2")))
    until(lambda: first.job(job.id).process)
    first.close()
    second = opened(lambda _: [QUICK])
    ended = second.wait(job.id, SECONDS)
    assert (ended.state, ended.ids) == ("done", ("1", "2"))


def test_what_a_killed_server_left_running_is_ended_and_begun_again(
    opened: Callable[..., Jobs], tmp_path: Path
) -> None:
    with subprocess.Popen([sys.executable, "-m", *LONG.command]) as orphan:
        began = psutil.Process(orphan.pid).create_time()
        (tmp_path / "jobs").mkdir()
        job = dataclasses.replace(
            Job.new("make", "a"), state="running", process=(orphan.pid, began)
        )
        job.write(tmp_path / "jobs")
        jobs = opened(lambda _: [QUICK])
        assert not psutil.pid_exists(orphan.pid)
    assert jobs.wait(job.id, SECONDS).state == "done"


def test_another_process_that_has_its_number_now_is_left_alone(
    opened: Callable[..., Jobs], tmp_path: Path
) -> None:
    (tmp_path / "jobs").mkdir()
    job = dataclasses.replace(Job.new("make", "a"), state="running", process=(os.getpid(), 1.0))
    job.write(tmp_path / "jobs")
    assert opened(lambda _: [QUICK]).wait(job.id, SECONDS).state == "done"


def test_of_two_servers_one_has_the_jobs_until_it_ends(opened: Callable[..., Jobs]) -> None:
    first = opened(lambda _: [QUICK])
    done = first.wait(first.add(Job.new("make", "a")).id, SECONDS)
    second = opened(lambda _: [QUICK])
    with pytest.raises(Busy, match="--own=DIR"):
        second.add(Job.new("make", "b"))
    first.close()
    ended = second.wait(second.add(Job.new("make", "b")).id, SECONDS)
    assert ended.state == "done"
    assert second.job(done.id) == done


def test_a_full_queue_refuses_and_unknown_jobs_are_not_found(opened: Callable[..., Jobs]) -> None:
    jobs = opened(lambda _: [LONG])
    running = jobs.add(Job.new("make", "a"))
    until(lambda: jobs.job(running.id).process)
    for _ in range(20):
        jobs.add(Job.new("make", "a"))
    with pytest.raises(Busy, match="Too much is waiting"):
        jobs.add(Job.new("make", "a"))
    with pytest.raises(NotFound):
        jobs.cancel("../../etc")


def test_progress_is_read_as_the_stages_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    log = tmp_path / "log"
    log.write_text("Describing: 90%|###| 9/10 [00:01<00:01, 1.00 photographs/s]\n")
    begin = log.stat().st_size
    with log.open("a") as file, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", file)
        with progress_bar("Describing", unit="photographs", total=450, done=100) as bar:
            file.flush()
            assert counted(log, begin)["done"] == 100
            bar.update(44)
            file.flush()
            assert counted(log, begin).items() >= {"done": 144, "total": 450}.items()
    assert counted(log, log.stat().st_size) == {}
