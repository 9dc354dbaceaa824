"""Collections as they lie in folders, whatever engine is behind them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest
from pipeline.index import faiss_collection, generations
from pipeline.index.filters import Condition
from pipeline.index.interface import Collection

MANIFEST = generations.MANIFEST
_FIRST_DEPTH = 64


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a collection says.

    Raises:
        FileNotFoundError: If the folder holds none.
    """
    return manifest.read_json(folder / MANIFEST, faiss_collection.BUILD_COMMAND)


def load_collection(folder: Path) -> Collection:
    """Opens a collection.

    Raises:
        FileNotFoundError: If the folder holds none.
        ValueError: If its parts do not belong together.
    """
    return faiss_collection.open_folder(folder)


def search_above(
    collection: Collection, queries: np.ndarray, least: float, where: Sequence[Condition] = ()
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Finds all photographs that are at least so similar to every query.

    Searches for more and more until one less similar is found.

    Args:
        collection: Where to.
        queries: As ``Collection.search`` takes them.
        least: The least similarity.
        where: Conditions that a photograph has to satisfy.

    Returns:
        For every query similarities float32 ``(n,)``, best first, and keys int64 ``(n,)``.

    Raises:
        ValueError: As ``Collection.search`` does.
    """
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    waiting = np.arange(len(queries))
    depth = _FIRST_DEPTH
    while len(waiting) and len(collection):
        depth = min(depth, len(collection))
        similarities, keys = collection.search(queries[waiting], depth, where)
        is_whole = (similarities[:, -1] < least) | (depth == len(collection))
        for place in np.flatnonzero(is_whole):
            near = similarities[place] >= least
            found[int(waiting[place])] = similarities[place][near], keys[place][near]
        waiting = waiting[~is_whole]
        depth *= 4
    nothing = np.zeros(0, np.float32), np.zeros(0, np.int64)
    return [found.get(number, nothing) for number in range(len(queries))]
