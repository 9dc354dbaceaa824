"""With a stand-in for kagglehub, an extra: what it is asked for, and what becomes of its errors."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import requests

from pipeline.data.downloads import Kaggle, download


class UnauthenticatedError(Exception):
    pass


class CredentialError(Exception):
    pass


class DataCorruptionError(Exception):
    pass


class BackendError(Exception):
    pass


ERRORS = (UnauthenticatedError, CredentialError, DataCorruptionError, BackendError)


def install(monkeypatch: pytest.MonkeyPatch, fetch: Callable[[str], str]) -> None:
    """Puts a kagglehub in place whose downloads, named by kind and handle, are those of fetch."""
    kagglehub, exceptions = ModuleType("kagglehub"), ModuleType("kagglehub.exceptions")
    for error in ERRORS:
        setattr(exceptions, error.__name__, error)
    vars(kagglehub).update(
        exceptions=exceptions,
        dataset_download=lambda handle: fetch(f"datasets {handle}"),
        competition_download=lambda handle: fetch(f"competitions {handle}"),
    )
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)
    monkeypatch.setitem(sys.modules, "kagglehub.exceptions", exceptions)


def refused(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(f"{status} Client Error", response=response)


@pytest.mark.parametrize("before", [None, "/elsewhere"])
def test_data_sets_and_competitions_are_fetched_into_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: str | None
) -> None:
    """Through kagglehub's cache, the only place where it resumes."""
    asked = []

    def fetch(asked_for: str) -> str:
        asked.append(asked_for)
        return f"{os.environ['KAGGLEHUB_CACHE']}/{len(asked)}"

    install(monkeypatch, fetch)
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)
    if before is not None:
        monkeypatch.setenv("KAGGLEHUB_CACHE", before)
    requested = Kaggle(handles=("owner/photos", "competitions/landmark-recognition-2021"))
    assert download(requested, tmp_path) == (tmp_path / "1", tmp_path / "2")
    assert asked == ["datasets owner/photos", "competitions landmark-recognition-2021"]
    assert os.environ.get("KAGGLEHUB_CACHE") == before


def test_a_missing_kagglehub_names_its_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ValueError, match=r"pip install '\.\[kaggle\]' .*pip install kagglehub"):
        download(Kaggle(handles=("owner/photos",)), tmp_path)


@pytest.mark.parametrize(
    ("raised", "error", "reason"),
    [
        (UnauthenticatedError(), PermissionError, "kaggle.json .*KAGGLE_USERNAME and KAGGLE_KEY"),
        (CredentialError(), PermissionError, "kaggle.json"),
        (refused(401), PermissionError, "kaggle.json"),
        (refused(403), PermissionError, "accept the rules at .*/competitions/landmarks/rules"),
        (refused(404), FileNotFoundError, r"no https://www\.kaggle\.com/competitions/landmarks;"),
        (refused(500), ConnectionError, "goes on where it stopped"),
        (requests.Timeout("slow"), ConnectionError, r"\(slow\); run the same command again"),
        (BackendError("down"), ConnectionError, r"\(down\); run the same command again"),
        (DataCorruptionError("md5"), ValueError, "damaged .*run the same command again"),
    ],
)
def test_errors_name_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    raised: Exception,
    error: type[Exception],
    reason: str,
) -> None:
    def fetch(asked_for: str) -> str:
        raise raised

    install(monkeypatch, fetch)
    before = os.environ.get("KAGGLEHUB_CACHE")
    with pytest.raises(error, match=reason):
        download(Kaggle(handles=("competitions/landmarks",)), tmp_path)
    assert os.environ.get("KAGGLEHUB_CACHE") == before


def test_a_data_set_has_no_rules_to_accept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fetch(asked_for: str) -> str:
        raise refused(403)

    install(monkeypatch, fetch)
    with pytest.raises(PermissionError) as caught:
        download(Kaggle(handles=("owner/photos",)), tmp_path)
    assert "rules" not in str(caught.value)
