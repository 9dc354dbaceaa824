from pathlib import Path

import faiss
import numpy as np
import pytest

from pipeline.index import measurement
from pipeline.index.faiss_index import KINDS, FaissIndex


def _clusters(landmarks: int, photographs: int, dimension: int = 32) -> np.ndarray:
    """Unit vectors around as many centres as there are landmarks."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(landmarks, 1, dimension))
    vectors = centres + 0.3 * generator.normal(size=(landmarks, photographs, dimension))
    vectors = vectors.reshape(-1, dimension).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return _clusters(100, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_finds_most_of_the_truly_nearest(kind: str, vectors: np.ndarray) -> None:
    exact = FaissIndex.build("flat", vectors)
    recall = measurement.recall_against_exact(FaissIndex.build(kind, vectors), exact, vectors[::7])
    assert recall >= {"flat": 1.0, "ivf": 0.9, "lsh": 0.7, "pq": 0.8}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_similarity_is_the_cosine_or_close_to_it_and_falls(kind: str, vectors: np.ndarray) -> None:
    similarities, rows = FaissIndex.build(kind, vectors).search(vectors[:50], 10)
    cosines = np.einsum("qd,qkd->qk", vectors[:50], vectors[rows])
    assert np.all(np.diff(similarities, axis=1) <= 1e-6)
    tolerance = {"flat": 1e-5, "ivf": 1e-5, "lsh": 0.35, "pq": 0.1}[kind]
    np.testing.assert_allclose(similarities, cosines, atol=tolerance)
    assert np.abs(similarities - cosines).mean() < tolerance / 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_reads_back_as_it_was(kind: str, vectors: np.ndarray, tmp_path: Path) -> None:
    index = FaissIndex.build(kind, vectors)
    index.save(tmp_path / "index.faiss")
    again = FaissIndex.load(tmp_path / "index.faiss", kind)
    assert again.description == index.description
    assert len(again) == len(vectors)
    assert index.bytes == (tmp_path / "index.faiss").stat().st_size
    for before, after in zip(
        index.search(vectors[:5], 7), again.search(vectors[:5], 7), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("kind", KINDS)
def test_building_twice_gives_the_same_index(kind: str, vectors: np.ndarray) -> None:
    first, second = (FaissIndex.build(kind, vectors).search(vectors[:9], 20) for _ in range(2))
    np.testing.assert_array_equal(first[1], second[1])


def test_flat_agrees_with_brute_force(vectors: np.ndarray) -> None:
    similarities, rows = FaissIndex.build("flat", vectors).search(vectors[:30], 5)
    cosines = vectors[:30] @ vectors.T
    np.testing.assert_array_equal(rows, np.argsort(-cosines, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(similarities, -np.sort(-cosines, axis=1)[:, :5], atol=1e-5)


def test_what_an_index_does_not_find_is_marked(vectors: np.ndarray) -> None:
    index = FaissIndex.build("ivf", vectors)
    similarities, rows = index.search(vectors[:20], len(vectors))
    missing = rows < 0
    assert missing.any(), "an inverted file that visits all cells shows nothing here"
    assert np.all(np.isneginf(similarities[missing]))
    assert np.all(np.isfinite(similarities[~missing]))


def test_hashing_needs_euclidean_distance() -> None:
    """Faiss knows no inner product for it, which is why all kinds compare unit vectors by L2."""
    with pytest.raises(RuntimeError):
        faiss.index_factory(32, "LSH", faiss.METRIC_INNER_PRODUCT)


@pytest.mark.parametrize("kind", ["flat", "ivf", "lsh"])
@pytest.mark.parametrize("count", [1, 2, 15])
def test_a_handful_of_photographs_can_be_indexed(
    kind: str, count: int, vectors: np.ndarray
) -> None:
    _, rows = FaissIndex.build(kind, vectors[:count]).search(vectors[:count], 1)
    np.testing.assert_array_equal(rows[:, 0], np.arange(count))


def test_product_quantisation_says_how_many_photographs_it_needs(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"needs 16 photographs.*--kind=flat"):
        FaissIndex.build("pq", vectors[:15])
    _, rows = FaissIndex.build("pq", vectors[:16]).search(vectors[:1], 16)
    assert sorted(rows[0]) == list(range(16))


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones((4, 8), np.float32),
        np.full((4, 8), np.nan, np.float32),
        np.zeros((0, 8), np.float32),
    ],
)
def test_only_unit_vectors_are_taken(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="unit length"):
        FaissIndex.build("flat", wrong)


def test_an_unknown_kind_is_refused_with_the_known_ones(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"flat, ivf, lsh, pq.*Received: hnsw"):
        FaissIndex.build("hnsw", vectors)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.faiss").write_bytes(b"no index")
    with pytest.raises(ValueError, match=r"index\.faiss is damaged.*build_index"):
        FaissIndex.load(tmp_path / "index.faiss", "flat")
