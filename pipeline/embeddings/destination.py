"""Where a job may write: nowhere that something else lies."""

import contextlib

from pipeline import storage
from pipeline.embeddings.pairs import MANIFEST, Pairs

_TOLD = {"model_fingerprint", "skipped"}  # no other artefact's manifest has both


def require_own_folder(layout: Pairs, folder: str) -> None:
    """Checks that a folder is one of such pairs, finished or not, or has nothing in it.

    Raises:
        ValueError: If it has other files, which the job would write over or remove.
    """
    names = set(storage.names_in(folder))
    if names and not _is_of_pairs(layout, folder, names):
        raise ValueError(
            f"{folder} has files and is no folder of {layout.whole}; name another "
            f"{layout.elsewhere}."
        )


def _is_of_pairs(layout: Pairs, folder: str, names: set[str]) -> bool:
    if MANIFEST in names:
        with contextlib.suppress(ValueError):  # where it is damaged the pairs tell
            told = layout.read_manifest(folder)
            return isinstance(told, dict) and told.keys() >= _TOLD
    if storage.names_in(storage.join(folder, "metadata")):
        return any(layout.read_entry(folder, number) for number in layout.numbers_in(folder))
    return names <= {layout.name, "metadata", MANIFEST}
