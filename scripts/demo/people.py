"""A walker in one frame: their picture with depth, their shadow, and their joints as the camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.camera import Camera, Floats, cross, unit
from demo.cast import Walker
from demo.figure import figure
from demo.gait import FPS, Joints, pose
from demo.ground import tube_shadow
from demo.plaza import Scene
from demo.raster import Colours, Layer, Tube, draw_tube

KEYPOINTS = {
    "nose": 0.05,
    "head_bottom": 0.12,
    "head_top": 0.10,
    "left_ear": 0.06,
    "right_ear": 0.06,
    "left_shoulder": 0.13,
    "right_shoulder": 0.13,
    "left_elbow": 0.10,
    "right_elbow": 0.10,
    "left_wrist": 0.10,
    "right_wrist": 0.10,
    "left_hip": 0.20,
    "right_hip": 0.20,
    "left_knee": 0.13,
    "right_knee": 0.13,
    "left_ankle": 0.10,
    "right_ankle": 0.10,
}
"""PoseTrack18's joints in its order, and how deep under skin and clothes each lies, in metres on a person of 1.75 m."""


@dataclass(frozen=True)
class Drawn:
    """One walker alone.

    `layer`: picture and depth on the fine grid, complete even beyond the frame's borders, its corner at even
    coordinates. `points` `[17, 2]` and `depths` `[17]`: the joints on that grid. `head`: its outline, `[n, 2]`.
    """

    walker: Walker
    layer: Layer
    points: Floats
    depths: Floats
    head: Floats
    tubes: list[Tube]


def draw(walker: Walker, scene: Scene, camera: Camera, frame: int) -> Drawn | None:
    """Draw a walker on the fine grid of `camera`; None when they are wholly out of its picture."""
    joints = pose(walker.body, walker.path, frame / FPS)
    tubes = figure(joints, walker.outfit, walker.body.height, walker.body.head_scale)
    low, high = _extent(tubes, camera)
    if high[0] <= 0 or high[1] <= 0 or low[0] >= camera.width or low[1] >= camera.height:
        return None
    left, top = (int(np.floor(v / 2)) * 2 for v in low)
    layer = Layer(left, top, -(-int(high[0] - left + 1) // 2) * 2, -(-int(high[1] - top + 1) // 2) * 2)
    lit = [scene.sun.body(joints["pelvis"] + np.array([0, 0, z])) for z in (-0.5, 0.0, 0.6)]
    for tube in tubes:
        middle = (tube.start[2] + tube.end[2]) / 2 - joints["pelvis"][2]
        draw_tube(layer, camera, tube, scene.light, float(np.interp(middle, (-0.5, 0.0, 0.6), lit)))
    _occlude(layer)
    points, depths, _ = camera.project(np.array([joints[name] for name in KEYPOINTS]))
    return Drawn(walker, layer, points, depths, _head_corners(joints, walker, camera), tubes)


def _extent(tubes: list[Tube], camera: Camera) -> tuple[Floats, Floats]:
    image, _, scale = camera.project(np.array([[tube.start, tube.end] for tube in tubes]))
    reach = (np.array([tube.radius for tube in tubes])[:, None] * scale + 2)[..., None]
    return (image - reach).min((0, 1)), (image + reach).max((0, 1))


def _head_corners(joints: Joints, walker: Walker, camera: Camera) -> Floats:
    """Image points on the outline of the bare head: chin to crown, nose to back, and side to side."""
    size = walker.body.height / 1.75 * walker.body.head_scale
    chin, crown, ahead = joints["head_bottom"], joints["head_top"], joints["face"]
    side = cross(unit(crown - chin), ahead)
    middle = (chin + crown) / 2
    around = [
        middle + (ahead * np.cos(a) * 0.098 + side * np.sin(a) * 0.077) * size for a in np.linspace(0, 2 * np.pi, 12)
    ]
    image, _, _ = camera.project(np.array([chin, crown, joints["nose"], *around]))
    return image


def _occlude(layer: Layer) -> None:
    """Darken what lies behind its surroundings (under arms, between legs): depth unsharp-masked (Luft et al., 2006)."""
    drawn = np.isfinite(layer.depth)
    sigma = max(layer.depth.shape[0] * 0.03, 1.0)
    weight = cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), sigma)
    nearness = np.where(drawn, layer.depth, 0).astype(np.float32)
    around = cv2.GaussianBlur(nearness, (0, 0), sigma) / np.maximum(weight, 1e-3)
    behind = np.clip((nearness - around) / 0.22, 0, 1)
    layer.colour *= (1 - 0.55 * behind * drawn)[..., None].astype(np.float32)


def shadow(drawn: Drawn, scene: Scene, camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Share of the sun, and of the sky, that this walker takes from the ground, `[h, w]` on the grid of `camera`."""
    feet = np.array(
        [t.start for t in drawn.tubes if t.name == "sole"] + [t.end for t in drawn.tubes if t.name == "sole"]
    )
    _, _, scale = camera.project(feet[:1])
    pixels = float(scale[0])
    shape = (camera.height, camera.width)
    upper, lower = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for tube in drawn.tubes:
        mask = lower if min(tube.start[2], tube.end[2]) < 0.35 else upper
        _fill(mask, tube_shadow(scene.light, tube), camera)
    soft = np.maximum(_soft(upper, 0.035 * pixels), _soft(lower, 0.015 * pixels))
    contact = np.zeros(shape, np.uint8)
    for foot in feet:
        ring = np.linspace(0, 2 * np.pi, 12)[:, None]
        around = foot * np.array([1, 1, 0]) + 0.11 * np.c_[np.cos(ring), np.sin(ring), 0 * ring]
        if foot[2] < 0.12:
            _fill(contact, around, camera)
    return soft, 0.6 * _soft(contact, 0.06 * pixels)


def _fill(mask: NDArray[np.uint8], points: Floats, camera: Camera) -> None:
    image, _, _ = camera.project(points)
    hull = cv2.convexHull(np.round(image * 16).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_AA, shift=4)


def _soft(mask: NDArray[np.uint8], sigma: float) -> NDArray[np.float32]:
    """Blur the part of a mask that holds anything."""
    out = np.zeros(mask.shape, np.float32)
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        return out
    pad = int(3 * sigma) + 2
    rows, columns = slice(max(y - pad, 0), y + h + pad), slice(max(x - pad, 0), x + w + pad)
    out[rows, columns] = cv2.GaussianBlur(mask[rows, columns].astype(np.float32) / 255, (0, 0), max(sigma, 0.4))
    return out


def darken(picture: Colours, drawn: list[Drawn], scene: Scene, camera: Camera) -> Colours:
    """The ground `[h, w, 4]` of the fine grid with everybody's shadow on it; returns RGB. `camera`: the coarse one."""
    if not drawn:
        return np.ascontiguousarray(picture[..., :3])
    pairs = [shadow(person, scene, camera) for person in drawn]
    sun = np.max([pair[0] for pair in pairs], axis=0)
    sky = np.max([pair[1] for pair in pairs], axis=0)
    size = (picture.shape[1], picture.shape[0])
    sun, sky = (cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR) for mask in (sun, sky))
    where = (sun > 0) | (sky > 0)
    up = np.array([[0.0, 0.0, 1.0]])
    level = scene.light.shade(up, 0.0)[0]
    full = scene.light.shade(up, 1.0)[0] - level
    lit = picture[where][:, 3:]
    taken = sun[where][:, None] * full * lit / (level + full * lit)
    ground = lit > 0
    out = np.ascontiguousarray(picture[..., :3])
    out[where] *= (1 - taken) * (1 - sky[where][:, None] * ground)
    return out
