"""Indexes of few photographs, and of vectors that are none."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.index import collection, kinds
from tests import vector_collections
from tests.vector_collections import DIMENSION, clusters, photographs


def embedded(folder: Path, vectors: np.ndarray) -> Path:
    labels = np.arange(len(vectors)) // 2
    return vector_collections.embed(folder, "made", vectors, photographs(labels), pairs=1)


@pytest.mark.parametrize("count", [1, 2, 15])
@pytest.mark.parametrize("kind", ["flat", "ivf", "lsh", "hnsw", "ivfsq8", "rabitq", "milvus"])
def test_few_photographs_are_found_all(tmp_path: Path, kind: str, count: int) -> None:
    vectors = clusters(8, 2)[1 : 1 + count]
    opened = collection.load_collection(vector_collections.build(embedded(tmp_path, vectors), kind))
    similarities, keys = opened.search(vectors, count)
    assert sorted(keys[0]) == opened.keys().tolist()
    if kind not in ("lsh", "rabitq", "ivfsq8"):
        np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-5)
    with pytest.raises(ValueError, match=f"k is 1 to {count}"):
        opened.search(vectors, count + 1)


@pytest.mark.parametrize("kind", ["pq", "ivfpq", "fastscan"])
def test_codes_need_photographs_to_learn_from(tmp_path: Path, kind: str) -> None:
    least = kinds.fewest_vectors(kind)
    model = embedded(tmp_path, clusters(20, 2)[: least - 1])
    with pytest.raises(ValueError, match=rf"--kind={kind} needs {least} photographs .*--kind=flat"):
        vector_collections.build(model, kind)
    enough = embedded(tmp_path / "enough", clusters(20, 2)[:least])
    assert len(collection.load_collection(vector_collections.build(enough, kind))) == least


def test_an_index_of_nothing_is_refused(tmp_path: Path) -> None:
    model = embedded(tmp_path, np.zeros((0, DIMENSION), np.float32))
    with pytest.raises(ValueError, match="An index of no photographs cannot be built"):
        vector_collections.build(model, "flat")


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 2.0])
def test_vectors_that_are_none_are_refused(tmp_path: Path, value: float) -> None:
    vectors = clusters(20, 10)
    vectors[150] = value
    with pytest.raises(ValueError, match=r"An embedding has to be of unit length.* 1 such of"):
        vector_collections.build(embedded(tmp_path, vectors), "ivf")
    assert not list(tmp_path.glob("indexes/*/manifest.json"))


def test_distances_are_compared_where_they_are_asked_for_but_not_by_hashing(tmp_path: Path) -> None:
    vectors = 3 * clusters(20, 10)
    model = embedded(tmp_path, vectors)
    opened = collection.load_collection(vector_collections.build(model, "hnsw", metric="euclidean"))
    similarities, keys = opened.search(vectors[2:3] + 0.1, 5)
    distances = np.linalg.norm(opened.vectors(keys[0]) - vectors[2] - 0.1, axis=1)
    np.testing.assert_allclose(similarities[0], -distances, rtol=1e-4)
    with pytest.raises(ValueError, match="--kind=lsh compares directions, not distances"):
        vector_collections.build(model, "lsh", metric="euclidean")


@pytest.mark.parametrize("kind", ["ivf", "lsh", "fastscan", "hnsw"])
def test_building_twice_gives_the_same_index(tmp_path: Path, kind: str) -> None:
    """But for links, which are made in parallel, and for effort, which is chosen by the clock."""
    model = embedded(tmp_path, clusters(40, 10))
    queries = clusters(40, 10, seed=5)[:20]
    found = []
    for overwrite in (False, True):
        built = vector_collections.build(model, kind, overwrite=overwrite)
        found.append(collection.load_collection(built).search(queries, 10)[1])
    assert np.mean(found[0] == found[1]) > 0.95
