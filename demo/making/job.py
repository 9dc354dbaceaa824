"""A job: something long that is done to a collection, and how far it is."""

import dataclasses
import re
import secrets
import time
from pathlib import Path
from typing import Any, Literal

from pipeline import manifest

Task = Literal["make", "add", "remove", "index"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
_TAIL = 8192  # bytes of a log that are looked at
# As tqdm writes it: "Describing:  45%|####   | 450/1000 [00:10<00:12, 45.00 photographs/s]".
_BAR = re.compile(r"\| (\d+)/(\d+) \[[\d:]+<([\d:?]+)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done, or was.

    Attributes:
        id: Its own; later ones are greater.
        task: What is done: a collection is made or gets another index, photographs are added to it
            or removed from it.
        collection: Name of the collection.
        model: Name of the model; "" where those that have described it already do.
        kind: Of the index, see ``build_index``; "" for the default.
        ids: Of the photographs to remove.
        basket: Token of what was sent for it; "" for nothing.
        folder: Whose photographs are linked; "" for none.
        state: How it stands.
        said: What came of it, or why it failed; "" before.
        process: Number and start, seconds since 1970, of the process that does it.
        asked: When it was asked for, seconds since 1970.
    """

    id: str
    task: Task
    collection: str
    model: str = ""
    kind: str = ""
    ids: tuple[str, ...] = ()
    basket: str = ""
    folder: str = ""
    state: State = "waiting"
    said: str = ""
    process: tuple[int, float] | None = None
    asked: float = 0.0

    @classmethod
    def new(cls, task: Task, collection: str, **entries: Any) -> "Job":
        """A job that waits."""
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        fraction = int(now % 1 * 1e6)
        number = f"{stamp}-{fraction:06d}-{secrets.token_hex(3)}"
        return cls(id=number, task=task, collection=collection, asked=now, **entries)

    def write(self, folder: Path) -> None:
        """Writes it to a file of its own."""
        manifest.write_json(folder / f"{self.id}.json", dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Reads what ``write`` wrote."""
        told = manifest.read_json(path, "the page", "id", "task", "collection")
        process = told.get("process")
        return cls(
            **{
                **told,
                "ids": tuple(told.get("ids", ())),
                "process": None if process is None else tuple(process),
            }
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A command of a job.

    Attributes:
        said: What it does, in words.
        command: What is run, from the module on: ``("pipeline.embed", "--model=...")``.
    """

    said: str
    command: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a running job is.

    Attributes:
        said: What the step at hand does.
        step: Its number, from 1, of ``steps``.
        steps: How many there are.
        done: Photographs that it has done, of ``total``; None where it does not count them.
        total: All that it has to do.
        left: Time that they will take, as ``01:23``; "" where that is not known.
    """

    said: str
    step: int
    steps: int
    done: int | None = None
    total: int | None = None
    left: str = ""


def counted(log: Path, begin: int) -> dict[str, Any]:
    """``done``, ``total`` and ``left`` of a step, as its log tells last; empty before it does.

    Args:
        log: What the step prints.
        begin: Byte at which its own part begins.
    """
    with log.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(begin, end - _TAIL))
        text = file.read().decode(errors="replace")
    found = _BAR.findall(text)
    if not found:
        return {}
    done, total, left = found[-1]
    return {"done": int(done), "total": int(total), "left": "" if "?" in left else left}


def reason(log: Path, begin: int) -> str:
    """The error that a stage ended with; "" if it told none."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = re.split(r"[\r\n]+", file.read().decode(errors="replace"))
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else ""
