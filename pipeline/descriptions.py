"""Descriptions of photographs, whichever kind a model gives: dense vectors or bags of words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.words import bags
from models.words.bags import Bags

# Of dense ones float32 (photographs, dimension). Both have a length and a shape, and take rows.
Descriptions = np.ndarray | Bags


def concatenate(parts: Sequence[Any]) -> Any:
    """Descriptions of one kind, one after the other; at least one part."""
    if isinstance(parts[0], Bags):
        return bags.concatenate(parts)
    return np.concatenate(parts)
