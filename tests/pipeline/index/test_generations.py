"""A collection changes as a whole: for its readers, after a crash, beside another writer."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline import manifest
from pipeline.index import collection, faiss_collection
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.generations import Generation
from tests import vector_collections
from tests.vector_collections import clusters, names, photographs

VECTORS = clusters(50, 8)
LABELS = np.repeat(np.arange(50), 8)
TABLE = photographs(LABELS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = vector_collections.embed(tmp_path_factory.mktemp("model"), "made", VECTORS, TABLE)
    return vector_collections.build(model, "flat")


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "index"))


def test_a_reader_keeps_what_it_opened_and_opens_the_next(folder: Path) -> None:
    before = collection.load_collection(folder)
    with faiss_collection.changing(folder) as change:
        change.remove([f"photo {number}" for number in range(300)])
        assert len(collection.load_collection(folder)) == 400, "nothing is seen beforehand"
    assert len(before) == 400
    _, keys = before.search(VECTORS[:1], 1)
    assert before.photographs(keys[0])["id"].to_pylist() in (["photo 0"], ["photo 1"])
    assert len(collection.load_collection(folder)) == 100
    assert names(folder) == ["index-2.faiss", "manifest.json", "photographs-2.arrow"]


def test_a_small_removal_writes_little(folder: Path) -> None:
    with faiss_collection.changing(folder) as change:
        change.remove(["photo 3"])
    assert names(folder) == [
        *("index-1.faiss", "manifest.json", "photographs-1.arrow", "removed-2.npy")
    ]


def test_readers_beside_a_writer_see_whole_generations(folder: Path) -> None:
    """Every generation has all photographs of some landmarks and none of the others."""
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            opened = collection.load_collection(folder)
            labels = opened.photographs(opened.keys())["label"].to_numpy()
            if set(np.bincount(labels)) - {0, 8} or len(opened) != len(labels):
                wrong.append(labels)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for landmark in range(25):
        rows = np.flatnonzero(landmark == LABELS)
        with faiss_collection.changing(folder) as change:
            change.remove(TABLE.take(rows)["id"].to_pylist())
            if landmark % 2:
                change.add(VECTORS[rows - 8], TABLE.take(rows - 8))
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong


@pytest.mark.parametrize("where", ["index.save", "generation.commit"])
def test_a_writer_that_is_killed_has_changed_nothing(folder: Path, where: str) -> None:
    """Killed once the index's new file is written, and once all are but the manifest."""
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from pipeline.index import faiss_collection, faiss_index, generations
        if {where!r} == "index.save":
            save = faiss_index.FaissIndex.save
            faiss_index.FaissIndex.save = lambda self, path: (save(self, path), {kill})
        else:
            generations.Generation.commit = lambda self, described: {kill}
        with faiss_collection.changing(Path({str(folder)!r})) as change:
            change.remove([f"photo {{number}}" for number in range(200)])
    """)
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": "."}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert "index-2.faiss" in names(folder)
    assert len(collection.load_collection(folder)) == 400
    with faiss_collection.changing(folder) as change:
        change.remove(["photo 0"])
    assert "index-2.faiss" not in names(folder), "the next writer clears away"
    assert len(collection.load_collection(folder)) == 399


def test_a_second_writer_is_told_to_wait(folder: Path) -> None:
    with faiss_collection.changing(folder) as change:
        program = (
            "from pathlib import Path; from pipeline.index import faiss_collection\n"
            f"with faiss_collection.changing(Path({str(folder)!r})) as c: c.remove(['photo 1'])"
        )
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "BlockingIOError: Another process is changing" in ended.stderr
        change.remove(["photo 2"])
    assert len(collection.load_collection(folder)) == 399


@pytest.mark.parametrize("name", ["index-1.faiss", "photographs-1.arrow"])
def test_a_truncated_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"{name} is damaged: it has .* bytes.*--overwrite"):
        collection.load_collection(folder)


@pytest.mark.parametrize("name", ["index-1.faiss", "photographs-1.arrow"])
def test_a_file_of_something_else_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ValueError, match=rf"{name} is damaged"):
        collection.load_collection(folder)


def test_a_file_of_another_collection_as_large_is_named(folder: Path, tmp_path: Path) -> None:
    model = vector_collections.embed(tmp_path / "m", "made", clusters(50, 8, seed=7), TABLE)
    other = vector_collections.build(model, "flat") / "index-1.faiss"
    shutil.copy(other, folder)
    with pytest.raises(ValueError, match=r"index-1\.faiss is damaged or another's: .* other bytes"):
        collection.load_collection(folder)


def test_an_index_of_other_vectors_is_refused(folder: Path, tmp_path: Path) -> None:
    model = vector_collections.embed(tmp_path / "m", "made", VECTORS[:40], TABLE.slice(0, 40))
    other = vector_collections.build(model, "flat")
    described = collection.read_manifest(folder)
    described["files"]["index"] = collection.read_manifest(other)["files"]["index"]
    shutil.copy(other / "index-1.faiss", folder / "index-1.faiss")
    manifest.write_json(folder / "manifest.json", described)
    with pytest.raises(ValueError, match=r"holds 40 vectors .* for 400 photographs"):
        collection.load_collection(folder)


@pytest.mark.parametrize("fails", ["save", "commit"])
def test_a_full_disk_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    owner = FaissIndex if fails == "save" else Generation
    with monkeypatch.context() as patched:
        patched.setattr(owner, fails, full)
        with pytest.raises(OSError, match="No space"):
            _remove_most(folder)
    assert names(folder) == ["index-1.faiss", "manifest.json", "photographs-1.arrow"]
    assert len(collection.load_collection(folder)) == 400


def _remove_most(folder: Path) -> None:
    with faiss_collection.changing(folder) as change:
        change.remove([f"photo {number}" for number in range(200)])


def test_a_built_index_is_read_whole_by_who_has_it_open(built: Path, folder: Path) -> None:
    """Building again over an index is a generation too."""
    opened = collection.load_collection(folder)
    with faiss_collection.creating(folder) as new:
        new.commit(opened.index, TABLE.slice(0, 400), opened.manifest)  # type: ignore[attr-defined]
    assert collection.read_manifest(folder)["generation"] == 2
    assert len(opened.search(VECTORS[:1], 400)[1][0]) == 400
