"""Collections as they lie in folders, whatever engine is behind them."""

import importlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.descriptions import Descriptions
from pipeline.index import faiss_collection, generations
from pipeline.index.filters import Condition
from pipeline.index.interface import Change, Collection
from pipeline.index.kinds import MILVUS

MANIFEST = generations.MANIFEST
CHANGED = "changed"  # entry of a manifest: when the collection was changed since it was built
_FIRST_DEPTH = 64


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a collection says.

    Raises:
        FileNotFoundError: If the folder holds none.
    """
    return generations.described(folder, faiss_collection.BUILD_COMMAND)


def load_collection(folder: Path) -> Collection:
    """Opens a collection.

    Raises:
        FileNotFoundError: If the folder holds none.
        ValueError: If its parts do not belong together, or its engine is not installed.
        OSError: If its engine does not answer.
    """
    return _engine(folder, "collection").open_folder(folder)


def changing(folder: Path) -> AbstractContextManager[Change]:
    """Changes a collection: what the block did takes effect as a whole, when it ends well.

    Raises:
        FileNotFoundError: If the folder holds none.
        ValueError: If its parts do not belong together, or its engine is not installed.
        BlockingIOError: If another process is changing it.
        OSError: If its engine does not answer.
    """
    return _engine(folder, "change").changing(folder)


def milvus(module: str) -> Any:
    """A module of Milvus, ``pipeline.index.milvus_<module>``, which needs an extra.

    Raises:
        ValueError: If that is not installed.
    """
    try:
        return importlib.import_module(f"pipeline.index.milvus_{module}")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"--kind={MILVUS} needs Milvus; install it with: pip install -e '.[milvus]' ({error})."
        ) from error


def _engine(folder: Path, module: str) -> Any:
    """A module of Milvus, or the one of Faiss, as a collection is behind either."""
    return milvus(module) if read_manifest(folder)["kind"] == MILVUS else faiss_collection


def search_above(
    collection: Collection, queries: Descriptions, least: float, where: Sequence[Condition] = ()
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
