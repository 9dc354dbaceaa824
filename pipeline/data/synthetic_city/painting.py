"""Paints solids as a camera sees them, the hidden ones first."""

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.data.synthetic_city.camera import NEAR, Camera, clip_to_front
from pipeline.data.synthetic_city.solids import Colour, Skin, Solid, Texture
from pipeline.data.synthetic_city.weather import Light

_SUBPIXEL_BITS = 4
_SMALLEST_TEXTURED = 60.0
"""Pixels; smaller faces get their texture's mean colour."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """Solids as arrays over all their faces (n) and over the solids (m).

    `owners` (n,) are the faces' solids; `lower` and `upper` (m, 3) the solids' bounding boxes;
    `lamps` (n,) the share of floodlight that falls on a face.
    """

    corners: np.ndarray  # (n, 4, 3)
    normals: np.ndarray  # (n, 3)
    across: np.ndarray  # (n, 3)
    skins: tuple[Skin, ...]
    lamps: np.ndarray
    owners: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def make_mesh(solids: Sequence[Solid], *, lamps: float = 0.0) -> Mesh:
    """Gathers solids, under as much floodlight as `lamps` (0 to 1)."""
    faces = [(index, face) for index, body in enumerate(solids) for face in body.faces]
    corners = np.array([face.corners for _, face in faces]).reshape(-1, 4, 3)
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    across = corners[:, 1] - corners[:, 0]
    return Mesh(
        corners=corners,
        normals=normals / np.linalg.norm(normals, axis=-1, keepdims=True),
        across=across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9),
        skins=tuple(face.skin for _, face in faces),
        lamps=np.full(len(faces), lamps),
        owners=np.array([index for index, _ in faces], int),
        lower=np.array([body.lower for body in solids]).reshape(-1, 3),
        upper=np.array([body.upper for body in solids]).reshape(-1, 3),
    )


def join_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of all solids of several."""
    offsets = np.cumsum([0, *(len(mesh.lower) for mesh in meshes)])
    return Mesh(
        corners=np.concatenate([mesh.corners for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        across=np.concatenate([mesh.across for mesh in meshes]),
        skins=tuple(skin for mesh in meshes for skin in mesh.skins),
        lamps=np.concatenate([mesh.lamps for mesh in meshes]),
        owners=np.concatenate(
            [mesh.owners + offset for mesh, offset in zip(meshes, offsets, strict=False)]
        ),
        lower=np.concatenate([mesh.lower for mesh in meshes]),
        upper=np.concatenate([mesh.upper for mesh in meshes]),
    )


def paint_order(lower: np.ndarray, upper: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The order in which to paint boxes so that no one covers another that hides it.

    One box cannot hide another if a plane across an axis parts them and the camera is on the
    other's side of it. Where boxes overlap, the farther is painted first.

    Args:
        lower: Boxes' lower corners, (m, 3).
        upper: Boxes' upper corners, (m, 3).
        position: The camera, (3,).

    Returns:
        (m,) indices.
    """
    slack = 1e-6
    below = (upper[:, None] <= lower[None] + slack) & (position >= upper[:, None] - slack)
    above = (lower[:, None] >= upper[None] - slack) & (position <= lower[:, None] + slack)
    hides = ~np.any(below | above, axis=-1)  # (m, m): row may hide column
    np.fill_diagonal(hides, False)
    hides &= ~(hides & hides.T)
    distances = np.linalg.norm((lower + upper) / 2 - position, axis=-1)
    # hidden_by[i] counts the boxes not yet painted that i hides, which must come before it.
    waiting = hides.sum(axis=1)
    left = np.ones(len(lower), bool)
    order = np.empty(len(lower), int)
    for step in range(len(lower)):
        ready = left & (waiting == 0)
        candidates = ready if ready.any() else left
        order[step] = chosen = int(np.argmax(np.where(candidates, distances, -1.0)))
        left[chosen] = False
        waiting -= hides[:, chosen]
    return order


def paint(frame: np.ndarray, mesh: Mesh, camera: Camera, light: Light) -> None:
    """Paints a mesh into a frame (height, width, 4), the fourth channel being glow."""
    transformed = camera.transform(mesh.corners)  # (n, 4, 3)
    towards = ((camera.position - mesh.corners[:, 0]) * mesh.normals).sum(axis=-1)
    seen = np.flatnonzero((towards > 0) & (transformed[..., 2].max(axis=-1) > NEAR))
    ranks = np.empty(len(mesh.lower), int)
    ranks[paint_order(mesh.lower, mesh.upper, camera.position)] = np.arange(len(mesh.lower))
    seen = seen[np.argsort(ranks[mesh.owners[seen]], kind="stable")]
    outlines = _outlines(transformed[seen], camera)
    boxes = _boxes_within(frame, outlines)
    inside = (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3])
    seen, outlines, boxes = seen[inside], outlines[inside], boxes[inside]
    depths = np.maximum(transformed[seen][..., 2].mean(axis=-1), NEAR)
    tables = light.tables(mesh.normals[seen], depths, mesh.lamps[seen])
    down = -np.cross(mesh.normals[seen], mesh.across[seen])
    planes = camera.plane_homographies(mesh.corners[seen, 0], mesh.across[seen], down)
    to_planes = np.linalg.inv(planes)
    areas = _areas(outlines)
    densities = np.sqrt(areas / np.maximum(_areas(_on_planes(outlines, to_planes)), 1e-6))
    in_patches = (outlines - boxes[:, None, :2]) * (1 << _SUBPIXEL_BITS)
    for index, (left, top, right, bottom), outline, area, density, table, to_plane in zip(
        seen,
        boxes,
        np.rint(in_patches).astype(np.int32),
        areas,
        densities,
        tables,
        to_planes,
        strict=True,
    ):
        patch, skin = frame[top:bottom, left:right], mesh.skins[index]
        if isinstance(skin, Texture) and (area >= _SMALLEST_TEXTURED or skin.cutouts):
            from_patch = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
            level = _level(skin, density)
            _paint_texture(patch, outline, skin, level, table, to_plane @ from_patch)
        else:
            _paint_colour(patch, outline, skin.mean if isinstance(skin, Texture) else skin, table)


def _outlines(transformed: np.ndarray, camera: Camera) -> np.ndarray:
    """Faces' convex outlines in pixels, (n, 5, 2).

    A quadrangle that is cut where it comes too near has five corners; others repeat their last.
    """
    corners = transformed[:, [0, 1, 2, 3, 3]]
    for index in np.flatnonzero(transformed[..., 2].min(axis=-1) < NEAR):
        cut = clip_to_front(transformed[index])
        corners[index] = cut[np.minimum(np.arange(5), len(cut) - 1)]
    return camera.to_pixels(corners)


def _boxes_within(frame: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """The part of a frame that each outline may touch: left, top, right, bottom, int (n, 4)."""
    limits = (frame.shape[1], frame.shape[0])
    least = np.clip(np.floor(outlines.min(axis=1)), 0, limits)
    most = np.clip(np.ceil(outlines.max(axis=1)) + 1, 0, limits)
    return np.concatenate([least, most], axis=1).astype(int)


def _areas(outlines: np.ndarray) -> np.ndarray:
    """Of polygons (n, corners, 2), by the shoelace formula."""
    x, y = outlines[..., 0], outlines[..., 1]
    return np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)) / 2


def _on_planes(outlines: np.ndarray, to_planes: np.ndarray) -> np.ndarray:
    """Outlines in metres on their faces' planes, (n, 5, 2)."""
    points = outlines @ to_planes[:, :, :2].transpose(0, 2, 1) + to_planes[:, None, :, 2]
    return points[..., :2] / points[..., 2:]


def _paint_colour(
    patch: np.ndarray, outline: np.ndarray, colour: Colour, table: np.ndarray
) -> None:
    red, green, blue = (int(table[value, channel]) for channel, value in enumerate(colour))
    cv2.fillConvexPoly(
        patch, outline, (red, green, blue, 0), lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS
    )


def _paint_texture(
    patch: np.ndarray,
    outline: np.ndarray,
    texture: Texture,
    level: int,
    table: np.ndarray,
    to_plane: np.ndarray,
) -> None:
    """Paints a face's texture.

    Args:
        patch: The part of the frame that the face lies in, (height, width, 4), changed in place.
        outline: The convex outline in the patch, int32 (corners, 2) of subpixels.
        texture: Its lower left corner is the plane's origin.
        level: Which of its copies is painted.
        table: What each channel becomes in this light, (256, 4).
        to_plane: Maps the patch's pixels to homogeneous metres on the face's plane, (3, 3).
    """
    picture, cutout = _warp(texture, level, to_plane, patch.shape[:2])
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, outline, 255, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    if cutout is not None:
        mask &= cutout
    cv2.copyTo(cv2.LUT(picture, table[None]), mask, patch)


def _warp(
    texture: Texture, level: int, to_plane: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """A texture and its cutout as the plane shows them in a patch of the given shape."""
    picture = texture.levels[level]
    height, width = picture.shape[:2]
    full_height, full_width = texture.levels[0].shape[:2]
    across = texture.pixels_per_metre * width / full_width
    up = texture.pixels_per_metre * height / full_height
    # A pixel's centre lies half a pixel from its edge; the picture's lower edge is at zero metres.
    to_picture = np.array([[across, 0.0, -0.5], [0.0, up, height - 0.5], [0.0, 0.0, 1.0]])
    mapping = to_picture @ to_plane
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_WRAP if texture.tiled else cv2.BORDER_REPLICATE
    size = (shape[1], shape[0])
    warped = cv2.warpPerspective(picture, mapping, size, flags=flags, borderMode=border)
    if not texture.cutouts:
        return warped, None
    cutout = cv2.warpPerspective(texture.cutouts[level], mapping, size, flags=flags)
    return warped, np.where(cutout > 127, np.uint8(255), np.uint8(0))


def _level(texture: Texture, density: float) -> int:
    """The texture's copy whose pixels are about as large as the frame's.

    Args:
        texture: The texture.
        density: The frame's pixels a metre of the face.
    """
    halvings = math.log2(max(texture.pixels_per_metre / max(density, 1e-6), 1e-6))
    return min(max(math.floor(halvings + 0.35), 0), len(texture.levels) - 1)
