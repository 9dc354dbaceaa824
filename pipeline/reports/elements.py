"""HTML that cannot hold what it should not: every text is escaped where it is put in."""

import html
import re
from collections.abc import Iterable, Sequence

_VOID = ("img", "input", "meta")  # elements that nothing is in
_BREAKS = re.compile(r"(?<=[/_+-])(?=[^/_+-])")  # where a long name may go on in the next line


class Html(str):
    """Text that is HTML already; any other is escaped where it is put in."""

    __slots__ = ()


def as_html(content: str) -> Html:
    """HTML as it is, any other text escaped."""
    return content if isinstance(content, Html) else Html(html.escape(content))


def breakable(name: str) -> Html:
    """A name that a narrow screen breaks behind its hyphens, underscores and strokes."""
    return joined(_BREAKS.split(name), Html("<wbr>"))


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Texts and HTML, one after the other."""
    return Html((as_html(between) if between else "").join(map(as_html, parts)))


def element(tag: str, *content: str, **attributes: str) -> Html:
    """An element.

    Args:
        tag: Its name.
        content: What is in it, one after the other.
        attributes: By name; ``class_`` is ``class``, ``stroke_width`` is ``stroke-width``.
    """
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for name, value in attributes.items()
    )
    if tag in _VOID:
        return Html(f"<{tag}{told}>")
    return Html(f"<{tag}{told}>{joined(content)}</{tag}>")


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, label: str, texts: int = 1
) -> Html:
    """A table that scrolls inside its own box where the screen is narrower.

    Args:
        header: Titles of the columns.
        rows: Their cells; the first names its row.
        label: What it is, for those who hear it.
        texts: How many columns are texts; the others are numbers, which keep to the right.
    """
    titles = [
        element("th", cell, scope="col", class_=_side(place, texts))
        for place, cell in enumerate(header)
    ]
    lines = [_row(cells, texts) for cells in rows]
    whole = element(
        "table", element("thead", element("tr", *titles)), element("tbody", joined(lines, "\n"))
    )
    return element("div", whole, class_="scroll", role="region", aria_label=label, tabindex="0")


def _row(cells: Sequence[str], texts: int) -> Html:
    first = element("th", cells[0], scope="row", class_=_side(0, texts))
    rest = [
        element("td", cell, class_=_side(place, texts))
        for place, cell in enumerate(cells[1:], start=1)
    ]
    return element("tr", first, *rest)


def _side(place: int, texts: int) -> str:
    return "text" if place < texts else "number"


def details(summary: str, *content: str, name: str = "", is_open: bool = False) -> Html:
    """Content that is unfolded; ``#name`` leads to it."""
    attributes = ({"id": name} if name else {}) | ({"open": "open"} if is_open else {})
    return element("details", element("summary", summary), *content, **attributes)


def command(line: str) -> Html:
    """A command line, which a click selects whole."""
    return element("pre", element("code", line), class_="command", tabindex="0")


def paragraph(*content: str) -> Html:
    """A paragraph."""
    return element("p", *content)


def figure(drawn: str, caption: str, *, legend: str = Html(), numbers: str = Html()) -> Html:
    """A chart, what its colours stand for, what it shows in words, and its numbers, folded."""
    shown = element("figure", drawn, legend, element("figcaption", caption))
    unfolded = [details("Numbers", numbers)] if numbers else []
    return element("div", shown, *unfolded, class_="drawn")


def section(title: str, *content: str, name: str, level: int = 2) -> Html:
    """A part of a page with a heading, which ``#name`` leads to."""
    heading = element(f"h{level}", title)
    return element("section", heading, *content, id=name)
