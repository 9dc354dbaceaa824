"""What is told of one result: both photographs, the facts, and why it was found."""

import dataclasses
from typing import Any

import numpy as np

from demo import texts
from demo.page import addresses
from demo.page.answer_card import percent
from demo.page.asked import Asked, from_link
from demo.page.results import outward
from demo.refusals import Refused
from pipeline.query_photograph import shares
from pipeline.reports.elements import Html, element
from pipeline.stored_photograph import StoredPhotograph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opened:
    """A result that was chosen, as the browser tells of it.

    Attributes:
        key: Of the answer that is waited for.
        asked: The search that found it.
        id: Its photograph's.
        rank: Its place.
        similarity: As it was found; ``probability``, ``inliers``: likewise, None where unknown.
    """

    key: int
    asked: Asked
    id: str
    rank: int
    similarity: float
    probability: float | None
    inliers: int | None


def opened(told: Any) -> Opened:
    """Reads an event's data.

    Raises:
        Refused: If they are none.
    """
    try:
        probability, inliers = told.get("probability"), told.get("inliers")
        return Opened(
            key=int(told["key"]),
            asked=from_link(str(told["link"])),
            id=str(told["id"]),
            rank=int(told["rank"]),
            similarity=float(told["similarity"]),
            probability=None if probability is None else float(probability),
            inliers=None if inliers is None else int(inliers),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused(texts.Missing.RESULT) from error


def facts(one: Opened, photograph: StoredPhotograph, query: np.ndarray, result: np.ndarray) -> Html:
    """Both photographs side by side, and what is known of the result.

    Args:
        one: The result.
        photograph: Its photograph.
        query: Pixels of the photograph that asked, all of it.
        result: Pixels of the result.
    """
    words = texts.Details
    asked = one.asked
    own = words.QUERY if asked.box is None else words.QUERY_PART
    pair = element(
        "div",
        _side(addresses.asked_photograph(asked, addresses.LARGE), own, query, _part(asked, query)),
        _side(
            addresses.photograph(asked.method, one.id, addresses.LARGE),
            words.RESULT.format(rank=one.rank),
            result,
        ),
        class_="pair",
    )
    again = element(
        "button",
        words.SEARCH,
        type="button",
        class_="button primary",
        data_do="again",
        data_id=one.id,
        data_method=asked.method,
    )
    return element("div", pair, _list(one, photograph), again)


def _side(source: str, caption: str, image: np.ndarray, over: str = "") -> Html:
    height, width = image.shape[:2]
    shown = element("img", src=source, alt=caption, width=str(width), height=str(height))
    stage = element("div", shown, over, class_="whole", style=f"--shape: {width / height:.4f}")
    return element("figure", stage, element("figcaption", caption))


def _part(asked: Asked, query: np.ndarray) -> Html:
    """A frame around the part that was asked for."""
    if asked.box is None:
        return Html()
    left, top, right, bottom = (100 * shares(query, asked.box)).tolist()
    sides = f"left:{left:.2f}%;top:{top:.2f}%;width:{right - left:.2f}%;height:{bottom - top:.2f}%"
    return element("span", class_="frame", style=sides)


def _list(one: Opened, photograph: StoredPhotograph) -> Html:
    words = texts.Details
    told: list[tuple[str, str]] = [(words.LANDMARK, photograph.landmark or words.UNKNOWN)]
    if one.probability is not None:
        told.append((words.PROBABILITY, percent(one.probability)))
    told.append((words.SIMILARITY, f"{one.similarity:.3f}"))
    if one.inliers is not None:
        told.append((words.MATCHES, str(one.inliers)))
    told += [
        (words.AUTHOR, photograph.author or words.UNKNOWN),
        (words.LICENCE, photograph.license or words.UNKNOWN),
    ]
    optional = ((words.TITLE, photograph.title), (words.DATE, photograph.date))
    told += [(name, text) for name, text in optional if text]
    told.append((words.ID, photograph.id))
    link = addresses.web_link(photograph.url)
    if link:
        told.append((words.SOURCE, outward(link, link)))
    rows = [element("div", element("dt", name), element("dd", text)) for name, text in told]
    return element("dl", *rows)
