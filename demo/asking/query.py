"""What is asked, and what is found."""

import dataclasses

import numpy as np

from demo.catalogue import Method
from demo.refusals import Refused
from pipeline.answer import Answer
from pipeline.index.filters import Condition
from pipeline.query_photograph import Box
from pipeline.ranking.settings import RankingSettings
from pipeline.step_times import Step

MOST_RESULTS = 100
AS_FOUND = RankingSettings()  # nothing reorders
_MOST_NEIGHBOURS = 100
_MOST_CONDITIONS = 20
_OFFERED = {"expand", "refine", "reciprocal", "diffuse", "keep_first"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """A photograph, where to look for what it shows, and how.

    Attributes:
        photograph: uint8 ``(height, width, 3)`` RGB, upright, in full resolution.
        box: The part that shows the landmark, in its pixels; None for all of it.
        method: Name of one of the catalogue's methods.
        k: How many results, 1 to 100.
        ranking: What reorders them, of that what a page may offer.
        verify: One of ``Catalogue.extractors``; None for none.
        where: Conditions that a result has to satisfy.
        without: Id of the photograph of the collection that asks; None where it is none.

    Raises:
        Refused: If a value is out of range.
    """

    photograph: np.ndarray
    method: str
    box: Box | None = None
    k: int = 10
    ranking: RankingSettings = AS_FOUND
    verify: str | None = None
    where: tuple[Condition, ...] = ()
    without: str | None = None

    def __post_init__(self) -> None:
        """Checks what could be costly, or would open other folders."""
        if not 1 <= self.k <= MOST_RESULTS:
            raise Refused(f"The number of results is 1 to {MOST_RESULTS}. Received: {self.k}.")
        if len(self.where) > _MOST_CONDITIONS:
            raise Refused(f"There are at most {_MOST_CONDITIONS} conditions.")
        for field in dataclasses.fields(self.ranking):
            value = getattr(self.ranking, field.name)
            if field.name not in _OFFERED and value != field.default:
                raise Refused(f"Here nothing is reordered by {field.name}.")
            if field.name in _OFFERED and value > _MOST_NEIGHBOURS:
                raise Refused(
                    f"{field.name} takes at most {_MOST_NEIGHBOURS} neighbours. Received: {value}."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What was found, by which method, and what each step took."""

    answer: Answer
    steps: tuple[Step, ...]
    method: Method
