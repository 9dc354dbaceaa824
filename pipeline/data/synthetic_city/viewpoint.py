"""Where a photographer stands, and how the camera is held."""

import numpy as np

from pipeline.data.synthetic_city.buildings import Building
from pipeline.data.synthetic_city.camera import Camera, look_at

_FARTHEST_AZIMUTH = np.radians(70.0)


def draw_camera(building: Building, size: int, rng: np.random.Generator) -> Camera:
    """A view of a building from somewhere in front of it.

    The azimuth is within 70 degrees of the front's normal; the building fills between half of
    the photograph and more than all of it, and is seldom in the middle.

    Args:
        building: The building.
        size: Side of the photograph, pixels.
        rng: Decides everything.
    """
    centre, extent = (building.lower + building.upper) / 2, building.upper - building.lower
    azimuth = np.clip(rng.normal(0.0, np.radians(27.0)), -_FARTHEST_AZIMUTH, _FARTHEST_AZIMUTH)
    focal = size / (2 * np.tan(np.radians(rng.uniform(44.0, 68.0)) / 2))
    share = np.exp(rng.uniform(np.log(0.55), np.log(1.25)))
    across = extent[0] * np.cos(azimuth) + extent[1] * abs(np.sin(azimuth))
    distance = focal * max(across, extent[2]) / (share * size)
    direction = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    # Measured from the near side of the building, so that nobody stands inside it.
    reach = np.min(extent[:2] / (2 * np.maximum(np.abs(direction[:2]), 1e-6)))
    position = centre + direction * (reach + max(distance, 6.0))
    position[2] = rng.uniform(1.5, 2.1) if rng.random() < 0.85 else rng.uniform(4.0, 14.0)
    shift = rng.normal(0.0, 0.07, 2) * max(across, extent[2])
    target = centre + np.array([shift[0] * np.cos(azimuth), 0.0, shift[1]])
    target[2] = max(target[2] - 0.06 * extent[2], 1.0)
    return look_at(
        position,
        target,
        focal=float(focal),
        centre=(size / 2, size / 2),
        roll=float(np.radians(rng.normal(0.0, 2.0))),
    )
