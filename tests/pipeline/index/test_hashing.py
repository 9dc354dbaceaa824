from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from pipeline.index import hashing, kinds

_DIMENSION = 24


def _vectors(count: int) -> np.ndarray:
    found = np.random.default_rng(1).standard_normal((count, _DIMENSION)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _directions(index: faiss.IndexLSH) -> np.ndarray:
    return faiss.vector_to_array(index.rrot.A).reshape(index.nbits, index.d)


@pytest.mark.parametrize("bits", [8, 20, 192, 200])
def test_codes_are_the_signs_of_the_projections(bits: int, tmp_path: Path) -> None:
    """Read from a file as well; codes of a number of bits that is no multiple of 8 among them."""
    index: Any = hashing.empty_index(_DIMENSION, bits)
    stored, queries = _vectors(50), _vectors(60)[50:]
    index.add(stored)
    signs = [vectors @ _directions(index).T >= 0 for vectors in (queries, stored)]
    differing = (signs[0][:, None] != signs[1][None]).sum(axis=2)
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    read: Any = faiss.read_index(str(tmp_path / "index.faiss"))
    for one in (index, read):
        distances, rows = one.search(queries, 50)
        assert one.code_size == -(-bits // 8)
        np.testing.assert_array_equal(np.sort(distances), np.sort(differing))
        np.testing.assert_array_equal(np.take_along_axis(differing, rows, 1), distances)


@pytest.mark.parametrize("bits", [24, 60, 200])
def test_numbers_of_the_directions_are_orthogonal(bits: int) -> None:
    directions = _directions(hashing.empty_index(_DIMENSION, bits))
    np.testing.assert_allclose(directions.T @ directions, np.eye(_DIMENSION), atol=1e-5)


def test_fewer_directions_than_dimensions_are_orthogonal() -> None:
    directions = _directions(hashing.empty_index(_DIMENSION, 16))
    np.testing.assert_allclose(directions @ directions.T, np.eye(16), atol=1e-5)


def test_very_many_directions_are_orthogonal_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_MOST", 20)
    monkeypatch.setattr(hashing, "_FEWER", 10)
    directions = _directions(hashing.empty_index(_DIMENSION, 48))
    for start in range(0, 48, 10):
        group = directions[start : start + 10]
        np.testing.assert_allclose(group @ group.T, np.eye(len(group)), atol=1e-5)
    assert np.abs(directions[:10] @ directions[10:20].T).max() > 0.1


def test_no_direction_is_favoured() -> None:
    """Of vectors at an angle of 60 degrees a third of the bits differ, wherever they point."""
    index = hashing.empty_index(2, 20_000)
    for turn in np.linspace(0, np.pi, 7):
        angles = np.array([turn, turn + np.pi / 3])
        pair = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        differ = np.diff((pair @ _directions(index).T >= 0).astype(int), axis=0)
        assert np.abs(differ).mean() == pytest.approx(1 / 3, abs=0.02)


def test_the_kind_and_its_factory_string_are_made_here_and_only_they() -> None:
    assert hashing.bits_of(kinds.factory_string("lsh", 1000, 100)) == 800
    assert hashing.bits_of("LSH64r") == 64
    for other in ("LSH64", "LSH64rt", "Flat", "PCA64,LSH64r"):
        assert hashing.bits_of(other) is None
    same = [_directions(kinds.empty_index("LSH64r", 16)) for _ in range(2)]
    np.testing.assert_array_equal(same[0], same[1])
