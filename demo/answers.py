"""What the page says of a search's results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.answer import Answer, Result
from pipeline.stored_photograph import StoredPhotograph

COLUMNS = ("rank", "similarity", "same landmark", "landmark", "photograph", "author", "licence")
_VOTERS = 5
_AGREE = 2  # of them at least
_REENCODING = 4.0  # mean difference of pixels, 0 to 255


def headline(answer: Answer, milliseconds: float, query_id: str | None) -> str:
    """Which landmark the query shows, as Markdown.

    Where the collection is calibrated, the landmark that has most votes and how sure that is;
    where it is not, the one that the first results agree on.

    Args:
        answer: What the collection says.
        milliseconds: What the search took.
        query_id: Of the photograph that asks, where it is of the collection; it has no vote.
    """
    took = f"{len(answer.results)} results in {milliseconds:.0f} ms"
    recognition = answer.recognition
    if recognition is None:
        return f"{_agreed(answer.results, query_id)} · {took}"
    name = recognition.landmark or "a landmark without a name"
    if recognition.is_confident:
        return f"### {name}\n{recognition.probability:.0%} sure · {took}"
    if recognition.landmark is None:
        return f"### No confident match\nNo landmark of the results is known · {took}"
    return f"### No confident match\nAt best {name}, {recognition.probability:.0%} sure · {took}"


def _agreed(results: Sequence[Result], query_id: str | None) -> str:
    """The landmark that most of the first results show, how many do, and that this is no proof."""
    voters = [result for result in results if result.photograph.id != query_id][:_VOTERS]
    votes = Counter(result.photograph.landmark for result in voters)
    landmark, count = votes.most_common(1)[0] if votes else ("", 0)
    if not landmark or count < _AGREE:
        return "### The first results do not agree on a landmark.\nNot calibrated"
    return f"### {landmark}\n{count} of the first {len(voters)} results show it, not calibrated"


def caption(result: Result, query_id: str | None) -> str:
    """Rank, similarity, name, how sure the landmark is, and whom the photograph is by."""
    found = result.photograph
    name = "the query itself" if found.id == query_id else _name(found)
    parts = [f"{result.rank}. {result.similarity:.3f} {name}"]
    if result.probability is not None:
        parts.append(f"{result.probability:.0%} the same landmark")
    if found.author or found.license:
        parts.append(f"© {found.author or 'unknown'} {found.license}".strip())
    return " · ".join(parts)


def table_row(result: Result) -> list[str | int]:
    """A row of the table with ``COLUMNS``."""
    found = result.photograph
    return [
        result.rank,
        f"{result.similarity:.3f}",
        "-" if result.probability is None else f"{result.probability:.0%}",
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
