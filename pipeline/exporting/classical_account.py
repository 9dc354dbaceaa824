"""What a model card tells of a model that is no network, as ``model.json`` has it."""

from collections.abc import Iterator, Mapping
from typing import Any

_HOG = (
    "Histograms of oriented gradients: describes a photograph, resized to 128 x 64 pixels, by the "
    "directions\nof its edges, {dimension:,} numbers of unit length. It has learned from no "
    "photographs."
)
_SIFT = (
    "RootSIFT: finds places of high contrast in a photograph and describes what is around each by "
    "{dimension}\nnumbers of unit length. It has learned from no photographs."
)
_WORDS = (
    "Visual words: describes a photograph by those of {words:,} words that its local features are "
    "nearest to\n(`{aggregation}`). The words were learned from {photographs:,} photographs."
)
_TEXTS = {"hog": _HOG, "sift": _SIFT, "words": _WORDS}


def classical_account(described: Mapping[str, Any]) -> Iterator[str]:
    """The paragraph on what describes photographs; none of a network.

    Args:
        described: What ``model.json`` says of a model.
    """
    text = _TEXTS.get(described.get("kind", ""))
    if text is not None:
        yield text.format(**described)
        yield "Its files are read by the project that wrote them: it is no SavedModel."
