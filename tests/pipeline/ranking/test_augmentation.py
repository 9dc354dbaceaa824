import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from pipeline.embeddings.files import open_embeddings
from pipeline.index import collection
from pipeline.index.building import Room
from pipeline.ranking.augmentation import Augmentation, augmentation
from pipeline.ranking.expansion import expanded
from pipeline.update_index import Settings, update_index
from tests import vector_collections

VECTORS = vector_collections.clusters(20, 5)
TABLE = vector_collections.photographs(np.repeat(np.arange(20), 5))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return vector_collections.embed(tmp_path / "model", "made", VECTORS, TABLE)


def _expected(k: int, alpha: float, without: int | None = None) -> np.ndarray:
    """Each vector with its nearest, the one that is left out among none of them."""
    cosines = VECTORS @ VECTORS.T
    np.fill_diagonal(cosines, -np.inf)
    if without is not None:
        cosines[:, without] = -np.inf
    nearest = np.argsort(-cosines, axis=1)[:, :k]
    return expanded(VECTORS, VECTORS[nearest], np.take_along_axis(cosines, nearest, 1), alpha)


def _taken_in(model: Path, tmp_path: Path, k: int) -> Augmentation:
    stored = open_embeddings([model / "embeddings" / "made"])
    return augmentation(stored, k, 3.0, Room(scratch=tmp_path, bytes=2**30))


def test_an_index_of_augmented_vectors_holds_them(model: Path) -> None:
    folder = vector_collections.build(model, "flat", augment=3, alpha=2.0)
    assert folder.name == "made-flat-augment3"
    assert not (folder / ".scratch").exists()
    opened = collection.load_collection(folder)
    found = opened.vectors(opened.keys_of(TABLE["id"].to_pylist()))
    np.testing.assert_allclose(found, _expected(3, 2.0), atol=1e-5)
    told = opened.manifest["augmentation"]
    assert (told["neighbours"], told["alpha"]) == (3, 2.0)


@pytest.mark.parametrize("k", [1, 4, 200])
def test_augmented_vectors_match_those_of_all_in_memory(
    model: Path, tmp_path: Path, k: int
) -> None:
    taken_in = _taken_in(model, tmp_path, k)
    (written,) = taken_in.write(tmp_path / "vectors").blocks()
    np.testing.assert_allclose(written, _expected(k, 3.0), atol=1e-5)


def test_what_a_query_left_in_its_neighbours_is_taken_out(model: Path, tmp_path: Path) -> None:
    taken_in = _taken_in(model, tmp_path, 3)
    asking = np.array([4, 11])
    found = np.tile(np.arange(100), (2, 1))
    found[1, 99] = -1
    similarities = VECTORS[asking] @ _expected(3, 3.0).T
    unseen = taken_in.unseen(asking, found, similarities)
    for row, query in enumerate(asking):
        expected = _expected(3, 3.0, without=query) @ VECTORS[query]
        others = np.delete(np.arange(99), query)
        np.testing.assert_allclose(unseen[row, others], expected[others], atol=1e-5)
        assert np.any(np.abs(unseen[row, others] - similarities[row, others]) > 0.01)


def test_augmented_vectors_are_calibrated_as_if_they_had_not_seen_who_asks(model: Path) -> None:
    """Else photographs of one landmark would seem closer together than a new one is to them."""
    folder = vector_collections.build(model, "flat", augment=3)
    recognition = collection.read_manifest(folder)["recognition"]
    assert recognition["account"]["queries"] == 100
    pairs = recognition["rules"]["pairs"]
    plain = collection.read_manifest(vector_collections.build(model, "flat"))["recognition"]
    assert pairs != plain["rules"]["pairs"]


def test_nothing_is_added_to_augmented_vectors(model: Path) -> None:
    folder = vector_collections.build(model, "ivf", augment=2)
    with pytest.raises(
        ValueError, match=r"--augment=2 --alpha=3 --overwrite.*--remove is possible"
    ):
        update_index(Settings(index=folder, add=("made",)))
    assert update_index(Settings(index=folder, remove=("photo 3",))).photographs == 99


def test_what_a_killed_build_leaves_is_cleared_by_the_next(model: Path) -> None:
    """Killed once augmented vectors are written."""
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from pipeline.ranking.augmentation import Augmentation
        from tests import vector_collections
        write = Augmentation.write
        Augmentation.write = lambda *given: (write(*given), os.kill(os.getpid(), signal.SIGKILL))
        vector_collections.build(Path({str(model)!r}), "flat", augment=3)
    """)
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": "."}, check=False)
    assert ended.returncode == -signal.SIGKILL
    folder = model / "indexes" / "made-flat-augment3"
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.stat().st_size >= VECTORS.nbytes for path in left)
    assert vector_collections.build(model, "flat", augment=3) == folder
    hidden = {path.name for path in folder.iterdir() if path.name.startswith(".")}
    assert hidden <= {".writing.lock"}


def test_only_cosines_are_augmented(model: Path) -> None:
    with pytest.raises(ValueError, match="--metric=cosine"):
        vector_collections.build(model, "flat", augment=2, metric="euclidean")
