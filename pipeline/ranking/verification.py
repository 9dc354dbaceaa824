"""Geometric verification: whether two photographs show one place, by where its features lie."""

import dataclasses

import numpy as np

from models.local import geometry
from models.local.features import Features
from models.local.matching import mutual_matches

# Chosen on 184 photographs of 23 landmarks in India, 100 candidates of each, with 1,000 upright
# SIFT features: mAP .424 without, .441 with these; with a ratio of .85 .440, a tolerance of .03
# .438. Of 1,800 pairs that are certain .986 show the same landmark, the others its neighbour in
# the same picture; of 179 pairs with a photograph of something else none is.
_RATIO = 0.9
# Of the candidate's features, the square root of the area of the box that they lie in: so that
# the answer is the same however large the photographs are. 8 pixels of one of 480 x 360.
_TOLERANCE = 0.02
_LEAST_CHANCE_OF_SIZE = 0.05
LEAST_SCORE = 3.0  # once in 1,000 pairs by chance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verification:
    """What the local features of two photographs have in common.

    Attributes:
        inliers: Places that one transform explains, counted where they are fewer; 0 where there is
            no such transform.
        score: How many orders of magnitude beyond chance so many are, 0 at least.
        transform: From x and y in the query to the candidate, float64 ``(2, 3)``; None if none.
        matches: Rows of the query's and the candidate's features that agree, int64 ``(n, 2)``.
        points: Where those are, x and y in the query and in the candidate, ``(n, 2, 2)``.
    """

    inliers: int
    score: float
    transform: np.ndarray | None
    matches: np.ndarray
    points: np.ndarray

    @property
    def is_certain(self) -> bool:
        """Whether chance does not do that among as many candidates as are looked at."""
        return self.score >= LEAST_SCORE


NOTHING = Verification(
    inliers=0,
    score=0.0,
    transform=None,
    matches=np.zeros((0, 2), np.int64),
    points=np.zeros((0, 2, 2), np.float32),
)


def verify(query: Features, candidate: Features) -> Verification:
    """Compares two photographs by their features; the same answer whenever it is asked."""
    rows, others = mutual_matches(query.descriptors, candidate.descriptors, _RATIO)
    points = query.locations[rows, ::-1], candidate.locations[others, ::-1]
    sides = extent(query), extent(candidate)
    if not all(sides):
        return NOTHING
    threshold = _TOLERANCE * sides[1]
    transform = geometry.fit_affine(*points, threshold, sides[1] / sides[0])
    if transform is None:
        return NOTHING
    is_size = geometry.size_agreements(query.sizes[rows], candidate.sizes[others], transform)
    is_near = geometry.agreements(*points, transform, threshold) & is_size
    is_inlier = np.diag(is_near)
    of_query, of_candidate = (one[is_inlier] for one in points)
    if not geometry.is_spread(of_query, of_candidate, transform, threshold):
        return NOTHING
    places = min(len(np.unique(one.round(), axis=0)) for one in (of_query, of_candidate))
    return Verification(
        inliers=places,
        score=geometry.meaningfulness(places, len(rows), _chance(is_near, is_size)),
        transform=transform,
        matches=np.stack([rows[is_inlier], others[is_inlier]], axis=1),
        points=np.stack([of_query, of_candidate], axis=1),
    )


def _chance(is_near: np.ndarray, is_size: np.ndarray) -> float:
    """Of two features that are no match to agree; of few, at least that of an even spread."""
    of_size = max(_LEAST_CHANCE_OF_SIZE, geometry.share_of_others(is_size))
    even = np.pi * _TOLERANCE**2 * of_size
    return max(even, geometry.share_of_others(is_near))


def extent(features: Features) -> float:
    """The square root of the area of the box that features lie in, pixels."""
    if not len(features):
        return 0.0
    sides = features.locations.max(axis=0) - features.locations.min(axis=0)
    return float(np.sqrt(sides[0] * sides[1]))
