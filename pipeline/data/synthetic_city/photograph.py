"""One photograph: sky, ground, shadows, buildings, passers-by, and what the camera makes of it."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.data.synthetic_city.camera import NEAR, Camera, clip_to_front
from pipeline.data.synthetic_city.painting import join_meshes, paint
from pipeline.data.synthetic_city.solids import Solid
from pipeline.data.synthetic_city.sprites import Season
from pipeline.data.synthetic_city.street import Site, passers_by
from pipeline.data.synthetic_city.viewpoint import draw_camera
from pipeline.data.synthetic_city.weather import Light, draw_light

_SUPERSAMPLING = 1.3
_SEASONS: tuple[Season, ...] = ("spring", "summer", "autumn", "winter")
# Red, green and blue of lamplight by its strength.
_LAMP_TABLE = np.linspace((0, 0, 0), (255, 208, 140), 256)[None].astype(np.uint8)
_BOX_CORNERS = np.array(list(itertools.product((0, 1), repeat=3)))  # lower or upper, (8, 3)
_CLOUD_CELLS = 5  # of the coarsest noise that clouds are made of


def take_photograph(site: Site, size: int, city_seed: int, rng: np.random.Generator) -> np.ndarray:
    """Photographs a building in its street.

    Args:
        site: What the photograph is of.
        size: Side of the photograph, pixels.
        city_seed: Chooses which trees, people and cars there are in the city.
        rng: Decides viewpoint, light, season and all else.

    Returns:
        uint8 ``(size, size, 3)`` RGB.
    """
    side = 2 * round(size * _SUPERSAMPLING / 2)
    light = draw_light(rng)
    season: Season = "winter" if light.weather.snow else _SEASONS[rng.integers(4)]
    camera = draw_camera(site.building, side, rng)
    frame = _backdrop(site, camera, light, side, rng)
    meshes = [
        site.neighbours,
        site.building.mesh,
        passers_by(site.building, camera, season, city_seed, rng),
    ]
    paint(frame, join_meshes(meshes), camera, light)
    return _develop(frame, size, rng)


def _backdrop(
    site: Site, camera: Camera, light: Light, side: int, rng: np.random.Generator
) -> np.ndarray:
    """Sky, ground and shadows, (side, side, 4) without glow.

    They are smooth, so they are painted at half the size, then enlarged.
    """
    half = dataclasses.replace(camera, focal=camera.focal / 2, centre=(side / 4, side / 4))
    frame = np.zeros((side // 2, side // 2, 4), np.uint8)
    frame[..., :3] = _sky(half, light, side // 2, rng)
    paint(frame, site.ground, half, light)
    _cast_shadows(frame, site.building.solids, half, light)
    return cv2.resize(frame, (side, side), interpolation=cv2.INTER_LINEAR)


def _sky(camera: Camera, light: Light, side: int, rng: np.random.Generator) -> np.ndarray:
    """From the zenith's colour to the horizon's, and on to the far ground; with clouds."""
    cells = 48
    ticks = (np.arange(cells) + 0.5) / cells * side
    x, y = np.meshgrid(ticks - camera.centre[0], ticks - camera.centre[1])
    rays = np.stack([x, y, np.full_like(x, camera.focal)], axis=-1) @ camera.rotation
    height = rays[..., 2] / np.linalg.norm(rays, axis=-1)
    weather = light.weather
    towards_zenith = np.clip(height / 0.75, 0.0, 1.0)[..., None] ** 0.6
    zenith, horizon = np.array(weather.zenith), np.array(weather.horizon)
    sky = horizon + towards_zenith * (zenith - horizon)
    shape = (cells, cells)
    noise = sum(
        cv2.resize(rng.random((n, 2 * n)), shape, interpolation=cv2.INTER_CUBIC) / (i + 1)
        for i, n in enumerate((_CLOUD_CELLS, 2 * _CLOUD_CELLS, 4 * _CLOUD_CELLS))
    )
    density = np.clip(4.0 * (noise / 1.83 - (0.78 - 0.5 * weather.cover)), 0.0, 1.0)
    density *= np.clip(height * 5.0, 0.0, 1.0) * 0.9
    sky += density[..., None] * (np.array(weather.clouds) - sky)
    ground = horizon * 0.72
    sky = np.where((height < 0.0)[..., None], ground, sky)
    resized = cv2.resize(sky.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.clip(resized, 0, 255).astype(np.uint8)


def _cast_shadows(frame: np.ndarray, solids: Sequence[Solid], camera: Camera, light: Light) -> None:
    """Darkens the ground where the sun does not reach it."""
    strength = float(np.mean(light.weather.sun))
    if strength < 0.1:
        return
    slant = light.towards_sun[:2] / light.towards_sun[2]
    mask = np.zeros(frame.shape[:2], np.uint8)
    boxes = np.array([(each.lower, each.upper) for each in solids])  # (m, 2, 3)
    corners = boxes[:, _BOX_CORNERS, np.arange(3)]  # (m, 8, 3)
    fallen = corners[..., :2] - corners[..., 2:] * slant
    for shadow in fallen.astype(np.float32, order="C"):
        hull = cv2.convexHull(shadow)[:, 0]
        ground = np.column_stack([hull, np.zeros(len(hull))])
        seen = clip_to_front(camera.transform(ground))
        if len(seen) > 2 and seen[:, 2].max() > NEAR:
            outline = np.clip(camera.to_pixels(seen), -4000, 4000).astype(np.int32)
            cv2.fillConvexPoly(mask, outline, 255)
    shade = cv2.GaussianBlur(mask, (0, 0), 0.8)
    dark = 1.0 - 0.5 * min(strength / 0.5, 1.0) * shade.astype(np.float32) / 255
    frame[..., :3] = cv2.multiply(frame[..., :3], cv2.merge([dark] * 3), dtype=cv2.CV_8U)


def _develop(frame: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Lamplight, white balance, exposure, the lens and the sensor's noise."""
    small = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
    image, glow = cv2.cvtColor(small, cv2.COLOR_RGBA2RGB), cv2.extractChannel(small, 3)
    if glow.any():
        image = _with_lamplight(image, glow)
    balance = np.exp(rng.normal(0.0, 0.035, 3) + rng.normal(0.0, 0.14))
    contrast = np.exp(rng.normal(0.0, 0.12))
    table = (np.arange(256.0)[:, None] * balance - 115.0) * contrast + 115.0
    image = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None])
    image = cv2.multiply(image, _vignette(size, int(rng.integers(4))), dtype=cv2.CV_8U)
    image = cv2.add(image, _grain(size, int(rng.integers(16))), dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 0.9)) * size / 256)
    return image


def _with_lamplight(image: np.ndarray, glow: np.ndarray) -> np.ndarray:
    """Windows shine, and light the air around them."""
    bloom = cv2.GaussianBlur(glow, (0, 0), max(glow.shape[0] / 90, 0.5))
    light = cv2.addWeighted(glow, 1.0, bloom, 0.35, 0.0)
    unlit = cv2.multiply(image, cv2.merge([cv2.bitwise_not(glow)] * 3), scale=1 / 255)
    return cv2.add(unlit, cv2.LUT(cv2.merge([light] * 3), _LAMP_TABLE))


@functools.lru_cache(maxsize=16)
def _vignette(size: int, strength: int) -> np.ndarray:
    """How much less light reaches the corners, float32 (size, size, 3)."""
    edges = np.linspace(-1.0, 1.0, size, dtype=np.float32) ** 2
    return cv2.merge([1.0 - 0.045 * strength * (edges[:, None] + edges)] * 3)


@functools.lru_cache(maxsize=64)
def _grain(size: int, variant: int) -> np.ndarray:
    """The noise of a sensor, weak or strong, int16 (size, size, 3)."""
    noise = np.random.default_rng((5, variant)).normal(0.0, 1.0 + variant % 4, (size, size))
    return cv2.merge([noise.round().astype(np.int16)] * 3)
