"""Pickles read without running what they say: plain containers, numbers, text and arrays only.

A pickle is a program, and NumPy's own classes, filled by one, can be made to read any memory. So
arrays are rebuilt here from what the pickle holds for them: shape, kind of number and bytes.
"""

import dataclasses
import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

_NUMBER = re.compile(r"[<>|=]?(?:[iu][1248]|f[248]|b1)")


def read_plain_pickle(path: Path) -> Any:
    """What a pickle holds: dicts, lists, tuples, numbers, text, bytes, and arrays of numbers.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or holds anything else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file.")
    with path.open("rb") as file:
        try:
            return _as_arrays(_PlainUnpickler(file, encoding="latin1").load())
        except _ForbiddenError as error:
            raise ValueError(
                f"{path} is not read: beside plain containers and arrays it holds {error}, which "
                "could run a program."
            ) from error
        # What a damaged pickle makes the interpreter of pickles raise.
        except (pickle.UnpicklingError, EOFError, AttributeError, LookupError, TypeError) as error:
            raise ValueError(f"{path} is a damaged pickle, or none: {error}.") from error
        except (ValueError, OverflowError, MemoryError, RecursionError) as error:
            raise ValueError(f"{path} is a damaged pickle: {error}.") from error


class _ForbiddenError(Exception):
    """Something that no plain pickle holds."""


@dataclasses.dataclass
class _Type:
    """Stands for a dtype while a pickle is read: ``i8``, then the order of its bytes."""

    name: Any
    order: str = "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def numpy(self) -> "np.dtype[Any]":
        name = str(self.name)
        order = "" if name[0] in "<>|=" else self.order
        if not _NUMBER.fullmatch(order + name):
            raise _ForbiddenError(f"an array of {name!r}")
        return np.dtype(order + name)


class _Array:
    """Stands for an array while a pickle is read."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state[1:]  # after a version: shape, dtype, whether in Fortran's order, bytes

    def numpy(self) -> np.ndarray:
        shape, kind, is_fortran, content = self.state
        return _array(shape, kind, content, "F" if is_fortran else "C")


def _array(shape: Any, kind: Any, content: Any, order: Any) -> np.ndarray:
    if not isinstance(kind, _Type) or not isinstance(content, str | bytes | bytearray):
        raise _ForbiddenError("an array of objects")
    held = content.encode("latin1") if isinstance(content, str) else bytes(content)
    flat = np.frombuffer(held, kind.numpy())
    if math.prod(shape) != len(flat):
        raise ValueError(f"an array of {len(flat)} numbers has the shape {shape}")
    return flat.reshape(shape, order=order).copy()


def _new_type(name: Any, *_: Any) -> _Type:
    return _Type(name)


def _new_array(*_: Any) -> _Array:
    return _Array()


def _scalar(kind: Any, content: Any) -> Any:
    return _array((1,), kind, content, "C")[0].item()


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    return _array(shape, kind, content, order)


def _encode(text: Any, encoding: Any) -> bytes:
    if encoding != "latin1":
        raise _ForbiddenError(f"text in {encoding!r}")
    return bytes(text, "latin1")


def _no_bytes() -> bytes:
    return b""


_KNOWN = {
    ("numpy", "dtype"): _new_type,
    ("numpy", "ndarray"): None,  # an argument, which is not looked at
    ("_codecs", "encode"): _encode,  # bytes, as early protocols hold them; none as
    ("__builtin__", "bytes"): _no_bytes,
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _new_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}


class _PlainUnpickler(pickle.Unpickler):
    """Knows no class but what stands for NumPy's."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise _ForbiddenError(f"{module}.{name}")
        return _KNOWN[module, name]


def _as_arrays(found: Any) -> Any:
    """The same with arrays in the place of what stands for them."""
    if isinstance(found, _Array):
        return found.numpy()
    if isinstance(found, dict):
        return {_as_arrays(key): _as_arrays(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return type(found)(_as_arrays(value) for value in found)
    return found
