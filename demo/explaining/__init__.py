"""Why a result was found: matched points, what is alike in both photographs, neighbours."""

from pathlib import Path

from pipeline.reports import charts


def style() -> str:
    """The rules that a page needs to show what these modules draw."""
    paths = (charts.STYLE, Path(__file__).with_name("explaining.css"))
    return "".join(path.read_text(encoding="utf-8") for path in paths)
