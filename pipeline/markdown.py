"""What the pages that stages write are made of."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in cells] for cells in lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


def count(number: int | None) -> str:
    """A count, with commas; a dash where it is not known."""
    return "-" if number is None else f"{number:,}"


def score(value: float | None) -> str:
    """A score with three digits; a dash where it is not known."""
    return "-" if value is None else f"{value:.3f}"
