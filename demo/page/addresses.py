"""Where the page finds photographs; relative, so that a proxy may serve it under any path."""

from urllib.parse import quote

from demo.answers import photograph_address
from demo.page.asked import Asked

THUMBNAIL, LARGE = 400, 1280  # pixels of the width


def photograph(method: str, id: str, width: int) -> str:
    """Of a photograph of a collection."""
    return photograph_address(method, id, width).removeprefix("/")


def asked_photograph(asked: Asked, width: int) -> str:
    """Of the photograph that asks."""
    if asked.token:
        return f"kept/{quote(asked.token, safe='')}?width={width}"
    return photograph(asked.of, asked.photograph, width)


def web_link(url: str) -> str | None:
    """An address as a link may lead to it: of the web, or None."""
    return url if url.lower().startswith(("https://", "http://")) else None
