"""Which photographs of Google Landmarks v2 there are, where, and what could not be listed."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.data.sources.landmark_tables import (
    PUBLISHED,
    ListedPhotographs,
    find,
    listed_photographs,
)
from pipeline.data.sources.landmark_tree import (
    LandmarkTree,
    photograph_path,
    published_md5,
    unpacked_ids,
)
from pipeline.data.sources.photograph_tars import (
    BadTarError,
    TarMembers,
    TarMemory,
    checked_members,
)
from pipeline.data.sources.source import Skipped
from pipeline.progress import logger, progress

Part = Literal["train", "train_clean", "index", "test"]
_NAMED = 10  # more photographs than these are counted, not named


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """The photographs of one part, tar by tar as they lie in them, then the unpacked ones.

    Attributes:
        folders: What photographs lie in: tars, and roots of unpacked photographs.
        ids: uint64 ``(photographs,)``, each once.
        places: int32 ``(photographs,)``, positions in ``folders``.
        offsets: int64 ``(photographs,)``, where each begins in its tar, bytes.
        sizes: int64 ``(photographs,)``, bytes; -1 for one that is unpacked.
        labels: int64 ``(photographs,)``, landmarks, -1 where unknown.
        left_out: What is missing, damaged or in no table.
        bad_tars: The damaged tars that can be fetched again.
    """

    folders: tuple[Path, ...]
    ids: np.ndarray
    places: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    labels: np.ndarray
    left_out: tuple[Skipped, ...] = ()
    bad_tars: tuple[Path, ...] = ()

    def path(self, number: int) -> str:
        """Where a photograph lies below its root, or in its tar, by its id."""
        return photograph_path(f"{self.ids[number]:016x}")

    def name(self, number: int) -> str:
        """Names a photograph: ``images_000.tar:0/1/2/<id>.jpg``, ``train/0/1/2/<id>.jpg``."""
        parted = ":" if self.sizes[number] >= 0 else "/"
        return f"{self.folders[self.places[number]].name}{parted}{self.path(number)}"

    def chosen(self, numbers: np.ndarray) -> "Listing":
        """The same with some of the photographs only, int64 ``(n,)`` or bool ``(photographs,)``."""
        names = ("ids", "places", "offsets", "sizes", "labels")
        return dataclasses.replace(self, **{name: getattr(self, name)[numbers] for name in names})


def table_name(part: Part) -> str:
    """The table that lists a part's photographs."""
    return f"{part}.csv"


def list_photographs(tree: LandmarkTree, part: Part, memory: TarMemory) -> Listing:
    """Lists a part's photographs.

    Where the part's table is missing, all that lie in the split's own folder are its
    photographs.

    Raises:
        ValueError: If a table is damaged.
    """
    listed, table = None, tree.table(table_name(part))
    if table is not None:
        listed = _with_landmarks(listed_photographs(table), tree)
    whole, bad = _check_tars(tree, memory)
    found = _find(tree, whole)
    if listed is None or table is None:
        _, labels = _index_landmarks(tree).find(found.ids)
        photographs, left_out = dataclasses.replace(found, labels=labels), []
    else:
        known, labels = listed.find(found.ids)
        photographs = dataclasses.replace(found, labels=labels).chosen(known)
        left_out = [*_missing(tree, table, listed, photographs.ids)]
        if part != "train_clean":  # whose table is to leave photographs out
            left_out += _unlisted(tree, table, found.chosen(~known))
    _, first = np.unique(photographs.ids, return_index=True)
    return dataclasses.replace(
        photographs.chosen(np.sort(first)),
        left_out=(*_damaged(tree, bad), *left_out),
        bad_tars=tuple(tar for tar in bad if tree.is_refetchable(tar)),
    )


def _with_landmarks(listed: ListedPhotographs, tree: LandmarkTree) -> ListedPhotographs:
    """Adds the landmarks of the index, which lie in a table of their own."""
    if tree.split != "index":
        return listed
    _, labels = _index_landmarks(tree).find(listed.ids)
    return dataclasses.replace(listed, labels=labels)


def _index_landmarks(tree: LandmarkTree) -> ListedPhotographs:
    table = tree.table("index_image_to_landmark.csv") if tree.split == "index" else None
    if table is None:
        return ListedPhotographs(ids=np.empty(0, np.uint64), labels=np.empty(0, np.int64))
    return listed_photographs(table)


def _check_tars(
    tree: LandmarkTree, memory: TarMemory
) -> tuple[dict[Path, TarMembers], dict[Path, str]]:
    """Divides the tars into whole ones, with what they hold, and bad ones, with the reason."""
    md5s = {tar: _md5s(tree, tar) for tar in tree.tars}
    recalled = {tar: memory.recall(tar, md5s[tar]) for tar in md5s}
    whole = {tar: members for tar, members in recalled.items() if members is not None}
    bad: dict[Path, str] = {}
    unread = [tar for tar in md5s if tar not in whole]
    for tar in progress(unread, "Checking tars", unit="tars") if unread else ():
        try:
            whole[tar] = checked_members(tar, md5s[tar])
            memory.remember(tar, md5s[tar], whole[tar])
        except BadTarError as error:
            bad[tar] = str(error)
    if unproved := sum(not of_tar for of_tar in md5s.values()):
        logger.info(
            "%s of the %s tars in %s have no md5 file; their headers alone were followed to the "
            "end.",
            *(unproved, len(md5s), tree.folder),
        )
    return {tar: whole[tar] for tar in md5s if tar in whole}, bad


def _md5s(tree: LandmarkTree, tar: Path) -> tuple[str, ...]:
    found = {published_md5(file) for file in tree.md5_files(tar)}
    return tuple(sorted(md5 for md5 in found if md5 is not None))


def _find(tree: LandmarkTree, tars: dict[Path, TarMembers]) -> Listing:
    """All photographs there are, without their landmarks."""
    unpacked = [unpacked_ids(root) for root in tree.roots]
    ids = [members.ids for members in tars.values()] + unpacked
    none = [np.full(len(of_root), -1) for of_root in unpacked]
    counts = [len(in_place) for in_place in ids]
    joined = _join(ids, np.uint64)
    return Listing(
        folders=(*tars, *tree.roots),
        ids=joined,
        places=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        offsets=_join([*(members.offsets for members in tars.values()), *none], np.int64),
        sizes=_join([*(members.sizes for members in tars.values()), *none], np.int64),
        labels=np.full(len(joined), -1),
    )


def _join(arrays: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *arrays])


def _damaged(tree: LandmarkTree, bad: dict[Path, str]) -> Iterator[Skipped]:
    for tar, reason in bad.items():
        remedy = "pass --redownload" if tree.is_refetchable(tar) else f"see {PUBLISHED}"
        yield Skipped(
            name=tree.name(tar),
            reason=f"{reason}; none of its photographs is used; {remedy} to fetch it again",
        )


def _missing(
    tree: LandmarkTree, table: Path, listed: ListedPhotographs, present: np.ndarray
) -> Iterator[Skipped]:
    _, there = find(np.sort(present), listed.ids)
    missing = listed.ids[~there]
    texts = [f"{photograph_id:016x}" for photograph_id in missing[:_NAMED]]
    if len(missing) <= _NAMED:
        for text in texts:
            yield Skipped(
                name=f"{tree.split}/{photograph_path(text)}",
                reason=f"listed in {table.name}, but neither unpacked nor in a whole tar",
            )
        return
    yield Skipped(
        name=table.name,
        reason=f"{len(missing):,} of its {len(listed.ids):,} photographs are neither unpacked nor "
        f"in a whole tar ({', '.join(texts[:3])}, ...)",
    )


def _unlisted(tree: LandmarkTree, table: Path, found: Listing) -> Iterator[Skipped]:
    """What lies in the split's own folder and in no table."""
    own = [place for place, path in enumerate(found.folders) if _is_own(tree, path)]
    found = found.chosen(np.isin(found.places, own))
    names = [found.name(number) for number in range(min(len(found.ids), _NAMED))]
    if len(found.ids) <= _NAMED:
        yield from (Skipped(name=name, reason=f"not in {table.name}") for name in names)
        return
    yield Skipped(
        name=f"{tree.split}/",
        reason=f"{len(found.ids):,} photographs are not in {table.name} ({', '.join(names[:3])}, "
        "...)",
    )


def _is_own(tree: LandmarkTree, path: Path) -> bool:
    return path in tree.own_folders or path.parent in tree.own_folders
