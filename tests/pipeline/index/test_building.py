"""Indexes of few photographs, and of vectors that are none."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.embeddings.files import open_embeddings
from pipeline.index import building, collection, filters, kinds
from pipeline.index.generations import Generation
from pipeline.recognition.learning import learn_from
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


@pytest.mark.parametrize("kind", ["ivf", "hnsw", "fastscan"])
def test_all_that_are_near_are_found_however_many(tmp_path: Path, kind: str) -> None:
    """More than lie in the cells that a search for ten looks into."""
    near = clusters(1, 600)
    vectors = np.concatenate([near, clusters(200, 10, seed=3)])
    model = embedded(tmp_path, vectors)
    opened = collection.load_collection(vector_collections.build(model, kind, recall=0.5))
    query = near.mean(axis=0, keepdims=True)
    query /= np.linalg.norm(query)
    least = float(np.sort(near @ query[0])[30])
    expected = int((vectors @ query[0] >= least).sum())
    ((similarities, _),) = collection.search_above(opened, query, least)
    assert len(similarities) >= 0.97 * expected
    _, keys = opened.search(query, len(vectors) // 2)
    assert keys.min() >= 0, "as many as are asked for"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_damaged_manifest_is_named_and_built_over(tmp_path: Path, content: str) -> None:
    model = embedded(tmp_path, clusters(20, 10))
    folder = vector_collections.build(model, "flat")
    (folder / "manifest.json").write_text(content)
    for opening in (collection.load_collection, collection.read_manifest):
        with pytest.raises(ValueError, match=r"manifest\.json is damaged; make it again with `py"):
            opening(folder)
    with pytest.raises(ValueError, match="is damaged"):
        vector_collections.build(model, "flat")
    vector_collections.build(model, "flat", overwrite=True)
    assert len(collection.load_collection(folder)) == 200
    assert collection.read_manifest(folder)["generation"] == 2


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"\1" * 5000)

    folder = vector_collections.build(embedded(tmp_path, clusters(20, 10)), "flat")
    described = collection.read_manifest(folder)
    generation = Generation(folder, described)
    generation.write("photographs", ".arrow", write)
    generation.commit(described)
    with pytest.raises(ValueError, match=r"photographs-2\.arrow is damaged; build it again"):
        collection.load_collection(folder)


def test_kinds_that_faiss_cannot_fill_or_read_are_told_of(tmp_path: Path) -> None:
    model = embedded(tmp_path, clusters(40, 10))
    with pytest.raises(ValueError, match="An index of the kind NSG16,Flat"):
        vector_collections.build(model, "NSG16,Flat")
    opened = collection.load_collection(vector_collections.build(model, "IVF*,PQ8x4fs"))
    with pytest.raises(ValueError, match="no vectors can be read; add Refine"):
        opened.vectors(opened.keys()[:3])


@pytest.mark.parametrize("kind", ["HNSW8_PQ8x4", "IVF16,RQ4x4"])
def test_kinds_without_selection_are_searched_among_some_too(tmp_path: Path, kind: str) -> None:
    model = embedded(tmp_path, clusters(40, 10))
    opened = collection.load_collection(vector_collections.build(model, kind))
    _, keys = opened.search(clusters(40, 10)[:4], 4, filters.parse(["label<=3"]))
    assert keys.min() >= 0
    assert opened.photographs(keys.ravel())["label"].to_numpy().max() <= 3


def test_vectors_that_were_looked_at_hinder_no_change(tmp_path: Path) -> None:
    vectors = clusters(40, 10)
    model = embedded(tmp_path, vectors)
    for settings in ({}, {"build_memory": "3kB"}):
        folder = vector_collections.build(model, "ivf", overwrite=True, **settings)
        with collection.changing(folder) as change:
            change.add(-vectors[:50], photographs(np.arange(50), first=1000))
            change.now().vectors(np.arange(5))
            change.remove([f"photo {number}" for number in range(150)])
        opened = collection.load_collection(folder)
        keys = opened.keys_of(["photo 200", "photo 1003"])
        np.testing.assert_allclose(opened.vectors(keys), [vectors[200], -vectors[3]], atol=1e-6)


def test_landmarks_that_the_model_learned_do_not_calibrate(tmp_path: Path) -> None:
    vectors = clusters(20, 10)
    rows = photographs(np.repeat(np.arange(20), 10))
    model = vector_collections.embed(tmp_path, "made", vectors, rows)
    contents = np.array(rows["content"].to_pylist(), bytes)
    opened = collection.load_collection(vector_collections.build(model, "flat"))
    stored = open_embeddings([model / "embeddings" / "made"])
    learned = learn_from(opened, stored, contents[:100:10])  # one of each of ten landmarks
    assert learned is not None
    assert (learned.account.landmarks, learned.account.queries) == (10, 100)
    assert learn_from(opened, stored, contents[:130:10]) is None


def test_copies_of_a_photograph_stand_in_for_one_another(tmp_path: Path) -> None:
    """Thirty copies of every photograph: which ten of them are found is chance."""
    vectors = np.repeat(clusters(20, 1), 30, axis=0)
    built = building.build(
        open_embeddings([embedded(tmp_path, vectors) / "embeddings" / "made"]), "ivf"
    )
    assert built.recall == 1.0
    assert len(built.tried) == 1, "the least effort is enough"
