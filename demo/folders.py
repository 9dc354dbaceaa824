"""What lies in the folders that were named at the start; no link leads out of them."""

from collections.abc import Iterator
from pathlib import Path

from pipeline import manifest, model_folder
from pipeline.index import collection

FileState = tuple[int, int, int]  # changes when a file is replaced


def state(path: Path) -> FileState:
    """By what a file is known not to have been replaced.

    Raises:
        FileNotFoundError: If there is none.
    """
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


class Root:
    """A folder that was named at the start.

    Args:
        folder: An ``exported/``, a model folder or the folder of an index; of the last, the model
            that it lies in is opened too.

    Raises:
        FileNotFoundError: If it is missing.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"--collections names {folder}, which is no folder.")
        self._folder = folder
        self._is_index = (folder / collection.MANIFEST).is_file() and (
            folder.resolve().parent.name == model_folder.INDEXES
        )
        self._reaches = (model_folder.of_index(folder) if self._is_index else folder).resolve()

    def indexes(self) -> list[Path]:
        """Folders of the indexes in it, in order; those being replaced are not among them."""
        if self._is_index:
            return [self._folder]
        pattern = f"{model_folder.INDEXES}/*/{collection.MANIFEST}"
        found = [path.parent for path in self._glob(pattern)]
        return [
            folder
            for folder in found
            if not manifest.is_temporary(folder) and self.holds_index(folder)
        ]

    def holds_index(self, folder: Path) -> bool:
        """Whether the folder of an index and its model lie in it, even where links are followed."""
        return self._holds(folder) and self._holds(model_folder.of_index(folder))

    def models(self) -> list[Path]:
        """Folders of the models in it, in order."""
        if self._is_index:
            return []
        return [path.parent for path in self._glob(model_folder.MODEL_FILE)]

    def _glob(self, pattern: str) -> Iterator[Path]:
        is_model = (self._folder / model_folder.MODEL_FILE).is_file()
        found = sorted(self._folder.glob(pattern if is_model else f"*/{pattern}"))
        return (path for path in found if self._holds(path) and self._holds(path.parent))

    def _holds(self, path: Path) -> bool:
        """Whether a path lies in it even where links are followed."""
        return path.resolve().is_relative_to(self._reaches)
