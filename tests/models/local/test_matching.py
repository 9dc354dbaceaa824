import numpy as np
import pytest

from models.local.matching import mutual_matches


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_loops(query: np.ndarray, candidate: np.ndarray, ratio: float) -> set[tuple[int, int]]:
    """By distances, pair by pair."""
    distances = np.linalg.norm(query[:, None].astype(float) - candidate, axis=2)
    found = set()
    for row in range(len(query)):
        other = int(distances[row].argmin())
        rest = np.delete(distances[row], other)
        is_clear = not len(rest) or distances[row, other] <= ratio * rest.min()
        if distances[:, other].argmin() == row and is_clear:
            found.add((row, other))
    return found


@pytest.mark.parametrize("ratio", [0.7, 0.9, 1.0])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (9, 1), (40, 60), (60, 40)])
def test_matches_are_those_of_a_loop(n: int, m: int, ratio: float) -> None:
    generator = np.random.default_rng(n + m)
    query = unit(generator.normal(size=(n, 6)))
    candidate = unit(generator.normal(size=(m, 6)))
    both = min(n, m) // 2
    candidate[:both] = unit(query[:both] + 0.1 * generator.normal(size=(both, 6)))
    rows, others = mutual_matches(query, candidate, ratio)
    assert set(zip(rows.tolist(), others.tolist(), strict=True)) == by_loops(
        query, candidate, ratio
    )


def test_what_looks_like_two_others_is_no_match() -> None:
    """As one window of a row: its nearest is as near as the next one."""
    window, door = np.eye(2, 4, dtype=np.float32)
    rows, others = mutual_matches(np.stack([window, door]), np.stack([window, window, door]), 0.9)
    assert rows.tolist() == [1]
    assert others.tolist() == [2]


def test_of_equal_features_one_alone_is_matched() -> None:
    equal = np.eye(1, 4, dtype=np.float32)
    rows, others = mutual_matches(np.repeat(equal, 3, axis=0), equal, 0.9)
    assert (len(rows), len(others)) == (1, 1)


@pytest.mark.parametrize(("n", "m"), [(0, 5), (5, 0), (0, 0)])
def test_where_one_has_no_features_there_are_no_matches(n: int, m: int) -> None:
    vectors = np.eye(5, 8, dtype=np.float32)
    rows, others = mutual_matches(vectors[:n], vectors[:m], 0.9)
    assert (len(rows), len(others)) == (0, 0)
