"""Paints solids as a camera sees them, the hidden ones first."""

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.data.synthetic_city.camera import NEAR, Camera, clip_to_front
from pipeline.data.synthetic_city.solids import Skin, Solid, Texture
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
    polygons, inside = _outlines(transformed[seen], camera, frame.shape)
    seen, polygons = seen[inside], [polygons[index] for index in inside]
    depths = np.maximum(transformed[seen][..., 2].mean(axis=-1), NEAR)
    tables = light.tables(mesh.normals[seen], depths, mesh.lamps[seen])
    down = -np.cross(mesh.normals[seen], mesh.across[seen])
    planes = camera.plane_homographies(mesh.corners[seen, 0], mesh.across[seen], down)
    to_planes = np.linalg.inv(planes)
    for index, polygon, table, to_plane in zip(seen, polygons, tables, to_planes, strict=True):
        paint_face(frame, polygon, mesh.skins[index], table, to_plane)


def _outlines(
    transformed: np.ndarray, camera: Camera, shape: tuple[int, ...]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Faces' outlines in pixels, and which of them touch the frame."""
    safe = np.maximum(transformed, [-np.inf, -np.inf, NEAR])
    pixels = camera.to_pixels(safe).astype(np.float32)
    outlines = list(pixels)
    for index in np.flatnonzero(transformed[..., 2].min(axis=-1) < NEAR):
        outlines[index] = camera.to_pixels(clip_to_front(transformed[index])).astype(np.float32)
    lowest = np.array([outline.min(axis=0) for outline in outlines]).reshape(-1, 2)
    highest = np.array([outline.max(axis=0) for outline in outlines]).reshape(-1, 2)
    inside = (highest > 0).all(axis=-1) & (lowest < [shape[1], shape[0]]).all(axis=-1)
    return outlines, np.flatnonzero(inside)


def paint_face(
    frame: np.ndarray, polygon: np.ndarray, skin: Skin, table: np.ndarray, to_plane: np.ndarray
) -> None:
    """Paints one face.

    Args:
        frame: (height, width, 4) uint8, changed in place.
        polygon: The convex outline in pixels, (n, 2) float32.
        skin: A colour, or a texture whose lower left corner is the plane's origin.
        table: What each channel becomes in this light, (256, 4).
        to_plane: Maps pixels to homogeneous metres on the face's plane, (3, 3).
    """
    left, top = np.maximum(np.floor(polygon.min(axis=0)), 0).astype(int)
    limits = (frame.shape[1], frame.shape[0])
    right, bottom = np.minimum(np.ceil(polygon.max(axis=0)) + 1, limits).astype(int)
    if right <= left or bottom <= top:
        return
    patch = frame[top:bottom, left:right]
    fixed = np.round((polygon - (left, top)) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    area = cv2.contourArea(polygon)
    if not isinstance(skin, Texture) or (area < _SMALLEST_TEXTURED and not skin.cutouts):
        red, green, blue = skin.mean if isinstance(skin, Texture) else skin
        colour = (table[red, 0], table[green, 1], table[blue, 2])
        scalar = (int(colour[0]), int(colour[1]), int(colour[2]), 0)
        cv2.fillConvexPoly(patch, fixed, scalar, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
        return
    level = _level(skin, to_plane, polygon)
    from_patch = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
    picture, cutout = _warp(skin, level, to_plane @ from_patch, patch.shape[:2])
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, fixed, 255, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
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
    border = cv2.BORDER_REFLECT if texture.tiled else cv2.BORDER_REPLICATE
    size = (shape[1], shape[0])
    warped = cv2.warpPerspective(picture, mapping, size, flags=flags, borderMode=border)
    if not texture.cutouts:
        return warped, None
    cutout = cv2.warpPerspective(texture.cutouts[level], mapping, size, flags=flags)
    return warped, np.where(cutout > 127, np.uint8(255), np.uint8(0))


def _level(texture: Texture, to_plane: np.ndarray, polygon: np.ndarray) -> int:
    """The texture's level whose pixels are about as large as the frame's."""
    on_plane = polygon @ to_plane[:, :2].T + to_plane[:, 2]
    metres = (on_plane[:, :2] / on_plane[:, 2:]).astype(np.float32)
    square_metres = max(cv2.contourArea(metres), 1e-6)
    density = math.sqrt(max(cv2.contourArea(polygon), 1e-6) / square_metres)
    halvings = math.log2(max(texture.pixels_per_metre / density, 1e-6))
    return min(max(math.floor(halvings + 0.35), 0), len(texture.levels) - 1)
