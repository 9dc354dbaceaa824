"""What ``--download`` asks for."""

import dataclasses
import re

TARS = {"train": 500, "index": 100, "test": 20}  # of Google Landmarks v2, by split

# Part 9 is spelt so by its publisher.
_TRIPLETS = (
    "mattbast/google-landmarks-2020-tfrecords",
    *(f"mattbast/google-landmarks-2020-triplet-loss-tfrecords-pt{n}" for n in range(2, 9)),
    "mattbast/google-landmarks-2020-tripley-loss-tfrecords-pt9",
)
_HANDLE = re.compile(r"[\w.-]+/[\w.-]+(/versions/\d+)?")
_FORMS = (
    "--download is gldv2:SPLIT or gldv2:SPLIT:TARS (gldv2:index:0-9,17), or kaggle:OWNER/DATASET, "
    "kaggle:competitions/NAME or kaggle:triplets"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GoogleLandmarks:
    """Some tars of one split (train, index or test) of Google Landmarks v2, and its tables."""

    split: str
    tars: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kaggle:
    """Data sets, ``owner/dataset[/versions/N]``, or competitions, ``competitions/name``."""

    handles: tuple[str, ...]


def parse_download(text: str) -> GoogleLandmarks | Kaggle:
    """Reads the value of ``--download``.

    ``gldv2:index`` is all tars of that split, ``gldv2:train:0-4,17`` six of them;
    ``kaggle:triplets`` all nine parts of the Google Landmarks 2020 triplets.

    Raises:
        ValueError: If it has none of these forms, or a tar that the split has not.
    """
    publisher, _, rest = text.partition(":")
    if publisher == "gldv2":
        split, colon, tars = rest.partition(":")
        if split in TARS:
            numbers = _numbers(split, tars) if colon else tuple(range(TARS[split]))
            return GoogleLandmarks(split=split, tars=numbers)
        raise ValueError(f"--download=gldv2:SPLIT is of {', '.join(TARS)}. Received: {text}.")
    if publisher == "kaggle":
        if rest == "triplets":
            return Kaggle(handles=_TRIPLETS)
        if _HANDLE.fullmatch(rest):
            return Kaggle(handles=(rest,))
    raise ValueError(f"{_FORMS}. Received: {text}.")


def _numbers(split: str, text: str) -> tuple[int, ...]:
    """The numbers of a list such as 0-4,17: each once, in order."""
    numbers: set[int] = set()
    for item in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", item.strip(), re.ASCII)
        if found is None:
            raise ValueError(f"Tars are numbers and ranges, as in 0-4,17. Received: {text!r}.")
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last < TARS[split]:
            raise ValueError(
                f"The tars of {split} are 0 to {TARS[split] - 1}, a range from the lower to the "
                f"higher. Received: {item.strip()}."
            )
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))
