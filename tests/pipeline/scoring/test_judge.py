"""What counts and what is right, by hand arithmetic."""

import numpy as np

from pipeline.scoring.answered import Revisited, SimilarPairs
from pipeline.scoring.ground_truth import Answers, Query
from pipeline.scoring.judge import shown_by_others


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_only_a_copy_that_is_filed_under_the_same_landmark_is_left_out_of_the_total() -> None:
    held = rows(0, 0, 0, 1, 1, -1)
    # No copy; a copy under 0; one under 1, of which all three of 0 remain; one under none; of 1,
    # the copy under 1; of no landmark; of one that nobody shows.
    own = rows(0, 0, 0, 0, 1, -1, 2)
    copies = rows(-1, 2, 3, 5, 4, 5, -1)
    assert shown_by_others(own, held, copies).tolist() == [3, 2, 3, 3, 1, 0, 0]


def test_junk_of_the_main_level_is_taken_out_of_what_is_shown() -> None:
    asking = (Query(id="one", positives=()), Query(id="two", positives=()))
    medium = [
        Answers(positives=rows(4, 6), junk=rows(3, 7)),
        Answers(positives=rows(3), junk=rows()),
    ]
    easy = [Answers(positives=rows(7), junk=rows(4, 5, 6))] * 2
    judge = Revisited(protocol="", queries=asking, levels={"easy": easy, "medium": medium})
    found = judge.counted(rows(0, 1), np.array([[3, 4, 7, 5, 6, -1], [5, 3, 4, 6, 7, -1]]))
    assert found.tolist() == [[4, 5, 6, -1, -1, -1], [5, 3, 4, 6, 7, -1]]
    right = judge.is_right(rows(0, 1), found)
    assert right.tolist() == [[True, False, True] + [False] * 3, [False, True] + [False] * 4]


def test_what_any_query_names_is_named() -> None:
    answers = [
        Answers(positives=rows(4, 6), junk=rows(3)),
        Answers(positives=rows(4), junk=rows()),
    ]
    asking = (Query(id="one", positives=()), Query(id="two", positives=()))
    judge = SimilarPairs(protocol="", queries=asking, levels={"": answers})
    assert judge.named.tolist() == [3, 4, 6]
