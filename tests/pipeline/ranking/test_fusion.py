import pytest

from pipeline.ranking.fusion import by_ranks, by_scores


def test_ranks_add_up_by_their_reciprocals() -> None:
    fused = by_ranks([["a", "b", "c"], ["b", "d"]])
    assert fused == pytest.approx(
        {"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 63, "d": 1 / 62}, rel=1e-12
    )
    assert list(fused) == ["b", "a", "d", "c"]


def test_of_equals_the_one_met_first_comes_first() -> None:
    assert list(by_ranks([["a", "b"], ["b", "a"]])) == ["a", "b"]
    assert list(by_scores([{"b": 1.0, "a": 0.5}, {"a": 1.0, "b": 0.5}])) == ["b", "a"]


def test_one_list_stays_as_it_is() -> None:
    assert list(by_ranks([["c", "a", "b"]])) == ["c", "a", "b"]
    assert list(by_scores([{"c": 3.0, "a": 2.0, "b": -9.0}])) == ["c", "a", "b"]


def test_scores_are_stretched_before_they_are_added() -> None:
    # The first list's 10, 6, 2 become 1, .5, 0; the second's .2, .1 become 1, 0, weighing 2.
    fused = by_scores([{"a": 10, "b": 6, "c": 2}, {"b": 0.2, "d": 0.1}], [1, 2])
    assert fused == {"b": 2.5, "a": 1.0, "c": 0.0, "d": 0.0}


def test_a_list_of_equals_and_an_empty_one_are_no_trouble() -> None:
    assert by_scores([{"a": 0.5, "b": 0.5}, {}]) == {"a": 1.0, "b": 1.0}
    assert by_ranks([]) == {}
