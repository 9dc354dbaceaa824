"""Geometric verification: whether two photographs show one place, by where its features lie."""

import dataclasses

import numpy as np

from models.local import geometry
from models.local.features import Features
from models.local.matching import KEYPOINTS, Matching, mutual_matches

_LEAST_CHANCE_OF_SIZE = 0.05
# Once in 1,000 pairs by chance. Of 1,800 pairs with SIFT that are certain .986 show the same
# landmark, the others its neighbour in the same picture; of 179 pairs with a photograph of
# something else none is.
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


def verify(query: Features, candidate: Features, matching: Matching = KEYPOINTS) -> Verification:
    """Compares two photographs by their features; the same answer whenever it is asked.

    Args:
        query: Of the query.
        candidate: Of the candidate.
        matching: How such features are compared.
    """
    rows, others = mutual_matches(query.descriptors, candidate.descriptors, matching.ratio)
    points = query.locations[rows, ::-1], candidate.locations[others, ::-1]
    sides = extent(query), extent(candidate)
    if not all(sides):
        return NOTHING
    threshold = matching.tolerance * sides[1]
    transform = geometry.fit_affine(*points, threshold, sides[1] / sides[0])
    if transform is None:
        return NOTHING
    is_near = geometry.agreements(*points, transform, threshold)
    of_size = 1.0  # the share of features whose sizes fit by chance
    if matching.compares_sizes:
        sizes = query.sizes[rows], candidate.sizes[others]
        is_size = geometry.size_agreements(*sizes, transform)
        is_near &= is_size
        of_size = max(_LEAST_CHANCE_OF_SIZE, geometry.share_of_others(is_size))
    is_inlier = np.diag(is_near)
    of_query, of_candidate = (one[is_inlier] for one in points)
    if not geometry.is_spread(of_query, of_candidate, transform, matching.spot * sides[1]):
        return NOTHING
    # Of few matches, at least that of an even spread.
    chance = max(np.pi * matching.tolerance**2 * of_size, geometry.share_of_others(is_near))
    places = min(len(np.unique(one.round(), axis=0)) for one in (of_query, of_candidate))
    return Verification(
        inliers=places,
        score=geometry.meaningfulness(places, len(rows), chance) / matching.copies,
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
