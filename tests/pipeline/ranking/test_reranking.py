import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.words.bags import Bags, concatenate
from pipeline.index.collection import load_collection
from pipeline.index.filters import parse
from pipeline.index.interface import Collection
from pipeline.ranking.expansion import expanded
from pipeline.ranking.reranking import Reranker, direct, fused, with_first
from pipeline.ranking.settings import RankingSettings
from tests import vector_collections

VECTORS = vector_collections.clusters(6, 5)
TABLE = vector_collections.photographs(np.repeat(np.arange(6), 5))
ASKING = 7
FOLDER = Path("indexes/made")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    model = tmp_path_factory.mktemp("whole") / "model"
    vector_collections.embed(model, "made", VECTORS, TABLE)
    return load_collection(vector_collections.build(model, "flat"))


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """All but the photograph that asks."""
    rest = np.delete(np.arange(len(VECTORS)), ASKING)
    model = tmp_path_factory.mktemp("lacking") / "model"
    vector_collections.embed(model, "made", VECTORS[rest], TABLE.take(rest))
    return load_collection(vector_collections.build(model, "flat"))


def _lists(collection: Collection, settings: RankingSettings, query: int) -> list[list[str]]:
    """Ids after every step."""
    reranker = Reranker(collection, settings, folder=FOLDER)
    ids = collection.ids()
    own = int(collection.keys_of([f"photo {query}"])[0]) if f"photo {query}" in ids else None
    rankings = reranker.rankings(VECTORS[query : query + 1], len(collection), without=own)
    return [reranker.ids(ranking.keys) for ranking in rankings]


@pytest.mark.parametrize(
    "settings",
    [
        RankingSettings(augment=3, expand=4, refine=10),
        RankingSettings(augment=2, alpha=1),
        RankingSettings(expand=3, reciprocal=5, candidates=20),
        RankingSettings(diffuse=4),
        RankingSettings(refine=8, reciprocal=4, diffuse=6, candidates=12),
    ],
)
def test_a_photograph_asks_as_if_the_collection_lacked_it(
    whole: Collection, lacking: Collection, settings: RankingSettings
) -> None:
    lists = _lists(whole, settings, ASKING)
    assert len(lists) == 1 + len(settings.steps)
    assert lists == _lists(lacking, settings, ASKING)
    for ids in lists:
        assert sorted(ids) == sorted(lacking.ids()), "every other photograph stands once"


def test_augmentation_and_expansion_match_a_loop(lacking: Collection) -> None:
    ids, vectors = lacking.ids(), lacking.vectors(lacking.keys())
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1)[:, :3]
    near = np.take_along_axis(cosines, nearest, 1)
    augmented = expanded(vectors, vectors[nearest], near, 3.0)
    query = VECTORS[ASKING]
    first = np.argsort(-(augmented @ query))
    best = first[:4]
    asked = expanded(query[None], augmented[None, best], (augmented[best] @ query)[None], 3.0)[0]
    _, by_augmentation, by_expansion = _lists(lacking, RankingSettings(augment=3, expand=4), ASKING)
    assert by_augmentation == [ids[row] for row in first]
    assert by_expansion == [ids[row] for row in np.argsort(-(augmented @ asked))]


def test_what_stands_behind_the_candidates_stays(lacking: Collection) -> None:
    before, after = _lists(lacking, RankingSettings(diffuse=4, candidates=9), ASKING)
    assert before[:9] != after[:9]
    assert sorted(before[:9]) == sorted(after[:9])
    assert before[9:] == after[9:]


@pytest.mark.parametrize("step", ["augment", "expand", "refine", "reciprocal", "diffuse"])
@pytest.mark.parametrize("count", [1, 100])
def test_few_or_more_neighbours_than_photographs_are_no_trouble(
    lacking: Collection, step: str, count: int
) -> None:
    settings = RankingSettings(**{step: count})  # type: ignore[arg-type]
    assert sorted(_lists(lacking, settings, ASKING)[-1]) == sorted(lacking.ids())


def test_conditions_hold_after_every_step(whole: Collection) -> None:
    settings = RankingSettings(augment=3, expand=2, refine=4, reciprocal=3, diffuse=3)
    where = parse(("author=Zoë",))
    for ranking in Reranker(whole, settings, folder=FOLDER).rankings(VECTORS[3:4], 30, where=where):
        assert set(whole.photographs(ranking.keys)["author"].to_pylist()) == {"Zoë"}
        assert len(ranking.keys) == 20
    nothing = list(
        Reranker(whole, settings, folder=FOLDER).rankings(
            VECTORS[3:4], 30, where=parse(("author=X",))
        )
    )
    assert [len(ranking.keys) for ranking in nothing] == [0] * 6


@pytest.mark.parametrize("kind", ["lsh", "pq"])
def test_every_step_works_on_vectors_as_an_index_holds_them(kind: str, tmp_path: Path) -> None:
    vectors = vector_collections.clusters(20, 15)
    table = vector_collections.photographs(np.repeat(np.arange(20), 15))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, table)
    collection = load_collection(vector_collections.build(model, kind))
    settings = RankingSettings(augment=3, expand=2, refine=20, reciprocal=5, diffuse=5)
    reranker = Reranker(collection, settings, folder=FOLDER)
    own = int(collection.keys_of(["photo 7"])[0])
    for ranking in reranker.rankings(vectors[7:8], 300, without=own):
        first = collection.photographs(ranking.keys[:10])["label"].to_pylist()
        assert first.count(0) >= 9, "the same landmark"
        assert own not in ranking.keys


def test_what_is_augmented_already_is_refused(whole: Collection) -> None:
    whole.manifest["augmentation"] = {"neighbours": 3}
    try:
        with pytest.raises(ValueError, match="indexes/made is of augmented vectors already"):
            Reranker(whole, RankingSettings(augment=3), folder=FOLDER)
    finally:
        del whole.manifest["augmentation"]


def test_distances_are_refused(tmp_path: Path) -> None:
    model = vector_collections.embed(tmp_path / "model", "made", VECTORS, TABLE)
    collection = load_collection(vector_collections.build(model, "flat", metric="euclidean"))
    with pytest.raises(ValueError, match="indexes/made was built with --metric=euclidean"):
        Reranker(collection, RankingSettings(expand=3), folder=FOLDER)


def test_lists_are_fused_as_far_as_they_are_candidates() -> None:
    lists = [
        (["a", "b", "c", "d"], np.array([0.9, 0.8, 0.1, 0.0])),
        (["b", "e", "a", "f"], np.array([5.0, 4.0, 1.0, 0.5])),
    ]
    settings = RankingSettings(fuse=("other",), candidates=3)
    # Stretched: a 1 + 0, b .875 + 1, c 0, e .75; d and f stand behind the candidates.
    assert fused(lists, settings) == ["b", "a", "e", "c", "d", "f"]
    by_ranks = RankingSettings(fuse=("other",), candidates=3, fusion="ranks")
    assert fused(lists, by_ranks) == ["b", "a", "e", "c", "d", "f"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"expand": -1}, "--expand is at least 0"),
        ({"alpha": 1.0}, "--alpha has no effect"),
        ({"candidates": 5}, "--candidates has no effect"),
        ({"expand": 3, "fusion": "ranks"}, "--fusion has no effect"),
        ({"refine": 30, "candidates": 20}, "--refine is at most --candidates, 20"),
        ({"expand": 10, "candidates": 5}, "--expand is at most --candidates, 5. Received: 10"),
    ],
)
def test_settings_that_make_no_sense_are_refused(flags: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RankingSettings(**flags)  # type: ignore[arg-type]


def test_bags_of_words_are_fused_as_they_are_found(whole: Collection, tmp_path: Path) -> None:
    """Of one word each, that of the landmark, but for the first, which has none."""
    empty = np.zeros((1, 0), np.uint8)
    bags = [Bags.empty(1, 6, 0)]
    for label in TABLE["label"].to_pylist()[1:]:
        bags.append(Bags.of_one(np.array([label]), np.ones(1), empty, 6))
    held = concatenate(bags)
    model = vector_collections.embed(tmp_path / "model", "made", held, TABLE)
    collection = load_collection(vector_collections.build(model, "inverted"))
    with pytest.raises(ValueError, match=r"indexes/made .* no vectors to reorder by: diffuse3"):
        Reranker(collection, RankingSettings(diffuse=3), folder=FOLDER)
    first = Reranker(whole, RankingSettings(), folder=FOLDER)
    settings = RankingSettings(diffuse=3)
    reranker = Reranker(collection, settings, folder=FOLDER, fused_with=first)
    own = int(collection.keys_of([f"photo {ASKING}"])[0])
    (found,) = reranker.rankings(held[ASKING : ASKING + 1], 30, without=own)
    assert sorted(reranker.ids(found.keys)) == ["photo 5", "photo 6", "photo 8", "photo 9"]
    few = RankingSettings(diffuse=3, fuse=("made",), candidates=2)
    # A list is at least as long as its candidates; the query asks for one.
    for settings, found_of_5 in ((few, 2), (dataclasses.replace(few, candidates=4), 4)):
        reranker = Reranker(collection, settings, folder=FOLDER, fused_with=first)
        (found,) = reranker.rankings(held[ASKING : ASKING + 1], 1, without=own)
        assert len(found.keys) == found_of_5


def _renamed(folder: Path, rows: np.ndarray) -> Collection:
    """Some of the photographs, with the ids of others."""
    ids = pa.array([f"photo {(row + 1) % len(VECTORS)}" for row in rows.tolist()])
    table = TABLE.take(rows).set_column(TABLE.schema.get_field_index("id"), "id", ids)
    model = vector_collections.embed(folder / "model", "made", VECTORS[rows], table)
    return load_collection(vector_collections.build(model, "flat"))


def test_photographs_of_a_fused_index_are_known_by_their_contents(
    whole: Collection, tmp_path: Path
) -> None:
    settings = RankingSettings(expand=3, fuse=("renamed",))
    first = Reranker(whole, settings, folder=FOLDER)
    renamed = _renamed(tmp_path, np.arange(len(VECTORS)))
    other = Reranker(renamed, settings, folder=tmp_path, fused_with=first)
    lists = []
    for reranker in (first, other):
        own = reranker.key_of(f"photo {ASKING}")
        *_, last = reranker.rankings(VECTORS[ASKING : ASKING + 1], len(VECTORS), without=own)
        lists.append(reranker.ids(last.keys))
    assert lists[0] == lists[1]
    assert f"photo {ASKING}" not in lists[1]


def test_the_first_is_the_best_of_several_lists_together() -> None:
    """Stretched to 0 to 1: a has 1 and 0, b .75 and .9, c 0 and 1; b is best with 1.65."""
    lists = [
        (["a", "b", "c"], np.array([0.9, 0.8, 0.5])),
        (["c", "b", "a"], np.array([3.0, 2.9, 2.0])),
    ]
    settings = RankingSettings(diffuse=3, candidates=3, keep_first=True)
    assert with_first(["d", "a", "b", "c"], lists, settings) == ["b", "d", "a", "c"]
    assert with_first([], [([], np.zeros(0))], settings) == []
    # What stands behind the candidates changes nothing, though it would stretch the scores.
    longer = [([*ids, "e"], np.append(scores, -9.0)) for ids, scores in lists]
    assert with_first(["d", "a", "b", "c"], longer, settings) == ["b", "d", "a", "c"]


def test_what_comes_before_the_graph_is_direct(whole: Collection) -> None:
    settings = RankingSettings(augment=2, expand=2, reciprocal=3, keep_first=True)
    reranker = Reranker(whole, settings, folder=FOLDER)
    rankings = list(reranker.rankings(VECTORS[:1], 10))
    found = direct(rankings, settings)
    assert len(rankings) == 4
    assert [one is each for one, each in zip(found, (rankings[0], rankings[2]), strict=True)]
    assert direct(rankings[:1], settings) == rankings[:1], "bags are fused as they are found"


def test_keeping_the_first_needs_something_that_reorders() -> None:
    with pytest.raises(ValueError, match="--keep_first keeps what"):
        RankingSettings(expand=3, keep_first=True)


def test_indexes_of_other_photographs_are_named(whole: Collection, tmp_path: Path) -> None:
    first = Reranker(whole, RankingSettings(), folder=FOLDER)
    few = _renamed(tmp_path, np.arange(20))
    other = Reranker(few, RankingSettings(), folder=tmp_path, fused_with=first)
    named = rf"indexes/made, 30 photographs, and {tmp_path}, 20, .*: 20 are in both"
    with pytest.raises(ValueError, match=named):
        other.ids(few.keys())
