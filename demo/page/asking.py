"""The addresses that the page asks, each by one request instead of the two of Gradio's queue."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse

from demo.asking.query import Found
from demo.asking.turns import Turns
from demo.page import results, side_by_side
from demo.page.asked import Asked, from_fields
from demo.page.reasons import Searches
from demo.parts import Parts
from demo.refusals import Busy, Refused

_MOST_BYTES = 100_000  # of what is asked; it is read where others wait
SEARCH, COMPARE = "asked/search", "asked/compare"

Fields = Mapping[str, Any]
Chosen = Mapping[str, Any] | None  # the value of the photograph box


class Asking:
    """Answers what the fields of the page ask, with what the results' component shows.

    Args:
        parts: Of the server.
        searches: That answer.
    """

    def __init__(self, parts: Parts, searches: Searches) -> None:
        self._parts = parts
        self._searches = searches

    def search(self, chosen: Chosen, given: Fields) -> dict[str, Any]:
        """The answer and the results.

        Args:
            chosen: The photograph, or a part of one.
            given: Fields by their names, see ``Asked``.

        Raises:
            Refused: If a value is out of range, or the query cannot be answered.
        """
        asked = dataclasses.replace(from_fields(given), against="").with_chosen(chosen)
        return results.shown(self._searches.ask(asked), asked, self._parts.kept.minutes)

    def compare(self, chosen: Chosen, given: Fields) -> dict[str, Any]:
        """The answers and results of two methods, side by side.

        Args:
            chosen: As of ``search``.
            given: As of ``search``; ``against`` is the second method.

        Raises:
            Refused: As ``search`` does, but where one method alone cannot answer, which is shown.
        """
        asked = from_fields(given)
        both = [
            dataclasses.replace(asked, method=method, against="").with_chosen(chosen)
            for method in (asked.method, asked.against)
        ]
        found = [self._found(each) for each in both]
        refused = [each for each in found if isinstance(each, Refused)]
        if len(refused) == len(found):
            raise refused[0]
        return side_by_side.shown(found, both, self._parts.kept.minutes)

    def _found(self, asked: Asked) -> Found | Refused:
        """What was found, or why this method finds nothing; what concerns both is raised."""
        try:
            return self._searches.ask(asked)
        except Busy:
            raise
        except Refused as refused:
            return refused


def add_routes(server: FastAPI, asking: Asking, turns: Turns) -> None:
    """Adds the addresses to a server."""

    def add(address: str, answer: Callable[[Chosen, Fields], dict[str, Any]]) -> None:
        @server.post(f"/{address}", max_body_size=_MOST_BYTES)
        async def ask(
            request: Request,
            photograph: Annotated[dict[str, Any] | None, Body()],
            given: Annotated[dict[str, Any], Body(alias="fields")],
        ) -> JSONResponse:
            return JSONResponse(await turns.run(request, lambda: answer(photograph, given)))

    add(SEARCH, asking.search)
    add(COMPARE, asking.compare)
