"""Bootstrap confidence intervals: by how much a mean might differ on other photographs."""

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
_SEED = 0
_AT_A_TIME = 2**22  # counts that are in memory together


def interval(
    values: np.ndarray, groups: np.ndarray, *, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """The percentile interval of a mean, whole groups drawn with replacement.

    Photographs of one landmark are found or missed together, so drawing them one by one
    would tell too narrow an interval. Efron and Tibshirani, 1993, chapters 8 and 13.

    Args:
        values: float ``(queries,)``, finite.
        groups: int ``(queries,)``, from 0, what each belongs to.
        resamples: How often it is drawn.

    Returns:
        Where the lowest and the highest 2.5 % of drawn means begin; the same for the same values.
        None of a single group: nothing tells how others would do.

    Raises:
        ValueError: If there are no values.
    """
    if not len(values):
        raise ValueError("An interval needs the score of a query at least.")
    sums, counts = np.bincount(groups, values), np.bincount(groups)
    there = np.flatnonzero(counts)
    if len(there) == 1:
        return None
    sums, counts = sums[there], counts[there]
    generator = np.random.default_rng(_SEED)
    means = []
    step = max(1, _AT_A_TIME // len(sums))
    for start in range(0, resamples, step):
        drawn = generator.multinomial(
            len(sums), np.full(len(sums), 1 / len(sums)), min(step, resamples - start)
        )
        means.append(drawn @ sums / (drawn @ counts))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
