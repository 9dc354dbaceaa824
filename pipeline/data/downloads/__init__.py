"""Data sets fetched from where they are published: Google Landmarks v2 and Kaggle."""

from pathlib import Path

from pipeline.data.downloads import google_landmarks, kaggle
from pipeline.data.downloads.google_landmarks import GOOGLE_LANDMARKS, redownload
from pipeline.data.downloads.requested import GoogleLandmarks, Kaggle, parse_download

__all__ = [
    "GOOGLE_LANDMARKS",
    "GoogleLandmarks",
    "Kaggle",
    "download",
    "parse_download",
    "redownload",
]


def download(
    requested: GoogleLandmarks | Kaggle, folder: Path, *, mirror: str = GOOGLE_LANDMARKS
) -> tuple[Path, ...]:
    """Fetches what is not in the folder yet; what was interrupted goes on where it stopped.

    Args:
        requested: What ``parse_download`` made of ``--download``.
        folder: Where the files go.
        mirror: Address of the server of Google Landmarks; Kaggle has but its own.

    Returns:
        Of Google Landmarks the tars, each equal to its md5; of Kaggle the folders, one a handle,
        with the unpacked files.

    Raises:
        OSError: If the server does not give a file, or the disk is too small.
        ValueError: If a tar is wrong twice, or kagglehub is not installed.
    """
    if isinstance(requested, GoogleLandmarks):
        return google_landmarks.download(requested, folder, mirror=mirror)
    return kaggle.download(requested, folder)
