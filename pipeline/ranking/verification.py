"""Geometric verification: whether two photographs show one place, by where its features lie."""

import dataclasses

import numpy as np

from models.local import geometry
from models.local.features import Features
from models.local.matching import mutual_matches

# Of the candidate's features, the square root of the area of the box that they lie in: so that
# the answer is the same however large the photographs are. 8 pixels of one of 480 x 360.
_TOLERANCE = 0.02
_EVEN_CHANCE = np.pi * _TOLERANCE**2
_RATIO = 0.9
LEAST_SCORE = 3.0


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
    found = geometry.fit_affine(*points, threshold, sides[1] / sides[0])
    if found is None:
        return NOTHING
    transform, is_inlier = found
    of_query, of_candidate = (one[is_inlier] for one in points)
    # At least that of features spread evenly: of few, chance cannot be counted.
    chance = max(_EVEN_CHANCE, geometry.chance_of_agreement(*points, transform, threshold))
    places = min(len(np.unique(one.round(), axis=0)) for one in (of_query, of_candidate))
    return Verification(
        inliers=places,
        score=geometry.meaningfulness(places, len(rows), chance),
        transform=transform,
        matches=np.stack([rows[is_inlier], others[is_inlier]], axis=1),
        points=np.stack([of_query, of_candidate], axis=1),
    )


def extent(features: Features) -> float:
    """The square root of the area of the box that features lie in, pixels."""
    if not len(features):
        return 0.0
    sides = features.locations.max(axis=0) - features.locations.min(axis=0)
    return float(np.sqrt(sides[0] * sides[1]))
