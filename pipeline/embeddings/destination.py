"""Where a job may write: nowhere that something else lies."""

import contextlib
from typing import Any

from pipeline import storage
from pipeline.embeddings.pairs import MANIFEST, Pairs

_TOLD = {"model_fingerprint", "skipped"}  # manifests of pairs alone have both
LAYOUT = "layout"  # entry of them: the name of their arrays


def require_own_folder(layout: Pairs, folder: str) -> None:
    """Checks that a folder is one of such pairs, finished or not, or has nothing in it.

    Raises:
        ValueError: If it has other files, or pairs of another layout, which the job would write
            over or remove.
    """
    names = set(storage.names_in(folder))
    if names and not _is_of_pairs(layout, folder, names):
        raise ValueError(
            f"{folder} has files and is no folder of {layout.whole}; name another "
            f"{layout.elsewhere}.{_of_another_layout(layout, folder, names)}"
        )


def _is_of_pairs(layout: Pairs, folder: str, names: set[str]) -> bool:
    told = _told(layout, folder, names)
    if told is not None:
        return _tells_of(layout, told, names)
    if storage.names_in(storage.join(folder, "metadata")):
        return any(layout.read_entry(folder, number) for number in layout.numbers_in(folder))
    return names <= {layout.name, "metadata", MANIFEST}


def _told(layout: Pairs, folder: str, names: set[str]) -> dict[str, Any] | None:
    """The manifest; None where there is none, or it is damaged: then the pairs tell."""
    if MANIFEST in names:
        with contextlib.suppress(ValueError):
            told = layout.read_manifest(folder)
            return told if isinstance(told, dict) else {}
    return None


def _tells_of(layout: Pairs, told: dict[str, Any], names: set[str]) -> bool:
    """Whether a manifest is of such pairs; earlier ones are by the arrays beside them."""
    if not told.keys() >= _TOLD:
        return False
    if LAYOUT in told:
        return bool(told[LAYOUT] == layout.name)
    return layout.name in names or names <= {"metadata", MANIFEST}


def _of_another_layout(layout: Pairs, folder: str, names: set[str]) -> str:
    found = (_told(layout, folder, names) or {}).get(LAYOUT, layout.name)
    if found == layout.name:
        return ""
    return f" It holds {found}, not {layout.name}; remove it if that is needed no more."
