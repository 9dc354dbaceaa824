import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.scoring.plain_pickle import read_plain_pickle


def written(folder: Path, content: object, protocol: int = 4) -> Path:
    path = folder / "content.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_plain_containers_and_arrays_come_back_from_every_protocol(
    tmp_path: Path, protocol: int
) -> None:
    arrays = {
        "matrix": np.arange(6).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "none": np.array([], np.int64),
        "other end first": np.arange(3, dtype=">i4"),
        "truth": np.array([True, False]),
    }
    plain = {"list": [1, 2.5, "x", None, (True, b"\xff\x00", b"")], "number": np.float64(3.5)}
    found = read_plain_pickle(written(tmp_path, {**arrays, **plain}, protocol))
    assert {name: found[name] for name in plain} == plain
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    """There bytes are text: this is what numpy.array([7, 300]) was."""
    path = tmp_path / "content.pkl"
    path.write_bytes(
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\n"
        b"Rp5\n(I1\n(I2\ntp6\ncnumpy\ndtype\np7\n(S'i2'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\n"
        b"NNNI-1\nI-1\nI0\ntp12\nbI00\nS'\\x07\\x00,\\x01'\np13\ntp14\nb."
    )
    assert read_plain_pickle(path).tolist() == [7, 300]


class Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (Program(), r"mkdir"),
        ([{"deep": Program()}], r"mkdir"),
        (np.array([None, Program()], object), "mkdir"),
        (np.array([None], object), "an array of objects"),
        (np.array(["text"]), "an array of 'U4'"),
        (np.array(["2020-01-01"], "datetime64[D]"), "an array of 'M8'"),
        (1 + 2j, "builtins.complex"),
        (Path("a"), "Path"),
    ],
)
def test_nothing_else_is_read_and_no_program_runs(
    tmp_path: Path, content: object, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"it holds .*{named}.*, which could run a program"):
        read_plain_pickle(path)
    assert not (tmp_path / "ran").exists()


def test_an_array_that_tells_another_shape_than_it_has_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(4, dtype=np.int64), protocol=2)
    assert content.count(b"K\x04\x85") == 1  # the shape, a tuple of 4
    path = tmp_path / "content.pkl"
    path.write_bytes(content.replace(b"K\x04\x85", b"K\x7f\x85"))
    with pytest.raises(ValueError, match=r"an array of 4 numbers has the shape \(127,\)"):
        read_plain_pickle(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04.", pickle.dumps([1, "two"])[:-4]])
def test_a_damaged_pickle_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "content.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"content.pkl is a damaged pickle"):
        read_plain_pickle(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.pkl is no file"):
        read_plain_pickle(tmp_path / "gone.pkl")
