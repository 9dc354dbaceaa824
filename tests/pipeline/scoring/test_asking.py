"""Descriptions of those that ask, read some at a time."""

from typing import Any

import numpy as np
import pytest

from pipeline.embeddings.files import read_embeddings
from pipeline.scoring import asking
from pipeline.scoring.scored_index import ScoredIndex
from tests.tiny import Tiny


def test_photographs_in_any_order_are_read_in_blocks(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_GATHERED", 5)
    index = ScoredIndex.open(tiny.index)
    embedded = read_embeddings([tiny.embeddings])
    order = np.array([7, 3, 3, 21, 0, 11, 7, 5, 23, 1, 2])
    own = asking.of_contents(index, embedded.metadata["content"].take(order), ())
    blocks: list[Any] = list(own.blocks())
    assert [len(block) for block in blocks] == [5, 5, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), embedded.vectors[order])
    np.testing.assert_array_equal(own.descriptions(), embedded.vectors[order])
    np.testing.assert_array_equal(own.some(np.array([0, 3, 10])), embedded.vectors[[7, 21, 2]])


def test_some_photographs_of_the_index_are_taken_alone(tiny: Tiny) -> None:
    embedded = read_embeddings([tiny.embeddings])
    own = asking.from_index(ScoredIndex.open(tiny.index), np.array([2, 5, 9, 20]))
    np.testing.assert_array_equal(own.some(np.array([1, 3])), embedded.vectors[[5, 20]])
