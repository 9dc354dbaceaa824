import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.data.downloads.partial_file import PartialFile, alone
from pipeline.data.downloads.transfer import Fetcher, Patience, Remote, md5_of
from tests.pipeline.data.downloads.local_server import Fault, LocalServer

TAR = "/index/images_000.tar"
SIZE = 300_000
LOST = 1 << 16  # bytes at most, of a chunk that was cut
QUICK = Patience(attempts=3, first_wait=0.001, timeout=10)
ONCE = Patience(attempts=1, timeout=10)


def fetch(
    server: LocalServer, path: Path, *, patience: Patience = QUICK, md5: str | None = None
) -> None:
    with Fetcher(patience) as fetcher:
        fetcher.fetch([Remote(address=server.address + TAR, path=path, md5=md5)], "Fetching")


def begin_of(asked: str) -> int:
    return int(asked.removeprefix("bytes=").removesuffix("-"))


def interrupted(server: LocalServer, path: Path) -> int:
    """Has a transfer cut after half the file; how many bytes are kept of it."""
    server.faults[TAR] = ["cut"]
    with pytest.raises(ConnectionError, match=r"1 times in a row .*goes on where it stopped"):
        fetch(server, path, patience=ONCE)
    assert not path.exists()
    kept = PartialFile(path).size
    assert SIZE // 2 - LOST < kept <= SIZE // 2
    return kept


def test_a_file_arrives_alone_and_equal(server: LocalServer, tmp_path: Path) -> None:
    fetch(server, tmp_path / "new" / "a.tar")
    assert (tmp_path / "new" / "a.tar").read_bytes() == server.files[TAR]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.tar"]


def test_an_empty_file_arrives(server: LocalServer, tmp_path: Path) -> None:
    server.files[TAR] = b""
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == b""


def test_a_cut_transfer_goes_on_within_the_same_call(server: LocalServer, tmp_path: Path) -> None:
    server.faults[TAR] = ["cut", "cut"]
    fetch(server, tmp_path / "a.tar", patience=Patience(attempts=2, first_wait=0.001))
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert len(server.gets(TAR)) == 3  # one more than attempts: each brought something
    assert server.sent[TAR] < SIZE + 2 * LOST


def test_the_next_call_asks_only_for_the_rest(server: LocalServer, tmp_path: Path) -> None:
    kept = interrupted(server, tmp_path / "a.tar")
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert server.gets(TAR) == ["", f"bytes={kept}-"]
    assert server.sent[TAR] == SIZE // 2 + SIZE - kept


def test_a_killed_process_is_gone_on_with(server: LocalServer, tmp_path: Path) -> None:
    server.faults[TAR] = ["stall"]
    program = (
        "import sys; from pathlib import Path\n"
        "from pipeline.data.downloads.transfer import Fetcher, Remote\n"
        "remote = Remote(address=sys.argv[1], path=Path(sys.argv[2]))\n"
        "Fetcher().fetch([remote], 'Fetching')\n"
    )
    command = [sys.executable, "-c", program, server.address + TAR, str(tmp_path / "a.tar")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert server.stalled.wait(timeout=60)
        while PartialFile(tmp_path / "a.tar").size < SIZE // 2 - LOST:
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "a.tar").exists()
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert begin_of(server.gets(TAR)[1]) > SIZE // 2 - LOST


def test_a_whole_part_is_only_renamed(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process killed between the last byte and the renaming."""

    def killed(part: PartialFile) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PartialFile, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(server, tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert server.sent[TAR] == SIZE


def test_a_server_without_ranges_sends_the_file_again(server: LocalServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "a.tar")
    server.knows_ranges = False
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert server.sent[TAR] == SIZE // 2 + SIZE


def test_a_file_that_changed_meanwhile_is_not_glued_to_its_old_start(
    server: LocalServer, tmp_path: Path
) -> None:
    interrupted(server, tmp_path / "a.tar")
    server.files[TAR] = server.files["/index/images_001.tar"]
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files["/index/images_001.tar"]


@pytest.mark.parametrize("knows_if_range", [True, False])
def test_a_file_that_changes_between_two_requests_is_not_glued(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knows_if_range: bool
) -> None:
    interrupted(server, tmp_path / "a.tar")
    server.knows_if_range = knows_if_range
    keep = PartialFile.keep_only_start_of

    def change_after(part: PartialFile, version: object) -> None:
        keep(part, version)  # type: ignore[arg-type]
        server.files[TAR] = server.files["/index/images_001.tar"]

    monkeypatch.setattr(PartialFile, "keep_only_start_of", change_after)
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files["/index/images_001.tar"]
    assert begin_of(server.gets(TAR)[1]) > 0


def test_a_part_longer_than_the_file_is_started_anew(server: LocalServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "a.tar")
    with PartialFile(tmp_path / "a.tar").path.open("ab") as part:
        part.write(bytes(SIZE))
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert server.gets(TAR) == ["", ""]


def test_a_refused_range_starts_anew(server: LocalServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "a.tar")
    server.faults[TAR] = ["416"]
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert [bool(asked) for asked in server.gets(TAR)] == [False, True, False]


def test_another_range_than_was_asked_for_is_not_glued(server: LocalServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "a.tar")
    server.faults[TAR] = ["shift"]
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]


def test_a_busy_server_is_asked_again(server: LocalServer, tmp_path: Path) -> None:
    server.faults[TAR] = ["503", "503"]
    fetch(server, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]


def test_a_stalled_transfer_is_taken_up_again(server: LocalServer, tmp_path: Path) -> None:
    server.faults[TAR] = ["stall"]
    begun = time.monotonic()
    fetch(server, tmp_path / "a.tar", patience=Patience(first_wait=0.001, timeout=0.2))
    assert time.monotonic() - begun < 15  # the server stands still for 30 seconds
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert begin_of(server.gets(TAR)[1]) > SIZE // 2 - LOST


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("503", ConnectionError, "3 times in a row .*503 Service Unavailable.*run the same"),
        ("403", PermissionError, "403 Forbidden; name a server .*--mirror"),
        ("loop", OSError, "redirected without end.*--mirror"),
    ],
)
def test_a_refusal_names_address_and_remedy(
    server: LocalServer, tmp_path: Path, fault: Fault, error: type[OSError], reason: str
) -> None:
    server.faults[TAR] = [fault]
    server.always.add(TAR)
    with pytest.raises(error, match=f"{server.address}{TAR}.*{reason}"):
        fetch(server, tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


def test_a_missing_file_names_address_and_remedy(server: LocalServer, tmp_path: Path) -> None:
    del server.files[TAR]
    with pytest.raises(FileNotFoundError, match=rf"{server.address}{TAR} answered 404.*--mirror"):
        fetch(server, tmp_path / "a.tar")
    assert len(server.asked) == 1  # not asked again


def test_a_file_of_unknown_length_is_refused(server: LocalServer, tmp_path: Path) -> None:
    server.says_length = False
    with pytest.raises(OSError, match="Content-Length"):
        fetch(server, tmp_path / "a.tar")


def test_a_damaged_file_is_fetched_once_again_from_its_start(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "right").write_bytes(server.files[TAR])
    server.faults[TAR] = ["damage"]
    with caplog.at_level(logging.WARNING, "pipeline"):
        fetch(server, tmp_path / "a.tar", md5=md5_of(tmp_path / "right"))
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert server.gets(TAR) == ["", ""]
    assert "arrived damaged" in caplog.text


def test_a_file_that_is_damaged_twice_is_refused(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "right").write_bytes(server.files[TAR])
    (tmp_path / "zeros").write_bytes(bytes(SIZE))
    expected, received = md5_of(tmp_path / "right"), md5_of(tmp_path / "zeros")
    (tmp_path / "a.tar").write_bytes(b"what was there")
    server.faults[TAR] = ["damage"]
    server.always.add(TAR)
    reason = f"images_000.tar .*expected {expected}, received {received}.*--mirror"
    with pytest.raises(ValueError, match=reason):
        fetch(server, tmp_path / "a.tar", md5=expected)
    assert len(server.gets(TAR)) == 2
    assert (tmp_path / "a.tar").read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "right", "zeros"]


def test_two_that_fetch_the_same_file_fetch_it_once(server: LocalServer, tmp_path: Path) -> None:
    """Whether the second finds the first at work or already done."""
    server.faults[TAR] = ["stall"]
    threads = [threading.Thread(target=fetch, args=(server, tmp_path / "a.tar")) for _ in "12"]
    threads[0].start()
    assert server.stalled.wait(timeout=30)
    threads[1].start()
    while [method for method, _, _ in server.asked].count("HEAD") < 3:  # the second has begun
        assert threads[1].is_alive()
    server.go_on.set()
    for thread in threads:
        thread.join(timeout=30)
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]
    assert server.sent[TAR] <= SIZE + LOST


def test_two_do_not_write_to_one_part(server: LocalServer, tmp_path: Path) -> None:
    with alone(tmp_path / "a.tar"):
        thread = threading.Thread(target=fetch, args=(server, tmp_path / "a.tar"))
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()
        assert server.gets(TAR) == []
    thread.join(timeout=30)
    assert (tmp_path / "a.tar").read_bytes() == server.files[TAR]


def test_a_disk_too_small_is_noticed_before_anything_is_fetched(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(server, tmp_path / "a.tar")
    free = [SIZE // 2 - 1]
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free[0]))
    with pytest.raises(OSError, match=r"0\.000 GB are to be fetched .* another disk"):
        fetch(server, tmp_path / "a.tar")
    free[0] = SIZE // 2 + LOST  # enough for the rest, not for the whole
    fetch(server, tmp_path / "a.tar")
    assert len(server.gets(TAR)) == 2
