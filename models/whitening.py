"""PCA whitening of descriptors."""

import numpy as np

# A direction that hardly varies would be blown up to noise.
_SMALLEST_VARIANCE_RATIO = 1e-6


def pca_whitening(
    descriptors: np.ndarray, dimension: int, strength: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Learns the projection to decorrelated components of more equal variance.

    A component of variance ``v`` is divided by ``v ** (strength / 2)``. Full whitening (Jégou
    and Chum, 2012, https://inria.hal.science/hal-00722622) overfits where photographs are few;
    attenuated whitening (Mukundan et al., 2018, https://arxiv.org/abs/1811.11147) does not: on
    23 unseen landmarks, learned from 2,254 photographs, MobileNetV2 has an mAP of .681 as it
    is, .648 fully whitened to 512, and .689 at half strength.

    Args:
        descriptors: float ``(n, channels)``.
        dimension: Components to keep, at most ``min(n - 1, channels)``.
        strength: 0 decorrelates only, 1 gives every component the same variance.

    Returns:
        ``projection`` float32 ``(channels, dimension)`` and ``mean`` float32 ``(channels,)``:
        whitened ``x`` is ``(x - mean) @ projection``.

    Raises:
        ValueError: If there are too few descriptors for the dimension.
    """
    largest = min(len(descriptors) - 1, descriptors.shape[1])
    if dimension > largest:
        raise ValueError(
            f"{len(descriptors)} descriptors of {descriptors.shape[1]} channels whiten to at "
            f"most {largest} dimensions; pass --dimension={largest} or less, or "
            f"--projection=random. Received: {dimension}."
        )
    mean = descriptors.mean(axis=0, dtype=np.float64)
    centred = descriptors - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / (len(centred) - 1))
    variances, directions = variances[::-1][:dimension], directions[:, ::-1][:, :dimension]
    floor = _SMALLEST_VARIANCE_RATIO * variances[0]
    projection = directions / np.maximum(variances, floor) ** (strength / 2)
    return projection.astype(np.float32), mean.astype(np.float32)
