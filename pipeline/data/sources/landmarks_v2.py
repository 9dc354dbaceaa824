"""Google Landmarks v2, and the Kaggle Landmark sets of 2020 and 2021, as a source."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from pipeline.data.sources.landmark_attribution import Attribution, read_attribution
from pipeline.data.sources.landmark_listing import Listing, Part, list_photographs, table_name
from pipeline.data.sources.landmark_names import (
    LandmarkRow,
    category_name,
    landmark_rows,
    unique_names,
)
from pipeline.data.sources.landmark_tables import PUBLISHED, require_columns
from pipeline.data.sources.landmark_tree import LandmarkTree
from pipeline.data.sources.photograph_tars import TarMemory
from pipeline.data.sources.source import Skipped, SourcePhotograph

_NEEDED = {"train": ("id", "landmark_id"), "train_clean": ("landmark_id", "images")}


class LandmarksV2Source:
    """One part of Google Landmarks v2, unpacked, in its tars, or both.

    A label is the data set's own ``landmark_id``; the index numbers its landmarks on its own, so
    that its labels mean others than train's. Nobody tells the landmarks of the test part. A tar
    is used when it has its published MD5, or, where there is no md5 file, when its headers lead
    to its end; else it is left out whole. Which tars proved whole is remembered.

    The source can be pickled; tars are not read again where it is unpickled, the table of
    attribution is.

    Args:
        folder: The data set: folders ``train``, ``index`` or ``test`` and tables beside them or
            in ``metadata``.
        part: train, index, test, or train_clean: what ``train_clean.csv`` lists of train.
        memory: Folder to remember whole tars in; by default in the user's cache folder.

    Raises:
        FileNotFoundError: If the folder holds no photographs of the part, or a train part's
            table is missing.
        ValueError: If that table lacks a column.
    """

    def __init__(self, folder: Path, part: Part, memory: Path | None = None) -> None:
        self._part = part
        self._tree = LandmarkTree(folder=folder, split=part.removesuffix("_clean"))
        self._memory = TarMemory(memory)
        _require_table(self._tree, part)
        if not self._tree.holds_photographs:
            raise FileNotFoundError(_nothing_found(self._tree))

    @functools.cached_property
    def _listing(self) -> Listing:
        return list_photographs(self._tree, self._part, self._memory)

    @functools.cached_property
    def _attribution(self) -> Attribution:
        split = self._tree.split
        table = self._tree.table(f"{split}_attribution.csv") or self._tree.table(f"{split}.csv")
        return read_attribution(table, np.sort(self._listing.ids))

    @functools.cached_property
    def _rows(self) -> Mapping[int, LandmarkRow]:
        """What is known of landmarks, whether they have photographs here or not."""
        names = ("label_to_hierarchical", "label_to_category")
        return landmark_rows(
            *(self._tree.table(f"{self._tree.split}_{name}.csv") for name in names)
        )

    @property
    def labels(self) -> np.ndarray:
        """The data set's own ``landmark_id`` of every photograph."""
        return self._listing.labels

    @functools.cached_property
    def landmarks(self) -> Mapping[int, LandmarkRow]:
        """What the tables tell of every landmark, by its label."""
        present = np.unique(self.labels[self.labels >= 0]).tolist()
        return {label: self._rows.get(label, LandmarkRow()) for label in present}

    @functools.cached_property
    def names(self) -> Mapping[int, str]:
        """Names of the landmarks' categories, or their labels where no category is known."""
        # Over all landmarks, so that a name does not depend on which photographs are there.
        known = {label: category_name(row.category) for label, row in self._rows.items()}
        names = unique_names(dict.fromkeys(self.landmarks, "") | known)
        return {label: names[label] for label in self.landmarks}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, sizes and times of change of photographs, tars and tables."""
        return self._tree.fingerprint()

    @property
    def left_out(self) -> Sequence[Skipped]:
        """Damaged tars, photographs in the table but not there, and the other way round."""
        return self._listing.left_out

    @property
    def bad_tars(self) -> Sequence[Path]:
        """The damaged tars whose path tells which of the published ones to fetch again."""
        return self._listing.bad_tars

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        """Reads these photographs, each tar once from front to back."""
        with _LastOpen() as last_open:
            for number in map(int, numbers):
                name = self._listing.name(number)
                try:
                    encoded = self._encoded(number, last_open)
                except OSError as error:
                    reason = f"cannot be read: {error.strerror or error}"
                    yield Skipped(name=name, reason=reason)
                    continue
                label = int(self.labels[number])
                yield SourcePhotograph(
                    name=name,
                    encoded=encoded,
                    landmark=self.names.get(label, ""),
                    label=label,
                    id=f"{self._listing.ids[number]:016x}",
                    **self._attribution.of(int(self._listing.ids[number])),
                )

    def _encoded(self, number: int, last_open: "_LastOpen") -> bytes:
        place = self._listing.folders[self._listing.places[number]]
        size = int(self._listing.sizes[number])
        if size < 0:
            return (place / self._listing.path(number)).read_bytes()
        return last_open.read(place, int(self._listing.offsets[number]), size)

    def __getstate__(self) -> dict[str, Any]:
        """The photographs' places, so that their numbers mean the same elsewhere."""
        state = {"_listing": self._listing} | self.__dict__
        return {name: state[name] for name in state if name != "_attribution"}


class _LastOpen:
    """Reads out of files and leaves the last one open, for the next part of it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """Bytes of a file.

        Raises:
            OSError: If it cannot be read, or has become too short.
        """
        if self._file is None or path != self._path:
            self.close()
            self._file, self._path = path.open("rb"), path
        self._file.seek(offset)
        content = self._file.read(size)
        if len(content) < size:
            raise OSError(f"{path.name} has become shorter since it was checked")
        return content

    def close(self) -> None:
        """Closes the file that is open."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def __enter__(self) -> "_LastOpen":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _require_table(tree: LandmarkTree, part: Part) -> None:
    needed = _NEEDED.get(part)
    if needed is None:
        return
    table = tree.table(table_name(part))
    if table is None:
        also = " Kaggle's train.csv is the clean set already." if part == "train_clean" else ""
        raise FileNotFoundError(
            f"{tree.folder} has no {table_name(part)}, nor has its folder metadata; it says which "
            f"landmark a photograph of {part} shows. It comes with Kaggle's set, from {PUBLISHED}, "
            f"or with --download=gldv2:train:0-9.{also}"
        )
    require_columns(table, *needed)


def _nothing_found(tree: LandmarkTree) -> str:
    split = tree.split
    looked_for = (
        f"{split}/0/1/2/0123456789abcdef.jpg, {split}/images_000.tar, the same in images/{split}/ "
        f"and, where {split}.csv lists them, in the folder itself"
    )
    return (
        f"{tree.folder} holds no photographs of Google Landmarks' {split} split; looked for "
        f"{looked_for}. Name the data set's folder, or fetch tars with "
        f"--download=gldv2:{split}:0-9."
    )
