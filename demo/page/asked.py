"""What the page asks, as its fields hold it and as a link tells it."""

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np

from demo.asking import fields
from demo.asking.query import MOST_RESULTS, Query
from demo.parts import Parts
from demo.refusals import Refused, shown
from demo.texts import Missing
from pipeline.index import filters
from pipeline.index.filters import Condition
from pipeline.query_photograph import Box
from pipeline.ranking.settings import RankingSettings

_MOST_LETTERS = 8_000  # of a link; servers take about as many
# As docs/reordering.md measured them; refinement of as many as may be asked for.
_EXPANDED, _NEIGHBOURS, _REFINED = 3, 20, 100
_CHOSEN = ("token", "photograph", "source", "box")  # by the photograph box
_CONTAINS = {"landmark": "landmark", "author": "author", "licence": "license"}
_BOUNDS = (("since", ">="), ("until", "<="))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A photograph, or a part of one, and how to search for it.

    Attributes:
        token: Of an upload; "" where the photograph is one of the collection.
        photograph: Its id, where it is one of a collection.
        source: The method whose collection that is; "" for ``method``.
        box: x1, y1, x2, y2 in its pixels; None for all of it.
        method: See ``Catalogue``.
        against: The method that it is compared with; "" where it is not.
        k: How many results, 1 to 100.
        expand: Whether the query is expanded; ``diffuse``, ``reciprocal``, ``refine``,
            ``keep_first``: likewise, the other switches of ``RankingSettings``.
        verify: The extractor that verifies; "" for none.
        landmark: What it has to contain, "" for anything; ``author``, ``licence``: likewise.
        since: The first date; ``until``: the last.
        where: More conditions, one a line.
    """

    token: str = ""
    photograph: str = ""
    source: str = ""
    box: Box | None = None
    method: str = ""
    against: str = ""
    k: int = 20
    expand: bool = False
    diffuse: bool = False
    reciprocal: bool = False
    refine: bool = False
    keep_first: bool = False
    verify: str = ""
    landmark: str = ""
    author: str = ""
    licence: str = ""
    since: str = ""
    until: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        """Checks ranges."""
        if not 1 <= self.k <= MOST_RESULTS:
            raise Refused(f"The number of results is 1 to {MOST_RESULTS}. Received: {self.k}.")

    @property
    def is_reordered_by_graph(self) -> bool:
        """Whether something moves the first place that ``keep_first`` could keep."""
        return self.diffuse or self.reciprocal or self.refine

    @property
    def ranking(self) -> RankingSettings:
        """What reorders the results."""
        return RankingSettings(
            expand=_EXPANDED * self.expand,
            diffuse=_NEIGHBOURS * self.diffuse,
            reciprocal=_NEIGHBOURS * self.reciprocal,
            refine=_REFINED * self.refine,
            keep_first=self.keep_first and self.is_reordered_by_graph,
        )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What a result has to satisfy.

        Raises:
            Refused: If a line of ``where`` is no condition.
        """
        contains = [
            Condition(column, "~", (text,))
            for name, column in _CONTAINS.items()
            if (text := getattr(self, name).strip())
        ]
        bounds = [
            Condition("date", operator, (text,))  # type: ignore[arg-type]
            for name, operator in _BOUNDS
            if (text := getattr(self, name).strip())
        ]
        lines = [line for line in self.where.splitlines() if line.strip()]
        try:
            return (*contains, *bounds, *filters.parse(lines))
        except ValueError as error:
            raise shown(error) from error

    def query(self, parts: Parts) -> Query:
        """The query, with its photograph.

        Raises:
            Refused: If there is no photograph or method, they are not there any more, or a value
                is out of range.
        """
        if not self.method:
            raise Refused(Missing.METHOD)
        return Query(
            photograph=self.pixels(parts),
            box=self.box,
            method=self.method,
            k=self.k,
            ranking=self.ranking,
            verify=self.verify or None,
            where=self.conditions,
            without=self.photograph if self.is_of_searched(parts) else None,
        )

    def pixels(self, parts: Parts) -> np.ndarray:
        """The photograph that asks, all of it.

        Raises:
            Refused: If there is none, or not any more.
        """
        if self.token:
            return parts.kept.read(self.token)
        if self.photograph:
            return read_stored(parts, self.of, self.photograph)
        raise Refused(Missing.PHOTOGRAPH)

    def sent_pixels(self, parts: Parts) -> int:
        """How many pixels the photograph has, where somebody sent it; 0 of a collection's.

        Raises:
            Refused: If it is there no more.
        """
        return parts.kept.pixels(self.token) if self.token else 0

    @property
    def of(self) -> str:
        """The method whose collection the photograph is of."""
        return self.source or self.method

    def is_of_searched(self, parts: Parts) -> bool:
        """Whether the photograph is one of those that are searched."""
        if not self.photograph:
            return False
        own, searched = (parts.catalogue.method(one).collection for one in (self.of, self.method))
        return own == searched

    def with_chosen(self, chosen: Mapping[str, Any] | None) -> "Asked":
        """With the value of the photograph box.

        Raises:
            Refused: If that is none; it comes from the browser.
        """
        if not isinstance(chosen, Mapping):
            chosen = {}
        box = chosen.get("box")
        source = fields.text(chosen.get("method") or "", "photograph")
        return dataclasses.replace(
            self,
            token=fields.text(chosen.get("token") or "", "photograph"),
            photograph=fields.text(chosen.get("id") or "", "photograph"),
            source="" if source == self.method else source,
            box=fields.box(box),
        )

    def to_link(self) -> str:
        """What a link holds behind its question mark; what is as by default is left out."""
        told = {
            field.name: _written(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        return urlencode(told)


def read_stored(parts: Parts, method: str, id: str) -> np.ndarray:
    """A photograph of a collection.

    Raises:
        Refused: If there is none, or its file is gone or was replaced.
    """
    stored = parts.catalogue.photograph(method, id)
    try:
        return stored.read_image()
    except (ValueError, OSError) as error:
        raise Refused(Missing.FILE) from error


def from_fields(given: Mapping[str, Any]) -> Asked:
    """What the fields of the page hold, by their names; an empty one is as by default.

    Raises:
        Refused: If a value is none that a field takes: it comes from the browser.
    """
    told = {
        field.name: _taken(field, given[field.name])
        for field in dataclasses.fields(Asked)
        if given.get(field.name) is not None and field.name not in _CHOSEN
    }
    return Asked(**told)


def from_link(text: str) -> Asked:
    """What ``Asked.to_link`` wrote; what it does not know is passed over.

    Raises:
        Refused: If a value is none.
    """
    if len(text) > _MOST_LETTERS:
        raise Refused(f"It has {len(text):,} letters; at most {_MOST_LETTERS:,} are read.")
    given = dict(parse_qsl(text.lstrip("?")))
    told = {
        field.name: _read(field, given[field.name])
        for field in dataclasses.fields(Asked)
        if field.name in given
    }
    return Asked(**told)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def _taken(field: dataclasses.Field[Any], value: Any) -> Any:
    if isinstance(field.default, bool):
        return fields.switch(value, field.name)
    if isinstance(field.default, int):
        return fields.whole(value, field.name)
    return fields.text(value, field.name)


def _read(field: dataclasses.Field[Any], text: str) -> Any:
    if isinstance(field.default, bool):
        return text == "1"
    if field.name == "box":
        return fields.box(text)
    if isinstance(field.default, int):
        return fields.whole_of(text, field.name)
    return text
