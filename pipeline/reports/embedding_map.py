"""Points of a plane that keep who is near whom: t-SNE, exact, of few points.

Van der Maaten and Hinton, 2008, https://www.jmlr.org/papers/v9/vandermaaten08a.html. It starts from
the two principal components, so that the map is the same each time and far groups keep their sides
(Kobak and Berens, 2019, https://www.nature.com/articles/s41467-019-13056-x).
"""

import numpy as np

_PERPLEXITY = 30.0  # neighbours that count, about
_ITERATIONS = 500
_EXAGGERATED = 100  # of them, in which groups are drawn together
_EXAGGERATION = 12.0
_HALVINGS = 50
_FIRST_SPREAD = 1e-4
_NOTHING = 1e-9  # beside which a spread is none
_FEWEST = 4


def place(squared_distances: np.ndarray, *, iterations: int = _ITERATIONS) -> np.ndarray:
    """Places photographs in a plane.

    Args:
        squared_distances: float64 ``(n, n)``, of every pair; at most some thousands.
        iterations: Steps of descent.

    Returns:
        float64 ``(n, 2)``; of fewer than four, or of equal ones, their principal components.
    """
    places = principal_components(squared_distances)
    spread = places[:, 0].std()
    if len(places) < _FEWEST or spread < _NOTHING:
        return places
    places *= _FIRST_SPREAD / spread
    shares = neighbour_shares(squared_distances, min(_PERPLEXITY, (len(places) - 1) / 3))
    rate = max(len(places) / _EXAGGERATION, 50.0)
    speed = np.zeros_like(places)
    gains = np.ones_like(places)
    for iteration in range(iterations):
        is_early = iteration < _EXAGGERATED
        _, slope = divergence(shares * (_EXAGGERATION if is_early else 1.0), places)
        gains = np.where(np.sign(slope) == np.sign(speed), gains * 0.8, gains + 0.2)
        gains = np.maximum(gains, 0.01)
        speed = (0.5 if is_early else 0.8) * speed - rate * gains * slope
        places = places + speed
    return places - places.mean(axis=0)


def divergence(shares: np.ndarray, places: np.ndarray) -> tuple[float, np.ndarray]:
    """How far places are from keeping neighbours, and its gradient.

    The Kullback-Leibler divergence of ``shares`` from those of Student's t-distribution in the
    plane, ``1 / (1 + d²)`` of every pair by their sum.

    Args:
        shares: float64 ``(n, n)``, symmetric.
        places: float64 ``(n, 2)``.

    Returns:
        The divergence and its gradient, float64 ``(n, 2)``; both of shares that add up to 1.
    """
    near = 1 / (1 + _squared_distances(places))
    np.fill_diagonal(near, 0.0)
    found = near / near.sum()
    there = shares > 0
    lost = float(np.sum(shares[there] * np.log(shares[there] / np.maximum(found[there], 1e-300))))
    pulls = (shares - found) * near
    return lost, 4 * (pulls.sum(axis=1)[:, None] * places - pulls @ places)


def neighbour_shares(squared_distances: np.ndarray, perplexity: float) -> np.ndarray:
    """How near every pair is, as shares of all nearness.

    Of each one's Gaussian that has the wanted perplexity: e to its entropy.

    Args:
        squared_distances: float64 ``(n, n)``.
        perplexity: Below ``n - 1``.

    Returns:
        float64 ``(n, n)``, symmetric, of sum 1, the diagonal 0.
    """
    distances = squared_distances.copy()
    np.fill_diagonal(distances, np.inf)
    distances -= distances.min(axis=1, keepdims=True)
    wanted = np.log(perplexity)
    low, high = np.zeros(len(distances)), np.full(len(distances), np.inf)
    scale = 1 / np.maximum(np.mean(distances, axis=1, where=np.isfinite(distances)), 1e-12)
    for _ in range(_HALVINGS):
        shares = np.exp(-distances * scale[:, None])
        shares /= shares.sum(axis=1, keepdims=True)
        is_wide = _entropies(shares) > wanted
        low, high = np.where(is_wide, scale, low), np.where(is_wide, high, scale)
        scale = np.where(np.isfinite(high), (low + high) / 2, 2 * scale)
    return (shares + shares.T) / (2 * len(distances))


def _entropies(shares: np.ndarray) -> np.ndarray:
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return -np.sum(shares * logarithms, axis=1)


def _squared_distances(points: np.ndarray) -> np.ndarray:
    lengths = np.einsum("nd,nd->n", points, points)
    return np.maximum(lengths[:, None] + lengths - 2 * points @ points.T, 0.0)


def principal_components(squared_distances: np.ndarray) -> np.ndarray:
    """The first two of those whose distances are given, float64 ``(n, 2)``.

    Classical scaling, Torgerson, 1952. The largest number of each component is positive.
    """
    count = len(squared_distances)
    centring = np.eye(count) - 1 / count
    sizes, directions = np.linalg.eigh(-centring @ squared_distances @ centring / 2)
    found = directions * np.sqrt(np.maximum(sizes, 0.0))
    components = np.zeros((count, 2))
    kept = min(2, count)
    components[:, :kept] = found[:, ::-1][:, :kept]
    largest = np.abs(components).argmax(axis=0)
    return components * np.where(components[largest, [0, 1]] < 0, -1.0, 1.0)
