import numpy as np
import pytest

from pipeline.training.step_report import Step


def step_of(embeddings: np.ndarray, labels: list[int]) -> Step:
    return Step(
        number=1,
        loss=0.1,
        active=1.0,
        gradient_norm=1.0,
        learning_rate=1e-3,
        embeddings=embeddings,
        labels=np.array(labels, np.int64),
        images=np.zeros((len(labels), 2, 2, 3), np.uint8),
    )


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_distances_and_pairs_match_a_loop(batch: int) -> None:
    vectors = np.random.default_rng(batch).normal(size=(batch, 3))
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    labels = [7, 7, -1, -1, 2][:batch]
    step = step_of(embeddings, labels)
    for a in range(batch):
        for b in range(batch):
            expected = np.square(embeddings[a] - embeddings[b]).sum()
            assert step.distances[a, b] == pytest.approx(expected, abs=1e-6)
            known = labels[a] >= 0 and labels[b] >= 0
            assert step.positive[a, b] == (known and a != b and labels[a] == labels[b])
            assert step.negative[a, b] == (known and labels[a] != labels[b])


def test_distances_stay_in_range_where_rounding_would_leave_it() -> None:
    embeddings = np.array([[0.6, 0.8], [0.6, 0.8], [-0.6, -0.8]], np.float32) * np.float32(1.000001)
    distances = step_of(embeddings, [0, 0, 1]).distances
    assert distances.min() == 0
    assert distances.max() == 4
