import numpy as np
import pytest

from pipeline.data.splits import SPLITS, SplitSettings, split_photographs

LABELS = np.repeat(np.arange(20), 5)


def settings(*splits: str, **changes: float) -> SplitSettings:
    return SplitSettings(splits=splits, **changes)  # type: ignore[arg-type]


def landmarks(numbers: np.ndarray) -> set[int]:
    return set(LABELS[numbers].tolist())


def test_every_photograph_is_in_one_split() -> None:
    found = split_photographs(LABELS, settings(*SPLITS))
    assert found.keys() == set(SPLITS)
    assert np.sort(np.concatenate(list(found.values()))).tolist() == list(range(100))


def test_landmarks_are_shared_by_query_and_index_only() -> None:
    found = split_photographs(LABELS, settings(*SPLITS))
    assert landmarks(found["query"]) == landmarks(found["index"])
    groups = [landmarks(found[name]) for name in ("train", "validation", "index")]
    assert [len(group) for group in groups] == [12, 4, 4]
    assert len(set.union(*groups)) == 20


def test_evaluation_comes_before_training_where_a_photograph_stands_in_both() -> None:
    assert list(split_photographs(LABELS, settings(*SPLITS))) == [
        *("query", "index", "validation", "train")
    ]


@pytest.mark.parametrize(("fraction", "queries"), [(0.0, 1), (0.2, 1), (0.5, 2), (0.99, 4)])
def test_every_landmark_has_a_query_and_something_to_find(fraction: float, queries: int) -> None:
    found = split_photographs(LABELS, settings("query", "index", query_fraction=fraction))
    assert np.bincount(LABELS[found["query"]]).tolist() == [queries] * 20
    assert np.bincount(LABELS[found["index"]]).tolist() == [5 - queries] * 20


def test_landmark_with_one_photograph_has_no_query() -> None:
    found = split_photographs(np.array([3, 8, 8]), settings("query", "index"))
    assert found["query"].tolist() in ([1], [2])


def test_queries_are_chosen_among_distinct_photographs() -> None:
    """Of four photographs of a landmark the first two are the same: at most one may query."""
    labels = np.zeros(4, np.int64)
    for seed in range(20):
        found = split_photographs(
            labels,
            settings("query", "index", query_fraction=0.7, seed=seed),
            lambda numbers: numbers[numbers != 1],
        )
        assert len(found["query"]) == 2
        assert 1 in found["index"]


def test_held_out_landmarks_depend_on_the_seed_and_their_number_on_the_fraction() -> None:
    def validation(seed: int, fraction: float = 0.25) -> list[int]:
        chosen = settings("train", "validation", validation_fraction=fraction, seed=seed)
        return split_photographs(LABELS, chosen)["validation"].tolist()

    assert validation(1) == validation(1)
    assert validation(1) != validation(2)
    assert (len(validation(1)), len(validation(1, 0.1))) == (25, 10)


@pytest.mark.parametrize(
    ("labels", "splits", "expected"),
    [
        ([-1, -1], ("train", "validation"), {"index": 2}),
        ([-1, -1], ("train",), {"train": 2}),
        ([-1, 0, 1], ("index",), {"index": 3}),
        ([0, 0], ("train", "validation"), {"train": 2}),
        ([0, 1], ("train", "validation"), {"train": 2}),  # a fifth of two is none
        ([-1, 0, 0], ("query", "index"), {"query": 1, "index": 2}),
        ([-1, *range(10)], ("train", "validation"), {"validation": 2, "train": 9}),
        ([-1, *range(10)], ("train", "index"), {"index": 3, "train": 8}),
    ],
)
def test_where_photographs_go(
    labels: list[int], splits: tuple[str, ...], expected: dict[str, int]
) -> None:
    found = split_photographs(np.array(labels), settings(*splits))
    assert {name: len(numbers) for name, numbers in found.items()} == expected


def test_not_every_landmark_is_held_out() -> None:
    found = split_photographs(
        np.array([0, 1]),
        settings("train", "validation", validation_fraction=0.9, test_fraction=0),
    )
    assert {name: len(numbers) for name, numbers in found.items()} == {"validation": 1, "train": 1}


@pytest.mark.parametrize(
    ("splits", "changes", "message"),
    [
        ((), {}, "--split takes some of train,validation,query,index"),
        (("train", "holdout"), {}, "--split takes some of .*Received: train,holdout"),
        (("train", "query"), {}, "--split=query needs index"),
        (("train", "train"), {}, "--split names a split twice"),
        (("validation", "index"), {}, "needs train"),
        (("train",), {"query_fraction": 1.0}, "--query_fraction is 0 to below 1"),
        (("train",), {"validation_fraction": float("nan")}, "--validation_fraction is 0 to"),
        (("train",), {"validation_fraction": 0.5, "test_fraction": 0.5}, "nothing to train on"),
    ],
)
def test_what_cannot_be_is_refused(
    splits: tuple[str, ...], changes: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        settings(*splits, **changes)
