"""A ground truth of one's own: which photographs of a folder are similar to which.

A CSV file with the header ``query,similar`` and a row for every pair. Photographs are named by
their paths in the folder, or by their ids: see ``photograph_names``. Each query asks the rest of
the collection; what no row pairs with it is not similar.
"""

from pathlib import Path

from pipeline.scoring.csv_rows import read_rows
from pipeline.scoring.ground_truth import GroundTruth, Query

_HEADER = ("query", "similar")
_WHAT = "a file of pairs of similar photographs"


def read_pairs(path: Path) -> GroundTruth:
    """Reads pairs of similar photographs; queries in the order in which they come up.

    A pair counts one way: ``a,b`` does not say that ``b`` asks for ``a``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, a photograph's name is empty, a pair is there twice, or a
            photograph is similar to itself.
    """
    similar: dict[str, dict[str, int]] = {}
    for line, (query, other) in read_rows(path, _HEADER, _WHAT):
        if not query or not other:
            raise ValueError(f"{path}, line {line}: a pair has two photographs.")
        if query == other:
            raise ValueError(
                f"{path}, line {line}: {query!r} is similar to itself; a query is left out of what "
                "it finds. Name the others that are similar to it."
            )
        before = similar.setdefault(query, {})
        if other in before:
            raise ValueError(
                f"{path}, line {line}: the pair {query!r}, {other!r} is in line {before[other]}, "
                "too; remove one of the two."
            )
        before[other] = line
    return GroundTruth(
        file=str(path),
        queries=tuple(Query(id=query, positives=tuple(found)) for query, found in similar.items()),
        left_out="itself",
    )
