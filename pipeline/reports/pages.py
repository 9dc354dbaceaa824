"""Pages in Markdown whose tables are made of results, between comments that name these.

    <!-- scores: arcface/mine-flat arcface/mine-pq; mAP recall@1 -->
    ...
    <!-- end of scores -->

A result is called MODEL/RESULT, for ``exported/MODEL/metrics/RESULT.json``; behind the semicolon
stand the scores that are columns. A comparison is called NAME, for
``exported/comparisons/NAME/comparison.json``.
"""

import re
from pathlib import Path

from pipeline import manifest, model_folder
from pipeline.reports.tables import MAKERS, Results

_COMPARISONS = "comparisons"
_TABLE = re.compile(
    r"^<!-- (?P<kind>\w+): (?P<results>[^;>]+); (?P<columns>[^>]+) -->\n"
    r"(?P<text>.*?)^<!-- end of (?P=kind) -->$",
    flags=re.MULTILINE | re.DOTALL,
)
_WITH_COLUMNS = re.compile(r"^<!-- (\w+): [^;>]+; [^>]+ -->$", flags=re.MULTILINE)
_BEGINNING = re.compile(r"^<!-- (\w+): .* -->$", flags=re.MULTILINE)


def with_tables(page: str, exported: Path, name: str) -> str:
    """A page with its tables made anew.

    Args:
        page: Its text.
        exported: Folder of the models whose results it names.
        name: Of the page, for errors.

    Raises:
        FileNotFoundError: If a result is missing.
        ValueError: If a table is of no known kind, does not end, or a result lacks a score.
    """
    kinds = ", ".join(MAKERS)
    for kind in _WITH_COLUMNS.findall(page):
        if kind not in MAKERS:
            raise ValueError(f"{name}: a table is of {kinds}. Received: {kind}.")
    begun = [found for found in _BEGINNING.findall(page) if found in MAKERS]
    if len(begun) != len(_TABLE.findall(page)):
        raise ValueError(
            f"{name}: of {len(begun)} tables one has no columns or no end: they begin with "
            "`<!-- scores: MODEL/RESULT; mAP recall@1 -->` and end with `<!-- end of scores -->`."
        )

    def made(match: re.Match[str]) -> str:
        kind = match["kind"]
        try:
            results = _results(kind, match["results"].split(), exported)
            text = MAKERS[kind](results, match["columns"].split())
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        first = match[0].partition("\n")[0]
        return f"{first}\n{text}\n<!-- end of {kind} -->"

    return _TABLE.sub(made, page)


def _results(kind: str, names: list[str], exported: Path) -> Results:
    found = {}
    for name in names:
        if kind == "comparison":
            path = exported / _COMPARISONS / name / "comparison.json"
            found[name] = manifest.read_json(path, "python -m pipeline.compare", "rows", "command")
            continue
        model, _, result = name.partition("/")
        path = exported / model / model_folder.METRICS / f"{result}.json"
        found[name] = manifest.read_json(path, "python -m pipeline.evaluate", "scores", "command")
    return found
