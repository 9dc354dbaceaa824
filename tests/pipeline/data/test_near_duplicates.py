import tracemalloc

import numpy as np
import pytest

from pipeline.data import near_duplicates
from pipeline.data.near_duplicates import (
    group_members,
    groups_across,
    near_duplicate_groups,
    near_pairs,
)


def random_hashes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), np.uint64)


def flipped(row: np.ndarray, first: int, others: int, seed: int = 0) -> np.ndarray:
    """The hash with so many bits of the first word and of the others changed."""
    generator = np.random.default_rng((seed, first, others))
    bits = np.zeros(256, np.uint8)
    bits[generator.choice(64, first, replace=False)] = 1
    bits[64 + generator.choice(192, others, replace=False)] = 1
    return row ^ np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)


def planted(count: int) -> np.ndarray:
    """Hashes, half of them changed copies of the other half, at and about both limits."""
    originals = random_hashes(count)
    limits = [(0, 0), (0, 56), (8, 48), (8, 49), (9, 0), (3, 20), (7, 49), (0, 57), (8, 0), (64, 0)]
    copies = [flipped(row, *limits[i % 10], seed=i) for i, row in enumerate(originals)]
    hashes = np.concatenate([originals, np.array(copies), originals[:9]])
    return np.random.default_rng(1).permutation(hashes)


def compared_one_by_one(hashes: np.ndarray, first: int, total: int) -> list[tuple[int, int]]:
    """Every pair within both distances, by comparing all with all."""
    found = []
    for left in range(len(hashes)):
        bits = np.bitwise_count(hashes[left + 1 :] ^ hashes[left])
        near = (bits[:, 0] <= first) & (bits.sum(axis=1) <= total)
        found += [(left, left + 1 + int(step)) for step in np.flatnonzero(near)]
    return found


def listed(hashes: np.ndarray, first: int = 8, total: int = 56) -> list[tuple[int, int]]:
    found = near_pairs(hashes, most_first_bits=first, most_bits=total)
    return [(int(left), int(right)) for pairs in found for left, right in pairs]


@pytest.mark.parametrize(("first", "total"), [(8, 56), (0, 0), (0, 256), (3, 30), (5, 4), (9, 57)])
def test_pairs_are_those_of_comparing_all_with_all_each_once(first: int, total: int) -> None:
    hashes = planted(1500)
    expected = compared_one_by_one(hashes, first, total)
    assert len(expected) > 100
    assert sorted(listed(hashes, first, total)) == expected


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_pairs_do_not_depend_on_how_many_blocks_are_chosen(
    blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "_agreeing_blocks", lambda *_: blocks)
    hashes = planted(300)
    assert sorted(listed(hashes)) == compared_one_by_one(hashes, 8, 56)


def test_more_photographs_are_sorted_by_more_blocks() -> None:
    chosen = [near_duplicates._agreeing_blocks(count, 8) for count in (10, 10**4, 10**6, 10**8)]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1]


def test_photographs_of_like_low_frequencies_are_told_apart_by_the_other_words() -> None:
    hashes = random_hashes(200)
    hashes[:, 0] = 0b1011
    assert listed(hashes) == []
    assert len(listed(hashes, 8, 256)) == 200 * 199 // 2


def test_groups_are_numbered_by_their_first_photographs() -> None:
    a, b, c, d = random_hashes(4)
    hashes = np.array([a, b, c, flipped(c, 2, 9), flipped(b, 1, 0), d, b])
    np.testing.assert_array_equal(near_duplicate_groups(hashes), [-1, 0, 1, 1, 0, -1, 0])


def test_groups_are_transitive() -> None:
    """Each is 40 bits from the next, so the ends are 160 apart; shuffled, as shards are."""
    chain = random_hashes(5)
    bits = np.arange(192).reshape(4, 48)[:, :40]
    for link, changed in enumerate(bits):
        step = np.zeros(256, np.uint8)
        step[64 + changed] = 1
        chain[link + 1] = chain[link] ^ np.packbits(step, bitorder="little").view("<u8")
    assert np.bitwise_count(chain[0] ^ chain[-1]).sum() == 160
    hashes = np.concatenate([chain, random_hashes(20, seed=1)])
    order = np.random.default_rng(0).permutation(25)
    groups = near_duplicate_groups(hashes[order])
    np.testing.assert_array_equal(groups, np.where(order < 5, 0, -1))


def test_groups_do_not_depend_on_how_many_pairs_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = planted(400)
    at_once = near_duplicate_groups(hashes)
    monkeypatch.setattr(near_duplicates, "_PAIRS_A_MERGE", 1)
    np.testing.assert_array_equal(near_duplicate_groups(hashes), at_once)
    assert at_once.max() > 100


def test_equal_hashes_are_one_group_without_their_pairs() -> None:
    """30,000 equal hashes are 450 million pairs, which would take 7 GB."""
    hashes = random_hashes(31_000)
    hashes[500:30_500] = hashes[0]
    tracemalloc.start()
    groups = near_duplicate_groups(hashes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(np.flatnonzero(groups == 0), [0, *range(500, 30_500)])
    assert groups.max() == 0
    assert peak < 2**26


def test_many_like_photographs_are_one_group_without_holding_their_pairs() -> None:
    """All 4,000 are near to one another: 8 million pairs, 128 MB at 16 bytes."""
    generator = np.random.default_rng(0)
    words = generator.integers(0, 2**28, 4000, np.uint64)  # differ in 28 bits at most
    hashes = random_hashes(4100)
    hashes[:4000] = hashes[0]
    hashes[:4000, 1] ^= words
    tracemalloc.start()
    groups = near_duplicate_groups(hashes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(groups, [0] * 4000 + [-1] * 100)
    assert peak < 10**8


def test_photographs_without_detail_are_in_no_group() -> None:
    a, b = random_hashes(2)
    hashes = np.array([a, a, b, flipped(b, 1, 1), a, b])
    has_detail = np.array([False, False, True, True, True, True])
    groups = near_duplicate_groups(hashes, has_detail)
    np.testing.assert_array_equal(groups, [-1, -1, 0, 0, -1, 0])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_photographs_have_no_groups(count: int) -> None:
    groups = near_duplicate_groups(random_hashes(count))
    assert groups.tolist() == [-1] * count
    assert group_members(groups) == []
    assert groups_across(groups, np.zeros(count, np.int64)).tolist() == []


def test_members_of_every_group_are_listed_in_order() -> None:
    members = group_members(np.array([-1, 1, 0, 2, 0, -1, 2, 1, 2]))
    assert [group.tolist() for group in members] == [[2, 4], [1, 7], [3, 6, 8]]
    assert [group.tolist() for group in group_members(np.array([0, 0]))] == [[0, 1]]


def test_groups_across_parts_are_found() -> None:
    groups = np.array([0, 0, 1, 1, 2, 2, 2, -1, -1, 3, 3])
    parts = np.array([0, 0, 0, 1, 2, 2, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(groups_across(groups, parts), [1, 2])


@pytest.mark.parametrize(
    "hashes", [np.zeros(4, np.uint64), np.zeros((4, 4), np.int64), np.zeros((4, 0), np.uint64)]
)
def test_other_hashes_are_refused(hashes: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"Expected hashes uint64 .* Received: "):
        near_duplicate_groups(hashes)


@pytest.mark.parametrize("bits", [-1, 64])
def test_distances_that_a_word_cannot_have_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=rf"0 to 63\. Received: {bits}"):
        list(near_pairs(random_hashes(3), most_first_bits=bits))
