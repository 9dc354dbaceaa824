"""Lists as people's editors and other programs write them."""

import io
from pathlib import Path

import pytest

from pipeline.line_list import read_ids, read_lines


def test_ids_are_read_whatever_surrounds_them(tmp_path: Path) -> None:
    """A byte order mark, blanks, ends of lines of Windows, a line twice."""
    path = tmp_path / "ids.txt"
    path.write_bytes("\ufeffSé 1 \r\n\r\n\tb\nSé 1\n  \n".encode())
    assert read_ids("ids", str(path)) == ["Sé 1", "b"]


def test_lines_keep_their_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's name may end with one."""
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeffa.jpg \n\nb.jpg\n"))
    assert read_lines("photos", "-") == ["a.jpg ", "b.jpg"]


def test_a_list_that_cannot_be_read_is_named_with_its_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ids.txt"
    with pytest.raises(FileNotFoundError, match=r"--ids=.*ids.txt is no file; name one with an"):
        read_ids("ids", str(path))
    path.write_bytes("Sé\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"--remove_list=.*ids.txt is not in UTF-8, from byte 1; "):
        read_ids("remove_list", str(path))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xe9"), encoding="utf-8"))
    with pytest.raises(ValueError, match="--photos=- is not in UTF-8, from byte 0; "):
        read_lines("photos", "-")
