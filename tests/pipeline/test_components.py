import numpy as np

from pipeline.components import merge


def test_what_pairs_connect_becomes_one_also_bit_by_bit() -> None:
    pairs = np.array([[4, 0], [1, 2], [2, 5], [1, 5]])
    together = merge(np.arange(7), pairs)
    apart = np.arange(7)
    for pair in pairs:
        apart = merge(apart, pair[None])
    for component in (together, apart):
        members = {frozenset(np.flatnonzero(component == one).tolist()) for one in set(component)}
        assert members == {frozenset({0, 4}), frozenset({1, 2, 5}), frozenset({3}), frozenset({6})}
    assert merge(np.arange(3), np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]
