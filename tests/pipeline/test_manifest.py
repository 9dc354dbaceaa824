import dataclasses
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import manifest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    size: int = 3
    names: tuple[str, ...] = ("a", "b")
    output: Path = Path("output")
    overwrite: bool = False


def finish(output: Path, settings: Settings) -> None:
    manifest.write_json(output / "manifest.json", {"settings": manifest.settings_as_json(settings)})


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    manifest.write_atomically(path, lambda part: part.write_text("old"))
    manifest.write_atomically(path, lambda part: part.write_text("new"))
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_old_file_stays_when_the_writer_raises(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half(part: Path) -> None:
        part.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        manifest.write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_replaces_a_folder_and_stays_when_the_writer_raises(tmp_path: Path) -> None:
    path = tmp_path / "folder"

    def write(part: Path, name: str) -> None:
        part.mkdir()
        (part / name).write_text(name)
        if name == "bad":
            raise OSError("No space left on device")

    manifest.write_atomically(path, lambda part: write(part, "old"))
    manifest.write_atomically(path, lambda part: write(part, "new"))
    assert [file.name for file in path.iterdir()] == ["new"]
    with pytest.raises(OSError, match="No space left"):
        manifest.write_atomically(path, lambda part: write(part, "bad"))
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_of_with_the_file_that_it_has_no_room_for(tmp_path: Path) -> None:
    """What ``write`` raises names no file; what opening raises names its own, which stays."""
    with pytest.raises(OSError, match=r"No space left on device: '.*/wanted'"):
        manifest.write_atomically(tmp_path / "wanted", lambda part: _fill_the_disk())
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: 'other'"):
        manifest.write_atomically(tmp_path / "wanted", lambda part: Path("other").read_bytes())
    assert not list(tmp_path.iterdir())


def _fill_the_disk() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"a")


def test_json_is_written_and_read_in_order(tmp_path: Path) -> None:
    content = {"b": 1, "a": ["Sé do Porto", None]}
    manifest.write_json(tmp_path / "a.json", content)
    assert list(manifest.read_json(tmp_path / "a.json", "make it")) == ["b", "a"]
    assert manifest.read_json(tmp_path / "a.json", "make it") == content
    assert "Sé" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_missing_or_damaged_json_names_the_command_that_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    with pytest.raises(FileNotFoundError, match=r"model.json is missing; make it with `export`"):
        manifest.read_json(path, "export")
    for content in ('{"half": ', "[]", "{}", '{"other": 1}'):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"model.json is damaged; make it again with `export`"):
            manifest.read_json(path, "export", "fingerprint")


def test_fingerprint_tells_names_and_bytes_apart_but_not_the_order(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / name).write_text(text)
    a, b, c = (tmp_path / name for name in "abc")
    both = manifest.fingerprint_files(tmp_path, [a, b])
    assert both == manifest.fingerprint_files(tmp_path, [b, a])
    assert manifest.fingerprint_files(tmp_path, [a]) != manifest.fingerprint_files(tmp_path, [c])
    # Of one file: SHA-256 of its name, a zero byte, and the SHA-256 of its content.
    expected = hashlib.sha256(b"a\0" + hashlib.sha256(b"1").digest()).hexdigest()
    assert manifest.fingerprint_files(tmp_path, [a]) == expected
    b.write_text("3")
    assert manifest.fingerprint_files(tmp_path, [a, b]) != both


def test_output_is_finished_only_by_its_manifest(tmp_path: Path) -> None:
    output = tmp_path / "output"
    assert not manifest.made_with(output / "manifest.json", Settings())
    output.mkdir()
    (output / "half").write_text("")
    assert not manifest.made_with(output / "manifest.json", Settings())
    finish(output, Settings())
    assert manifest.made_with(output / "manifest.json", Settings())


def test_output_of_other_settings_is_refused_with_every_difference(tmp_path: Path) -> None:
    finish(tmp_path, Settings(names=("a",)))
    with pytest.raises(
        ValueError, match=r"names was \['a'\], now \['a', 'b'\]; size was 3, now 4.*--overwrite"
    ):
        manifest.made_with(tmp_path / "manifest.json", Settings(size=4))


def test_overwrite_is_no_difference_and_only_asks_for_more(tmp_path: Path) -> None:
    output = tmp_path / "output"
    finish(output, Settings(overwrite=True))
    path = output / "manifest.json"
    assert manifest.made_with(path, Settings())
    assert not manifest.made_with(path, Settings(size=4, overwrite=True))
    assert path.is_file(), "what stands is replaced when the new is there, not before"


def test_where_an_output_lies_is_no_difference(tmp_path: Path) -> None:
    finish(tmp_path, Settings(output=Path("a")))
    assert manifest.made_with(tmp_path / "manifest.json", Settings(output=Path("b")))


def test_a_file_does_not_replace_a_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    with pytest.raises(IsADirectoryError, match="thesis is a folder; name a file"):
        manifest.write_atomically(tmp_path / "thesis", lambda part: part.write_text("new"))
    assert (tmp_path / "thesis" / "chapter").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


def _dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    place = f"{socket.gethostname()}-{_dead_process()}"
    for kind in ("part", "old"):
        (tmp_path / f".album.{kind}-{place}").mkdir()
    here = socket.gethostname()
    kept = {
        tmp_path / f".album.part-{owner}"
        for owner in (
            f"elsewhere-{_dead_process()}",
            f"{here}-2-{_dead_process()}",  # of a machine that is called so
            f"{here}-{os.getppid()}",
            f"{here}-99999999999999999999",
        )
    }
    for path in kept:
        path.touch()
    (tmp_path / "album").mkdir()
    manifest.write_atomically(tmp_path / "album", lambda part: part.mkdir())
    assert set(tmp_path.iterdir()) == {tmp_path / "album", *kept}


def test_a_folder_killed_amid_its_replacement_comes_back(tmp_path: Path) -> None:
    old = tmp_path / f".album.old-{socket.gethostname()}-{_dead_process()}"
    old.mkdir()
    (old / "photograph").touch()

    def fail(part: Path) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        manifest.write_atomically(tmp_path / "album", fail)
    assert [path.name for path in (tmp_path / "album").iterdir()] == ["photograph"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "old").touch()
    (tmp_path / "link").symlink_to(tmp_path / "disk")

    def write(part: Path) -> None:
        part.mkdir()
        (part / "new").touch()

    manifest.write_atomically(tmp_path / "link", write)
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["new"]
    assert {path.name for path in tmp_path.iterdir()} == {"disk", "link"}
    manifest.remove(tmp_path / "link")
    assert (tmp_path / "disk" / "new").is_file(), "a link is removed, not what it leads to"
