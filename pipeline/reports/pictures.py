"""Photographs as small pictures inside a page, with whom they are by."""

import base64
import dataclasses
import io

import numpy as np
from PIL import Image

from pipeline.reports.elements import Html, breakable, element, joined
from pipeline.stored_photograph import StoredPhotograph

NOBODY = "no known landmark"
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
        said = f"{framed.sign}, {framed.title}: {photograph.landmark or NOBODY}"
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
            element("span", breakable(photograph.landmark or NOBODY), class_="name"),
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


def _attribution(photograph: StoredPhotograph) -> Html:
    """What it is called, author and licence, as Creative Commons licences ask for."""
    title = photograph.title.removeprefix(f"{photograph.landmark}/") or photograph.id
    parts: list[str] = [breakable(title)]
    if photograph.author or photograph.license:
        parts.append(f"© {photograph.author or 'unknown'} {photograph.license}".strip())
    said = joined(parts, ", ")
    if photograph.url.startswith(_WEB):
        said = element("a", said, href=photograph.url, rel="noreferrer")
    return element("small", said)
