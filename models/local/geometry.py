"""Which matches of two photographs one affine transform explains, and how surely."""

import math

import cv2
import numpy as np

_SEED = 0
_TRIALS = 1000
_CONFIDENCE = 0.999
_DEGREES = 3  # matches that decide an affine transform
_LARGEST_SCALE = 6.0  # by which a building fills more of one photograph than of the other
_LARGEST_SHEAR = 4.0  # ratio of the scales along the two axes of the transform's ellipse
_FEWEST_PLACES = 4  # one more than any transform explains
_SAME_SIZE = 2.0  # times that a feature may be larger or smaller than the transform says
_LEAST_SPREAD = 2.0  # spots, the standard deviation of the inliers across their narrower axis


def fit_affine(
    query: np.ndarray, candidate: np.ndarray, threshold: float, scale: float = 1.0
) -> np.ndarray | None:
    """Fits an affine transform that as many matches as possible agree with.

    MAGSAC++, Barath et al., 2020, https://arxiv.org/abs/1912.05909, as OpenCV has it, with local
    optimisation. A building's front seen from two sides is a homography, but its two further
    numbers fit wrong matches more often than they explain right ones. The result is the same
    whenever it is asked.

    Args:
        query: float32 ``(n, 2)``, x and y of matches.
        candidate: float32 ``(n, 2)``, where they should come to lie.
        threshold: Pixels of the candidate that they may be off.
        scale: By how much the candidate is larger as a whole.

    Returns:
        float64 ``(2, 3)``; None where there is no transform, or none that a camera makes of one
        place.
    """
    if len(query) < _DEGREES + 1:
        return None
    found, _ = cv2.estimateAffine2D(query, candidate, _parameters(threshold))
    if found is None or not np.all(np.isfinite(found)) or not is_plausible(found, scale):
        return None
    return found


def _parameters(threshold: float) -> cv2.UsacParams:
    parameters = cv2.UsacParams()
    parameters.score = cv2.SCORE_METHOD_MAGSAC
    parameters.sampler = cv2.SAMPLING_UNIFORM
    parameters.loMethod = cv2.LOCAL_OPTIM_INNER_LO
    parameters.loIterations, parameters.loSampleSize = 5, 20
    parameters.final_polisher = cv2.COV_POLISHER
    parameters.threshold = threshold
    parameters.maxIterations = _TRIALS
    parameters.confidence = _CONFIDENCE
    parameters.randomGeneratorState = _SEED
    parameters.isParallel = False
    return parameters


def is_plausible(transform: np.ndarray, scale: float = 1.0) -> bool:
    """Whether an affine transform neither mirrors nor collapses nor shears absurdly.

    Args:
        transform: ``(2, 3)``.
        scale: As ``fit_affine`` takes it.
    """
    linear = transform[:, :2]
    larger, smaller = np.linalg.svd(linear, compute_uv=False)
    if np.linalg.det(linear) <= 0 or smaller * _LARGEST_SHEAR < larger:
        return False
    return 1 / _LARGEST_SCALE <= math.sqrt(larger * smaller) / scale <= _LARGEST_SCALE


def is_spread(query: np.ndarray, candidate: np.ndarray, transform: np.ndarray, spot: float) -> bool:
    """Whether matches are of enough places, not all on one spot or line, in both photographs.

    Args:
        query: x and y, ``(n, 2)``.
        candidate: Likewise.
        transform: ``(2, 3)``.
        spot: Side of what counts as one place, pixels of the candidate.
    """
    scale = math.sqrt(abs(np.linalg.det(transform[:, :2])))
    for points, unit in ((query, spot / max(scale, 1e-6)), (candidate, spot)):
        if count_places(points, unit) < _FEWEST_PLACES:
            return False
        narrower = np.linalg.eigvalsh(np.cov(points.T))[0]
        if narrower < (_LEAST_SPREAD * unit) ** 2:
            return False
    return True


def count_places(points: np.ndarray, side: float) -> int:
    """How many squares of a side points ``(n, 2)`` lie in."""
    return len(np.unique(np.floor(points / side), axis=0))


def meaningfulness(agreeing: int, matches: int, chance: float) -> float:
    """How many orders of magnitude as many agreeing matches are beyond chance; 0 at least.

    Minus the decimal logarithm of the number of false alarms, Moisan and Stival, 2004,
    https://doi.org/10.1023/B:VISI.0000013094.38752.1c: of how many transforms, through any three
    of the matches, as many others would agree if each did so by chance.

    Args:
        agreeing: Matches that agree, the three that decide among them.
        matches: All.
        chance: Of one match to agree with a transform that has nothing to do with it.
    """
    free = agreeing - _DEGREES
    if free <= 0:
        return 0.0
    transforms = _log_choose(matches, agreeing) + _log_choose(agreeing, _DEGREES)
    alarms = math.log(matches - _DEGREES) + transforms + free * math.log(min(chance, 1))
    return max(0.0, -alarms / math.log(10))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def agreements(
    query: np.ndarray, candidate: np.ndarray, transform: np.ndarray, threshold: float
) -> np.ndarray:
    """Which places of the query come to lie on which of the candidate.

    Args:
        query: x and y, ``(n, 2)``.
        candidate: Likewise, ``(m, 2)``.
        transform: ``(2, 3)``.
        threshold: Pixels of the candidate that they may be off.

    Returns:
        bool ``(n, m)``.
    """
    moved = query @ transform[:, :2].T + transform[:, 2]
    off = moved[:, None] - candidate
    return np.einsum("ijk,ijk->ij", off, off) <= threshold**2


def size_agreements(query: np.ndarray, candidate: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Which sizes ``(n,)`` of features become about which ``(m,)``, bool ``(n, m)``."""
    scale = math.sqrt(abs(np.linalg.det(transform[:, :2])))
    off = np.log(candidate) - np.log(query * scale)[:, None]
    return np.abs(off) <= math.log(_SAME_SIZE)


def share_of_others(is_so: np.ndarray) -> float:
    """How often something holds of matches ``(n, n)`` with one another, not with themselves.

    Where features crowd on one spot, chance has them agree more often.
    """
    count = len(is_so)
    return (int(is_so.sum()) - int(np.trace(is_so))) / (count * (count - 1))
