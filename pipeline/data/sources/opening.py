"""Which source the flags of build_records name, fetched first where they say so."""

import dataclasses
from pathlib import Path

from pipeline import command_line
from pipeline.command_line import setting
from pipeline.data import downloads
from pipeline.data.sources.city import CitySource
from pipeline.data.sources.delf_records import (
    DelfRecordsSource,
    find_relabeling,
    records_fingerprint,
)
from pipeline.data.sources.folder import FolderSource
from pipeline.data.sources.kaggle_triplets import KaggleTripletsSource
from pipeline.data.sources.landmark_listing import Part
from pipeline.data.sources.landmarks_v2 import LandmarksV2Source
from pipeline.data.sources.record_files import files_fingerprint, find_paths
from pipeline.data.sources.source import Source
from pipeline.data.sources.tfds_records import TfdsSource
from pipeline.data.synthetic_city import CitySettings
from pipeline.progress import logger

_SOURCES = ("photos", "landmarks_v2", "triplets", "delf_records", "tfds")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Where the photographs come from: one of the five kinds, or a synthetic city."""

    photos: Path | None = setting(
        "Folder of photographs, one sub-folder a landmark or all in one; without this or another "
        "source a synthetic city is rendered.",
        default=None,
    )
    landmarks_v2: Path | None = setting(
        "Folder of Google Landmarks v2, or of a Kaggle Landmark set of 2020 or 2021: tars, "
        "unpacked, or both, with its tables.",
        default=None,
    )
    part: Part | None = setting(
        "Part of --landmarks_v2; by default the one that --download fetches, or train.",
        default=None,
    )
    triplets: str | None = setting(
        "Kaggle's Google Landmarks 2020 triplets, a glob ('DIR/**/train*.tfrec').", default=None
    )
    delf_records: str | None = setting(
        "Records of Google Landmarks v2 as DELF writes them, a glob ('DIR/train-*-of-*').",
        default=None,
    )
    relabeling: Path | None = setting(
        "DELF's table of the clean set's labels; by default relabeling.csv beside the records.",
        default=None,
    )
    tfds: str | None = setting(
        "Name or folder of a tensorflow-datasets data set with an image and a label.", default=None
    )
    tfds_split: str = setting("Split of --tfds.", default="train")
    download: str | None = setting(
        "Fetch first, or go on fetching: gldv2:SPLIT[:TARS] (gldv2:index:0-9), "
        "kaggle:OWNER/DATASET, kaggle:competitions/NAME or kaggle:triplets.",
        default=None,
    )
    download_to: Path = setting("Where --download puts the files.", default=Path("downloads"))
    mirror: str = setting(
        "Address to fetch Google Landmarks v2 from.", default=downloads.GOOGLE_LANDMARKS
    )
    redownload: bool = setting("Fetch damaged tars of --landmarks_v2 again.", default=False)
    seed: int = setting("Chooses the splits, and the city.", default=0)
    city_landmarks: int = setting("Landmarks of the synthetic city.", default=40)
    city_photographs: int = setting("Photographs a landmark of the city.", default=16)
    city_distractors: int = setting("Photographs of streets without a landmark.", default=0)
    city_size: int = setting("Side of the city's photographs, pixels.", default=256)

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        command_line.require_at_least(self, seed=0)
        named = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(named) > 1:
            raise ValueError(f"Records are of one source. Received: --{' and --'.join(named)}.")
        if self.download is not None:
            _require_use(downloads.parse_download(self.download), self)
        _require_effect(self)
        if not named and not self.city_landmarks + self.city_distractors:
            raise ValueError("--city_landmarks and --city_distractors are both 0; raise one.")


# By what they belong to, flags that do nothing without it.
_BELONGS_TO = {
    "--landmarks_v2 or --download=gldv2": ("part", "redownload", "mirror"),
    "--delf_records": ("relabeling",),
    "--tfds": ("tfds_split",),
    "--download": ("download_to",),
    "the synthetic city": ("city_landmarks", "city_photographs", "city_distractors", "city_size"),
}


def _require_effect(settings: SourceSettings) -> None:
    """Checks that no flag is passed that does nothing.

    Raises:
        ValueError: If one is, naming what it belongs to.
    """
    fetches_landmarks = (settings.download or "").startswith("gldv2")
    there = {
        "--landmarks_v2 or --download=gldv2": settings.landmarks_v2 or fetches_landmarks,
        "--delf_records": settings.delf_records,
        "--tfds": settings.tfds,
        "--download": settings.download,
        "the synthetic city": not fetches_landmarks
        and all(getattr(settings, name) is None for name in _SOURCES),
    }
    defaults = {field.name: field.default for field in dataclasses.fields(SourceSettings)}
    for owner, names in _BELONGS_TO.items():
        changed = [name for name in names if getattr(settings, name) != defaults[name]]
        if changed and not there[owner]:
            raise ValueError(f"--{changed[0]} belongs to {owner} and does nothing here.")


def _require_use(
    requested: downloads.GoogleLandmarks | downloads.Kaggle, settings: SourceSettings
) -> None:
    """Checks that the records are of what is fetched.

    Raises:
        ValueError: If they are not, saying which flag is missing.
    """
    if isinstance(requested, downloads.GoogleLandmarks):
        others = [name for name in _SOURCES if getattr(settings, name) is not None]
        if others and settings.landmarks_v2 != settings.download_to:
            raise ValueError(
                f"--download=gldv2 makes records of what it fetches into --download_to. Received: "
                f"--{others[0]} too."
            )
        if settings.part is not None and settings.part.removesuffix("_clean") != requested.split:
            raise ValueError(
                f"--download fetches the part {requested.split}. Received: --part={settings.part}."
            )
    elif settings.triplets is None and settings.landmarks_v2 is None:
        raise ValueError(
            "--download=kaggle needs to know what to make of the files: add "
            f"--triplets='{settings.download_to}/**/train*.tfrec' or "
            f"--landmarks_v2={settings.download_to}/competitions/NAME."
        )


def quick_fingerprint(settings: SourceSettings) -> str | None:
    """The fingerprint of a source that is read through when it is opened, without opening it.

    Of Kaggle's triplets that takes an hour. None for the other sources.

    Raises:
        FileNotFoundError: If there are no such files.
    """
    if settings.download is None and settings.triplets is not None:
        return files_fingerprint(find_paths(settings.triplets, "triplets"))
    if settings.download is None and settings.delf_records is not None:
        paths = find_paths(settings.delf_records, "delf_records")
        return records_fingerprint(paths, find_relabeling(paths, settings.relabeling))
    return None


def open_source(settings: SourceSettings) -> Source:
    """Opens the source, once what ``--download`` names is there.

    Raises:
        OSError: If files are missing or cannot be fetched.
        ValueError: If they are of another layout.
    """
    part = settings.part
    landmarks_v2 = settings.landmarks_v2
    if settings.download is not None:
        requested = downloads.parse_download(settings.download)
        downloads.download(requested, settings.download_to, mirror=settings.mirror)
        if isinstance(requested, downloads.GoogleLandmarks):
            landmarks_v2, part = settings.download_to, part or requested.split  # type: ignore[assignment]
    if landmarks_v2 is not None:
        return _landmarks_v2(landmarks_v2, part or "train", settings)
    if settings.photos is not None:
        return FolderSource(settings.photos)
    if settings.triplets is not None:
        return _triplets(settings.triplets)
    if settings.delf_records is not None:
        return DelfRecordsSource(settings.delf_records, settings.relabeling)
    if settings.tfds is not None:
        return TfdsSource(settings.tfds, settings.tfds_split)
    return CitySource(
        CitySettings(
            landmarks=settings.city_landmarks,
            photographs_per_landmark=settings.city_photographs,
            distractors=settings.city_distractors,
            size=settings.city_size,
            seed=settings.seed,
        )
    )


def _landmarks_v2(folder: Path, part: Part, settings: SourceSettings) -> LandmarksV2Source:
    source = LandmarksV2Source(folder, part)
    if settings.redownload and source.bad_tars:
        downloads.redownload(source.bad_tars, mirror=settings.mirror)
        source = LandmarksV2Source(folder, part)
    return source


def _triplets(pattern: str) -> KaggleTripletsSource:
    source = KaggleTripletsSource(pattern)
    counts = source.counts
    logger.info(
        "%d triplets; left out: %d whose anchor is their positive, %d whose negative shows the "
        "anchor's landmark, %d that are there twice.",
        *(counts.read, counts.degenerate, counts.contradictory, counts.repeated),
    )
    return source
