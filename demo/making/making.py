"""Everything that can be done to collections on the page."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from demo.making.job import Job, Task
from demo.making.jobs import Jobs
from demo.making.own import OwnCollections
from demo.making.photographs import Baskets
from demo.refusals import NotFound, Refused
from demo.texts import Collections
from demo.uploads.intake import Limits, decode
from pipeline.index import kinds

AUTO = "auto"
KINDS = ("", AUTO, *kinds.KINDS)  # "" for the one that suits the model
_NAME = re.compile(r"[\w][\w.+-]{0,59}")
_MOST_REMOVED = 1000  # photographs at a time


@dataclasses.dataclass(frozen=True, kw_only=True)
class MakingSettings:
    """Where collections are made and from what.

    Attributes:
        folder: Of what is sent, and of the jobs.
        limits: Of a photograph that is sent.
        photos: Folders of this machine whose photographs may be made collections of.
        most: Photographs that are sent for a collection at a time.
    """

    folder: Path
    limits: Limits
    photos: tuple[Path, ...] = ()
    most: int = 20_000


class Making:
    """Makes and changes collections; what is asked for is a job, which goes on by itself.

    Args:
        settings: Where and from what.
        models: Gives the folders of the models that may describe.

    Raises:
        FileNotFoundError: If a folder of photographs is missing.
    """

    def __init__(self, settings: MakingSettings, models: Callable[[], Iterable[Path]]) -> None:
        for folder in settings.photos:
            if not folder.is_dir():
                raise FileNotFoundError(f"--photos={folder} is no folder.")
        self.settings = settings
        self.baskets = Baskets(settings.folder / "arriving", settings.most)
        self.own = OwnCollections(
            settings.folder / "photographs", self.baskets, models, settings.photos
        )
        self.jobs = Jobs(settings.folder / "jobs", self.own.steps, self.own.outcome)

    def arrive(self, basket: str, data: bytes, name: str, landmark: str) -> int:
        """Takes a photograph that was sent.

        Args:
            basket: Token of the basket that it goes into.
            data: Its file.
            name: What that was called.
            landmark: The folder that it lay in; "" where in none.

        Returns:
            How many photographs the basket holds.

        Raises:
            Refused: If it is no photograph, too large, or there is no such basket or no room in it.
        """
        self.baskets.of(basket)
        decode(data, self.settings.limits)
        try:
            return self.baskets.put(basket, data, name, landmark)
        except Refused:
            raise
        except ValueError as error:
            raise Refused(Collections.DAMAGED) from error

    def make(
        self, name: str, model: str, kind: str = "", *, basket: str = "", folder: str = ""
    ) -> Job:
        """Makes a collection of what was sent, or of a folder of this machine.

        Args:
            name: What it is to be called; blanks become hyphens.
            model: Name of the model that describes it, one of ``own.models()``.
            kind: Of its index, one of ``KINDS``.
            basket: Token of what was sent.
            folder: Instead of it, one of ``own.folders()``.

        Raises:
            Refused: If the name is none or taken, there is no such model, kind or folder, or
                nothing was sent.
        """
        wanted = _checked_name(name)
        if self.own.is_taken(wanted):
            raise Refused(Collections.TAKEN.format(name=wanted))
        self._require(model, kind)
        return self._begin("make", wanted, basket, folder, model=model, kind=kind)

    def add(self, name: str, *, basket: str = "", folder: str = "") -> Job:
        """Adds what was sent, or what a folder of this machine has more, to a collection.

        Raises:
            Refused: If it was not made here, or there is nothing to add.
        """
        self._require_idle(name)
        return self._begin("add", name, basket, folder)

    def look_again(self, name: str) -> Job:
        """Adds what the folder that a collection was made of has more by now.

        Raises:
            Refused: If it was not made here, or of no folder, or that is allowed no more.
        """
        source = self.own.photographs(name).told()["source"]
        if not self.own.is_allowed(source):
            raise Refused(Collections.NOT_ALLOWED)
        self._require_idle(name)
        return self.jobs.add(Job.new("add", name, folder=source))

    def remove(self, name: str, ids: Sequence[str]) -> Job:
        """Removes photographs from a collection; those of a folder of this machine stay there.

        Raises:
            Refused: If it was not made here, or no photograph, or too many, are named.
        """
        self._require_idle(name)
        if not 0 < len(ids) <= _MOST_REMOVED or not all(map(str.isalnum, ids)):
            raise Refused(Collections.CHOOSE.format(most=_MOST_REMOVED))
        return self.jobs.add(Job.new("remove", name, ids=tuple(ids)))

    def index(self, name: str, model: str, kind: str) -> Job:
        """Gives a collection another index, by the same model or another.

        Raises:
            Refused: If it was not made here, or there is no such model or kind.
        """
        self._require_idle(name)
        self._require(model, kind)
        return self.jobs.add(Job.new("index", name, model=model, kind=kind))

    def delete(self, name: str) -> None:
        """Removes a collection with all that was made of it.

        Raises:
            Refused: If it was not made here, or a job is at it.
        """
        self._require_idle(name)
        self.own.delete(name)

    def close(self) -> None:
        """Interrupts what runs; it goes on when the server starts again."""
        self.jobs.close()

    def _begin(self, task: Task, name: str, basket: str, folder: str, **entries: str) -> Job:
        if bool(basket) == bool(folder):
            raise Refused(Collections.NOTHING)
        path = ""
        if folder:
            chosen = self.own.folders().get(folder)
            if chosen is None:
                raise Refused(Collections.NOT_ALLOWED)
            path = str(chosen)
        elif not any(self.baskets.of(basket).files()):
            raise Refused(Collections.NOTHING)
        return self.jobs.add(Job.new(task, name, basket=basket, folder=path, **entries))

    def _require(self, model: str, kind: str) -> None:
        if model not in self.own.models():
            raise NotFound(Collections.NO_MODEL)
        if kind not in KINDS:
            raise Refused(Collections.NO_KIND)

    def _require_idle(self, name: str) -> None:
        """Checks that a collection was made here, and that nothing is being done to it."""
        self.own.photographs(name)
        if self.jobs.are_at(name):
            raise Refused(Collections.BUSY.format(name=name))


def _checked_name(name: str) -> str:
    wanted = re.sub(r"\s+", "-", name.strip())
    if _NAME.fullmatch(wanted) is None:
        raise Refused(Collections.NO_NAME)
    return wanted
