import itertools
import math

import numpy as np
import pytest

from pipeline.training.batch_measures import (
    effective_rank,
    is_comparable,
    mean_distance_between_landmarks,
)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("batch", [2, 5, 12])
def test_distance_between_landmarks_matches_a_loop(batch: int) -> None:
    generator = np.random.default_rng(batch)
    embeddings = unit(generator.normal(size=(batch, 4)) + 1)
    labels = np.arange(batch) // 2 * 7 - (batch > 2)  # 7 apart; above two some are unknown
    labels[0] = 100
    found = [
        np.square(embeddings[a] - embeddings[b]).sum()
        for a, b in itertools.permutations(range(batch), 2)
        if labels[a] != labels[b] and labels[a] >= 0 and labels[b] >= 0
    ]
    assert found
    assert mean_distance_between_landmarks(embeddings, labels) == pytest.approx(
        np.mean(found), rel=1e-5
    )


@pytest.mark.parametrize("labels", [[3], [3, 3, 3], [-1, -1, 3]])
def test_distance_between_landmarks_is_no_number_where_there_are_no_two(labels: list[int]) -> None:
    embeddings = unit(np.ones((len(labels), 2)))
    assert math.isnan(mean_distance_between_landmarks(embeddings, np.array(labels)))


def test_distance_between_landmarks_is_exact_near_zero() -> None:
    # At an angle of 0.001 the squared distance is 1e-6, which float32 cosines cannot tell from 0.
    embeddings = np.array([[1, 0], [math.cos(1e-3), math.sin(1e-3)]], np.float64)
    distance = mean_distance_between_landmarks(embeddings, np.array([0, 1]))
    assert distance == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_effective_rank_counts_directions_of_equal_variance(dimensions: int, scale: float) -> None:
    # +1 and -1 along every axis: each has the same variance, and the mean is 0.
    axes = np.eye(8, dtype=np.float32)[:dimensions]
    embeddings = scale * np.concatenate([axes, -axes])
    assert effective_rank(embeddings + 3) == pytest.approx(dimensions, rel=1e-3)


def test_effective_rank_falls_where_one_direction_holds_more() -> None:
    # Variances 9 and 1: (9 + 1) ** 2 / (81 + 1) = 1.22.
    embeddings = np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], np.float32)
    assert effective_rank(embeddings) == pytest.approx(100 / 82)


def test_effective_rank_is_the_same_from_either_product() -> None:
    embeddings = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    padded = np.pad(embeddings, ((0, 0), (0, 4)))  # 9 dimensions, of which 4 are empty
    assert effective_rank(embeddings) == pytest.approx(effective_rank(padded), rel=1e-5)


@pytest.mark.parametrize("photographs", [1, 4])
def test_effective_rank_of_one_vector_is_no_number(photographs: int) -> None:
    assert math.isnan(effective_rank(np.ones((photographs, 3), np.float32)))


@pytest.mark.parametrize(
    ("labels", "comparable"),
    [
        ([], False),
        ([4], False),
        ([4, 4], False),
        ([4, 5, 6], False),
        ([-1, -1, 4], False),
        ([-1, -1, 4, 4], False),
        ([4, 4, 5], True),
    ],
)
def test_a_batch_is_comparable_with_two_of_one_landmark_and_one_of_another(
    labels: list[int], comparable: bool
) -> None:
    assert is_comparable(np.array(labels, np.int64)) is comparable
