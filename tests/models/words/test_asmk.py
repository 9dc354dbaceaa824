"""Aggregated codes and what they count, by hand and against a loop."""

import numpy as np
import pytest

from models.words import asmk


def test_codes_are_the_signs_of_sums() -> None:
    """Word 3: (1, -1, 2); word 0: (0, -2, .5), the second feature of which turns a sign."""
    residuals = np.array([[1, -1, 2], [-1, -3, 0.25], [1, 1, 0.25]], np.float32)
    words, codes = asmk.aggregated_codes(residuals, np.array([3, 0, 0]))
    assert words.tolist() == [0, 3]
    assert codes.tolist() == [[0b00100000], [0b10100000]]


def test_nothing_has_no_codes() -> None:
    words, codes = asmk.aggregated_codes(np.zeros((0, 12), np.float32), np.zeros(0, np.int64))
    assert words.shape == (0,)
    assert codes.shape == (0, 2)


def test_codes_count_by_their_likeness() -> None:
    similar = np.array([1, 0.5, 0.25, 0, -0.5])
    np.testing.assert_allclose(
        asmk.selectivity(similar, alpha=3, threshold=0), [1, 0.125, 0.015625, 0, 0]
    )
    np.testing.assert_allclose(
        asmk.selectivity(similar, alpha=1, threshold=-0.6), [1, 0.5, 0.25, 0, -0.5]
    )
    np.testing.assert_allclose(
        asmk.selectivity(similar, alpha=1, threshold=0.25), [1, 0.5, 0, 0, 0]
    )


def test_a_quarter_of_the_bits_differs() -> None:
    """Of 8 bits, 2 differ: a similarity of 1/2, of which the power counts."""
    np.testing.assert_allclose(asmk.by_distance(8)[[0, 2, 4, 8]], [1, 0.5**asmk.ALPHA, 0, 0])


@pytest.mark.parametrize("size", [1, 3, 4, 6, 8, 16, 40])
def test_differing_bits_match_a_loop(size: int) -> None:
    generator = np.random.default_rng(size)
    codes = generator.integers(0, 256, (20, size), np.uint8)
    expected = [
        sum((int(a) ^ int(b)).bit_count() for a, b in zip(one, codes[3], strict=True))
        for one in codes
    ]
    lanes = asmk.in_lanes(codes)
    assert asmk.differing_bits(lanes, lanes[3]).tolist() == expected
