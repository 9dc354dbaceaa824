from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.scoring.ground_truth import GroundTruth, LeftOut, Query, relevance
from pipeline.scoring.pairs_file import read_pairs
from pipeline.scoring.photograph_names import find_photographs

IDS = ["a1", "b2", "c3", "d4"]
TITLES = ["tower/1.jpg", "tower/2.jpg", "bridge/1.jpg", "bridge/old.town.png"]


def truth(*queries: Query, left_out: LeftOut = "itself", **changes: Any) -> GroundTruth:
    return GroundTruth(file="truth", queries=queries, left_out=left_out, **changes)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("b2", 1),
        ("tower/2.jpg", 1),
        ("2.jpg", 1),
        ("tower/2", 1),
        ("2", 1),
        ("old.town", 3),
        ("bridge/old.town", 3),
        ("old", -1),
        ("jpg", -1),
        ("", -1),
        ("tower", -1),
    ],
)
def test_a_photograph_is_found_by_its_id_or_parts_of_its_path(name: str, row: int) -> None:
    assert find_photographs([name], IDS, TITLES, "truth").tolist() == [row]


def test_what_is_nearest_to_the_whole_name_is_meant() -> None:
    """The id before a title, a whole path before its last part."""
    ids, titles = ["x.jpg", "b", "c"], ["a/y.jpg", "x.jpg", "y.jpg"]
    assert find_photographs(["x.jpg", "y.jpg"], ids, titles, "truth").tolist() == [0, 2]


def test_a_name_of_two_photographs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"truth names '1.jpg', which could be a1 .* or c3 "):
        find_photographs(["1.jpg"], IDS, TITLES, "truth")


def test_titles_that_are_unknown_name_nothing() -> None:
    assert find_photographs(["", "b"], ["a", "b"], ["", ""], "truth").tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("left_out", "junk"),
    [("itself", [[0, 3], [1]]), ("queries", [[0, 1, 3], [0, 1]]), ("nothing", [[3], []])],
)
def test_what_is_left_out_for_a_query_is_junk(left_out: LeftOut, junk: list[list[int]]) -> None:
    found = truth(
        Query(id="tower/1", positives=("c3",), junk=("old.town",)),
        Query(id="b2", positives=("d4", "bridge/1.jpg")),
        left_out=left_out,
    )
    # Two names of one photograph, though in different queries, are two spellings too many.
    with pytest.raises(ValueError, match=r"in two ways: 'c3' and 'bridge/1\.jpg'"):
        found.locate(IDS, TITLES)
    found = truth(
        Query(id="tower/1", positives=("c3",), junk=("d4",)),
        Query(id="b2", positives=("d4", "c3")),
        left_out=left_out,
    )
    located = found.locate(IDS, TITLES)
    assert [one.positives.tolist() for one in located] == [[2], [2, 3]]
    assert [one.junk.tolist() for one in located] == junk


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (Query(id="a1", positives=("b2", "z")), "1 of the 3 photographs .* 'z'"),
        (Query(id="a1", positives=("b2",), junk=("y",)), "1 of the 3 photographs .* 'y'"),
        (Query(id="z", positives=("b2",)), "1 of the 2 photographs .* 'z'"),
        (Query(id="a1", positives=tuple("vwxyz")), "5 of the 6 .* 'v', 'w', 'x' and 2 more"),
    ],
)
def test_what_the_collection_lacks_is_an_error(query: Query, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        truth(query).locate(IDS, TITLES)


def test_a_collection_that_lacks_what_is_no_answer_is_an_error_too() -> None:
    whole = truth(Query(id="q", positives=("a1",)), left_out="queries", collection=("a1", "e5"))
    with pytest.raises(ValueError, match=r"1 of the 2 photographs that truth names .* 'e5'"):
        whole.locate(IDS, TITLES)


def test_a_query_that_is_named_apart_need_not_be_in_the_collection() -> None:
    (answers,) = truth(Query(id="q", positives=("a1",)), left_out="nothing").locate(IDS, TITLES)
    assert (answers.positives.tolist(), answers.junk.tolist()) == ([0], [])


@pytest.mark.parametrize(
    ("queries", "changes", "message"),
    [
        ([], {}, "no query that is scored"),
        ([Query(id="q", positives=("a",))] * 2, {}, "has queries twice: 'q'"),
        ([Query(id="q", positives=("q",))], {}, "'q' for an answer to itself"),
        ([Query(id="q", positives=("a", "a"))], {}, "'q' the same photograph twice: 'a'"),
        ([Query(id="q", positives=("a",), junk=("a",))], {}, "the same photograph twice: 'a'"),
        ([Query(id="q", positives=("b",))], {"collection": ("a",)}, "in no collection: 'b'"),
        ([Query(id="q", positives=("a",))], {"collection": ("a", "a")}, "photographs twice: 'a'"),
        ([Query(id="q", positives=("a",))], {"ignored": frozenset("q")}, "and ignores: 'q'"),
    ],
)
def test_a_ground_truth_that_contradicts_itself_is_refused(
    queries: list[Query], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        truth(*queries, **changes)


@pytest.mark.parametrize("kind", [int, str])
def test_junk_is_taken_out_before_places_are_counted(kind: type) -> None:
    numbers = ([5, 2, 9, 4, 7], [4, 9], [2, 7, 8])
    ranking, positives, junk = (np.array(list(map(kind, some))) for some in numbers)
    assert relevance(ranking, positives, junk).tolist() == [False, True, True]


@pytest.mark.parametrize("junk", [[], [1, 2, 3]])
def test_nothing_ranked_or_all_of_it_junk_leaves_no_place(junk: list[int]) -> None:
    ranking = np.array(junk, np.int64)
    found = relevance(ranking, np.array([8]), np.array(junk, np.int64))
    assert found.tolist() == []
    assert found.dtype == bool


def test_a_photograph_that_is_ranked_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="same photograph twice"):
        relevance(np.array([3, 1, 3]), np.array([1]), np.array([], np.int64))


def write(folder: Path, text: str) -> Path:
    path = folder / "similar.csv"
    path.write_text(text)
    return path


def test_pairs_of_a_folder_are_read_with_what_csv_allows(tmp_path: Path) -> None:
    text = '\ufeffquery,similar\r\na/1.jpg,a/2.jpg\r\n\r\n"b, c/1.jpg",a/1.jpg\na/1.jpg,d4\n'
    found = read_pairs(write(tmp_path, text))
    assert [(query.id, query.positives) for query in found.queries] == [
        ("a/1.jpg", ("a/2.jpg", "d4")),
        ("b, c/1.jpg", ("a/1.jpg",)),
    ]
    assert found.left_out == "itself"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has the columns of nothing; expected a file of pairs"),
        ("query,similar\n", "has a header and no rows"),
        ("query;similar\na;b\n", "has the columns query;similar; expected .* query,similar"),
        ("similar,query\na,b\n", "has the columns similar,query"),
        ("query,similar\na,b\na\n", r"line 3: expected 2 fields .* Received: 1"),
        ("query,similar\na,b,c\n", r"line 2: expected 2 fields .* Received: 3"),
        ("query,similar\na,\n", "line 2: a pair has two photographs"),
        ("query,similar\na,b\na,a\n", "line 3: 'a' is similar to itself"),
        ("query,similar\na,b\nb,a\na,b\n", "line 4: the pair 'a', 'b' is in line 2"),
        ('query,similar\n"a,b\n', "line 2: unexpected end of data"),
    ],
)
def test_a_damaged_file_of_pairs_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_pairs(write(tmp_path, text))


def test_a_file_of_pairs_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "similar.csv"
    path.write_bytes("query,similar\nschloß,b\n".encode("latin1"))
    with pytest.raises(ValueError, match="not in UTF-8"):
        read_pairs(path)


def test_a_missing_file_of_pairs_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"similar.csv is no file; name a file of pairs"):
        read_pairs(tmp_path / "similar.csv")
