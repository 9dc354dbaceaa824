"""The kinds of Faiss index, and what each is made of for a collection of some size."""

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args

import faiss
import numpy as np

from pipeline.index import hashing

IndexKind = Literal["flat", "ivf", "lsh", "pq", "ivfpq", "ivfsq8", "hnsw", "fastscan", "rabitq"]
KINDS: tuple[IndexKind, ...] = get_args(IndexKind)
MEANING: dict[str, str] = {
    "flat": "compares with every vector: exact, and the slowest",
    "ivf": "inverted file: looks into the cells nearest to the query",
    "lsh": "locality-sensitive hashing: signs of random projections",
    "pq": "product quantisation: codes of two dimensions each",
    "ivfpq": "inverted file of product-quantised codes",
    "ivfsq8": "inverted file of a byte a dimension: a quarter of ivf's memory",
    "hnsw": "graph of neighbours: the fastest, and the largest in memory",
    "fastscan": "inverted file of 4-bit codes scanned in registers, the best compared again",
    "rabitq": "inverted file of RaBitQ's codes, 4 bits a dimension",
}

MILVUS = "milvus"  # no kind of Faiss: a collection behind Milvus
INVERTED = "inverted"  # nor this: the photographs of every visual word

# Measured on 78,480 descriptors of Google Landmarks v1, 256 dimensions, recall@10 against
# exact search: 8 bits a dimension .77, 4 bits .69 (hashing); on 2,356 of them, 2 dimensions
# a code .91, 4 dimensions .76 (product quantisation).
_BITS_PER_DIMENSION = 8
# The projections are as many numbers as the bits times the dimension: HOG's 3,780 take 124 MB.
_MOST_HASHED_BITS = 8192
_DIMENSIONS_PER_CODE = 2
_LEAST_BITS = 3  # of a code; Faiss's tables for 2 dimensions a code take centroids by eights
_FAST_SCAN_BITS = 4
# With fewer a centroid holds one vector; more cost training time and gain no recall.
_LEAST_POINTS_PER_CENTROID = 2
_MOST_POINTS_PER_CENTROID = 64
_LINKS = 32  # of a vector, in a graph of neighbours
_GRAPH_EFFORT = 80  # candidates looked at where a vector is linked in
_TRAINING_VECTORS = 262_144  # at most, of any kind; at 256 dimensions 268 MB


def is_known(kind: str) -> bool:
    """Whether a kind is one of ``KINDS`` or looks like a factory string of Faiss.

    Such as ``OPQ64,IVF1024,PQ64``: it starts with a capital letter.
    """
    return kind in KINDS or re.match(r"[A-Z]", kind) is not None


def fewest_vectors(kind: str) -> int:
    """How many vectors an index of this kind needs to be built."""
    bits = {"pq": _LEAST_BITS, "ivfpq": _LEAST_BITS, "fastscan": _FAST_SCAN_BITS}.get(kind)
    return 1 if bits is None else _LEAST_POINTS_PER_CENTROID * 2**bits


def factory_string(kind: str, count: int, dimension: int) -> str:
    """How Faiss's ``index_factory`` names an index.

    Args:
        kind: One of ``KINDS``, or a factory string, in which ``IVF*`` stands for as many cells
            as suit.
        count: How many vectors it is for.
        dimension: Of a vector.

    Raises:
        ValueError: If a kind needs more vectors than that.
    """
    least = fewest_vectors(kind)
    if count < least:
        raise ValueError(
            f"--kind={kind} needs {least} photographs to learn its codes from; use --kind=flat. "
            f"Received: {count}."
        )
    cells, codes, bits = _cells(count), _codes(dimension), _bits(count)
    strings = {
        "flat": "Flat",
        "ivf": f"IVF{cells},Flat",
        "lsh": f"LSH{min(_BITS_PER_DIMENSION * dimension, _MOST_HASHED_BITS)}r",
        "pq": f"PQ{codes}x{bits}",
        "ivfpq": f"IVF{cells},PQ{codes}x{bits}",
        "ivfsq8": f"IVF{cells},SQ8",
        "hnsw": f"HNSW{_LINKS},Flat",
        "fastscan": f"IVF{cells},PQ{codes}x{_FAST_SCAN_BITS}fs,Refine(SQfp16)",
        "rabitq": f"IVF{cells},RaBitQ4",
    }
    return strings.get(kind, kind).replace("IVF*", f"IVF{cells}")


def coded_in_cells(codes: int, count: int) -> str:
    """The factory string of an inverted file of so many codes a vector."""
    return f"IVF*,PQ{codes}x{_bits(count)}"


def refined(factory: str) -> str:
    """The factory string of an index that compares its best again, by a byte a dimension."""
    return f"{factory},Refine(SQ8)"


def empty_index(factory: str, dimension: int) -> Any:
    """A Faiss index that holds nothing yet and is to be trained.

    It compares by Euclidean distance, which ranks unit vectors as the cosine does
    (``d^2 = 2 - 2 cos``), because Faiss's locality-sensitive hashing knows no inner product.
    Clustering is seeded by Faiss with a constant, and takes few points a centroid.

    Raises:
        ValueError: If Faiss knows no such index of this dimension.
    """
    bits = hashing.bits_of(factory)
    if bits:
        return hashing.empty_index(dimension, bits)
    try:
        index = faiss.index_factory(dimension, factory, faiss.METRIC_L2)
    except RuntimeError as error:
        raise ValueError(
            f"Faiss makes no index {factory} of {dimension} dimensions: {reason(error)}. An index "
            f"is one of {', '.join(KINDS)}, or a factory string of Faiss such as "
            "OPQ64,IVF1024,PQ64."
        ) from error
    for part in parts(index):
        for owner in ("cp", "pq"):
            _bound_training(getattr(part, owner, None))
        if hasattr(part, "do_polysemous_training"):
            # Orders codes for a search that nobody asks for; takes most of the time of training.
            part.do_polysemous_training = False
        if isinstance(part, faiss.IndexHNSW):
            part.hnsw.efConstruction = _GRAPH_EFFORT
    return index


def training_vectors(index: Any, count: int) -> int:
    """How many of ``count`` vectors an index learns from, 0 if it need not learn."""
    if index.is_trained:
        return 0
    wanted = [_TRAINING_VECTORS // 4]
    for part in parts(index):
        if hasattr(part, "nlist"):
            wanted.append(_MOST_POINTS_PER_CENTROID * part.nlist)
    return min(count, max(wanted), _TRAINING_VECTORS)


def parts(index: Any) -> list[Any]:
    """An index and those that it is made of, outermost first, each as what it really is."""
    index = faiss.downcast_index(index)
    found = [index]
    if isinstance(index, faiss.IndexRefine):
        found += [*parts(index.base_index), *parts(index.refine_index)]
    elif isinstance(index, faiss.IndexPreTransform):
        found += parts(index.index)
    return found


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keeps what Faiss prints about files that it maps off standard output."""
    sys.stdout.flush()
    descriptor = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # C's own buffer
        os.dup2(descriptor, 1)
        os.close(descriptor)


def reason(error: RuntimeError) -> str:
    """What Faiss says went wrong, without where in its source."""
    return str(error).rpartition("Error: ")[2].strip().rstrip(".")


def _cells(count: int) -> int:
    """Of an inverted file: about ``2 sqrt(count)``, but enough points to place each."""
    return max(1, min(int(2 * np.sqrt(count)), count // 30))


def _bits(count: int) -> int:
    """Of a code that so many vectors teach: a byte where they can."""
    return min(8, int(np.log2(max(1, count // _LEAST_POINTS_PER_CENTROID))))


def _codes(dimension: int) -> int:
    """Into how many a vector is quantised: whole shares of its dimensions."""
    most = max(1, dimension // _DIMENSIONS_PER_CODE)
    return max(codes for codes in range(1, most + 1) if dimension % codes == 0)


def _bound_training(learner: Any) -> None:
    """Bounds the points of a clustering, or of the clusterings within a product quantiser."""
    if learner is None:
        return
    parameters = getattr(learner, "cp", learner)
    parameters.min_points_per_centroid = _LEAST_POINTS_PER_CENTROID
    parameters.max_points_per_centroid = 4 * _MOST_POINTS_PER_CENTROID
