"""Answers as programs get them: JSON."""

from urllib.parse import quote

from typing_extensions import TypedDict  # of Python 3.11's own, FastAPI makes no schema

from demo.asking.query import Found
from demo.catalogue import Catalogue, Method
from pipeline.answer import Answer, Result


class RecognitionTold(TypedDict):
    """Which landmark a photograph shows.

    ``landmark`` is empty where no result has one; ``probability`` is that it is the right one, null
    where the collection is not calibrated; ``is_confident`` whether that is enough to name it.
    """

    landmark: str
    probability: float | None
    is_confident: bool


class ResultTold(TypedDict):
    """A photograph found.

    ``probability`` is that it shows what the query shows, null where the collection is not
    calibrated; ``matches`` how many places agree, null where they were not compared;
    ``photograph`` the address of the photograph on this server, ``url`` where it is from.
    """

    rank: int
    id: str
    landmark: str
    title: str
    similarity: float
    probability: float | None
    matches: int | None
    author: str
    license: str
    url: str
    date: str
    photograph: str


class SearchTold(TypedDict):
    """What a search found: the landmark, the photographs, and what each step took."""

    method: str
    recognition: RecognitionTold
    results: list[ResultTold]
    milliseconds: dict[str, float]


class MethodTold(TypedDict):
    """A way to search a collection; ``extractors`` can verify its results."""

    name: str
    model: str
    kind: str
    photographs: int
    extractors: list[str]


class CollectionTold(TypedDict):
    """A collection and its methods, the one to prefer first."""

    name: str
    methods: list[MethodTold]


def search_told(found: Found) -> SearchTold:
    """What a search found."""
    return {
        "method": found.method.name,
        "recognition": recognition_told(found.answer),
        "results": [_result_told(result, found.method) for result in found.answer.results],
        "milliseconds": {step.name: round(step.milliseconds, 2) for step in found.steps},
    }


def recognition_told(answer: Answer) -> RecognitionTold:
    """Which landmark an answer names."""
    found = answer.recognition
    if found is None:
        return {"landmark": "", "probability": None, "is_confident": False}
    return {
        "landmark": found.landmark or "",
        "probability": round(found.probability, 4),
        "is_confident": found.is_confident,
    }


def collections_told(catalogue: Catalogue) -> list[CollectionTold]:
    """All that can be searched."""
    return [
        {"name": name, "methods": [_method_told(one, catalogue) for one in catalogue.methods(name)]}
        for name in catalogue.collections()
    ]


def photograph_address(method: str, photograph: str, width: int | None = None) -> str:
    """The address of a photograph of a collection on this server, from the host on.

    Args:
        method: Name of one of the collection's methods.
        photograph: Its id.
        width: Pixels that it is to have at least, if it has them; None for the largest.
    """
    wish = "" if width is None else f"?width={width}"
    return f"/photographs/{quote(method)}/{quote(photograph, safe='')}{wish}"


def _result_told(result: Result, method: Method) -> ResultTold:
    found = result.photograph
    return {
        "rank": result.rank,
        "id": found.id,
        "landmark": found.landmark,
        "title": found.title,
        "similarity": round(result.similarity, 5),
        "probability": None if result.probability is None else round(result.probability, 4),
        "matches": None if result.verification is None else int(result.verification.inliers),
        "author": found.author,
        "license": found.license,
        "url": found.url,
        "date": found.date,
        "photograph": photograph_address(method.name, found.id),
    }


def _method_told(method: Method, catalogue: Catalogue) -> MethodTold:
    return {
        "name": method.name,
        "model": method.model,
        "kind": method.kind,
        "photographs": method.photographs,
        "extractors": catalogue.extractors(method.name),
    }
