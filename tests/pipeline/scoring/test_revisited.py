"""Hand arithmetic, and loops over places written anew from the protocol's definition."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.scoring import revisited
from pipeline.scoring.answered import Revisited
from pipeline.scoring.ground_truth import Answers, Query
from pipeline.scoring.query_scores import QueryScores

NAMES = [f"photo_{number}" for number in range(8)]


def entry(easy: Any = (), hard: Any = (), junk: Any = (), box: Any = (1, 2, 30, 40)) -> Any:
    return {"bbx": box, "easy": easy, "hard": hard, "junk": junk}


def written(folder: Path, *entries: Any, **changes: Any) -> Path:
    queries = [f"query_{number}" for number in range(len(entries))]
    content = {"imlist": NAMES, "qimlist": queries, "gnd": list(entries), **changes}
    path = folder / "gnd_roxford5k.pkl"
    path.write_bytes(pickle.dumps(content))
    return path


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def looped_scores(ranking: list[int], positives: set[int], junk: set[int]) -> dict[str, float]:
    """The trapezoids one by one, each positive's place lowered by the junk before it."""
    places, passed = [], 0
    for place, one in enumerate(ranking):
        if one in junk:
            passed += 1
        elif one in positives:
            places.append(place - passed)
    area = 0.0
    for found, place in enumerate(places):
        left = 1.0 if place == 0 else found / place
        right = (found + 1) / (place + 1)
        area += (left + right) / 2 * (1 / len(positives))
    scores = {"mAP": area}
    for k in (1, 5, 10):
        last = max(place + 1 for place in places)
        counted = min(last, k)
        scores[f"mP@{k}"] = sum(place + 1 <= counted for place in places) / counted
    return scores


@pytest.mark.parametrize("seed", range(30))
def test_scores_match_a_loop_over_whole_rankings(seed: int) -> None:
    generator = np.random.default_rng(seed)
    count = int(generator.integers(3, 40))
    similarity = generator.integers(0, 4, count)  # many ties, in the order they stand
    ranking = np.argsort(-similarity, kind="stable")
    kind = generator.choice(["positive", "junk", "neither"], count, p=[0.3, 0.3, 0.4])
    kind[generator.integers(count)] = "positive"
    positives, junk = np.flatnonzero(kind == "positive"), np.flatnonzero(kind == "junk")
    expected = looped_scores(ranking.tolist(), set(positives.tolist()), set(junk.tolist()))
    assert revisited.query_scores(ranking, positives, junk) == pytest.approx(expected)


def test_trapezoids_by_hand() -> None:
    # Places 0 and 3: (1 + 1/1) / 2 and (1/3 + 2/4) / 2, of two positives.
    found = revisited.query_scores(rows(0, 5, 6, 1, 7), rows(0, 1), rows())
    assert found is not None
    assert found["mAP"] == pytest.approx((1 + (1 / 3 + 2 / 4) / 2) / 2)
    # The last positive is at 4, so five places are never looked at: 2 of 4.
    assert found["mP@1"] == 1
    assert found["mP@5"] == found["mP@10"] == 2 / 4


def test_junk_moves_what_follows_up() -> None:
    # Without junk 5 and 6 positive 1 is at place 1: all found at once.
    found = revisited.query_scores(rows(5, 0, 6, 1, 7), rows(0, 1), rows(5, 6))
    assert found == {"mAP": 1, "mP@1": 1, "mP@5": 1, "mP@10": 1}


def test_a_short_ranking_counts_what_it_lacks_as_not_found() -> None:
    # One of two positives at place 1: (0/1 + 1/2) / 2, halved; the other lies behind, k' = k.
    found = revisited.query_scores(rows(5, 0, 6), rows(0, 1), rows())
    assert found == {"mAP": 0.25 / 2, "mP@1": 0, "mP@5": 1 / 5, "mP@10": 1 / 10}


@pytest.mark.parametrize("ranking", [rows(), rows(5, 6), rows(4)])
def test_a_ranking_that_finds_nothing_scores_nothing(ranking: np.ndarray) -> None:
    """None at all, others only, junk only."""
    found = revisited.query_scores(ranking, rows(0), rows(4))
    assert found == {"mAP": 0, "mP@1": 0, "mP@5": 0, "mP@10": 0}


def test_queries_that_nothing_answers_are_left_out_of_the_means() -> None:
    assert revisited.query_scores(rows(1, 2), rows(), rows(1)) is None
    answers = [
        Answers(positives=rows(0), junk=rows()),
        Answers(positives=rows(), junk=rows(0)),
        Answers(positives=rows(1), junk=rows()),
    ]
    asking = tuple(Query(id=name, positives=()) for name in "abc")
    judge = Revisited(protocol="", queries=asking, levels={"medium": answers})
    scores = QueryScores(judge.names, judge.groups)
    every = np.arange(3)
    scores.put(every, judge.scores(every, np.array([[0, 1]] * 3)), 0.0)
    # 1, and at place 1 (0/1 + 1/2) / 2.
    assert scores.means() == {
        "mAP medium": (1 + 0.25) / 2,
        "mP@1 medium": 0.5,
        "mP@5 medium": 0.75,
        "mP@10 medium": 0.75,
    }


def test_levels_divide_answers_and_junk(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        entry(easy=np.array([0, 3]), hard=np.array([1]), junk=np.array([5])),
        entry(easy=[], hard=[2], junk=np.array([], float)),
    )
    found = revisited.read_ground_truths(path)
    told = {
        level: [
            ([one[-1] for one in query.positives], [one[-1] for one in query.junk])
            for query in truth.queries
        ]
        for level, truth in found.items()
    }
    assert told == {
        "easy": [(["0", "3"], ["5", "1"]), ([], ["2"])],
        "medium": [(["0", "3", "1"], ["5"]), (["2"], [])],
        "hard": [(["1"], ["5", "0", "3"]), (["2"], [])],
    }
    for truth in found.values():
        assert [query.id for query in truth.queries] == ["query_0", "query_1"]
        assert truth.collection == tuple(NAMES)


def test_queries_that_the_collection_holds_are_junk_of_every_query(tmp_path: Path) -> None:
    path = written(tmp_path, entry(easy=[0]), entry(easy=[1]))
    titles = [f"jpg/{name}.jpg" for name in (*NAMES, "query_1", "query_0", "another")]
    ids = [f"id {number}" for number in range(len(titles))]
    first, _ = revisited.read_ground_truths(path)["easy"].locate(ids, titles)
    assert (first.positives.tolist(), first.junk.tolist()) == ([0], [8, 9])


def test_boxes_are_rounded_as_pillow_crops(tmp_path: Path) -> None:
    # PIL.Image.crop((136.5, 34.1, 648.5, 955.7)) is (136, 34, 648, 956): to even at a half.
    path = written(tmp_path, entry(easy=[0], box=np.array([136.5, 34.1, 648.5, 955.7])))
    (query,) = revisited.read_ground_truths(path)["hard"].queries
    assert query.box == (136, 34, 648, 956)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (entry(easy=[8]), "the list 'easy' of the query 'query_0' .* 0 to 7. Received: 8 to 8"),
        (entry(hard=[-1, 3]), "the list 'hard' .* Received: -1 to 3"),
        (entry(junk=[0.5]), "the list 'junk'"),
        (entry(easy=[1, 1]), "for the query 'query_0' the same photograph twice: 'photo_1'"),
        (entry(easy=[1], junk=[1]), "the same photograph twice: 'photo_1'"),
        (entry(box=[1, 2, 3]), r"left, top, right, bottom. Received: \[1, 2, 3\]"),
        (entry(box=[5, 2, 5, 9]), "left, top, right, bottom"),
        (entry(box=[1, 2, math.nan, 9]), "left, top, right, bottom"),
        ({"ok": [1], "junk": [], "bbx": [1, 2, 3, 4]}, "first Oxford and Paris"),
        ([1], "first Oxford and Paris"),
    ],
)
def test_a_query_that_cannot_be_is_refused(tmp_path: Path, wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        revisited.read_ground_truths(written(tmp_path, wrong))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gnd": None}, "no ground truth of Revisited"),
        ({"qimlist": ["a", "b"]}, "has 2 queries and tells of 1"),
        ({"qimlist": ["photo_3"]}, "'photo_3' in its collection, too"),
        ({"imlist": [*NAMES, "photo_0"]}, "lists photographs twice: 'photo_0'"),
        ({"imlist": [*NAMES, 7]}, "name is text. Received: 7"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        revisited.read_ground_truths(written(tmp_path, entry(easy=[1]), **changes))


def test_another_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gnd.pkl"
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match=r"name gnd_roxford5k.pkl or gnd_rparis6k.pkl of http"):
        revisited.read_ground_truths(path)
