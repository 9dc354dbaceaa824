"""A pinhole camera: how points and planes of the city fall on a photograph.

The world is right-handed and in metres: x runs along a building's front, y into its depth, z up.
"""

import dataclasses

import numpy as np

NEAR = 0.4
"""Metres; what is nearer to the camera's plane than this is cut off."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera.

    `rotation` (3, 3) holds the directions of the image's right, the image's down and the view as
    rows; `focal` and the principal point `centre` are in pixels.
    """

    position: np.ndarray
    rotation: np.ndarray
    focal: float
    centre: tuple[float, float]

    @property
    def intrinsics(self) -> np.ndarray:
        """Camera coordinates to homogeneous pixels, (3, 3)."""
        (x, y), f = self.centre, self.focal
        return np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])

    def transform(self, points: np.ndarray) -> np.ndarray:
        """World (..., 3) to camera coordinates (..., 3); the last is the depth in metres."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in front of the camera to pixels (..., 2)."""
        return self.to_pixels(self.transform(points))

    def to_pixels(self, transformed: np.ndarray) -> np.ndarray:
        """Camera coordinates (..., 3) of positive depth to pixels (..., 2)."""
        scaled = transformed[..., :2] / transformed[..., 2:]
        return scaled * self.focal + np.asarray(self.centre)

    def plane_homographies(
        self, origins: np.ndarray, across: np.ndarray, down: np.ndarray
    ) -> np.ndarray:
        """What maps metres on planes, ``(a, d, 1)``, to homogeneous pixels.

        The point is ``origin + a * across + d * down``. All arguments are (n, 3).

        Returns:
            (n, 3, 3).
        """
        rays = self.rotation @ np.stack([across, down, origins - self.position], axis=-1)
        return self.intrinsics @ rays


def look_at(
    position: np.ndarray,
    target: np.ndarray,
    *,
    focal: float,
    centre: tuple[float, float],
    roll: float = 0.0,
) -> Camera:
    """A camera whose principal point sees `target`, turned by `roll` radians about its view."""
    view = (target - position) / np.linalg.norm(target - position)
    right = np.cross(view, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(view, right)
    turned = np.cos(roll) * right + np.sin(roll) * down
    rotation = np.stack([turned, np.cross(view, turned), view])
    return Camera(position=position, rotation=rotation, focal=focal, centre=centre)


def clip_to_front(transformed: np.ndarray) -> np.ndarray:
    """The part of a convex polygon (n, 3), in camera coordinates, at `NEAR` or farther: (m, 3).

    One step of Sutherland and Hodgman, 1974, https://doi.org/10.1145/360767.360802.
    """
    if transformed[:, 2].min() >= NEAR:
        return transformed
    kept: list[np.ndarray] = []
    for start, end in zip(transformed, np.roll(transformed, -1, axis=0), strict=True):
        if start[2] >= NEAR:
            kept.append(start)
        if (start[2] >= NEAR) != (end[2] >= NEAR):
            kept.append(start + (end - start) * (NEAR - start[2]) / (end[2] - start[2]))
    return np.array(kept).reshape(-1, 3)
