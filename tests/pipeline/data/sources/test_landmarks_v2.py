import hashlib
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.sources.landmark_listing import Part
from pipeline.data.sources.landmarks_v2 import LandmarksV2Source
from pipeline.data.sources.source import Skipped, SourcePhotograph
from tests.landmark_trees import (
    AWKWARD,
    LANDMARKS,
    Member,
    landmark_members,
    write_kaggle_tree,
    write_landmark_tree,
    write_md5,
    write_table,
    write_tar,
    write_unpacked,
)

PARTS: tuple[Part, ...] = ("train", "index", "test")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "gldv2"


def photographs(source: LandmarksV2Source) -> list[SourcePhotograph]:
    """All of them, none skipped."""
    found = list(source.read(np.arange(len(source.labels))))
    assert [item for item in found if isinstance(item, Skipped)] == []
    return [item for item in found if isinstance(item, SourcePhotograph)]


def contents(source: LandmarksV2Source) -> list[tuple[str | None, int, bytes]]:
    """Id, label and bytes of every photograph, in the order of the ids."""
    found = [(photo.id, photo.label, photo.encoded) for photo in photographs(source)]
    assert [label for _, label, _ in found] == source.labels.tolist()
    return sorted(found)


def expected(members: list[Member]) -> list[tuple[str, int, bytes]]:
    return [(member.id, member.landmark, member.encoded) for member in members]


def reasons(source: LandmarksV2Source) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in source.left_out}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("tars", "tables"), [(0, "."), (3, "."), (2, "metadata")])
def test_every_split_is_read_unpacked_or_out_of_its_tars(
    tree: Path, part: Part, tars: int, tables: str
) -> None:
    members = write_landmark_tree(tree, tars=tars, tables=tables)
    source = LandmarksV2Source(tree, part)
    assert contents(source) == expected(members[part])
    assert source.labels.dtype == np.int64
    assert list(source.left_out) == []


def test_an_id_that_is_in_train_and_in_the_index_is_two_photographs(tree: Path) -> None:
    members = write_landmark_tree(tree)
    shared = {m.id for m in members["train"]} & {m.id for m in members["index"]}
    assert len(shared) == 2
    of_train, of_index = (
        {photo.id: photo for photo in photographs(LandmarksV2Source(tree, part))}
        for part in ("train", "index")
    )
    for photograph_id in shared:
        assert of_train[photograph_id].encoded != of_index[photograph_id].encoded
        assert of_index[photograph_id].author == ""


def test_landmarks_are_named_by_their_split_and_uniquely(tree: Path) -> None:
    write_landmark_tree(tree)
    assert LandmarksV2Source(tree, "train").names == {
        7: "Sé do Porto",
        12: "Happy Valley (Hong Kong)",
        40: "Castle (40)",
        203093: "Castle (203093)",
    }
    source = LandmarksV2Source(tree, "index")
    assert source.names == {3: "Arènes d'Arles", 7: "Pont du Gard"}
    assert {photo.landmark for photo in photographs(source)} == set(source.names.values())
    assert source.landmarks[3].hierarchical_label == "church/x"
    assert source.landmarks[3].category.endswith("Category:Arènes_d%27Arles")


def test_a_name_does_not_depend_on_which_photographs_are_there(tree: Path) -> None:
    members = write_landmark_tree(tree, splits=["train"])["train"]
    for member in members:
        if member.landmark != 40:
            (tree / "train" / member.path).unlink()
    assert LandmarksV2Source(tree, "train").names == {40: "Castle (40)"}


def test_test_photographs_have_no_landmark(tree: Path) -> None:
    write_landmark_tree(tree)
    source = LandmarksV2Source(tree, "test")
    assert (source.labels.tolist(), dict(source.names)) == ([-1, -1, -1], {})
    assert {photo.landmark for photo in photographs(source)} == {""}


def test_clean_photographs_are_those_that_the_clean_table_lists(tree: Path) -> None:
    members = write_landmark_tree(tree, tars=2)["train"]
    source = LandmarksV2Source(tree, "train_clean")
    assert contents(source) == expected([m for m in members if m.landmark in (7, 12)])
    assert list(source.left_out) == []
    assert photographs(source)[0].url.startswith("https://upload.example.org/")


def test_attribution_keeps_unicode_quotes_commas_and_newlines(tree: Path) -> None:
    members = write_landmark_tree(tree)["train"]
    found = photographs(LandmarksV2Source(tree, "train"))
    assert [photo.author for photo in found[:3]] == list(AWKWARD)
    assert [photo.title for photo in found[:3]] == ["Zoë", "Two", ""]
    assert (found[0].license, found[2].license) == (
        "https://creativecommons.org/licenses/by/2.0",
        "",
    )
    assert found[2].url == f"https://upload.example.org/{members[2].id}.jpg"
    assert (found[-1].author, found[-1].url) == ("", "")  # it has no row


def test_columns_are_found_by_their_header(tree: Path) -> None:
    members = write_landmark_tree(tree, splits=["train"])["train"]
    rows = [("x", m.landmark, "https://a.org", m.id) for m in members]
    write_table(tree / "train.csv", ("new", "landmark_id", "url", "id"), rows)
    attribution = [("by", "Ann", members[0].id)]
    write_table(tree / "train_attribution.csv", ("license", "author", "id"), attribution)
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members)
    first = photographs(source)[0]
    assert (first.author, first.license, first.title) == ("Ann", "by", "")


def test_tables_but_the_listing_one_may_be_missing(tree: Path) -> None:
    members = write_landmark_tree(tree, splits=["train"])["train"]
    for table in tree.glob("train_*.csv"):
        table.unlink()
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members)
    assert source.names == {label: str(label) for label in LANDMARKS["train"]}
    first = photographs(source)[0]
    assert (first.url, first.author) == (f"https://upload.example.org/{members[0].id}.jpg", "")


@pytest.mark.parametrize("part", PARTS)
def test_kaggles_tree_is_read_without_its_other_tables(tree: Path, part: Part) -> None:
    members = write_kaggle_tree(tree)[part]
    source = LandmarksV2Source(tree, part)
    unknown = [Member(id=m.id, landmark=-1, encoded=m.encoded) for m in members]
    assert contents(source) == expected(members if part == "train" else unknown)
    assert (photographs(source)[0].url, list(source.left_out)) == ("", [])


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [("train", "train/"), ("train", "./"), ("images/train", ""), (".", ""), (".", "train/")],
)
def test_tars_lie_where_people_have_them(tree: Path, folder: str, prefix: str) -> None:
    members = write_landmark_tree(tree, splits=["train"], tars=1)["train"]
    (tree / "train" / "images_000.tar").unlink()
    (tree / "train").rmdir()
    (tree / "md5sum" / "train" / "md5.images_000.txt").unlink()
    write_tar(tree / folder / "images_000.tar", members, prefix)
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members)
    assert photographs(source)[0].name == f"images_000.tar:{members[0].path}"


def test_photographs_unpacked_by_the_download_script_lie_in_the_folder_itself(tree: Path) -> None:
    members = write_landmark_tree(tree, splits=["test"])["test"]
    for digit in list((tree / "test").iterdir()):
        digit.rename(tree / digit.name)
    assert contents(LandmarksV2Source(tree, "test")) == expected(members)
    (tree / "test.csv").unlink()  # they may now be of any split
    with pytest.raises(FileNotFoundError, match=r"no photographs .* test split"):
        LandmarksV2Source(tree, "test")


def test_a_photograph_that_is_unpacked_and_in_a_tar_is_one(tree: Path) -> None:
    members = write_landmark_tree(tree, splits=["train"], tars=2)["train"]
    write_unpacked(tree / "train", members[:4])
    write_tar(tree / "train" / "images_002.tar", members[:3])
    assert contents(LandmarksV2Source(tree, "train")) == expected(members)


def test_numbers_follow_the_tars_from_front_to_back_then_unpacked_ones(tree: Path) -> None:
    members = landmark_members("train")
    write_landmark_tree(tree, splits=["train"])
    for member in members[2:]:
        (tree / "train" / member.path).unlink()
    backwards = members[:1:-1]
    write_tar(tree / "train" / "images_000.tar", backwards[:4])
    write_tar(tree / "train" / "images_001.tar", backwards[4:])
    names = [photo.name for photo in photographs(LandmarksV2Source(tree, "train"))]
    assert names == [
        *(f"images_000.tar:{member.path}" for member in backwards[:4]),
        *(f"images_001.tar:{member.path}" for member in backwards[4:]),
        *(f"train/{member.path}" for member in members[:2]),
    ]


def test_some_numbers_give_those_photographs(tree: Path) -> None:
    write_landmark_tree(tree, tars=2)
    source = LandmarksV2Source(tree, "train")
    everything = photographs(source)
    assert list(source.read(np.array([1, 4, 9]))) == [everything[i] for i in (1, 4, 9)]


def test_a_tar_with_another_md5_is_left_out_whole_and_named(tree: Path) -> None:
    members = write_landmark_tree(tree, tars=2)["train"]
    write_md5(tree, "train", 1, md5="0" * 32)
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members[0::2])
    found = hashlib.md5((tree / "train" / "images_001.tar").read_bytes()).hexdigest()
    reason = reasons(source).pop("train/images_001.tar")
    assert reason.startswith(f"its MD5 is {found}, published is {'0' * 32}; none of its")
    assert "--redownload" in reason
    assert set(reasons(source)) == {"train/images_001.tar"} | {
        f"train/{member.path}" for member in members[1::2]
    }
    assert list(source.bad_tars) == [tree / "train" / "images_001.tar"]


def test_a_photograph_of_a_bad_tar_is_taken_where_it_is_unpacked(tree: Path) -> None:
    members = write_landmark_tree(tree, tars=2)["train"]
    write_md5(tree, "train", 1, md5="0" * 32)
    write_unpacked(tree / "train", members[1::2])
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members)
    assert set(reasons(source)) == {"train/images_001.tar"}


@pytest.mark.parametrize("has_md5", [True, False])
def test_a_tar_cut_short_is_left_out_with_and_without_an_md5_file(
    tree: Path, has_md5: bool
) -> None:
    members = write_landmark_tree(tree, tars=2)["train"]
    tar = tree / "train" / "images_000.tar"
    tar.write_bytes(tar.read_bytes()[:5000])
    if not has_md5:
        (tree / "md5sum" / "train" / "md5.images_000.txt").unlink()
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members[1::2])
    reason = reasons(source)["train/images_000.tar"]
    assert ("its MD5 is" if has_md5 else "it is cut short") in reason


def test_md5_files_lie_beside_the_tars_too(tree: Path) -> None:
    write_landmark_tree(tree, splits=["train"], tars=2)
    write_md5(tree, "train", 1, md5="0" * 32)
    for md5 in list((tree / "md5sum" / "train").iterdir()):
        md5.rename(tree / "train" / md5.name)
    assert "train/images_001.tar" in reasons(LandmarksV2Source(tree, "train"))


def test_md5_of_a_tar_in_the_folder_itself_may_be_any_splits(tree: Path) -> None:
    members = write_landmark_tree(tree, splits=["train", "test"], tars=1)["train"]
    (tree / "train" / "images_000.tar").rename(tree / "images_000.tar")
    assert contents(LandmarksV2Source(tree, "train")) == expected(members)
    write_md5(tree, "test", 0)
    (tree / "md5sum" / "train" / "md5.images_000.txt").unlink()
    source = LandmarksV2Source(tree, "train")
    assert "images_000.tar" in reasons(source)
    assert list(source.bad_tars) == []  # nobody knows which to fetch


def test_tars_without_md5_files_are_counted_in_a_message(
    tree: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_landmark_tree(tree, tars=3)
    (tree / "md5sum" / "train" / "md5.images_001.txt").unlink()
    (tree / "md5sum" / "train" / "md5.images_002.txt").write_text("<Error>AccessDenied</Error>")
    with caplog.at_level(logging.INFO, logger="pipeline"):
        assert list(LandmarksV2Source(tree, "train").left_out) == []
    assert "2 of the 3 tars" in caplog.text


def test_a_few_missing_photographs_are_named(tree: Path) -> None:
    members = write_landmark_tree(tree)["train"]
    for member in members[2:4]:
        (tree / "train" / member.path).unlink()
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members[:2] + members[4:])
    reason = "listed in train.csv, but neither unpacked nor in a whole tar"
    assert reasons(source) == {f"train/{member.path}": reason for member in members[2:4]}


def test_many_missing_photographs_are_counted(tree: Path) -> None:
    members = write_landmark_tree(tree)["train"]
    others = [(f"{number:016x}", 5) for number in range(1989)]
    rows = [*others, *((m.id, m.landmark) for m in members)]
    write_table(tree / "train.csv", ("id", "landmark_id"), rows)
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members)
    assert reasons(source) == {
        "train.csv": "1,989 of its 2,000 photographs are neither unpacked nor in a whole tar "
        "(0000000000000000, 0000000000000001, 0000000000000002, ...)"
    }


@pytest.mark.parametrize("count", [2, 11])
def test_photographs_in_no_table_are_left_out_named_or_counted(tree: Path, count: int) -> None:
    members = write_landmark_tree(tree)["train"]
    others = [Member(id=f"{number:016x}", landmark=5, encoded=b"") for number in range(count)]
    write_unpacked(tree / "train", others)
    source = LandmarksV2Source(tree, "train")
    assert contents(source) == expected(members)
    if count == 2:
        assert reasons(source) == {f"train/{m.path}": "not in train.csv" for m in others}
    else:
        assert list(reasons(source)) == ["train/"]
        assert reasons(source)["train/"].startswith(
            f"11 photographs are not in train.csv (train/{others[0].path}, "
        )


def test_other_splits_tars_in_the_folder_itself_are_nothing_to_report(tree: Path) -> None:
    write_landmark_tree(tree, splits=["test"])
    write_tar(tree / "images_000.tar", landmark_members("train"))
    source = LandmarksV2Source(tree, "test")
    assert (len(source.labels), list(source.left_out)) == (3, [])


def test_a_photograph_that_vanishes_is_skipped_with_the_reason(tree: Path) -> None:
    members = write_landmark_tree(tree)["train"]
    source = LandmarksV2Source(tree, "train")
    assert len(source.labels) == len(members)
    (tree / "train" / members[1].path).unlink()
    first, second, third = source.read(np.arange(3))
    assert isinstance(first, SourcePhotograph)
    assert second == Skipped(
        name=f"train/{members[1].path}", reason="cannot be read: No such file or directory"
    )
    assert isinstance(third, SourcePhotograph)


def test_a_tar_that_shrinks_or_vanishes_skips_its_photographs_only(tree: Path) -> None:
    members = write_landmark_tree(tree, tars=2)["train"]
    source = LandmarksV2Source(tree, "train")
    numbers = np.arange(len(source.labels))
    tar = tree / "train" / "images_000.tar"
    tar.write_bytes(tar.read_bytes()[:2000])
    found = list(source.read(numbers))
    assert found[0] == Skipped(
        name=f"images_000.tar:{members[0].path}",
        reason="cannot be read: images_000.tar has become shorter since it was checked",
    )
    tar.unlink()
    found = list(source.read(numbers))
    assert [isinstance(item, Skipped) for item in found] == [True] * 6 + [False] * 5


@pytest.mark.parametrize("tars", [0, 2])
def test_a_pickled_sources_numbers_mean_the_same_photographs(tree: Path, tars: int) -> None:
    members = write_landmark_tree(tree, tars=tars)["train"]
    before = photographs(LandmarksV2Source(tree, "train"))
    again = pickle.loads(pickle.dumps(LandmarksV2Source(tree, "train")))
    write_tar(tree / "train" / "images_00.tar", members[5:])  # these would now come first
    assert photographs(LandmarksV2Source(tree, "train")) != before
    assert photographs(again) == before


def test_a_pickle_is_without_the_attribution(tree: Path) -> None:
    """That of train takes .7 GB."""
    write_landmark_tree(tree)
    source = LandmarksV2Source(tree, "train")
    assert photographs(source)[0].author == AWKWARD[0]
    pickled = pickle.dumps(source)
    assert AWKWARD[0].encode() not in pickled
    assert photographs(pickle.loads(pickled)) == photographs(source)


def test_fingerprint_differs_when_a_photograph_a_tar_or_a_table_changes(tree: Path) -> None:
    members = write_landmark_tree(tree, tars=2)["train"]

    def fingerprint() -> str:
        return LandmarksV2Source(tree, "train").fingerprint

    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    write_unpacked(tree / "train", members[:1])
    seen.append(fingerprint())
    (tree / "train" / members[0].path).write_bytes(b"other")
    seen.append(fingerprint())
    write_tar(tree / "train" / "images_001.tar", members[:2])
    seen.append(fingerprint())
    write_md5(tree, "train", 1)
    seen.append(fingerprint())
    write_table(tree / "train_clean.csv", ("landmark_id", "images"), [])
    seen.append(fingerprint())
    assert len(set(seen)) == len(seen)
    write_table(tree / "index.csv", ("id",), [])  # another split's
    assert fingerprint() == seen[-1]


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_layout_is_refused_with_what_was_looked_for(tree: Path, part: Part) -> None:
    write_table(tree / f"{part}.csv", ("id", "landmark_id"), [])
    (tree / "Sé").mkdir()
    (tree / "Sé" / "a.jpg").write_bytes(b"")
    with pytest.raises(FileNotFoundError) as error:
        LandmarksV2Source(tree, part)
    for looked_for in (f"{part}/0/1/2/", f"{part}/images_000.tar", f"images/{part}/"):
        assert looked_for in str(error.value)
    assert f"--download=gldv2:{part}:0-9" in str(error.value)


@pytest.mark.parametrize("part", ["train", "train_clean"])
def test_a_missing_listing_table_of_train_is_named_with_its_origin(tree: Path, part: Part) -> None:
    write_landmark_tree(tree)
    (tree / f"{part}.csv").unlink()
    with pytest.raises(FileNotFoundError, match=rf"no {part}\.csv.*google-landmark"):
        LandmarksV2Source(tree, part)


def test_a_train_table_without_landmarks_is_refused(tree: Path) -> None:
    write_landmark_tree(tree)
    write_table(tree / "train.csv", ("id", "url"), [])
    with pytest.raises(ValueError, match=r"train\.csv lacks the column landmark_id.*id, url"):
        LandmarksV2Source(tree, "train")
