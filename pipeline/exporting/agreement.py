"""Whether two computations of one network give the same vectors."""

import numpy as np

LEAST_COSINE = 0.999
"""Of vectors computed in 16 bits with those computed in 32."""

# Two graphs of one network differ by the order of float32 sums, no more.
_TOLERANCE = 1e-4


def least_cosine(found: np.ndarray, expected: np.ndarray) -> float:
    """The lowest cosine of corresponding rows, each of unit length, -1 to 1.

    Args:
        found: float ``(n, dim)``; undefined numbers count as a cosine of -1.
        expected: float ``(n, dim)``.
    """
    cosines = np.einsum("nd,nd->n", found.astype(np.float64), expected.astype(np.float64))
    return float(np.clip(np.nan_to_num(cosines, nan=-1.0), -1.0, 1.0).min())


def require_agreement(
    what: str,
    found: np.ndarray,
    expected: np.ndarray,
    *,
    is_exact: bool,
    least: float = LEAST_COSINE,
) -> None:
    """Checks what a SavedModel gives against what its network gives.

    Args:
        what: Names what is checked, for the error.
        found: float ``(n, dim)``, rows of unit length.
        expected: float ``(n, dim)``, rows of unit length.
        is_exact: Whether both compute in float32: then every number has to agree, else the
            directions do.
        least: Cosine that is enough then.

    Raises:
        ValueError: If they do not agree.
    """
    if is_exact:
        difference = np.abs(found - expected).max()
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"{what} differs from the trained network by {difference:.2g}; at most "
                f"{_TOLERANCE} is expected."
            )
        return
    cosine = least_cosine(found, expected)
    if cosine < least:
        raise ValueError(
            f"{what} differs from the trained network: the cosine of their vectors is "
            f"{cosine:.5f}; at least {least} is expected. This network needs more than 16 "
            "bits; pass --variant=mixed, frozen or plain."
        )
