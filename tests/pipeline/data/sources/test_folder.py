import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.sources.folder import FolderSource
from pipeline.data.sources.source import Skipped, SourcePhotograph, content_id


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def read(source: FolderSource) -> list[SourcePhotograph | Skipped]:
    return list(source.read(np.arange(len(source.labels))))


def names(source: FolderSource) -> list[tuple[str, str]]:
    found = read(source)
    return [(one.landmark, one.name) for one in found if isinstance(one, SourcePhotograph)]


def test_sub_folders_are_landmarks_in_sorted_order(tmp_path: Path) -> None:
    source = FolderSource(fill(tmp_path, "Sé/b.jpg", "Aliados/z.jpg", "Aliados/a.png"))
    assert source.names == {0: "Aliados", 1: "Sé"}
    expected = [("Aliados", "Aliados/a.png"), ("Aliados", "Aliados/z.jpg"), ("Sé", "Sé/b.jpg")]
    assert names(source) == expected
    assert source.labels.tolist() == [0, 0, 1]
    (last,) = source.read(np.array([2]))
    assert last == SourcePhotograph(
        name="Sé/b.jpg", encoded="Sé/b.jpg".encode(), landmark="Sé", label=1, title="Sé/b.jpg"
    )


def test_deeper_folders_belong_to_the_outermost(tmp_path: Path) -> None:
    source = FolderSource(fill(tmp_path, "Sé/2019/a.jpg", "Sé/2020/a.jpg"))
    assert source.names == {0: "Sé"}
    assert names(source) == [("Sé", "Sé/2019/a.jpg"), ("Sé", "Sé/2020/a.jpg")]


def test_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    source = FolderSource(fill(tmp_path, "2.jpg", "1.jpg"))
    assert source.names == {}
    assert names(source) == [("", "1.jpg"), ("", "2.jpg")]


def test_photographs_beside_the_sub_folders_are_unlabelled(tmp_path: Path) -> None:
    source = FolderSource(fill(tmp_path, "street.jpg", "Sé/a.jpg"))
    assert names(source) == [("Sé", "Sé/a.jpg"), ("", "street.jpg")]
    assert source.labels.tolist() == [0, -1]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "Sé/a.jpg", "Sé/.DS_Store", ".thumbnails/a.jpg", "Sé/.cache/a.jpg", ".b.jpg")
    source = FolderSource(tmp_path)
    assert names(source) == [("Sé", "Sé/a.jpg")]


def test_source_itself_may_lie_in_a_hidden_folder(tmp_path: Path) -> None:
    source = FolderSource(fill(tmp_path / ".hidden" / "photos", "a.jpg"))
    assert names(source) == [("", "a.jpg")]


def test_content_id_is_the_start_of_the_hash() -> None:
    assert content_id(b"a.jpg") == hashlib.sha256(b"a.jpg").hexdigest()[:16]


def test_a_link_that_leads_nowhere_is_skipped_by_name(tmp_path: Path) -> None:
    (fill(tmp_path, "a.jpg") / "gone.jpg").symlink_to(tmp_path / "nothing")
    found, skipped = read(FolderSource(tmp_path))
    assert found.name == "a.jpg"
    assert isinstance(skipped, Skipped)
    assert (skipped.name, skipped.reason[:14]) == ("gone.jpg", "cannot be read")


def test_linked_folders_are_landmarks_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path / "disk", "Sé/a.jpg")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "disk" / "Sé")
    (tmp_path / "disk" / "Sé" / "back").symlink_to(tmp_path / "photos")
    source = FolderSource(tmp_path / "photos")
    assert names(source) == [("linked", "linked/a.jpg")]
    before = source.fingerprint
    (tmp_path / "disk" / "Sé" / "a.jpg").write_bytes(b"another photograph")
    assert FolderSource(tmp_path / "photos").fingerprint != before


def test_names_that_are_not_utf_8_can_be_written_all_the_same(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/S\xe9"
    os.mkdir(folder)
    Path(os.fsdecode(folder + b"/\xff.jpg")).write_bytes(b"a")
    source = FolderSource(tmp_path)
    assert source.names == {0: "S\ufffd"}
    assert names(source) == [("S\ufffd", "S\ufffd/\ufffd.jpg")]


def test_fingerprint_tells_of_a_new_a_changed_and_a_renamed_file(tmp_path: Path) -> None:
    def fingerprint() -> str:
        return FolderSource(tmp_path).fingerprint

    seen = [(fill(tmp_path, "Sé/a.jpg"), fingerprint())[1]]
    assert fingerprint() == seen[0]
    fill(tmp_path, "Sé/b.jpg")
    seen.append(fingerprint())
    (tmp_path / "Sé/b.jpg").write_bytes(b"longer")
    seen.append(fingerprint())
    (tmp_path / "Sé/b.jpg").rename(tmp_path / "Sé/c.jpg")
    seen.append(fingerprint())
    assert len(set(seen)) == 4
    assert len(FolderSource(tmp_path).labels) == 2


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--photos=.*nothing is no folder"):
        FolderSource(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"a.jpg is no folder"):
        FolderSource(fill(tmp_path, "a.jpg") / "a.jpg")


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Sé").mkdir()
    fill(tmp_path, ".DS_Store")
    with pytest.raises(ValueError, match="is empty; put photographs into it"):
        FolderSource(tmp_path)
