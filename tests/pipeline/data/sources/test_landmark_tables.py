import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.data.sources.landmark_attribution import read_attribution
from pipeline.data.sources.landmark_names import (
    LandmarkRow,
    category_name,
    landmark_rows,
    unique_names,
)
from pipeline.data.sources.landmark_tables import as_numbers, find, listed_photographs

A, B, C = "00000000000000aa", "bbbbbbbbbbbbbbbb", "fedcba9876543210"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "train.csv"


def as_dict(path: Path) -> dict[str, int]:
    listed = listed_photographs(path)
    texts = [f"{photograph_id:016x}" for photograph_id in listed.ids]
    return dict(zip(texts, listed.labels.tolist(), strict=True))


def test_photographs_are_listed_once_by_ascending_id(table: Path) -> None:
    table.write_text(f"id,url,landmark_id\n{C},http://c,3\n{A},,203093\n{C},http://c,4\n{B},b,\n")
    assert as_dict(table) == {A: 203093, B: -1, C: 3}
    assert np.all(np.diff(listed_photographs(table).ids) > 0)


def test_a_table_of_ids_alone_has_no_landmarks(table: Path) -> None:
    table.write_bytes(f"\ufeffid\r\n{B}\r\n{A}\r\n".encode())
    assert as_dict(table) == {A: -1, B: -1}


def test_clean_tables_list_several_photographs_a_landmark(table: Path) -> None:
    table.write_text(f"landmark_id,images\n1,{B} {A}\n2,\n3, {C} \n")
    assert as_dict(table) == {A: 1, B: 1, C: 3}


def test_an_empty_table_lists_nothing(table: Path) -> None:
    table.write_text("id,landmark_id\n")
    listed = listed_photographs(table)
    assert listed.ids.dtype == np.uint64
    there, labels = listed.find(np.array([5], np.uint64))
    assert (there.tolist(), labels.tolist()) == ([False], [-1])


@pytest.mark.parametrize("wrong", ["abc", A.upper(), f"{A}0", "", "000000000000000g"])
def test_what_is_no_id_is_refused_by_name(table: Path, wrong: str) -> None:
    table.write_text(f'id,landmark_id\n{A},1\n"{wrong}",2\n')
    with pytest.raises(ValueError, match=rf"train.csv: an id is 16 .* Received: '{wrong}'"):
        listed_photographs(table)


def test_a_landmark_that_is_no_number_is_refused(table: Path) -> None:
    table.write_text(f"id,landmark_id\n{A},Sé\n")
    with pytest.raises(ValueError, match=r"train.csv is damaged .*Sé.*fetch it again"):
        listed_photographs(table)


def test_an_empty_file_is_refused_by_its_missing_columns(table: Path) -> None:
    table.write_text("")
    with pytest.raises(ValueError, match=r"lacks the column id.*an empty file"):
        listed_photographs(table)


def test_rows_that_do_not_fit_the_header_are_left_out_with_a_warning(
    table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table.write_text(f"id,url,landmark_id\n{A},http://a,1\n{B},http://b,2\n{C},htt")
    with caplog.at_level(logging.WARNING, logger="pipeline"):
        assert as_dict(table) == {A: 1, B: 2}
    assert f"do not fit its header: 1, the first '{C},htt'" in caplog.text


def test_a_table_longer_than_a_block_is_read_whole(table: Path) -> None:
    ids = np.random.default_rng(0).permutation(300_000)
    padding = "\n" * 50  # 24 MB, more than the 16 MiB of a block, which ends within a field
    rows = "".join(f'{i:016x},"{padding}",{i % 1000}\n' for i in ids)
    table.write_text(f"id,url,landmark_id\n{rows}")
    listed = listed_photographs(table)
    assert np.array_equal(listed.ids, np.arange(300_000, dtype=np.uint64))
    assert np.array_equal(listed.labels, np.arange(300_000) % 1000)


def test_ids_become_the_numbers_they_spell() -> None:
    texts = pa.array(["x" * 16, A, C, "f" * 16])[1:]  # a slice has an offset
    numbers = as_numbers(texts, Path("train.csv"))
    assert numbers.tolist() == [0xAA, 0xFEDCBA9876543210, 2**64 - 1]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_find_matches_a_loop(count: int) -> None:
    ascending = np.arange(count, dtype=np.uint64) * np.uint64(2)
    ids = np.array([7, 0, 4, 1, 8, 8], np.uint64)
    positions, found = find(ascending, ids)
    assert found.tolist() == [number in ascending.tolist() for number in ids.tolist()]
    assert np.array_equal(ascending[positions[found]], ids[found])


@pytest.mark.parametrize(
    ("category", "name"),
    [
        (
            "http://commons.wikimedia.org/wiki/Category:Happy_Valley_Racecourse",
            "Happy Valley Racecourse",
        ),
        ("https://commons.wikimedia.org/wiki/Category:S%C3%A9_do_Porto", "Sé do Porto"),
        ("http://commons.wikimedia.org/wiki/Category:Church/Tower:_A", "Church/Tower: A"),
        ("http://commons.wikimedia.org/wiki/Arc_de_Triomphe", "Arc de Triomphe"),
        ("Big Ben", "Big Ben"),
        ("", ""),
    ],
)
def test_a_landmark_is_named_as_its_category(category: str, name: str) -> None:
    assert category_name(category) == name


def test_shared_and_missing_names_get_the_label() -> None:
    names = {1: "Castle", 2: "Castle", 3: "", 4: "3", 5: "Castle (1)", 6: "Abbey"}
    unique = unique_names(names)
    assert len(set(unique.values())) == len(names)
    assert (unique[2], unique[6]) == ("Castle (2)", "Abbey")
    assert unique_names({3: "", 9: "Abbey"}) == {3: "3", 9: "Abbey"}


def test_tables_of_landmarks_are_joined_and_the_later_goes_first(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("landmark_id,supercategory,category,new\n1,church,a/A,x\n2,,a/B,y\n")
    second.write_text("category,landmark_id\nb/A,1\n,2\nb/C,3\n")
    assert landmark_rows(first, None, second) == {
        1: LandmarkRow(category="b/A", supercategory="church"),
        2: LandmarkRow(category="a/B"),
        3: LandmarkRow(category="b/C"),
    }


def test_attribution_is_kept_for_the_wanted_and_replaces_what_is_no_unicode(table: Path) -> None:
    table.write_bytes(
        f'author,title,id\nA "b" c,"x, ""y""\nz",{C}\n'.encode()
        + b"\xe9,t,"
        + f"{A}\nBob,t,{B}\n".encode()
    )
    attribution = read_attribution(table, np.array([0xAA, int(C, 16)], np.uint64))
    assert attribution.of(int(C, 16)) == {"author": 'A "b" c', "title": 'x, "y"\nz'}
    assert attribution.of(0xAA)["author"] == "\ufffd"
    assert attribution.of(int(B, 16)) == {}
    assert attribution.table.num_rows == 2


def test_attribution_without_a_table_or_its_columns_is_empty(table: Path) -> None:
    wanted = np.array([0xAA], np.uint64)
    assert read_attribution(None, wanted).of(0xAA) == {}
    table.write_text(f"id,landmark_id\n{A},1\n")
    assert read_attribution(table, wanted).of(0xAA) == {}
