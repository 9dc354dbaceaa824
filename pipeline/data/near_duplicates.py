"""Finds copies of one photograph among millions by their perceptual hashes, exactly.

Two photographs are near duplicates if their hashes differ in at most 8 of the first 64 bits and
56 of all 256. Pairs that do are found as in Manku et al., "Detecting Near-Duplicates for Web
Crawling", 2007, https://doi.org/10.1145/1242572.1242592: cut 64 bits into 8 + k blocks, and two
words that differ in 8 bits agree in k blocks or more, so sorting by every choice of k blocks
brings each pair together at least once. The other bits are then compared.

The limits were measured on 4,610 photographs of at most 480 pixels, decoded at a quarter of that.
Of 10.6 million pairs, 9 are within both limits; by eye, 7 are one photograph twice, 2 (at 40 and 45
bits) one viewpoint at another moment, none (0 a million) different views. Different views of one
landmark begin at 74 bits; two landmarks at 81 bits, and at 10 bits of the first word. Extrapolating
that tail, 4.1 million photographs (8.5e12 pairs) have about one pair of two landmarks, 40 at worst.
Found again after an edit:

    JPEG quality 30 or 60         100 %       cropped 1 % on each side   99.5 %
    70 % or 50 % of the size     99.8, 99.6   cropped 2 % at the foot    98.6 %
    10 % brighter                 100 %       cropped 2 % on each side   89.0 %
    small watermark              99.2 %       as PNG or WebP             99.9 %
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from pipeline.components import merge

MOST_FIRST_BITS = 8
MOST_BITS = 56

_WORD_BITS = 64
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it carries all bits to the top
_PAIRS_A_MERGE = 2**20  # pairs held before they are merged, 16 MiB


def near_duplicate_groups(
    hashes: np.ndarray,
    has_detail: np.ndarray | None = None,
    *,
    most_first_bits: int = MOST_FIRST_BITS,
    most_bits: int = MOST_BITS,
) -> np.ndarray:
    """Numbers the groups of near duplicates.

    Near duplicates of near duplicates share a group, so its ends may be farther apart.

    Args:
        hashes: uint64 ``(photographs, words)``.
        has_detail: bool ``(photographs,)``; the others are in no group. None if all have.
        most_first_bits: Bits of the first word that may differ, 0 to 63.
        most_bits: Bits of all words that may differ.

    Returns:
        int64 ``(photographs,)``: a group's number, counted from 0 in the order of the groups'
        first photographs, or -1 for a photograph without near duplicate.

    Raises:
        ValueError: For hashes of another shape or type, or bits out of range.
    """
    _check(hashes, most_first_bits)
    usable = np.arange(len(hashes)) if has_detail is None else np.flatnonzero(has_detail)
    # Collapsed first: ten thousand equal hashes would make fifty million pairs.
    distinct, hash_of = _distinct_rows(hashes[usable])
    component = _components(distinct, most_first_bits, most_bits)
    groups = np.full(len(hashes), -1, np.int64)
    groups[usable] = _number_groups(component[hash_of])
    return groups


def near_pairs(
    hashes: np.ndarray, *, most_first_bits: int = MOST_FIRST_BITS, most_bits: int = MOST_BITS
) -> Iterator[np.ndarray]:
    """Yields every pair of near duplicates once, equal hashes included.

    Args:
        hashes: uint64 ``(photographs, words)``.
        most_first_bits: Bits of the first word that may differ, 0 to 63.
        most_bits: Bits of all words that may differ.

    Yields:
        int64 ``(pairs, 2)``, the lesser number first; at most one pair a photograph at a time.

    Raises:
        ValueError: For hashes of another shape or type, or bits out of range.
    """
    _check(hashes, most_first_bits)
    first = np.ascontiguousarray(hashes[:, 0])
    masks, choices = _choices_of_blocks(len(hashes), most_first_bits)
    for chosen in choices:
        mask = np.bitwise_or.reduce(masks[list(chosen)])
        for left, right in _candidates(first, mask, most_first_bits):
            found = _differing_bits(hashes, left, right) <= most_bits
            found &= _is_first_choice(first[left] ^ first[right], masks, chosen)
            if found.any():
                yield np.sort(np.stack([left[found], right[found]], axis=1), axis=1)


def group_members(groups: np.ndarray) -> list[np.ndarray]:
    """The photographs of every group, int64 arrays in ascending order."""
    order = np.argsort(groups, kind="stable")
    order = order[np.searchsorted(groups[order], 0) :]
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []


def groups_across(groups: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The groups with photographs in two parts or more.

    Args:
        groups: int64 ``(photographs,)`` of ``near_duplicate_groups``.
        parts: int ``(photographs,)``, which split or data set each photograph belongs to.

    Returns:
        int64 ``(groups,)``, ascending.
    """
    grouped = groups >= 0
    pairs = np.unique(np.stack([groups[grouped], parts[grouped]], axis=1), axis=0)
    return np.unique(pairs[1:, 0][pairs[1:, 0] == pairs[:-1, 0]])


def _check(hashes: np.ndarray, most_first_bits: int) -> None:
    if hashes.ndim != 2 or hashes.dtype != np.uint64 or not hashes.shape[1]:
        raise ValueError(
            "Expected hashes uint64 (photographs, words) of perceptual_hashes. "
            f"Received: {hashes.dtype} {hashes.shape}."
        )
    if not 0 <= most_first_bits < _WORD_BITS:
        raise ValueError(f"most_first_bits is 0 to {_WORD_BITS - 1}. Received: {most_first_bits}.")


def _distinct_rows(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows, and which of them each row is (np.unique of an axis takes minutes)."""
    order = np.lexsort(hashes.T[::-1])
    is_new = np.ones(len(hashes), bool)
    is_new[1:] = (hashes[order[1:]] != hashes[order[:-1]]).any(axis=1)
    row_of = np.empty(len(hashes), np.int64)
    row_of[order] = np.cumsum(is_new) - 1
    return hashes[order[is_new]], row_of


def _differing_bits(hashes: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.bitwise_count(hashes[left] ^ hashes[right]).sum(axis=1)


def _choices_of_blocks(count: int, most_bits: int) -> tuple[np.ndarray, Iterator[tuple[int, ...]]]:
    """The mask of every block, and the choices of blocks to sort by."""
    agreeing = _agreeing_blocks(count, most_bits)
    masks = _block_masks(most_bits + agreeing)
    return masks, itertools.combinations(range(len(masks)), agreeing)


def _agreeing_blocks(count: int, most_bits: int) -> int:
    """How many blocks to choose: more mean more sorting, fewer mean more candidates.

    The cheapest where sorting one photograph costs as much as comparing about 40 candidates.
    """

    def cost(blocks: int) -> float:
        sorts = math.comb(most_bits + blocks, blocks)
        return sorts * (40 + count / 2 ** (1 + _WORD_BITS * blocks / (most_bits + blocks)))

    return min(range(1, min(5, _WORD_BITS - most_bits) + 1), key=cost)


def _block_masks(blocks: int) -> np.ndarray:
    bits = np.uint64(1) << np.arange(_WORD_BITS, dtype=np.uint64)
    return np.array([np.bitwise_or.reduce(block) for block in np.array_split(bits, blocks)])


def _candidates(
    words: np.ndarray, mask: np.uint64, most_bits: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs that agree within the mask and differ in few bits, a step of the walk at a time.

    Sorted by the masked bits, words that agree stand in a row; step d compares each word with
    the d-th after it, so memory does not grow with the length of a row.
    """
    order, continues = _rows(words, mask)
    words = words[order]
    start = np.flatnonzero(continues)
    step = 1
    while len(start):
        after = start + step
        bits = np.bitwise_count(words.take(start) ^ words.take(after))  # twice as fast as indexing
        near = start[bits <= most_bits]
        if len(near):
            yield order[near], order[near + step]
        start = start[continues.take(after)]
        step += 1


def _rows(words: np.ndarray, mask: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    """An order in which words that agree within the mask stand in a row.

    Returns:
        The order, int64, and whether the next word is still of the same row, bool. Words that
        do not agree share a row by rare chance.
    """
    numbers = np.uint64((1 << len(words).bit_length()) - 1)
    # Bits and number in one word: sorting those is several times as fast as np.argsort.
    packed = ((words & mask) * _MIXER & ~numbers) | np.arange(len(words), dtype=np.uint64)
    packed.sort()
    continues = np.zeros(len(words), bool)
    continues[:-1] = (packed[1:] ^ packed[:-1]) <= numbers
    return (packed & numbers).astype(np.int64), continues


def _is_first_choice(
    differing: np.ndarray, masks: np.ndarray, chosen: tuple[int, ...]
) -> np.ndarray:
    """Whether the chosen blocks are the first that agree, so that a pair is found only once."""
    agree = (differing[:, None] & masks) == 0  # (pairs, blocks)
    first = agree & (np.cumsum(agree, axis=1) <= len(chosen))
    return (first == np.isin(np.arange(len(masks)), chosen)).all(axis=1)


def _components(hashes: np.ndarray, most_first_bits: int, most_bits: int) -> np.ndarray:
    """The connected component of every hash.

    A pair already connected is passed over: each of thousands of like photographs is near to
    all others by most choices of blocks.
    """
    first = np.ascontiguousarray(hashes[:, 0])
    component = np.arange(len(hashes))
    held: list[np.ndarray] = []
    count = 0
    masks, choices = _choices_of_blocks(len(hashes), most_first_bits)
    for chosen in choices:
        mask = np.bitwise_or.reduce(masks[list(chosen)])
        for left, right in _candidates(first, mask, most_first_bits):
            apart = component[left] != component[right]
            if not apart.any():
                continue
            pairs = np.stack([left[apart], right[apart]], axis=1)
            held.append(pairs[_differing_bits(hashes, *pairs.T) <= most_bits])
            count += len(held[-1])
            if count >= _PAIRS_A_MERGE:
                component, held, count = merge(component, np.concatenate(held)), [], 0
    return merge(component, np.concatenate([np.empty((0, 2), np.int64), *held]))


def _number_groups(component: np.ndarray) -> np.ndarray:
    """Numbers components of two and more in the order of their first members; others are -1."""
    _, first, which, sizes = np.unique(
        component, return_index=True, return_inverse=True, return_counts=True
    )
    groups = np.full(len(first), -1, np.int64)
    shared = np.flatnonzero(sizes > 1)
    groups[shared[np.argsort(first[shared])]] = np.arange(len(shared))
    return groups[which]
