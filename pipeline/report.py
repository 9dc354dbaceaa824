"""Writes the tables of Markdown pages anew from the results that they name, or a report of results.

    python -m pipeline.report --pages=README.md,docs/reordering.md

How a page names them: see ``pipeline.reports.pages``. ``--check`` writes nothing, and fails where a
table differs from its results.

    python -m pipeline.report --results=exported/MODEL/metrics/NAME.json --output=report.html

writes one page for a browser instead, which needs no other file: scores, curves, the best and the
worst queries with their photographs. Files of results, comma-separated, are compared; a file of
``pipeline.compare`` becomes a table with the commands of its rows.
"""

import dataclasses
from pathlib import Path

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.reports import page
from pipeline.reports.pages import with_tables
from pipeline.scoring import result


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which pages, and whose results."""

    pages: tuple[str, ...] = setting(
        "Markdown files, comma-separated.",
        default=(
            *("README.md", "docs/comparison.md", "docs/indexes.md", "docs/local_features.md"),
            *("docs/reordering.md", "docs/words.md"),
        ),
    )
    exported: Path = setting("Folder of the models.", default=Path("exported"))
    check: bool = setting("Write nothing; fail where a page differs.", default=False)
    results: tuple[str, ...] = setting(
        "Files of results, exported/MODEL/metrics/NAME.json, or of comparisons, "
        "exported/comparisons/NAME/comparison.json, comma-separated, to report instead.",
        default=(),
    )
    output: Path = setting("File of the report.", default=Path("report.html"))
    queries: int = setting(
        "How many of the best and of the worst queries the report shows of each result.",
        default=page.QUERIES,
    )

    def __post_init__(self) -> None:
        """Checks ranges, and that no flag is without effect."""
        command_line.require_at_least(self, queries=0)
        if self.results:
            command_line.require_default(self, "--results", "pages", "exported", "check")
        else:
            command_line.require_default(self, "pages; pass --results", "output", "queries")


def report(settings: Settings) -> list[Path]:
    """Writes the pages whose tables have changed, or the report.

    Returns:
        Those pages.

    Raises:
        FileNotFoundError: If a page or a result that one names is missing.
        ValueError: If a table is named wrongly, or with ``check`` a page would change; if a result
            to report is damaged or of an earlier version.
    """
    if settings.results:
        paths = [Path(name).expanduser() for name in settings.results]
        made_by = result.command("report", settings)
        return [
            page.write_report(paths, settings.output, made_by=made_by, queries=settings.queries)
        ]
    return _tables(settings)


def _tables(settings: Settings) -> list[Path]:
    changed = []
    for name in settings.pages:
        path = Path(name)
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no page; pass those that are with --pages.")
        text = path.read_text(encoding="utf-8")
        made = with_tables(text, settings.exported, name)
        if made != text:
            changed.append(path)
            if not settings.check:
                _write(path, made)
    if settings.check and changed:
        raise ValueError(
            f"Tables of {', '.join(map(str, changed))} differ from the results; write them anew "
            "with `python -m pipeline.report`."
        )
    return changed


def _write(path: Path, text: str) -> None:
    manifest.write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def main(settings: Settings) -> None:
    """Writes the tables and tells which pages have changed, or where the report is."""
    changed = report(settings)
    if settings.results:
        size = settings.output.stat().st_size / 1e6
        print(f"Report of {len(settings.results)} results, {size:.1f} MB: {settings.output}")
        return
    told = ", ".join(map(str, changed)) if changed else "none"
    print(f"Pages of {len(settings.pages)} whose tables have changed: {told}")


if __name__ == "__main__":
    command_line.run(main, Settings)
