"""Data sets and competitions of Kaggle, fetched by kagglehub (the extra ``kaggle``)."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import requests

from pipeline.data.downloads.requested import Kaggle

_COMPETITIONS = "competitions/"
_CACHE = "KAGGLEHUB_CACHE"


def download(requested: Kaggle, folder: Path) -> tuple[Path, ...]:
    """Fetches and unpacks data sets or competitions, unless they are there already.

    kagglehub shows the progress, resumes and compares checksums.

    Returns:
        The folder of every handle, ``datasets/OWNER/NAME/versions/N`` or ``competitions/NAME``
        in the folder; where Kaggle itself runs this, where Kaggle has mounted it.

    Raises:
        ValueError: If kagglehub is not installed, or what was fetched is damaged.
        PermissionError: If Kaggle wants an account, or its consent to the rules.
        FileNotFoundError: If Kaggle has no such data set.
        ConnectionError: If Kaggle cannot be reached or fails.
    """
    try:
        import kagglehub  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            "--download=kaggle:... needs kagglehub; install it with: pip install '.[kaggle]' "
            "(or: pip install kagglehub)."
        ) from error
    folders = []
    for handle in requested.handles:
        with _explained(handle), _cached_in(folder):
            if handle.startswith(_COMPETITIONS):
                found = kagglehub.competition_download(handle.removeprefix(_COMPETITIONS))
            else:
                found = kagglehub.dataset_download(handle)
        folders.append(Path(found))
    return tuple(folders)


@contextlib.contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Has kagglehub fetch into the folder.

    Not by its ``output_dir``: an archive begun there is refused by the next call, or with
    ``force_download`` removed, so that only the cache resumes (kagglehub 1.0.3).
    """
    before = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(folder.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE]
        else:
            os.environ[_CACHE] = before


@contextlib.contextmanager
def _explained(handle: str) -> Iterator[None]:
    """Turns kagglehub's errors into ones that name the handle and the remedy."""
    from kagglehub import exceptions  # noqa: PLC0415  # an extra

    try:
        yield
    except (exceptions.UnauthenticatedError, exceptions.CredentialError) as error:
        raise PermissionError(_needs_account(handle)) from error
    except exceptions.DataCorruptionError as error:
        raise ValueError(
            f"kaggle:{handle} arrived damaged and was removed ({error}); run the same command "
            "again."
        ) from error
    except requests.HTTPError as error:
        raise _refusal(handle, error) from error
    except (requests.RequestException, exceptions.BackendError) as error:
        raise ConnectionError(_unreachable(handle, error)) from error


def _refusal(handle: str, error: requests.HTTPError) -> OSError:
    status = None if error.response is None else error.response.status_code
    if status in (401, 403):
        return PermissionError(_needs_account(handle))
    if status == 404:
        return FileNotFoundError(f"Kaggle has no {_page(handle)}; correct --download=kaggle:.")
    return ConnectionError(_unreachable(handle, error))


def _needs_account(handle: str) -> str:
    consent = f", and accept the rules at {_page(handle)}/rules"
    return (
        f"Kaggle gives {handle} only to an account: make an API token at "
        "https://www.kaggle.com/settings, put it into ~/.kaggle/kaggle.json or the environment "
        "variables KAGGLE_USERNAME and KAGGLE_KEY"
        f"{consent if handle.startswith(_COMPETITIONS) else ''}; then run the same command again."
    )


def _unreachable(handle: str, error: Exception) -> str:
    return (
        f"kaggle:{handle} could not be fetched ({error}); run the same command again, it goes on "
        "where it stopped."
    )


def _page(handle: str) -> str:
    kind = "" if handle.startswith(_COMPETITIONS) else "datasets/"
    return f"https://www.kaggle.com/{kind}{handle}"
