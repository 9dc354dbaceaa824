"""Photographs as small pictures inside a page, with whom they are by."""

import base64
import dataclasses
import io

import numpy as np
from PIL import Image

from pipeline.reports.elements import Html, element, joined
from pipeline.stored_photograph import StoredPhotograph

SIDE = 160  # pixels at most
_QUALITY = 72
_WEB = ("https://", "http://")  # what a link may lead to


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framed:
    """What is said of a photograph beside its picture.

    Attributes:
        look: Its frame: ``query``, ``right`` or ``wrong``.
        sign: The same in letters, for whoever does not tell the colours apart.
        title: Its first line.
    """

    look: str
    sign: str
    title: str


class Pictures:
    """Photographs by their contents, each read once."""

    def __init__(self) -> None:
        self._pictures: dict[str, str | OSError | ValueError] = {}

    def figure(self, photograph: StoredPhotograph, framed: Framed) -> Html:
        """A photograph in its frame, or why it cannot be shown."""
        said = f"{framed.sign}: {name_of(photograph)}, {framed.title}"
        picture = self._picture(photograph)
        shown = (
            element("img", src=picture, alt=said)
            if isinstance(picture, str)
            else element("span", f"Cannot be read: {picture}", class_="unread")
        )
        caption = element(
            "figcaption",
            element("strong", framed.sign),
            f" {framed.title} ",
            element("span", name_of(photograph), class_="name"),
            _attribution(photograph),
        )
        return element("figure", shown, caption, class_=f"photograph {framed.look}")

    def _picture(self, photograph: StoredPhotograph) -> str | OSError | ValueError:
        if photograph.content not in self._pictures:
            try:
                self._pictures[photograph.content] = data_address(photograph.read_image())
            except (OSError, ValueError) as error:
                self._pictures[photograph.content] = error
        return self._pictures[photograph.content]


def data_address(image: np.ndarray) -> str:
    """An image as a small JPEG in an address of its own.

    Args:
        image: uint8 ``(height, width, 3)`` RGB.
    """
    small = Image.fromarray(image)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    small.save(encoded, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode()}"


def name_of(photograph: StoredPhotograph) -> str:
    """Its landmark, or what it is called where that is not known."""
    return photograph.landmark or photograph.title or photograph.id


def _attribution(photograph: StoredPhotograph) -> Html:
    """Author and licence, as Creative Commons licences ask for; nothing where none is known."""
    if not (photograph.author or photograph.license):
        return Html()
    parts = [f"© {photograph.author or 'unknown'} {photograph.license}".strip()]
    if photograph.url.startswith(_WEB):
        parts = [element("a", *parts, href=photograph.url, rel="noreferrer")]
    if photograph.landmark and photograph.title:
        parts = [f"{photograph.title}, ", *parts]
    return element("small", joined(parts))
