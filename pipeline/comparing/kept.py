"""What a comparison keeps of earlier runs: the rows of methods that are not asked for now."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pipeline import manifest
from pipeline.comparing import cells
from pipeline.comparing.methods import METHODS, Method
from pipeline.comparing.recipe import Recipe
from pipeline.comparing.row import Row
from pipeline.index.kinds import INVERTED
from pipeline.progress import logger


class Earlier:
    """A table as an earlier run left it; nothing of it is removed from disk.

    Args:
        path: Its file, if there is one.
    """

    def __init__(self, path: Path) -> None:
        told: dict[str, Any] = {"rows": [], "missing": {}}
        if path.is_file():
            told = manifest.read_json(path, "python -m pipeline.compare", *told)
        self._had_rows = {row["method"] for row in told["rows"]}
        self._missing: dict[str, str] = told["missing"]

    def rows(self, recipe: Recipe, asked: Collection[str]) -> list[Row]:
        """Those of methods that are not asked for now whose models fit what would be made now.

        Those that the table had and that do not fit are said.
        """
        found: list[Row] = []
        for name in (name for name in METHODS if name not in asked):
            own, reason = _of_method(recipe, METHODS[name])
            found += own
            if not own and name in self._had_rows:
                logger.warning("The rows of %s are left out: %s", name, reason)
        return found

    def missing(
        self,
        found: Sequence[Row],
        missing: Collection[str],
        asked: Collection[str],
        indexes: Collection[str],
    ) -> dict[str, str]:
        """What was missing that this run did not try, and why.

        Args:
            found: Rows that are there.
            missing: What this run could not make.
            asked: Methods that it tried.
            indexes: Kinds of index that it tried.
        """
        there = {f"{row.method}, {row.index}" for row in found} | {row.method for row in found}
        tried = {*asked, *(f"{name}, {kind}" for name in asked for kind in (*indexes, INVERTED))}
        tried |= {one for one in self._missing if one.partition(",")[0] in missing}
        return {one: why for one, why in self._missing.items() if one not in there | tried}


def _of_method(recipe: Recipe, method: Method) -> tuple[list[Row], str]:
    """Its rows, or why there are none."""
    try:
        if recipe.has(method):
            return cells.of_model(recipe.folder / method.name), "its cells are gone."
    except (FileNotFoundError, ValueError) as error:
        return [], first_line(error)
    return [], "its model was made of something else, has searched other records, or is gone."


def first_line(error: Exception) -> str:
    """What an error says, without the details below it."""
    return str(error).splitlines()[0]
