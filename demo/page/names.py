"""What a photograph of a collection is called."""

from pathlib import PurePosixPath

from pipeline.stored_photograph import StoredPhotograph

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")


def name_of(photograph: StoredPhotograph) -> str:
    """Its landmark; where that is not known its title, of a file without the suffix, or its id."""
    if photograph.landmark:
        return photograph.landmark
    title = PurePosixPath(photograph.title)
    return (title.stem if title.suffix.lower() in _SUFFIXES else str(photograph.title)) or (
        photograph.id
    )
