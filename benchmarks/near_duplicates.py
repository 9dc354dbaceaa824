"""Seconds, memory and recall of the search for near duplicates.

    python -m benchmarks.near_duplicates
    python -m benchmarks.near_duplicates --photographs=4132914

Random hashes, of which one in a hundred is a near duplicate of another: its first word differs in
0 to 8 bits, all four in 56 at most. One in four hundred is the same hash, as of one photograph
posted again and again.
"""

import argparse
import resource
import sys
import time

import numpy as np

from pipeline.data.near_duplicates import MOST_BITS, MOST_FIRST_BITS, near_duplicate_groups
from pipeline.data.perceptual_hash import WORDS

_COPIES = 100  # photographs to one planted near duplicate
_EQUAL = 400  # photographs to one with the hash that many share


def planted_hashes(photographs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes, and the planted pairs among them, int64 ``(pairs, 2)``."""
    generator = np.random.default_rng(seed)
    hashes = generator.integers(0, 2**64, (photographs, WORDS), np.uint64)
    copies = photographs // _COPIES
    numbers = generator.permutation(photographs)
    pairs = numbers[: 2 * copies].reshape(-1, 2)
    hashes[pairs[:, 1]] = hashes[pairs[:, 0]] ^ _flips(copies, generator)
    hashes[numbers[2 * copies :][: photographs // _EQUAL]] = hashes[numbers[-1]]
    return hashes, pairs


def _flips(count: int, generator: np.random.Generator) -> np.ndarray:
    """Words with a random number of random bits set, uint64 ``(count, 4)``."""
    first = _random_bits(count, 64, generator.integers(0, MOST_FIRST_BITS + 1, count), generator)
    others = generator.integers(0, MOST_BITS - MOST_FIRST_BITS + 1, count)
    rest = _random_bits(count, 64 * (WORDS - 1), others, generator)
    bits = np.concatenate([first, rest], axis=1)
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def _random_bits(
    count: int, width: int, set_bits: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    ranks = generator.random((count, width), np.float32).argsort(axis=1).argsort(axis=1)
    return ranks < set_bits[:, None]


def _peak_memory() -> float:
    """GiB that this process has held at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photographs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    hashes, pairs = planted_hashes(arguments.photographs, arguments.seed)
    before = _peak_memory()
    start = time.perf_counter()
    groups = near_duplicate_groups(hashes)
    seconds = time.perf_counter() - start
    found = (groups[pairs[:, 0]] >= 0) & (groups[pairs[:, 0]] == groups[pairs[:, 1]])
    print(
        f"{len(hashes):,} photographs: {seconds:.0f} s, {_peak_memory():.1f} GiB at most "
        f"({before:.1f} before the search), {found.mean():.2%} of {len(pairs):,} planted pairs, "
        f"{groups.max() + 1:,} groups ({len(pairs) + 1:,} planted)"
    )


if __name__ == "__main__":
    main()
