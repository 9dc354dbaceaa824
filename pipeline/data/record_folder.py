"""What lies in a record folder beside its shards, so that nothing else is ever replaced."""

from pathlib import Path

from pipeline import manifest
from pipeline.data import record_rows, records, skip_list, triplet_table

LANDMARKS = "landmarks.csv"  # what Google Landmarks v2 tells of its landmarks
CHECK = "check.json"  # what check_records found
_BESIDE = (record_rows.FILE, triplet_table.FILE, skip_list.FILE, LANDMARKS, CHECK)
_WORTHLESS = {".DS_Store"}  # what a look at a folder may leave there


def require_nothing_else(output: Path) -> None:
    """Checks that only what these stages have made would be replaced.

    Raises:
        ValueError: If the folder holds anything else.
    """
    if not output.exists():
        return
    if not output.is_dir():
        raise ValueError(f"{output} is a file; name another --output.")
    ours: set[str] = set()
    if (output / records.MANIFEST).is_file() and records.is_record_folder(output):
        shards = manifest.read_json(output / records.MANIFEST, records.BUILD_COMMAND)["shards"]
        ours = {records.MANIFEST, *records.DESCRIPTION, *_BESIDE, *shards}
    others = sorted({path.name for path in output.iterdir()} - ours - _WORTHLESS)
    if others:
        raise ValueError(
            f"{output} holds other things ({others[0]}), which would be lost; name another "
            "--output."
        )
