"""What the page says of a search's results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.engine import Result, StoredPhotograph

COLUMNS = ("rank", "similarity", "landmark", "photograph", "author", "licence")
_VOTERS = 5
_REENCODING = 4.0  # mean difference of pixels, 0 to 255


def answer(results: Sequence[Result], milliseconds: float, query_id: str | None) -> str:
    """Which landmark the first results agree on, as Markdown.

    Args:
        results: Best first.
        milliseconds: What the search took.
        query_id: Of the photograph that asks, where it is of the collection; it has no vote.
    """
    voters = [result for result in results if result.photograph.id != query_id][:_VOTERS]
    votes = Counter(result.photograph.landmark for result in voters)
    took = f"{len(results)} results in {milliseconds:.0f} ms"
    landmark, count = votes.most_common(1)[0] if votes else ("", 0)
    if not landmark or count < 2:
        return f"### The first results do not agree on a landmark.\n{took}"
    return f"### {landmark}\n{count} of the first {len(voters)} results show it · {took}"


def caption(result: Result, query_id: str | None) -> str:
    """Rank, similarity, name, and whom the photograph is by."""
    found = result.photograph
    name = "the query itself" if found.id == query_id else _name(found)
    parts = [f"{result.rank}. {result.similarity:.3f} {name}"]
    if found.author or found.license:
        parts.append(f"© {found.author or 'unknown'} {found.license}".strip())
    return " · ".join(parts)


def table_row(result: Result) -> list[str | int]:
    """A row of the table with ``COLUMNS``."""
    found = result.photograph
    return [
        result.rank,
        f"{result.similarity:.3f}",
        found.landmark or "-",
        found.title or found.id,
        found.author,
        found.license,
    ]


def query_image(editor: Mapping[str, Any] | None) -> np.ndarray:
    """The photograph, as cropped, that the page's editor holds.

    Args:
        editor: The value of ``gr.ImageEditor``: a dict of arrays.

    Returns:
        uint8 ``(height, width, 3)`` RGB.

    Raises:
        ValueError: If there is none.
    """
    image = None if editor is None else editor.get("composite")
    if image is None:
        raise ValueError("Choose a photograph first: upload one, paste one, or pick an example.")
    return np.ascontiguousarray(image[..., :3])


def id_if_same(image: np.ndarray, example: StoredPhotograph | None) -> str | None:
    """The id of the example that was chosen last, if it is what the editor still holds, whole.

    The browser hands the photograph back re-encoded, so pixels may differ a little.
    """
    if example is None:
        return None
    pixels = example.read_image()
    same = pixels.shape == image.shape and (
        np.abs(pixels.astype(np.int16) - image).mean() < _REENCODING
    )
    return example.id if same else None


def _name(photograph: StoredPhotograph) -> str:
    return photograph.landmark or photograph.title or photograph.id
