"""Google Landmarks v2 as it is published: tars of photographs, their md5 files, and tables.

The folder is laid out as the server is: ``train/images_000.tar``,
``md5sum/train/md5.images_000.txt``, ``metadata/train.csv``, ``ground_truth/``. Addresses and
columns: https://github.com/cvdfoundation/google-landmark.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.data.downloads.requested import TARS, GoogleLandmarks
from pipeline.data.downloads.transfer import Fetcher, Patience, Remote, md5_of
from pipeline.progress import logger, progress

GOOGLE_LANDMARKS = "https://s3.amazonaws.com/google-landmark"

_TABLES = {
    "train": (
        "metadata/train.csv",
        "metadata/train_clean.csv",
        "metadata/train_attribution.csv",
        "metadata/train_label_to_category.csv",
        "metadata/train_label_to_hierarchical.csv",
    ),
    "index": (
        "metadata/index.csv",
        "metadata/index_image_to_landmark.csv",
        "metadata/index_label_to_category.csv",
        "metadata/index_label_to_hierarchical.csv",
    ),
    "test": (
        "metadata/test.csv",
        "ground_truth/recognition_solution_v2.1.csv",
        "ground_truth/retrieval_solution_v2.1.csv",
    ),
}


def download(
    requested: GoogleLandmarks,
    folder: Path,
    *,
    mirror: str = GOOGLE_LANDMARKS,
    patience: Patience | None = None,
) -> tuple[Path, ...]:
    """Fetches the split's tables, then those of the tars that are missing or differ from their md5.

    A finished tar is read once, to compare it with its md5; a table is compared by size.

    Returns:
        The tars, each equal to its md5.

    Raises:
        OSError: If the server does not give a file, or the disk is too small.
        ValueError: If a tar differs from its md5 when fetched twice.
    """
    names = [f"{requested.split}/images_{number:03d}.tar" for number in requested.tars]
    tars = [folder / name for name in names]
    with Fetcher(patience) as fetcher:
        tables = [_remote(folder / name, folder, mirror) for name in _TABLES[requested.split]]
        fetcher.fetch(_not_whole(fetcher, tables), "Fetching tables")
        present = [tar for tar in tars if tar.is_file()]
        _fetch_hashes(fetcher, [tar for tar in present if _expected_md5(tar) is None], mirror)
        checked = progress(present, "Comparing tars with their md5", unit="tars")
        right = {tar for tar in checked if md5_of(tar) == _expected_md5(tar)}
        for tar in present:
            if tar not in right:
                logger.warning("%s differs from its md5; fetching it again.", tar)
        _fetch_tars(fetcher, [tar for tar in tars if tar not in right], mirror)
    return tuple(tars)


def redownload(
    tars: Iterable[Path], *, mirror: str = GOOGLE_LANDMARKS, patience: Patience | None = None
) -> None:
    """Fetches tars again, and their md5 files; a bad one stays until the right one replaces it.

    Interrupted and called again, it goes on where it stopped.

    Args:
        tars: Paths that end in ``SPLIT/images_NNN.tar``.
        mirror: Address of the server.
        patience: How long a failing server is borne.

    Raises:
        OSError: If the server does not give a file, or the disk is too small.
        ValueError: If a path is none of Google Landmarks' tars, or a tar is wrong twice.
    """
    tars = list(tars)
    for tar in tars:
        if tar.parent.name not in TARS or not re.fullmatch(r"images_\d{3}\.tar", tar.name):
            raise ValueError(
                "Only tars of Google Landmarks, as train/images_000.tar, can be fetched again. "
                f"Received: {tar}."
            )
    with Fetcher(patience) as fetcher:
        _fetch_tars(fetcher, tars, mirror)


def md5_file(tar: Path) -> Path:
    """Where the md5 of a tar lies, ``md5sum/SPLIT/md5.images_NNN.txt`` beside the split."""
    return tar.parents[1] / "md5sum" / tar.parent.name / f"md5.{tar.stem}.txt"


def _expected_md5(tar: Path) -> str | None:
    """The hash that the tar's md5 file gives, ``<hash>  <file>``; None where none can be read."""
    path = md5_file(tar)
    words = path.read_bytes().split(maxsplit=1) if path.is_file() else []
    found = re.fullmatch(rb"[0-9a-f]{32}", words[0].lower()) if words else None
    return None if found is None else found[0].decode()


def _remote(path: Path, folder: Path, mirror: str, md5: str | None = None) -> Remote:
    name = path.relative_to(folder).as_posix()
    return Remote(address=f"{mirror.rstrip('/')}/{name}", path=path, md5=md5)


def _not_whole(fetcher: Fetcher, tables: Sequence[Remote]) -> list[Remote]:
    """The tables that are missing or differ in size from the server's."""
    missing = [table for table in tables if not table.path.is_file()]
    present = [table for table in tables if table not in missing]
    try:
        return missing + [
            table
            for table in present
            if fetcher.version(table.address).size != table.path.stat().st_size
        ]
    except ConnectionError as error:
        logger.warning("Tables that are there already are taken to be whole: %s", error)
        return missing


def _fetch_hashes(fetcher: Fetcher, tars: Sequence[Path], mirror: str) -> None:
    hashes = [_remote(md5_file(tar), tar.parents[1], mirror) for tar in tars]
    fetcher.fetch(hashes, "Fetching md5 files")
    for tar, remote in zip(tars, hashes, strict=True):
        if _expected_md5(tar) is None:
            raise ValueError(
                f"{remote.address} was to give the md5 of {tar.name} as 32 hexadecimal digits, and "
                f"does not (see {remote.path}); name another server with --mirror."
            )


def _fetch_tars(fetcher: Fetcher, tars: Sequence[Path], mirror: str) -> None:
    _fetch_hashes(fetcher, tars, mirror)
    remotes = [_remote(tar, tar.parents[1], mirror, _expected_md5(tar)) for tar in tars]
    fetcher.fetch(remotes, "Fetching tars")
