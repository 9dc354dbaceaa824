"""Hand arithmetic, and loops written anew from the definitions of the challenges."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.scoring import google_landmarks, landmark_submissions
from pipeline.scoring.answered import LandmarksRetrieval
from pipeline.scoring.ground_truth import Answers, Query
from pipeline.scoring.landmark_submissions import Prediction
from pipeline.scoring.query_scores import QueryScores

RETRIEVAL = """id,images,Usage
q1,i1 i2,Public
q2,None,Ignored
q3,i3,Private
q4,i1 i4 i5,Private
"""
RECOGNITION = """id,landmarks,Usage
p1,7 12,Public
p2,,Public
p3,100,Ignored
p4,1,Private
p5,,Ignored
p6,7,Private
"""


def write(folder: Path, text: str, name: str = "retrieval_solution_v2.1.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def scores_of(
    asked: dict[str, str], positives: list[list[int]], rankings: list[list[int]]
) -> QueryScores:
    """Queries and their parts, what answers each, and what it finds."""
    judge = LandmarksRetrieval(
        protocol="",
        queries=tuple(Query(id=name, positives=(), part=part) for name, part in asked.items()),
        levels={
            "": [Answers(positives=np.array(one, int), junk=np.zeros(0, int)) for one in positives]
        },
    )
    scores = QueryScores(judge.names, judge.groups)
    queries = np.arange(len(rankings))
    scores.put(queries, judge.scores(queries, np.array(rankings)), 0.0)
    return scores


def looped_average_precision(ranking: Sequence[str], positives: set[str], k: int) -> float:
    seen, correct, precisions = set(), 0, 0.0
    for place, one in enumerate(ranking[:k], start=1):
        if one in positives and one not in seen:
            correct += 1
            precisions += correct / place
        seen.add(one)
    return precisions / min(len(positives), k)


def looped_gap(predictions: dict[str, Prediction], landmarks: dict[str, frozenset[int]]) -> float:
    order = sorted(predictions)  # the sort below keeps it where scores are equal
    order.sort(key=lambda name: predictions[name].score, reverse=True)
    correct, total = 0, 0.0
    for place, name in enumerate(order, start=1):
        if predictions[name].landmark in landmarks[name]:
            correct += 1
            total += correct / place
    return total / len([name for name in landmarks if landmarks[name]])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("k", [1, 5, 100])
def test_average_precision_matches_a_loop_over_rankings_with_repetitions(seed: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    ids = np.array([f"i{number}" for number in range(30)])
    ranking = generator.choice(ids, generator.integers(0, 40))
    positives = generator.choice(ids, generator.integers(1, 12), replace=False)
    expected = looped_average_precision(ranking.tolist(), set(positives.tolist()), k)
    assert google_landmarks.average_precision(ranking, positives, k) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ranking", "positives", "k", "expected"),
    [
        ("abc", "ac", 100, (1 / 1 + 2 / 3) / 2),
        ("aab", "ab", 100, (1 / 1 + 2 / 3) / 2),  # a keeps the second place and adds nothing
        ("bba", "a", 100, 1 / 3),
        ("ax", "abc", 2, (1 / 1) / 2),  # of three, two places can hold two
        ("xa", "a", 1, 0),
        ("", "a", 100, 0),
        ("abc", "", 100, 0),
    ],
)
def test_average_precision_by_hand(ranking: str, positives: str, k: int, expected: float) -> None:
    found = google_landmarks.average_precision(
        np.array(list(ranking), str), np.array(list(positives), str), k
    )
    assert found == pytest.approx(expected)


def test_a_hundred_places_count() -> None:
    ranking = np.arange(1, 201)
    assert google_landmarks.average_precision(ranking, np.array([100])) == 1 / 100
    assert google_landmarks.average_precision(ranking, np.array([101])) == 0
    assert google_landmarks.average_precision(ranking, np.arange(1, 151)) == 1


def test_a_retrieval_solution_tells_queries_answers_and_parts(tmp_path: Path) -> None:
    truth = google_landmarks.read_retrieval_solution(write(tmp_path, RETRIEVAL))
    assert [(query.id, query.positives, query.part) for query in truth.queries] == [
        ("q1", ("i1", "i2"), "Public"),
        ("q3", ("i3",), "Private"),
        ("q4", ("i1", "i4", "i5"), "Private"),
    ]
    assert truth.ignored == {"q2"}


def test_retrieval_is_scored_by_part_and_a_missing_answer_counts_nothing() -> None:
    # q1: 1/1 of two; q3: none; q4: (1/1 + 2/3) of three.
    scores = scores_of(
        asked={"q1": "Public", "q3": "Private", "q4": "Private"},
        positives=[[1, 2], [3], [1, 4, 5]],
        rankings=[[1, 9, -1], [-1, -1, -1], [5, 9, 1]],
    )
    of_q4 = (1 + 2 / 3) / 3
    assert list(scores.means()) == ["mAP@100", "mAP@100 Public", "mAP@100 Private"]
    assert scores.means() == pytest.approx(
        {
            "mAP@100": (1 / 2 + 0 + of_q4) / 3,
            "mAP@100 Public": 1 / 2,
            "mAP@100 Private": (0 + of_q4) / 2,
        }
    )


def test_a_scored_query_without_answers_counts_nothing() -> None:
    scores = scores_of(
        asked={"q1": "Public", "q2": "Public"}, positives=[[1], []], rankings=[[1], [1]]
    )
    assert scores.means() == {"mAP@100": 0.5, "mAP@100 Public": 0.5}


@pytest.mark.parametrize("seed", range(30))
def test_gap_matches_a_loop_over_predictions_with_equal_scores(seed: int) -> None:
    generator = np.random.default_rng(seed)
    names = [f"p{number}" for number in generator.permutation(25)]
    landmarks = {
        name: frozenset(generator.integers(0, 3, generator.integers(0, 3)).tolist())
        for name in names
    }
    landmarks[names[0]] = frozenset([1])
    predictions = {
        name: Prediction(landmark=int(generator.integers(3)), score=float(generator.integers(4)))
        for name in generator.permutation(names)[: generator.integers(0, 26)]
    }
    expected = looped_gap(predictions, landmarks)
    found = google_landmarks.global_average_precision(predictions, landmarks)
    assert found == pytest.approx(expected)


def test_gap_by_hand() -> None:
    landmarks = {
        "a": frozenset([1]),
        "b": frozenset([2, 3]),
        "c": frozenset[int](),
        "d": frozenset([4]),
    }
    predictions = {
        "d": Prediction(landmark=5, score=0.1),  # wrong, and last
        "c": Prediction(landmark=1, score=0.9),  # shows nothing: wrong, and first
        "b": Prediction(landmark=3, score=0.5),  # second, after a, whose id is lower
        "a": Prediction(landmark=1, score=0.5),
    }
    # c wrong, a right 1/2, b right 2/3, d wrong; three photographs show a landmark.
    expected = (1 / 2 + 2 / 3) / 3
    found = google_landmarks.global_average_precision(predictions, landmarks)
    assert found == pytest.approx(expected)


def test_recognition_is_scored_by_part(tmp_path: Path) -> None:
    path = write(tmp_path, RECOGNITION, "recognition_solution_v2.1.csv")
    truth = google_landmarks.read_recognition_solution(path)
    assert truth.landmarks == {
        "p1": frozenset([7, 12]),
        "p2": frozenset(),
        "p4": frozenset([1]),
        "p6": frozenset([7]),
    }
    assert truth.ignored == {"p3", "p5"}
    predictions = {
        "p1": Prediction(landmark=12, score=2),
        "p2": Prediction(landmark=12, score=3),
        "p3": Prediction(landmark=12, score=9),  # ignored
        "p4": Prediction(landmark=1, score=1),
    }
    # All: p2 wrong, p1 right 1/2, p4 right 2/3, of p1, p4, p6. Public: p2 wrong, p1 1/2, of p1.
    # Private: p4 right 1/1, of p4 and p6.
    assert google_landmarks.score_recognition(predictions, truth) == pytest.approx(
        {"GAP": (1 / 2 + 2 / 3) / 3, "GAP Public": 1 / 2, "GAP Private": 1 / 2}
    )
    assert google_landmarks.score_recognition({}, truth) == {
        "GAP": 0, "GAP Public": 0, "GAP Private": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="'p9' for one"):
        google_landmarks.score_recognition({"p9": predictions["p1"]}, truth)


def test_gap_without_a_landmark_or_with_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="No photograph that is scored shows a landmark"):
        google_landmarks.global_average_precision({}, {"a": frozenset()})
    unsure = {"a": Prediction(landmark=1, score=float("nan"))}
    with pytest.raises(ValueError, match="score of a is no finite number: nan"):
        google_landmarks.global_average_precision(unsure, {"a": frozenset([1])})


READERS = {
    "retrieval_solution_v2.1.csv": google_landmarks.read_retrieval_solution,
    "recognition_solution_v2.1.csv": google_landmarks.read_recognition_solution,
}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("retrieval_solution_v2.1.csv", RECOGNITION, "columns id,landmarks,Usage; expected retr"),
        ("recognition_solution_v2.1.csv", RETRIEVAL, "columns id,images,Usage; expected recog"),
        ("retrieval_solution_v2.1.csv", "id,images\nq,i\n", r"expected retrieval_solution_v2\.1"),
        ("retrieval_solution_v2.1.csv", "id,images,Usage\nq,i,Test\n", "Received: 'Test'"),
        ("recognition_solution_v2.1.csv", "id,landmarks,Usage\np,1,\n", "Received: ''"),
        ("retrieval_solution_v2.1.csv", RETRIEVAL + "q1,i1,Public\n", "line 6: 'q1' is there tw"),
        ("retrieval_solution_v2.1.csv", RETRIEVAL + "q2,i1,Public\n", "line 6: 'q2' is there tw"),
        ("retrieval_solution_v2.1.csv", "id,images,Usage\nq,i i,Public\n", "photograph twice: 'i'"),
        ("retrieval_solution_v2.1.csv", "id,images,Usage\nq,None,Ignored\n", "no query that is"),
        ("recognition_solution_v2.1.csv", "id,landmarks,Usage\np,x,Public\n", "of p: 'x'"),
        ("recognition_solution_v2.1.csv", "id,landmarks,Usage\np,,Public\n", "no photograph that"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        READERS[name](write(tmp_path, text, name))


@pytest.mark.parametrize("version", ["v2.0", "v1", "v2", "v2.10"])
def test_a_solution_of_another_version_is_refused_by_its_name(tmp_path: Path, version: str) -> None:
    path = write(tmp_path, RETRIEVAL, f"retrieval_solution_{version}.csv")
    with pytest.raises(
        ValueError, match=rf"{version}.* another version .*retrieval_solution_v2\.1"
    ):
        google_landmarks.read_retrieval_solution(path)


@pytest.mark.parametrize("name", ["mine.csv", "retrieval_solution_v2.1_part.csv"])
def test_a_solution_of_ones_own_may_have_any_name(tmp_path: Path, name: str) -> None:
    found = google_landmarks.read_retrieval_solution(write(tmp_path, RETRIEVAL, name))
    assert len(found.queries) == 3


def test_a_query_with_very_many_answers_is_read(tmp_path: Path) -> None:
    """More than the 131,072 characters that Python's reader takes by default."""
    images = " ".join(f"{number:016x}" for number in range(10_000))
    found = google_landmarks.read_retrieval_solution(
        write(tmp_path, f"id,images,Usage\nq,{images},Public\n")
    )
    assert len(found.queries[0].positives) == 10_000


def test_retrieval_submissions_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    many = [f"i{number}" for number in range(120)]
    landmark_submissions.write_retrieval_submission(
        path, iter([("q1", ["i2", "i1"]), ("q2", []), ("q3", many)])
    )
    lines = path.read_text().splitlines()
    assert lines[:3] == ["id,images", "q1,i2 i1", "q2,"]
    assert landmark_submissions.read_retrieval_submission(path) == {
        "q1": ("i2", "i1"), "q2": (), "q3": tuple(many[:100]),
    }  # fmt: skip


def test_recognition_submissions_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    predictions = {
        "p1": Prediction(landmark=138982, score=0.1 + 0.2),
        "p2": None,
        "p3": Prediction(landmark=5, score=float(np.float32(1e-7))),
        "p4": Prediction(landmark=0, score=-19.0),
    }
    landmark_submissions.write_recognition_submission(path, predictions.items())
    assert path.read_text().splitlines()[:3] == ["id,landmarks", f"p1,138982 {0.1 + 0.2!r}", "p2,"]
    found = landmark_submissions.read_recognition_submission(path)
    assert found == {name: one for name, one in predictions.items() if one is not None}


def test_the_challenges_own_submissions_are_read(tmp_path: Path) -> None:
    """With a space at the end of an answer and blank lines."""
    path = write(tmp_path, "id,landmarks\np1,12 0.1 \n\np2,\n", "a.csv")
    found = landmark_submissions.read_recognition_submission(path)
    assert found == {"p1": Prediction(landmark=12, score=0.1)}
    path = write(tmp_path, "id,images\nq1,i1 i2 \nq2,\n\n", "b.csv")
    assert landmark_submissions.read_retrieval_submission(path) == {"q1": ("i1", "i2"), "q2": ()}


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        ("recognition", "id,landmarks\np,1\n", "line 2: expected one landmark.*Received: '1'"),
        ("recognition", "id,landmarks\np,1 0.5 2 0.4\n", "expected one landmark"),
        ("recognition", "id,landmarks\np,1 nan\n", "expected one landmark"),
        ("recognition", "id,landmarks\np,x 0.5\n", "expected one landmark"),
        ("recognition", "id,landmarks\np,1 1\np,\n", "line 3: 'p' is in line 2, too"),
        ("recognition", "id,images\np,1 1\n", "expected answers .* id,landmarks"),
        ("retrieval", "id,images\nq,a\nq,b\n", "line 3: 'q' is in line 2, too"),
    ],
)
def test_a_damaged_submission_is_refused(
    tmp_path: Path, read: str, text: str, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=message):
        getattr(landmark_submissions, f"read_{read}_submission")(path)


Writer = Callable[[Path], None]


@pytest.mark.parametrize(
    ("write_wrong", "message"),
    [
        (
            lambda path: landmark_submissions.write_retrieval_submission(path, [("q", ["a b"])]),
            "Received: 'a b'",
        ),
        (
            lambda path: landmark_submissions.write_retrieval_submission(path, [("q", [])] * 2),
            "'q' is answered twice",
        ),
        (
            lambda path: landmark_submissions.write_recognition_submission(
                path, [("p", Prediction(landmark=1, score=float("inf")))]
            ),
            "score of p is no finite number",
        ),
    ],
)
def test_what_cannot_be_submitted_is_refused_and_leaves_no_file(
    tmp_path: Path, write_wrong: Writer, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_wrong(tmp_path / "submission.csv")
    assert not list(tmp_path.iterdir())
