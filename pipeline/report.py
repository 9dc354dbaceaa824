"""Writes the tables of Markdown pages anew from the results that they name.

    python -m pipeline.report --pages=README.md,docs/reordering.md

How a page names them: see ``pipeline.reports.pages``. ``--check`` writes nothing, and fails where a
table differs from its results.
"""

import dataclasses
from pathlib import Path

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.reports.pages import with_tables


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which pages, and whose results."""

    pages: tuple[str, ...] = setting(
        "Markdown files, comma-separated.",
        default=("README.md", "docs/indexes.md", "docs/reordering.md", "docs/words.md"),
    )
    exported: Path = setting("Folder of the models.", default=Path("exported"))
    check: bool = setting("Write nothing; fail where a page differs.", default=False)


def report(settings: Settings) -> list[Path]:
    """Writes the pages whose tables have changed.

    Returns:
        Those pages.

    Raises:
        FileNotFoundError: If a page or a result that one names is missing.
        ValueError: If a table is named wrongly, or with ``check`` a page would change.
    """
    changed = []
    for name in settings.pages:
        page = Path(name)
        if not page.is_file():
            raise FileNotFoundError(f"{page} is no page; pass those that are with --pages.")
        text = page.read_text(encoding="utf-8")
        made = with_tables(text, settings.exported)
        if made != text:
            changed.append(page)
            if not settings.check:
                _write(page, made)
    if settings.check and changed:
        raise ValueError(
            f"Tables of {', '.join(map(str, changed))} differ from the results; write them anew "
            "with `python -m pipeline.report`."
        )
    return changed


def _write(page: Path, text: str) -> None:
    manifest.write_atomically(page, lambda part: part.write_text(text, encoding="utf-8"))


def main(settings: Settings) -> None:
    """Writes the tables and tells which pages have changed."""
    changed = report(settings)
    told = ", ".join(map(str, changed)) if changed else "none"
    print(f"Pages of {len(settings.pages)} whose tables have changed: {told}")


if __name__ == "__main__":
    command_line.run(main, Settings)
