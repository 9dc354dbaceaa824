"""Reads every record of data sets and reports what is damaged, twice there or shared.

    python -m pipeline.check_records --records=tfrecords/NAME[,tfrecords/OTHER]

Looks at checksums, keys, the decoding and the size of every photograph; at copies and near
duplicates within the data sets and between them; at landmarks in splits that should share none.
Prints a report and writes it, in full, as ``check.json`` into each folder, with ``skip.json``:
what every other stage is to leave out. An earlier list is not believed but made anew.

The exit status is 1 if there is damage, else 0; ``--fail_on`` names what else makes it 1.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import record_folder, skip_list
from pipeline.data.checks.comparison import Compared, compare
from pipeline.data.checks.record_scan import scan_data_set
from pipeline.data.checks.report import report
from pipeline.data.checks.report_text import report_text
from pipeline.data.checks.skips import SKIP_KINDS, skips
from pipeline.progress import logger

FailKind = Literal["damaged", "doubtful", "duplicates", "near_duplicates", "leaks", "overlap"]
FAIL_KINDS: tuple[str, ...] = get_args(FailKind)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to check, what to have left out, and what is a failure."""

    records: tuple[str, ...] = setting("Folders of records, tfrecords/NAME, comma-separated.")
    skip: tuple[str, ...] = setting(
        "What other stages leave out: damaged; duplicates (of the same bytes one is kept, of "
        "query, index or validation before train); near_duplicates (photographs of train that "
        "look like one of another split); overlap (photographs of the first folder that stand in "
        "another). Empty for nothing.",
        default=("damaged", "duplicates"),
    )
    fail_on: tuple[str, ...] = setting(
        "What makes the exit status 1: damaged, doubtful, duplicates, near_duplicates, leaks, "
        "overlap.",
        default=("damaged",),
    )

    def __post_init__(self) -> None:
        """Checks the names."""
        _require_known("skip", self.skip, SKIP_KINDS)
        _require_known("fail_on", self.fail_on, FAIL_KINDS)
        if not any(self.records):
            raise ValueError("--records is empty; name a folder of records, tfrecords/NAME.")
        if len({Path(folder).resolve() for folder in self.records}) < len(self.records):
            raise ValueError(f"--records names a folder twice. Received: {','.join(self.records)}.")


def _require_known(flag: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        if value not in known:
            raise ValueError(f"--{flag} takes some of {', '.join(known)}. Received: {value}.")


def check_records(settings: Settings) -> list[dict[str, Any]]:
    """Checks the data sets, and writes report and skip list into the folder of each.

    Returns:
        The report of each, as ``check.json`` holds it.

    Raises:
        FileNotFoundError: If a folder holds no record file.
    """
    folders = [Path(folder).expanduser() for folder in settings.records]
    data_sets = [scan_data_set(folder) for folder in folders]
    reports = []
    for place, compared in enumerate(compare(data_sets)):
        kinds = [kind for kind in SKIP_KINDS if kind in settings.skip]
        if place:
            kinds = [kind for kind in kinds if kind != "overlap"]  # the first folder's alone
        listed, counts = skips(compared, kinds)
        found = report(compared, counts)
        _write(compared, found, listed)
        reports.append(found)
    return reports


def _write(
    compared: Compared, found: dict[str, Any], listed: dict[str, skip_list.ShardSkips]
) -> None:
    folder = compared.data_set.folder
    try:
        manifest.write_json(folder / record_folder.CHECK, found)
        if compared.data_set.described:  # no other stage opens the others
            skip_list.write_skip_list(folder, listed)
    except OSError as error:  # records that are somebody else's; the report is printed all the same
        logger.warning(
            "%s cannot be written to (%s); there is no skip list.", folder, error.strerror
        )


def failures(settings: Settings, found: dict[str, Any]) -> list[str]:
    """The kinds of what was found that make the exit status 1."""
    counts = {
        "damaged": len(found["damaged"]["causes"]),
        "doubtful": found["doubtful"]["count"]
        + found["ids_of_different_photographs"]["count"]
        + found["labels_with_several_names"]["count"],
        "duplicates": found["duplicates"]["groups"],
        "near_duplicates": found["near_duplicates"]["groups"],
        "leaks": len(found["leaks"]),
        "overlap": sum(
            overlap["copies"]["count"] + overlap["near_duplicates"]["count"]
            for overlap in found["overlaps"]
        ),
    }
    return [kind for kind in settings.fail_on if counts[kind]]


def main(settings: Settings) -> None:
    """Prints the reports.

    Raises:
        ValueError: If there is what ``--fail_on`` names.
    """
    failed = []
    for found in check_records(settings):
        folder = Path(found["records"])
        names = (record_folder.CHECK, skip_list.FILE)
        beside = [str(folder / name) for name in names if (folder / name).is_file()]
        print(report_text(found, beside), end="\n\n", flush=True)
        kinds = failures(settings, found)
        if kinds:
            failed.append(f"{folder} ({', '.join(kinds).replace('_', ' ')})")
    if failed:
        raise ValueError(
            f"Not as it should be: {'; '.join(failed)}; the report tells where. Copy damaged "
            "shards again or rebuild them; until then other stages leave out what the list names."
        )


if __name__ == "__main__":
    command_line.run(main, Settings)
