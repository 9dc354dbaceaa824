"""Why a result was found, as HTML: matched points or what is alike, then the neighbours."""

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from demo import texts
from demo.asking.query import Found
from demo.explaining import heat_map, matched_points, neighbours
from demo.explaining.shown import Shown
from demo.page import addresses
from demo.page.asked import Asked
from demo.page.details import Opened
from demo.parts import Parts
from demo.refusals import shown
from pipeline.descriptors import describe_part
from pipeline.reports.elements import Html, element, section

_REMEMBERED = 64  # searches; a hundred verified results of one take about a megabyte


class Searches:
    """Answers queries, and remembers the last ones, whose results are soon looked at."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: OrderedDict[str, Found] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, asked: Asked) -> Found:
        """Answers anew.

        Raises:
            Refused: If the query cannot be answered.
        """
        parts = self._parts
        found = parts.service.ask(lambda: asked.query(parts), asked.sent_pixels(parts))
        with self._lock:
            self._found[asked.to_link()] = found
            self._found.move_to_end(asked.to_link())
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found

    def remembered(self, asked: Asked) -> Found:
        """What was answered, or is again.

        Raises:
            Refused: If the query cannot be answered any more.
        """
        with self._lock:
            found = self._found.get(asked.to_link())
        return found if found is not None else self.ask(asked)


def reasons(
    parts: Parts, one: Opened, found: Found, query: np.ndarray, result: np.ndarray
) -> Iterator[Html]:
    """Why a result was found, one reason after another as they are ready.

    Args:
        parts: Of the server.
        one: The result.
        found: Of the search that found it.
        query: Pixels of the photograph that asked, all of it.
        result: Pixels of the result.
    """
    asked = one.asked
    engine = parts.catalogue.engine(asked.method)
    of_query = _shown(addresses.asked_photograph(asked, addresses.LARGE), query, _QUERY)
    source = addresses.photograph(asked.method, one.id, addresses.LARGE)
    of_result = _shown(source, result, texts.Details.RESULT.format(rank=one.rank))
    for each in found.answer.results:
        if each.photograph.id == one.id and each.verification is not None:
            matched = matched_points.matched_points(each, asked.box)
            drawn = matched_points.draw(matched, of_query, of_result)
            yield _reason(texts.Details.MATCHED, drawn, "matched")
    try:
        with parts.service.work(asked.sent_pixels(parts)) as times, times.step("heat map"):
            maps = heat_map.heat_maps(engine.descriptor, query, asked.box, result)
            drawn = heat_map.draw(maps, of_query, of_result)
    except ValueError as error:
        drawn = element("p", str(shown(error)), class_="note")
    yield _reason(texts.Details.ALIKE, drawn, "alike")
    own = asked.photograph if asked.is_of_searched(parts) else None
    with parts.service.work(asked.sent_pixels(parts)) as times, times.step("map"):
        vector = describe_part(engine.descriptor, query, asked.box, "auto")
        mapped = neighbours.neighbours(engine.collection, vector, found.answer.results, own)
        drawn = neighbours.draw(mapped)
    yield _reason(texts.Details.NEIGHBOURS, drawn, "neighbours-map")


_QUERY = texts.Details.QUERY


def _shown(url: str, image: np.ndarray, name: str) -> Shown:
    height, width = image.shape[:2]
    return Shown(url=url, width=width, height=height, name=name)


def _reason(title: str, drawn: Html, name: str) -> Html:
    return section(title, drawn, name=name, level=3)
