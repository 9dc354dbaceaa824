import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from demo.app import Settings, add_user, main, serve
from demo.protection.login import read_users
from tests.tiny import Tiny

_START_SECONDS = 120


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


def test_a_server_that_is_ended_while_it_is_asked_answers_and_leaves_nothing(
    tiny: Tiny, tmp_path: Path
) -> None:
    photograph = (tiny.photos / "landmark 1" / "0.jpg").read_bytes()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [f"--collections={tiny.model.parent}", f"--port={port}", "--per_minute=100000"]
    flags += ["--nochanges"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with (
        subprocess.Popen([sys.executable, "-m", "demo.app", *flags], env=environment) as process,
        ThreadPoolExecutor(4) as threads,
    ):
        try:
            asking = [threads.submit(ask_until_closed, port, photograph) for _ in range(4)]
            wait_until(lambda: len(list(tmp_path.glob("landmark-demo-*/*.jpg"))) > 20, process)
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        finally:
            process.kill()
        statuses = {status for one in asking for status in one.result()}
    assert statuses <= {200, 503}, "503 once it ends"
    assert 200 in statuses
    assert not list(tmp_path.glob("landmark-demo-*")), "uploads are gone with it"


def ask_until_closed(port: int, photograph: bytes) -> list[int]:
    """The statuses of uploads and searches, until nobody answers any more."""
    statuses: list[int] = []
    until = time.monotonic() + _START_SECONDS
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while not statuses and time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                statuses.append(client.get("/health").status_code)
            time.sleep(0.1)
        with contextlib.suppress(httpx.TransportError):
            while True:
                for address in ("/uploads", "/api/search"):
                    answer = client.post(address, files={"file": photograph})
                    statuses.append(answer.status_code)
    return statuses


def wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    """Waits, as long as a process runs."""
    until = time.monotonic() + _START_SECONDS
    while not is_so():
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < until
        time.sleep(0.1)
