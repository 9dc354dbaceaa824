r"""Finds the photographs of a collection that show what a photograph shows.

    python -m pipeline.search --index=exported/MODEL/indexes/NAME-flat --photo=FILE --k=10

Prints the results as a table and draws them as a mosaic. ``--expand``, ``--diffuse`` and the like
reorder them; how much each gains, ``python -m pipeline.evaluate`` tells.

    python -m pipeline.search --index=exported/MODEL/indexes/NAME-flat --photo=FILE \
      --verify=exported/EXTRACTOR --explain

Moves results up by how surely they are verified, that is, how surely their local features lie as
the query's do, and draws which match.

    python -m pipeline.search --index=exported/MODEL/indexes/NAME-flat --duplicates

Prints the photographs that are duplicates of one another, in groups; it needs neither the model
nor the photographs.
"""

import dataclasses
from pathlib import Path

import numpy as np

from pipeline import command_line, duplicate_report, manifest
from pipeline.answer import Answer, Recognition, Result
from pipeline.command_line import setting
from pipeline.duplicate_report import Duplicate
from pipeline.engine import DEFAULT_PRECISION, Engine
from pipeline.explanation import save_explanation
from pipeline.index import duplicates, filters
from pipeline.index.collection import load_collection
from pipeline.index.duplicates import LEAST_OF_DUPLICATES
from pipeline.mosaic import save_mosaic
from pipeline.query_photograph import Box, BoxSource, crop, read_photograph
from pipeline.ranking.settings import RankingSettings, chosen
from pipeline.recognition import votes
from pipeline.text_table import Side, format_table

_MOST_DRAWN = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RankingSettings):
    """What to look for, where, and what reorders it."""

    index: Path = setting("Folder of an index, exported/MODEL/indexes/NAME.")
    photo: Path | None = setting("The query photograph: JPEG, PNG, BMP, GIF or WebP.", default=None)
    box: tuple[str, ...] | None = setting(
        "Part of the photograph that shows the landmark, as x1,y1,x2,y2 in pixels.", default=None
    )
    box_from: BoxSource = setting(
        "What the box is cut out of: the photograph, or the feature map that the model has of it, "
        "which sees what is around the box, too; auto takes the feature map where the model has "
        "one. Where something else stands around the box, photograph finds more.",
        default="auto",
    )
    k: int = setting("How many results.", default=10)
    where: tuple[str, ...] = setting(
        "Conditions that a result has to satisfy, comma-separated, such as "
        "license=CC0|CC BY 4.0 or landmark~gard: a column, one of = != ~ (holds) >= <=, and "
        "values with | between them.",
        default=(),
    )
    precision: float = setting(
        "The share of answers that have to be right, .5 to .99; below the confidence that takes, "
        "no landmark is named.",
        default=DEFAULT_PRECISION,
    )
    verify: Path | None = setting(
        "Model folder whose local features move the first 100 results up by how surely they are "
        "verified to show the very place; `python -m pipeline.extract` finds them first.",
        default=None,
    )
    explain: bool = setting(
        "Draw which local features of the query and of the first results match, instead of a "
        "mosaic.",
        default=False,
    )
    mosaic: Path = setting(
        f"Picture of the query and at most {_MOST_DRAWN} results, a PNG.",
        default=Path("results.png"),
    )
    duplicates: bool = setting(
        "Instead of searching for a photograph, find the duplicates in the collection.",
        default=False,
    )
    least: float | None = setting(
        "How similar results are at least: the cosine, or the negative distance. All that are so "
        f"similar come, whatever --k. Of duplicates by default {LEAST_OF_DUPLICATES}: a model "
        "that has learned landmarks brings their photographs closer together; raise it where "
        "different views are grouped.",
        default=None,
    )
    output: Path | None = setting("CSV file of the duplicates.", default=None)

    def __post_init__(self) -> None:
        """Checks ranges, what goes together, and that nothing else is written over."""
        super().__post_init__()
        command_line.require_at_least(self, k=1)
        reordering = [field.name for field in dataclasses.fields(RankingSettings)]
        if self.duplicates:
            beside = "--duplicates"
            command_line.require_default(self, beside, "photo", "box", "k", "mosaic", "precision")
            command_line.require_default(self, beside, "verify", "explain", "box_from")
            command_line.require_default(self, beside, *reordering)
        elif self.photo is None:
            raise ValueError("Pass --photo=FILE to search for, or --duplicates.")
        else:
            command_line.require_default(self, "--photo; pass --duplicates", "output")
            if self.least is not None:
                command_line.require_default(self, "--least", "k", *reordering)
            if self.verify is None:
                command_line.require_default(self, "no --verify=exported/EXTRACTOR", "explain")
            if self.box is None:
                command_line.require_default(self, "no --box=x1,y1,x2,y2", "box_from")
            if self.mosaic.resolve() == self.photo.resolve():
                raise ValueError(f"--mosaic={self.mosaic} is the query itself; name another file.")
        if self.mosaic.is_dir():
            raise ValueError(f"--mosaic={self.mosaic} is a folder; name a PNG file.")
        if self.output is not None and self.output.is_dir():
            raise ValueError(f"--output={self.output} is a folder; name a CSV file.")


def search(settings: Settings) -> Answer:
    """Searches for a photograph as the settings say.

    Raises:
        FileNotFoundError: If the index, its model, local features or the photograph is missing.
        ValueError: If the photograph is damaged, the box or a condition is none, the precision is
            out of range, another model filled the index, or it cannot be reordered so; or the
            model has no feature map that a box could be cut out of.
    """
    where = filters.parse(settings.where)
    return Engine(settings.index, extractor=settings.verify).ask(
        _photograph(settings),
        settings.k,
        parse_box(settings.box),
        where,
        least=settings.least,
        precision=settings.precision,
        ranking=chosen(settings),
        box_from=settings.box_from,
    )


def find_duplicates(settings: Settings) -> list[Duplicate]:
    """Finds the duplicates of a collection as the settings say, and writes them if asked to.

    Raises:
        FileNotFoundError: If the index is missing.
        ValueError: If its vectors are too rough, or a condition is none.
        OSError: If the file cannot be written.
    """
    opened = load_collection(settings.index)
    least = LEAST_OF_DUPLICATES if settings.least is None else settings.least
    groups = duplicates.groups(opened, least, filters.parse(settings.where))
    found = duplicate_report.list_duplicates(opened, groups)
    if settings.output is not None:
        duplicate_report.write_csv(found, settings.output)
    return found


def draw(settings: Settings, results: list[Result]) -> None:
    """Draws the query and the first of its results as a mosaic, or how they match.

    Raises:
        FileNotFoundError: If the records of a result are gone.
        ValueError: If they were replaced.
    """
    query = crop(_photograph(settings), parse_box(settings.box))
    drawn = results[:_MOST_DRAWN]
    save = save_explanation if settings.explain else save_mosaic
    manifest.write_atomically(settings.mosaic, lambda path: save(query, drawn, path))


def _photograph(settings: Settings) -> np.ndarray:
    if settings.photo is None:
        raise ValueError("--photo is needed to search for it.")
    return read_photograph(settings.photo)


def parse_box(texts: tuple[str, ...] | None) -> Box | None:
    """Four whole numbers of the flag ``--box``.

    Raises:
        ValueError: If they are not four.
    """
    if texts is None:
        return None
    try:
        x1, y1, x2, y2 = (int(text) for text in texts)
    except ValueError as error:
        raise ValueError(
            f"--box is four whole numbers, x1,y1,x2,y2. Received: {','.join(texts)}."
        ) from error
    return x1, y1, x2, y2


def table_of(results: list[Result]) -> str:
    """Results as lines of text, the header first; with the matches, where they were verified."""
    is_verified = any(result.verification is not None for result in results)
    rows = [
        (
            str(result.rank),
            f"{result.similarity:.3f}",
            *([] if not is_verified else [_inliers_of(result)]),
            "-" if result.probability is None else f"{result.probability:.2f}",
            result.photograph.landmark or "-",
            result.photograph.title or result.photograph.id,
        )
        for result in results
    ]
    columns: dict[str, Side] = {
        **{"rank": ">", "similarity": ">"},
        **({"matches": ">"} if is_verified else {}),
        "probability": ">",
        **{"landmark": "<", "photograph": "<"},
    }
    return format_table(columns, rows)


def _inliers_of(result: Result) -> str:
    """The places that agree, in brackets where chance may have done that."""
    if result.verification is None:
        return "-"
    count = str(result.verification.inliers)
    return count if result.verification.is_certain else f"({count})"


def recognition_said(recognition: Recognition | None) -> str:
    """Which landmark it is and how sure that is, as a line of text."""
    if recognition is None:
        return f"The collection is not calibrated: {votes.NOT_CALIBRATED}."
    if recognition.landmark is None:
        return "No confident match: no landmark of the results is known."
    name = recognition.landmark or "a landmark without a name"
    sure = f"{name}, with a probability of {recognition.probability:.2f}"
    if recognition.is_confident:
        return f"{sure}."
    return f"No confident match; at best {sure}."


def main(settings: Settings) -> None:
    """Prints what is found, then where the mosaic is or how many duplicates there are."""
    if settings.duplicates:
        found = find_duplicates(settings)
        print(duplicate_report.table_of(found), flush=True)
        print(duplicate_report.summary(found))
        return
    answer = search(settings)
    print(recognition_said(answer.recognition))
    print(table_of(answer.results), flush=True)
    if settings.steps:
        print(f"Reordered by {', '.join(settings.steps)}; similarities are those without.")
    draw(settings, answer.results)
    print(f"{'Explanation' if settings.explain else 'Mosaic'}: {settings.mosaic}")


if __name__ == "__main__":
    command_line.run(main, Settings)
