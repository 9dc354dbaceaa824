"""Groups of duplicates, against a comparison of every photograph with every other."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from pipeline.index import duplicates, faiss_collection, filters
from pipeline.index.collection import load_collection
from tests import vector_collections
from tests.vector_collections import DIMENSION, clusters, photographs

LANDMARKS, EACH = 30, 8
VECTORS = clusters(LANDMARKS, EACH)
TABLE = photographs(np.repeat(np.arange(LANDMARKS), EACH))
LEAST = 0.9


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vector_collections.embed(tmp_path_factory.mktemp("model"), "made", VECTORS, TABLE)


def brute_force(vectors: np.ndarray, numbers: np.ndarray, least: float) -> list[list[str]]:
    """Ids of the groups: every photograph joins those that it is near to, one after the other."""
    found: list[set[int]] = [{number} for number in numbers]
    for one, other in itertools.combinations(numbers, 2):
        if vectors[one] @ vectors[other] >= least:
            joined = [group for group in found if one in group or other in group]
            found = [group for group in found if group not in joined]
            found.append(set().union(*joined))
    groups = [sorted(f"photo {number}" for number in group) for group in found if len(group) > 1]
    return sorted(groups, key=lambda group: (-len(group), group))


def ids(folder: Path, least: float, *where: str) -> list[list[str]]:
    opened = load_collection(folder)
    found = duplicates.groups(opened, least, filters.parse(where))
    assert [len(keys) for keys in found] == sorted(map(len, found), reverse=True)
    assert all((np.diff(keys) > 0).all() for keys in found)
    named = [sorted(opened.photographs(keys)["id"].to_pylist()) for keys in found]
    return sorted(named, key=lambda group: (-len(group), group))


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
@pytest.mark.parametrize("least", [0.8, LEAST, 0.999])
def test_groups_are_those_of_comparing_all_with_all(
    model: Path, kind: str, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also block by block; photographs 0 and 1 are equal."""
    monkeypatch.setattr("pipeline.index.duplicates._ASKING", 50)
    monkeypatch.setattr("pipeline.index.duplicates._COMPARED", 7)
    monkeypatch.setattr("pipeline.index.duplicates._PAIRS_A_MERGE", 5)
    folder = vector_collections.build(model, kind, recall=1.0, overwrite=True)
    expected = brute_force(VECTORS, np.arange(len(VECTORS)), least)
    assert ["photo 0", "photo 1"] in expected or least < 0.999
    assert ids(folder, least) == expected


def test_codes_are_compared_as_the_index_holds_them(model: Path) -> None:
    folder = vector_collections.build(model, "pq")
    opened = load_collection(folder)
    held = opened.vectors(opened.keys_of(TABLE["id"].to_pylist()))
    held = held / np.linalg.norm(held, axis=1, keepdims=True)
    found = ids(folder, LEAST)
    assert found == brute_force(held, np.arange(len(held)), LEAST)
    of_vectors = brute_force(VECTORS, np.arange(len(VECTORS)), LEAST)
    grouped, expected = (sum(map(len, groups)) for groups in (found, of_vectors))
    assert grouped == pytest.approx(expected, rel=0.3)


def test_the_largest_group_is_first_and_equal_ones_follow_by_key(tmp_path: Path) -> None:
    vectors = np.eye(DIMENSION, dtype=np.float32)[[5, 3, 3, 4, 5, 4, 4, 9]]
    model = vector_collections.embed(tmp_path, "made", vectors, photographs(np.arange(8)), pairs=1)
    opened = load_collection(vector_collections.build(model, "flat"))
    found = duplicates.groups(opened, 1.0)
    assert [len(keys) for keys in found] == [3, 2, 2]
    assert found[1][0] < found[2][0]
    named = [set(opened.photographs(keys)["id"].to_pylist()) for keys in found]
    assert named[0] == {"photo 3", "photo 5", "photo 6"}
    assert {frozenset(one) for one in named[1:]} == {
        frozenset({"photo 0", "photo 4"}),
        frozenset({"photo 1", "photo 2"}),
    }


def test_removed_photographs_are_in_no_group(tmp_path: Path) -> None:
    model = vector_collections.embed(tmp_path, "made", VECTORS, TABLE)
    folder = vector_collections.build(model, "flat")
    gone = np.arange(0, len(VECTORS), 9)
    with faiss_collection.changing(folder) as change:
        change.remove([f"photo {number}" for number in gone])
    kept = np.setdiff1d(np.arange(len(VECTORS)), gone)
    assert ids(folder, LEAST) == brute_force(VECTORS, kept, LEAST)


def test_photographs_that_satisfy_no_condition_link_nothing(model: Path) -> None:
    folder = vector_collections.build(model, "flat", overwrite=True)
    kept = np.flatnonzero(filters.holds(TABLE, filters.parse(["author=Zoë", "label<=20"])))
    assert ids(folder, LEAST, "author=Zoë", "label<=20") == brute_force(VECTORS, kept, LEAST)
    assert ids(folder, LEAST, "author=nobody") == []
    with pytest.raises(ValueError, match="place=x is on no column"):
        ids(folder, LEAST, "place=x")


def test_distances_are_compared_where_the_metric_is_euclidean(tmp_path: Path) -> None:
    vectors = 3 * VECTORS
    model = vector_collections.embed(tmp_path, "made", vectors, TABLE)
    folder = vector_collections.build(model, "flat", metric="euclidean")
    # Of unit vectors d^2 = 2 - 2 cos; these are three times as long.
    least = -3 * float(np.sqrt(2 - 2 * LEAST))
    assert ids(folder, least) == brute_force(VECTORS, np.arange(len(VECTORS)), LEAST)
    with pytest.raises(ValueError, match=r"--least is 0 at most: .* minus the distance"):
        ids(folder, 0.95)


@pytest.mark.parametrize("kind", ["lsh", "rabitq", "IVF4,RaBitQ"])
def test_kinds_whose_codes_are_too_rough_are_refused(model: Path, kind: str) -> None:
    folder = vector_collections.build(model, kind, overwrite=True)
    with pytest.raises(ValueError, match=rf"kind {kind} holds vectors too roughly .* flat, ivf"):
        ids(folder, LEAST)


@pytest.mark.parametrize("least", [1.01, float("nan")])
def test_no_two_can_be_more_than_equal(model: Path, least: float) -> None:
    folder = vector_collections.build(model, "flat", overwrite=True)
    with pytest.raises(ValueError, match=r"--least is 1 at most: .* the cosine"):
        ids(folder, least)


def test_codes_that_misjudge_similarities_are_refused(tmp_path: Path) -> None:
    vectors = vector_collections.clusters(40, 10)
    rows = vector_collections.photographs(np.repeat(np.arange(40), 10))
    model = vector_collections.embed(tmp_path, "made", vectors, rows)
    opened = load_collection(vector_collections.build(model, "PQ1x4"))
    with pytest.raises(ValueError, match="holds vectors too roughly"):
        duplicates.groups(opened, 0.95)


def test_augmented_vectors_are_refused(model: Path) -> None:
    opened = load_collection(vector_collections.build(model, "flat", augment=3))
    with pytest.raises(ValueError, match=r"augmented vectors.*builds without --augment"):
        duplicates.groups(opened, LEAST)
