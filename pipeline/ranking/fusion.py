"""Several lists of photographs into one; photographs are known by their ids."""

from collections.abc import Mapping, Sequence

_RANKS = 60  # as in the paper


def by_ranks(lists: Sequence[Sequence[str]], constant: float = _RANKS) -> dict[str, float]:
    """Reciprocal rank fusion: ``sum 1 / (constant + rank)`` over the lists that have it.

    Cormack et al., 2009, https://doi.org/10.1145/1571941.1572114.

    Args:
        lists: Of ids, best first, each once.
        constant: How little the first places matter.

    Returns:
        The score of every id, best first; of equal ones the one met first, list by list.
    """
    total: dict[str, float] = {}
    for ids in lists:
        for rank, one in enumerate(ids, start=1):
            total[one] = total.get(one, 0.0) + 1 / (constant + rank)
    return _best_first(total)


def by_scores(
    lists: Sequence[Mapping[str, float]], weights: Sequence[float] | None = None
) -> dict[str, float]:
    """Weighted sums of scores, those of each list stretched to 0 (its worst) to 1 (its best).

    What a list lacks has 0 there. CombSUM with normalised scores: Fox and Shaw, 1994,
    https://trec.nist.gov/pubs/trec2/papers/txt/23.txt; Lee, 1997, https://doi.org/10.1145/258525.258587.

    Args:
        lists: Scores by id, the larger the better.
        weights: Of the lists; by default 1 each.

    Returns:
        The score of every id, best first; of equal ones the one met first, list by list.
    """
    total: dict[str, float] = {}
    for scores, weight in zip(lists, weights or [1.0] * len(lists), strict=True):
        if not scores:
            continue
        least, most = min(scores.values()), max(scores.values())
        for one, score in scores.items():
            share = (score - least) / (most - least) if most > least else 1.0
            total[one] = total.get(one, 0.0) + weight * share
    return _best_first(total)


def _best_first(total: dict[str, float]) -> dict[str, float]:
    return dict(sorted(total.items(), key=lambda entry: -entry[1]))
