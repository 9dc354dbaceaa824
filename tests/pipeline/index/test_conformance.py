"""What every kind of index does alike, against an oracle that compares everything."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.descriptions import Descriptions
from pipeline.index import collection, disk_index, filters, kinds
from pipeline.index.interface import Collection
from tests import vector_collections
from tests.vector_collections import DIMENSION, Oracle, as_bags, clusters, photographs

ON_DISK = " on disk"  # with less memory than the index takes
KINDS = [
    *(
        *kinds.KINDS,
        "milvus",
        "inverted",
        "SQ8",
        "OPQ8,IVF8,PQ8x4",
        "PCA16,HNSW8",
        "PQ16x4fs",
        "HNSW16,SQ8",
    ),
    *(f"{kind}{ON_DISK}" for kind in ("ivf", "rabitq", "OPQ8,IVF8,PQ8x4")),
]
EXACT = ("flat", "inverted")
UNCOMPRESSED = (*EXACT, "ivf", "hnsw", "milvus")
ROUGH = ("lsh", "OPQ8,IVF8,PQ8x4", "PCA16,HNSW8", "PQ16x4fs")  # estimates of similarity
# Recall@10 with the codes that the kind has; those that are tuned reach what is asked.
LEAST_RECALL = {
    "lsh": 0.64,
    "pq": 0.9,
    "OPQ8,IVF8,PQ8x4": 0.35,
    "PCA16,HNSW8": 0.5,
    "PQ16x4fs": 0.7,
}
LANDMARKS, EACH = 60, 12
VECTORS = clusters(LANDMARKS, EACH)
LABELS = np.repeat(np.arange(LANDMARKS), EACH)
TABLE = photographs(LABELS)
QUERIES = clusters(LANDMARKS, EACH)[::17] + 0.05 * np.random.default_rng(1).normal(
    size=(len(VECTORS[::17]), DIMENSION)
)
QUERIES = (QUERIES / np.linalg.norm(QUERIES, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind: str = request.param
    vectors = as_bags(VECTORS) if kind == "inverted" else VECTORS
    model = vector_collections.embed(tmp_path_factory.mktemp("model"), "made", vectors, TABLE)
    if not kind.endswith(ON_DISK):
        return vector_collections.build(model, kind)
    with pytest.MonkeyPatch.context() as patched:  # merged in stages
        patched.setattr(disk_index, "_MERGED_TOGETHER", 3)
        built = vector_collections.build(model, kind.removesuffix(ON_DISK), build_memory="3kB")
    assert (built / "lists-1.ivfdata").is_file()
    return built


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Path:
    """A collection that a test may change."""
    return Path(shutil.copytree(folder, tmp_path / folder.name))


def of_kind(opened: Collection, vectors: np.ndarray) -> Descriptions:
    """Vectors as the collection takes them."""
    return as_bags(vectors) if opened.kind == "inverted" else vectors


def ids(opened: Collection, keys: np.ndarray) -> list[list[str]]:
    return [opened.photographs(row[row >= 0])["id"].to_pylist() for row in keys]


def least_recall(opened: Collection) -> float:
    return 1.0 if opened.kind in EXACT else LEAST_RECALL.get(opened.kind, 0.88)


def require_recall(
    opened: Collection, kept: np.ndarray, where: Sequence[filters.Condition] = (), k: int = 10
) -> None:
    """Checks what a search finds among the photographs that should be there."""
    oracle = Oracle(VECTORS[kept], TABLE.take(kept)["id"].to_pylist())
    similarities, keys = opened.search(of_kind(opened, QUERIES), k, where)
    assert similarities.dtype == np.float32
    assert keys.dtype == np.int64
    assert similarities.shape == keys.shape == (len(QUERIES), k)
    assert np.all(np.isneginf(similarities) == (keys < 0))
    found = np.where(keys < 0, -10, similarities)
    assert np.all(np.diff(found, axis=1) <= 1e-6), "best first"
    assert set(np.concatenate(ids(opened, keys))) <= set(oracle.ids)
    assert oracle.recall(QUERIES, ids(opened, keys), k) >= least_recall(opened)


def test_the_nearest_are_found(folder: Path) -> None:
    opened = collection.load_collection(folder)
    assert len(opened) == len(VECTORS)
    assert opened.dimension == DIMENSION
    require_recall(opened, np.arange(len(VECTORS)))


def test_similarities_are_cosines_or_close(folder: Path) -> None:
    opened = collection.load_collection(folder)
    similarities, keys = opened.search(of_kind(opened, QUERIES), 10)
    table = dict(zip(TABLE["id"].to_pylist(), VECTORS, strict=True))
    for query, row, found in zip(QUERIES, similarities, ids(opened, keys), strict=True):
        cosines = np.array([table[one] @ query for one in found])
        exact = opened.kind in UNCOMPRESSED
        tolerance = 1e-5 if exact else 2e-3 if opened.kind == "fastscan" else 0.35
        np.testing.assert_allclose(row[: len(found)], cosines, atol=tolerance)


def test_each_query_is_answered_as_if_alone(folder: Path) -> None:
    opened = collection.load_collection(folder)
    together, _ = opened.search(of_kind(opened, QUERIES[:8]), 5)
    queries = of_kind(opened, QUERIES[:8])
    alone = np.concatenate([opened.search(queries[n : n + 1], 5)[0] for n in range(8)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    "condition", ['landmark=landmark "7"', "label<=40", "author=", "author!=Zoë", "id~PHOTO 1"]
)
def test_a_filter_leaves_what_satisfies_it_and_no_less(folder: Path, condition: str) -> None:
    where = filters.parse([condition])
    kept = np.flatnonzero(filters.holds(TABLE, where))
    assert 0 < len(kept) < len(VECTORS)
    require_recall(collection.load_collection(folder), kept, where)


def test_filters_that_leave_nothing_find_nothing(folder: Path) -> None:
    where = filters.parse(["landmark=nowhere"])
    opened = collection.load_collection(folder)
    similarities, keys = opened.search(of_kind(opened, QUERIES[:3]), 4, where)
    assert (keys == -1).all()
    assert np.isneginf(similarities).all()


def test_all_above_a_similarity_are_found(folder: Path) -> None:
    opened = collection.load_collection(folder)
    found = collection.search_above(opened, of_kind(opened, QUERIES), 0.8)
    expected = Oracle(VECTORS, TABLE["id"].to_pylist()).cosines(QUERIES) >= 0.8
    assert all((similarities >= 0.8).all() for similarities, _ in found)
    count, wanted = sum(len(keys) for _, keys in found), expected.sum()
    if opened.kind in EXACT:
        for (_, keys), row in zip(found, expected, strict=True):
            assert set(opened.photographs(keys)["id"].to_pylist()) == set(
                np.array(TABLE["id"].to_pylist())[row]
            )
    assert count >= 0.5 * wanted
    assert count <= 1.5 * wanted or opened.kind in ROUGH
    above = collection.search_above(opened, of_kind(opened, QUERIES), 1.5)
    assert all(len(keys) == 0 for _, keys in above)
    whole = collection.search_above(opened, of_kind(opened, QUERIES[:2]), -9)
    led_to = 0.1 if "HNSW" in opened.kind else 0.2  # by a graph of clusters, few links between them
    assert all(len(keys) > led_to * len(VECTORS) for _, keys in whole)


def test_photographs_come_with_their_rows_and_vectors(folder: Path) -> None:
    opened = collection.load_collection(folder)
    keys = opened.keys_of(["photo 5", "photo 700", "photo 0"])
    rows = opened.photographs(keys)
    assert rows["id"].to_pylist() == ["photo 5", "photo 700", "photo 0"]
    assert rows["landmark"].to_pylist() == [f'landmark "{LABELS[n]}"' for n in (5, 700, 0)]
    assert rows.schema.names == TABLE.schema.names
    stored = opened.vectors(keys)
    if opened.kind == "inverted":
        stored = stored.dense()
    cosines = np.einsum("nd,nd->n", stored, VECTORS[[5, 700, 0]]) / np.linalg.norm(stored, axis=1)
    assert (cosines > (0.999 if opened.kind in UNCOMPRESSED else 0.6)).all()


def test_added_photographs_are_found_and_recall_is_kept(own: Path) -> None:
    new = clusters(LANDMARKS, 4, seed=5)
    rows = photographs(np.repeat(np.arange(LANDMARKS), 4), first=len(VECTORS))
    with collection.changing(own) as change:
        change.add(of_kind(change.now(), new), rows)
    opened = collection.load_collection(own)
    assert len(opened) == len(VECTORS) + len(new)
    all_ids = [*TABLE["id"].to_pylist(), *rows["id"].to_pylist()]
    oracle = Oracle(np.concatenate([VECTORS, new]), all_ids)
    queries = new[::9]
    _, keys = opened.search(of_kind(opened, queries), 10)
    found = ids(opened, keys)
    assert oracle.recall(queries, found, 10) >= least_recall(opened) - 0.1
    itself = [one in row for one, row in zip(rows["id"].to_pylist()[::9], found, strict=True)]
    assert np.mean(itself) > 0.9


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_removed_photographs_are_not_found_and_the_others_are(own: Path, share: float) -> None:
    """A few are passed over, many are cleared away."""
    removed = np.random.default_rng(2).permutation(len(VECTORS))[: int(share * len(VECTORS))]
    with collection.changing(own) as change:
        change.remove(TABLE.take(removed)["id"].to_pylist())
    opened = collection.load_collection(own)
    kept = np.setdiff1d(np.arange(len(VECTORS)), removed)
    assert len(opened) == len(kept)
    assert set(opened.photographs(opened.keys())["id"].to_pylist()) == {
        f"photo {number}" for number in kept
    }
    require_recall(opened, kept)
    where = filters.parse(["label<=30"])
    require_recall(opened, kept[LABELS[kept] <= 30], where)
    with pytest.raises(ValueError, match="1 ids are not in the collection, 'photo"):
        opened.keys_of([f"photo {removed[0]}"])


def test_a_replaced_photograph_has_its_new_vector(own: Path) -> None:
    rows = photographs(np.array([99]), first=7)
    with collection.changing(own) as change:
        change.replace(of_kind(change.now(), -VECTORS[7][None]), rows)
    opened = collection.load_collection(own)
    assert len(opened) == len(VECTORS)
    _, keys = opened.search(of_kind(opened, -VECTORS[7][None]), 3)
    assert opened.photographs(keys[0])["label"].to_pylist()[0] == 99
    _, keys = opened.search(of_kind(opened, VECTORS[7][None]), len(VECTORS) // 2)
    assert "photo 7" not in ids(opened, keys)[0]


def test_removed_photographs_may_come_again(own: Path) -> None:
    row = TABLE.slice(7, 1)
    with collection.changing(own) as change:
        change.remove(["photo 7"])
    with collection.changing(own) as change:
        change.add(of_kind(change.now(), VECTORS[7][None]), row)
    opened = collection.load_collection(own)
    assert len(opened) == len(VECTORS)
    require_recall(opened, np.arange(len(VECTORS)))


def test_what_cannot_be_done_is_said_and_changes_nothing(own: Path) -> None:
    before = sorted(path.name for path in own.iterdir())
    opened = collection.load_collection(own)
    shorter = of_kind(opened, VECTORS[:1, 1:])

    def two(length: float) -> Descriptions:
        return of_kind(opened, length * VECTORS[:2])

    wrong = [
        (lambda change: change.remove(["nobody"]), "not in the collection, 'nobody'"),
        (lambda change: change.add(two(1), TABLE.slice(0, 2)), "2 ids are in .* 'photo 0'"),
        (lambda change: change.add(two(1), TABLE.slice(0, 3)), "A row for every vector"),
        (lambda change: change.add(two(2), photographs(LABELS[:2], 9999)), "unit length"),
        (lambda change: change.replace(two(1)[:1], photographs(LABELS[:1], 9999)), "photo 9999"),
        (lambda change: change.add(shorter, photographs(LABELS[:1], 9999)), "32 (dimens|visual)"),
    ]
    for what, message in wrong:
        with pytest.raises(ValueError, match=message):
            _remove_one_and(what, own)
    assert sorted(path.name for path in own.iterdir() if path.name[0] != ".") == [
        name for name in before if name[0] != "."
    ]
    assert len(collection.load_collection(own)) == len(VECTORS)


def _remove_one_and(what: Callable[[Any], None], folder: Path) -> None:
    with collection.changing(folder) as change:
        change.remove(["photo 3"])
        what(change)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (np.full((1, DIMENSION), np.nan), "unit length"),
        (np.zeros((1, DIMENSION)), "unit length"),
        (np.ones((2, DIMENSION)), "row 0 of length 5.657, 2 such of 2"),
        (np.ones((1, 8)), r"32 dimensions.*shape \(1, 8\)"),
        (np.ones(DIMENSION), r"32 dimensions.*shape \(32,\)"),
    ],
)
def test_queries_that_cannot_be_compared_are_refused(
    folder: Path, queries: np.ndarray, message: str
) -> None:
    if collection.read_manifest(folder)["kind"] == "inverted":
        message = f"has to be a bag of {DIMENSION} visual words. Received: shape .*, dense"
    with pytest.raises(ValueError, match=message):
        collection.load_collection(folder).search(queries, 1)


@pytest.mark.parametrize("k", [0, -1, len(VECTORS) + 1])
def test_k_is_within_the_collection(folder: Path, k: int) -> None:
    opened = collection.load_collection(folder)
    with pytest.raises(ValueError, match=f"k is 1 to {len(VECTORS)}.*Received: {k}"):
        opened.search(of_kind(opened, QUERIES[:1]), k)


def test_everything_can_be_removed_and_photographs_added_again(own: Path) -> None:
    with collection.changing(own) as change:
        change.remove(TABLE["id"].to_pylist())
    empty = collection.load_collection(own)
    assert len(empty) == 0
    with pytest.raises(ValueError, match="k is 1 to 0"):
        empty.search(of_kind(empty, QUERIES[:1]), 1)
    assert len(collection.search_above(empty, of_kind(empty, QUERIES[:1]), 0)[0][0]) == 0
    with collection.changing(own) as change:
        change.add(of_kind(change.now(), VECTORS), TABLE)
    require_recall(collection.load_collection(own), np.arange(len(VECTORS)))
