import io
import socket
from pathlib import Path

import pytest

from demo.app import Settings, add_user, main, serve
from demo.protection.login import read_users


def test_flags_out_of_range_are_refused() -> None:
    for name, value in (
        ("port", 0), ("port", 70_000), ("megabytes", 0), ("keep_minutes", 0), ("at_once", 0),
        ("queue", 0), ("per_minute", 0), ("seconds", 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"--{name} is"):
            Settings(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="--add_user needs --login=FILE"):
        Settings(add_user="ada")


def test_changes_for_everybody_are_refused() -> None:
    for reached in ({"host": "0.0.0.0"}, {"behind_proxy": True}):
        with pytest.raises(ValueError, match="add --login=FILE"):
            Settings(changes=True, **reached)
        Settings(changes=True, login=Path("users.txt"), **reached)
    Settings(changes=True)


def test_a_user_is_added_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    users = tmp_path / "users.txt"
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    main(Settings(login=users, add_user="ada"))
    assert list(read_users(users)) == ["ada"]
    assert "ada may use" in capsys.readouterr().out
    assert "horse" not in users.read_text()


def test_a_password_that_is_typed_is_typed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["correct horse", "correct house"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    users = tmp_path / "users.txt"
    with pytest.raises(ValueError, match="differ; nothing was added"):
        add_user(Settings(login=users, add_user="ada"))
    assert not users.exists()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"Port {port} .* pass another with --port"):
            serve(Settings(collections=(str(tmp_path),), port=port))


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make demo"):
        serve(Settings(collections=(str(tmp_path),), port=7999))
