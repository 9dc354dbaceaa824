"""Chooses a part of some things so that each group of them keeps its share."""

import numpy as np

_BISECTIONS = 60  # more than the 53 bits that a share has


def choose_fraction(
    groups: np.ndarray, fraction: float, least: int, generator: np.random.Generator
) -> np.ndarray:
    """Chooses a fraction of every group.

    Args:
        groups: int64 ``(things,)``, the group of each, from 0.
        fraction: Above 0, at most 1.
        least: As many of a group are chosen at least, or all where it has fewer.
        generator: Chooses.

    Returns:
        The chosen positions in ``groups``, ascending.
    """
    sizes = np.bincount(groups)
    exact = _clipped(sizes, fraction, least)
    return _choose(groups, _rounded(exact, round(exact.sum()), generator), generator)


def choose_number(
    groups: np.ndarray, number: int, least: int, generator: np.random.Generator
) -> np.ndarray:
    """Chooses exactly so many things, as evenly from the groups as their sizes and ``least`` allow.

    Args:
        groups: int64 ``(things,)``, the group of each, from 0.
        number: At most as many as there are.
        least: As many of a group are chosen at least, or all where it has fewer; 1 if they
            would be too many.
        generator: Chooses.

    Returns:
        The chosen positions in ``groups``, ascending.

    Raises:
        ValueError: If there are fewer things, or more groups, than ``number``.
    """
    sizes = np.bincount(groups)
    if not np.count_nonzero(sizes) <= number <= len(groups):
        raise ValueError(
            f"expected at least one of each of {np.count_nonzero(sizes)} groups and at most all "
            f"{len(groups)}. Received: {number}."
        )
    if np.minimum(sizes, least).sum() > number:
        least = 1
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _clipped(sizes, middle, least).sum() < number:
            low = middle
        else:
            high = middle
    return _choose(groups, _rounded(_clipped(sizes, high, least), number, generator), generator)


def _clipped(sizes: np.ndarray, fraction: float, least: int) -> np.ndarray:
    return np.clip(fraction * sizes, np.minimum(sizes, least), sizes)


def _rounded(exact: np.ndarray, total: int, generator: np.random.Generator) -> np.ndarray:
    """Rounds shares so that they add up to ``total``: those with the largest remainder up.

    This is the method of Hamilton, https://en.wikipedia.org/wiki/Quota_method; here equal
    remainders are drawn by lot, lest the first groups always win.
    """
    # What bisection misses 3 by must not count as a remainder of nearly 1 or nothing.
    exact = np.where(np.isclose(exact, np.round(exact), rtol=0, atol=1e-9), np.round(exact), exact)
    counts = np.floor(exact).astype(np.int64)
    lot = generator.permutation(len(exact))
    order = lot[np.argsort((counts - exact)[lot], kind="stable")]
    counts[order[: total - int(counts.sum())]] += 1
    return counts


def _choose(groups: np.ndarray, counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """So many of each group, drawn by lot."""
    lot = generator.permutation(len(groups))
    lot = lot[np.argsort(groups[lot], kind="stable")]
    sizes = np.bincount(groups, minlength=len(counts))
    rank = np.arange(len(lot)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(lot[rank < np.repeat(counts, sizes)])
