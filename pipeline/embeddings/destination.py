"""Where an embedding job may write: nowhere that something else lies."""

import contextlib

from pipeline import storage
from pipeline.embeddings import files

_TOLD = {"model_fingerprint", "skipped"}  # no other artefact's manifest has both
_PARTS = {"img_emb", "metadata", files.MANIFEST}


def require_own_folder(folder: str) -> None:
    """Checks that a folder is one of embeddings, finished or not, or has nothing in it.

    Raises:
        ValueError: If it has other files, which the job would write over or remove.
    """
    names = set(storage.names_in(folder))
    if names and not _is_of_embeddings(folder, names):
        raise ValueError(
            f"{folder} has files and is no folder of embeddings; name another --output."
        )


def _is_of_embeddings(folder: str, names: set[str]) -> bool:
    if files.MANIFEST in names:
        with contextlib.suppress(ValueError):  # where it is damaged the pairs tell
            told = files.read_manifest(folder)
            return isinstance(told, dict) and told.keys() >= _TOLD
    if storage.names_in(storage.join(folder, "metadata")):
        return any(files.read_entry(folder, number) for number in files.numbers_in(folder))
    return names <= _PARTS
