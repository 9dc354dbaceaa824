"""Speed of visual words: learning a vocabulary, assigning features, searching an inverted file.

    python -m benchmarks.visual_words
    python -m benchmarks.visual_words --photographs=100000 --words=65536 --features=200000

Descriptors and photographs are made: descriptors around 4,000 centres, photographs of words as rare
as in photographs of landmarks (the commonest in one of ten). Comparing with every centre stands
beside looking into some of them, and scipy's product of sparse matrices beside the inverted file.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import faiss
import numpy as np
from scipy import sparse

from models.words.bags import Bags
from pipeline.index.inverted_index import InvertedIndex
from pipeline.words import vocabulary
from pipeline.words.vocabulary import Vocabulary

_DIMENSION = 128
_CENTRES = 4000
_BITS = 128
_QUERIES = 50
_ASSIGNED = 20_000  # descriptors
_COMMONEST = 0.1  # share of photographs that have the commonest word


def main() -> None:
    """Prints seconds and milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--features", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--photographs", type=int, default=100_000)
    parser.add_argument("--words_of_each", type=int, default=800)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    _measure_vocabulary(arguments, generator)
    for code_bytes in (0, _BITS // 8):
        _measure_search(arguments, generator, code_bytes)


def _measure_vocabulary(arguments: argparse.Namespace, generator: np.random.Generator) -> None:
    descriptors = _descriptors(arguments.features, generator)
    start = time.perf_counter()
    centres = vocabulary.learn(descriptors, arguments.words, arguments.rounds)
    seconds = time.perf_counter() - start
    print(
        f"{arguments.words:,} words of {arguments.features:,} descriptors, {arguments.rounds} "
        f"rounds: {seconds:.0f} s"
    )
    asking = descriptors[:_ASSIGNED]
    learned = Vocabulary(centres)
    exact = faiss.IndexFlatL2(_DIMENSION)
    exact.add(centres)
    start = time.perf_counter()
    _, words = learned.nearest(asking, 1)
    of_some = time.perf_counter() - start
    start = time.perf_counter()
    _, expected = exact.search(asking, 1)
    of_all = time.perf_counter() - start
    print(
        f"2,000 features find their words in {2e6 * of_some / _ASSIGNED:.0f} ms, "
        f"{(words == expected).mean():.3f} of them rightly; comparing with all takes "
        f"{of_all / of_some:.1f} times as long"
    )


def _descriptors(count: int, generator: np.random.Generator) -> np.ndarray:
    centres = generator.random((_CENTRES, _DIMENSION), np.float32)
    found = centres[generator.integers(0, _CENTRES, count)]
    found += 0.5 * generator.random((count, _DIMENSION), np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _measure_search(
    arguments: argparse.Namespace, generator: np.random.Generator, code_bytes: int
) -> None:
    held = _bags(
        arguments.photographs, arguments.words, arguments.words_of_each, code_bytes, generator
    )
    start = time.perf_counter()
    index = InvertedIndex(held)
    index.sort()
    sorting = time.perf_counter() - start
    queries = [held[number : number + 1] for number in range(_QUERIES)]
    ours = [_milliseconds(functools.partial(index.search, query, 10)) for query in queries]
    name = f"codes of {8 * code_bytes} bits" if code_bytes else "weights alone"
    said = (
        f"{len(held):,} photographs of {arguments.words_of_each} of {held.dimension:,} words, "
        f"{name}: {statistics.median(ours):.1f} ms a query, {index.bytes / 1e9:.2f} GB, sorted in "
        f"{sorting:.1f} s"
    )
    if not code_bytes:
        matrix = sparse.csr_array((held.weights, held.words, held.starts), held.shape)
        vectors = [query.dense()[0] for query in queries]
        theirs = [_milliseconds(functools.partial(matrix.dot, vector)) for vector in vectors]
        said += f"; scipy's product takes {statistics.median(theirs) / statistics.median(ours):.1f}"
        said += " times as long"
    print(said)


def _bags(
    count: int, words: int, each: int, code_bytes: int, generator: np.random.Generator
) -> Bags:
    """Photographs of words drawn by their ranks: the share of the n-th falls as a power of n."""
    # Such that the commonest has the share wanted; found by halving.
    low, high = 0.0, 2.0
    for _ in range(40):
        power = (low + high) / 2
        shares = np.arange(1, words + 1.0) ** -power
        low, high = (power, high) if each * shares[0] / shares.sum() < _COMMONEST else (low, power)
    drawn = generator.choice(words, (count, each), p=shares / shares.sum()).astype(np.int32)
    drawn.sort(axis=1)
    is_first = np.ones(drawn.shape, bool)
    is_first[:, 1:] = drawn[:, 1:] != drawn[:, :-1]
    counts = is_first.sum(axis=1)
    weights = generator.random(counts.sum(), np.float32) + np.float32(0.1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    lengths = np.sqrt(np.add.reduceat(weights**2, starts[:-1]))
    return Bags(
        starts=starts,
        words=drawn[is_first],
        weights=weights / np.repeat(lengths, counts),
        codes=generator.integers(0, 256, (len(weights), code_bytes), np.uint8),
        dimension=words,
    )


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
