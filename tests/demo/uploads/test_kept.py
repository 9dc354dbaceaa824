import io
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.refusals import NotFound
from demo.uploads.intake import Limits
from demo.uploads.kept import Kept


def photograph(seed: int = 0, exif: Image.Exif | None = None) -> bytes:
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    buffer = io.BytesIO()
    image = Image.fromarray(np.kron(colours, np.ones((16, 16, 1), np.uint8)))
    image.save(buffer, "JPEG", quality=95, exif=exif or Image.Exif())
    return buffer.getvalue()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    keeping = Kept(Limits(), minutes=1, folder=tmp_path)
    yield keeping
    keeping.close()


def test_a_photograph_is_read_back_as_it_was_sent(kept: Kept) -> None:
    data = photograph()
    with Image.open(io.BytesIO(data)) as image:
        sent = np.asarray(image)
    found = kept.read(kept.keep(data))
    assert found.shape == sent.shape
    assert np.abs(found.astype(int) - sent).mean() < 2
    assert not found.flags.writeable


def test_neither_position_nor_camera_is_kept(kept: Kept, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    data = photograph(exif=exif)
    assert b"a camera" in data
    kept.keep(data)
    (path,) = tmp_path.glob("*/*.jpg")
    assert b"Exif" not in path.read_bytes()
    assert b"a camera" not in path.read_bytes()


def test_nobody_else_on_the_machine_can_look(kept: Kept, tmp_path: Path) -> None:
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_photograph_is_deleted_when_its_time_has_come(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("demo.uploads.kept.time.monotonic", lambda: now)
    token = kept.keep(photograph())
    now = 1059.0
    kept.sweep()
    assert kept.read(token).shape == (48, 64, 3)
    now = 1061.0
    with pytest.raises(NotFound, match="kept for 1 minutes"):
        kept.read(token)
    kept.sweep()
    assert not list(tmp_path.glob("*/*.jpg"))
    assert len(kept) == 0


def test_the_oldest_goes_where_there_are_too_many(tmp_path: Path) -> None:
    size = len(photograph()) * 2
    keeping = Kept(Limits(), bytes=3 * size, folder=tmp_path)
    tokens = [keeping.keep(photograph(seed)) for seed in range(20)]
    assert 0 < len(keeping) < 20
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.jpg")) <= 3 * size
    keeping.read(tokens[-1])
    with pytest.raises(NotFound):
        keeping.read(tokens[0])
    keeping.close()


def test_what_is_forgotten_is_gone_at_once(kept: Kept, tmp_path: Path) -> None:
    token = kept.keep(photograph())
    kept.read(token)
    kept.forget(token)
    kept.forget(token)
    assert not list(tmp_path.glob("*/*.jpg"))
    with pytest.raises(NotFound):
        kept.read(token)


@pytest.mark.parametrize("token", ["", "..", "../.lock", "/etc/passwd", "x" * 5000, "a\0b"])
def test_a_made_up_token_finds_nothing(kept: Kept, token: str) -> None:
    with pytest.raises(NotFound):
        kept.read(token)
    kept.forget(token)


def _leave(folder: Path) -> None:
    Kept(Limits(), folder=folder).keep(photograph())
    os._exit(1)  # as if it were killed


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(
    kept: Kept, tmp_path: Path
) -> None:
    token = kept.keep(photograph())
    killed = multiprocessing.get_context("fork").Process(target=_leave, args=(tmp_path,))
    killed.start()
    killed.join()
    assert len(list(tmp_path.glob("*/*.jpg"))) == 2
    Kept(Limits(), folder=tmp_path).close()
    assert len(list(tmp_path.glob("*/*.jpg"))) == 1
    kept.read(token)


def test_a_photograph_that_is_deleted_while_it_is_read_is_there_no_more(
    kept: Kept, tmp_path: Path
) -> None:
    token = kept.keep(photograph())
    (path,) = tmp_path.glob("*/*.jpg")
    path.unlink()  # as another thread's sweep does between look-up and reading
    with pytest.raises(NotFound, match="Upload it again"):
        kept.read(token)


def test_a_second_server_that_starts_leaves_a_first_ones_new_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp
    others: list[Kept] = []

    def make_while_another_starts(**named: str) -> str:
        made = make(**named)
        monkeypatch.undo()
        others.append(Kept(Limits(), folder=tmp_path))
        return made

    monkeypatch.setattr("tempfile.mkdtemp", make_while_another_starts)
    first = Kept(Limits(), folder=tmp_path)
    assert first.read(first.keep(photograph())).shape == (48, 64, 3)
    for one in (first, *others):
        one.close()
    assert list(tmp_path.iterdir()) == []
