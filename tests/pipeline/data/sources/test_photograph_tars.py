import hashlib
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.sources.photograph_tars import BadTarError, TarMemory, checked_members
from tests.landmark_trees import Member, write_tar

MEMBERS = [
    Member(id=f"{number:016x}", landmark=1, encoded=bytes([number]) * 700) for number in (9, 2, 5)
]


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    write_tar(tmp_path / "images_000.tar", MEMBERS)
    return tmp_path / "images_000.tar"


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("with_md5", [True, False])
def test_members_are_where_they_are_said_to_be(tar: Path, with_md5: bool) -> None:
    found = checked_members(tar, [md5(tar)] if with_md5 else [])
    assert found.ids.tolist() == [9, 2, 5]
    content = tar.read_bytes()
    for member, offset, size in zip(MEMBERS, found.offsets, found.sizes, strict=True):
        assert content[offset : offset + size] == member.encoded


def test_an_id_of_all_ones_is_kept(tmp_path: Path) -> None:
    """It does not fit into int64."""
    member = Member(id="f" * 16, landmark=1, encoded=b"x")
    write_tar(tmp_path / "images_000.tar", [member])
    assert checked_members(tmp_path / "images_000.tar", []).ids.tolist() == [2**64 - 1]


def test_what_is_no_photograph_of_the_set_is_passed_over(tar: Path) -> None:
    with tarfile.open(tar, "a") as archive:
        for name in ("README", "a.jpg", "._0000000000000001.jpg", "0000000000000001.png"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("0000000000000001.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "README"
        archive.addfile(link)
    assert checked_members(tar, []).ids.tolist() == [9, 2, 5]


def test_one_of_several_md5s_is_enough(tar: Path) -> None:
    assert len(checked_members(tar, ["0" * 32, md5(tar)]).ids) == 3
    with pytest.raises(BadTarError, match=f"its MD5 is {md5(tar)}, published is 000+ or 111+"):
        checked_members(tar, ["0" * 32, "1" * 32])


def test_a_tar_cut_anywhere_before_its_closing_zeros_is_bad(tar: Path) -> None:
    """Every photograph is a folder and a file: headers of 512 bytes, content of 1,024."""
    whole = tar.read_bytes()
    last = 3 * (512 + 512 + 1024)
    assert whole[last:] == bytes(len(whole) - last)
    for length in (0, 1, 511, 512, 1500, 2048, 2049, 4096, last - 400, last - 1, last):
        tar.write_bytes(whole[:length])
        with pytest.raises(BadTarError, match=r"cut short|damaged"):
            checked_members(tar, [])
    tar.write_bytes(whole[: last + 512])
    assert len(checked_members(tar, []).ids) == 3


def test_a_damaged_header_is_not_taken_for_the_end(tar: Path) -> None:
    content = bytearray(tar.read_bytes())
    content[2048 + 100] ^= 1
    tar.write_bytes(content)
    with pytest.raises(BadTarError, match="header at byte 2,048 is damaged"):
        checked_members(tar, [])


@pytest.mark.parametrize("content", [b"<html>not found</html>" * 100, b"\x1f\x8b\x08" * 1000])
def test_what_is_no_tar_is_bad(tar: Path, content: bytes) -> None:
    tar.write_bytes(content)
    with pytest.raises(BadTarError, match="no tar"):
        checked_members(tar, [])


def test_a_tar_without_photographs_is_bad(tmp_path: Path) -> None:
    write_tar(tmp_path / "images_000.tar", [])
    with pytest.raises(BadTarError, match=r"holds no <16 hexadecimal digits>\.jpg"):
        checked_members(tmp_path / "images_000.tar", [])


def test_a_tar_that_cannot_be_opened_is_bad(tmp_path: Path) -> None:
    with pytest.raises(BadTarError, match=r"cannot be read .*No such file"):
        checked_members(tmp_path / "images_000.tar", [])


def test_a_whole_tar_is_remembered_until_it_or_its_md5_changes(tar: Path, tmp_path: Path) -> None:
    memory = TarMemory(tmp_path / "memory")
    assert memory.recall(tar, ["a"]) is None
    members = checked_members(tar, [])
    memory.remember(tar, ["a"], members)
    recalled = memory.recall(tar, ["a"])
    assert recalled is not None
    for name in ("ids", "offsets", "sizes"):
        expected, found = getattr(members, name), getattr(recalled, name)
        assert np.array_equal(found, expected)
        assert found.dtype == expected.dtype
    assert memory.recall(tar, ["b"]) is None
    assert memory.recall(tar, []) is None
    os.utime(tar, ns=(0, 0))
    assert memory.recall(tar, ["a"]) is None


def test_memory_that_is_damaged_or_cannot_be_written_is_as_none(tar: Path, tmp_path: Path) -> None:
    memory = TarMemory(tmp_path / "memory")
    memory.remember(tar, [], checked_members(tar, []))
    (file,) = (tmp_path / "memory").iterdir()
    whole = file.read_bytes()
    for content in (b"", b"no archive", whole[:100], whole[:-50]):
        file.write_bytes(content)
        assert memory.recall(tar, []) is None
    (tmp_path / "file").write_bytes(b"")
    nowhere = TarMemory(tmp_path / "file" / "memory")
    nowhere.remember(tar, [], checked_members(tar, []))
    assert nowhere.recall(tar, []) is None
