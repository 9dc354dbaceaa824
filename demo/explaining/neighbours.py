"""A query, its results and some others of the collection on a map of their descriptions."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from demo.texts import Explained
from pipeline import descriptions
from pipeline.answer import Result
from pipeline.descriptions import Descriptions
from pipeline.index.interface import Collection
from pipeline.ranking.neighbourhood import unit_vectors
from pipeline.reports import study
from pipeline.reports.charts import MOST_SERIES, Series, legend, map_chart
from pipeline.reports.elements import Html, element

_OTHERS = 180  # photographs of the collection that were not found
_MOST_RESULTS = 100
_NUMBERED = 9  # results whose rank is written at their points
_SIZE_OF_QUERY = 2.2  # times that of a result
_LANDMARKS = MOST_SERIES - 2  # with signs of their own, besides the query and all others


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Photographs in a plane, near one another where their descriptions are.

    Attributes:
        query: x and y of the query, float ``(2,)``.
        results: Of the results, ``(n, 2)``, in their order.
        others: Of photographs that were not found, ``(m, 2)``.
        found: The results.
    """

    query: np.ndarray
    results: np.ndarray
    others: np.ndarray
    found: Sequence[Result]


def neighbours(
    collection: Collection, asked: Descriptions, found: Sequence[Result], query_id: str | None
) -> Neighbours:
    """Maps a query among its results and others that are drawn at random, the same each time.

    Args:
        collection: That was asked.
        asked: The one description that asked.
        found: Its results; at most a hundred are mapped.
        query_id: Id of the photograph that asked, where it is of the collection: it is mapped once.
    """
    found = [one for one in found if one.photograph.id != query_id][:_MOST_RESULTS]
    keys = collection.keys_of([one.photograph.id for one in found])
    left_out = keys if query_id is None else np.append(keys, collection.keys_of([query_id]))
    rest = np.setdiff1d(collection.keys(), left_out)
    others = np.random.default_rng(0).permutation(rest)[:_OTHERS]
    held = _held(collection, np.concatenate([keys, others]))
    places = study.mapped(descriptions.concatenate([asked, held]), collection.metric)
    return Neighbours(
        query=places[0],
        results=places[1 : 1 + len(keys)],
        others=places[1 + len(keys) :],
        found=found,
    )


def _held(collection: Collection, keys: np.ndarray) -> Descriptions:
    """As the index holds them, vectors compared by cosine of unit length."""
    vectors = collection.vectors(keys)
    is_dense = isinstance(vectors, np.ndarray)
    return unit_vectors(collection, keys) if is_dense and collection.metric == "cosine" else vectors


def draw(mapped: Neighbours) -> Html:
    """The map, what its signs are, and what it shows."""
    series = [_query(mapped), *_results(mapped)]
    others = Series(name=Explained.OTHERS, points=_points(mapped.others))
    said = Explained.neighbours(len(mapped.found), len(mapped.others))
    return element(
        "figure",
        map_chart(Explained.MAP, series, others),
        element("div", legend([one.name for one in series]), element("figcaption", said)),
        class_="explained neighbours",
    )


def _query(mapped: Neighbours) -> Series:
    return Series(
        name=Explained.QUERY,
        points=_points(mapped.query[None]),
        notes=[Explained.QUERY],
        size=_SIZE_OF_QUERY,
    )


def _results(mapped: Neighbours) -> list[Series]:
    """A series of each landmark, as they appear among the results, and one of all others."""
    names = [one.photograph.landmark or Explained.NO_LANDMARK for one in mapped.found]
    own = list(dict.fromkeys(names))[:_LANDMARKS]
    named = [name if name in own else Explained.OTHER_LANDMARKS for name in names]
    return [_series(mapped, named, name) for name in dict.fromkeys(named)]


def _series(mapped: Neighbours, named: Sequence[str], name: str) -> Series:
    places = [place for place, one in enumerate(named) if one == name]
    results = [mapped.found[place] for place in places]
    return Series(
        name=name,
        points=_points(mapped.results[places]),
        notes=[
            f"{one.rank}. {one.photograph.title or one.photograph.id}, {one.similarity:.3f}"
            for one in results
        ],
        labels=[str(one.rank) if one.rank <= _NUMBERED else "" for one in results],
    )


def _points(places: np.ndarray) -> list[tuple[float, float]]:
    return [(x, y) for x, y in places.tolist()]
