import numpy as np
import pytest

from pipeline.ranking.superglobal import refined, scores


def _unit(seed: int, count: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_scores_match_a_loop(count: int) -> None:
    vectors, query = _unit(count, count), _unit(99, 1)[0]
    k, share = 3, 0.4
    better = []
    for one in vectors:
        cosines = [float(one @ other) for other in vectors]
        nearest = sorted(range(count), key=lambda at: -cosines[at])[: k + 1]  # itself first
        weights = [1.0] + [share * max(cosines[at], 0) for at in nearest[1:]]
        total = sum(weight * vectors[at] for weight, at in zip(weights, nearest, strict=True))
        better.append(total / sum(weights))
    first = [float(query @ one) for one in better]
    best = sorted(range(count), key=lambda at: -first[at])[: k + 1]
    aggregated = np.max([better[at] for at in best], axis=0)
    expected = [(one + float(aggregated @ of)) / 2 for one, of in zip(first, better, strict=True)]
    np.testing.assert_allclose(scores(query, vectors, k, share), expected, atol=1e-5)


def test_a_share_of_nothing_refines_no_candidate() -> None:
    vectors = _unit(0, 5)
    np.testing.assert_allclose(refined(vectors, 2, 0.0), vectors, atol=1e-6)


def test_a_candidate_is_refined_by_its_neighbour() -> None:
    # cos = .6: ((1, 0) + .5 .6 (.6, .8)) / 1.3 = (1.18, .24) / 1.3.
    found = refined(np.array([[1, 0], [0.6, 0.8]], np.float32), 9, 0.5)
    np.testing.assert_allclose(found[0], [1.18 / 1.3, 0.24 / 1.3], rtol=1e-6)
