"""Photographs by the names that a ground truth's file has for them."""

from collections.abc import Callable, Sequence

import numpy as np

_NONE = -1


def find_photographs(
    names: Sequence[str], ids: Sequence[str], titles: Sequence[str], file: str
) -> np.ndarray:
    """Finds photographs of a collection by name.

    A name is a photograph's id; else its title, which of a photograph that is a file is the path
    in its folder; else the last part of that path; else one of these without the suffix. So
    ``all_souls_000013`` finds ``jpg/all_souls_000013.jpg``.

    Args:
        names: What to look for.
        ids: Of the collection's photographs, each once.
        titles: Theirs, in the same order; "" where unknown.
        file: That has the names, for the error.

    Returns:
        Rows of the collection, int64 ``(names,)``, -1 where it has none of a name.

    Raises:
        ValueError: If a name could be several photographs.
    """
    rows: dict[str, int] = {}
    for column, key_of in _KEYS:
        wanted = set(filter(None, names)) - rows.keys()
        if not wanted:
            break
        of_column = ids if column == "id" else titles
        for row, text in enumerate(of_column):
            key = key_of(text)
            if key not in wanted:
                continue
            if key in rows:
                raise ValueError(
                    f"{file} names {key!r}, which could be {ids[rows[key]]} "
                    f"({titles[rows[key]]!r}) or {ids[row]} ({titles[row]!r}); name the "
                    "photograph by its id."
                )
            rows[key] = row
    return np.array([rows.get(name, _NONE) for name in names], np.int64)


def _file_name(title: str) -> str:
    return title.rpartition("/")[2]


def _without_suffix(title: str) -> str:
    stem, _, suffix = title.rpartition(".")
    return title if "/" in suffix else stem  # "" of what has none: no name is


_KEYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("id", str),
    ("title", str),
    ("title", _file_name),
    ("title", _without_suffix),
    ("title", lambda title: _without_suffix(_file_name(title))),
)
