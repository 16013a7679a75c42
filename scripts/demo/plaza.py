"""The place itself: what stands where, painted once, wide and with depth, and seen by a camera that may turn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from demo import props as furniture
from demo.camera import Camera, Floats
from demo.facade import house
from demo.ground import Paving, SunMap, paint_ground, shadow_outline, tube_shadow
from demo.labels import Labels, Shown
from demo.props import Props
from demo.raster import Colours, Layer, Light, Panel, draw_leaves, draw_panel, draw_tube


@dataclass(frozen=True)
class Scene:
    """A painted place, seen from `wide`, a camera at yaw 0 whose picture covers every later view.

    `picture`: float32 `[h, w, 4]`, linear RGB and the sun on the ground (0 off it). `depth`: float64 `[h, w]`, inf
    where there is only ground or sky. `labels`: uint8 `[h, w]`, what is seen there.
    """

    wide: Camera
    light: Light
    sun: SunMap
    picture: Colours
    depth: Floats
    labels: Labels

    def background(self, camera: Camera) -> Colours:
        """What `camera` sees of the empty place, `[height, width, 4]`."""
        shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
        warp = np.linalg.inv(shift) @ camera.warp_from(self.wide) @ shift
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpPerspective(self.picture, warp, (camera.width, camera.height), flags=flags)
        return np.asarray(seen, np.float32)

    def depth_at(self, camera: Camera, x: Floats, y: Floats) -> Floats:
        """Depth of what stands at pixel centres x `[w]`, y `[h, 1]` of `camera`'s picture: nearest stored sample."""
        return np.asarray(self.depth[self._cells(camera, x, y)], np.float64)

    def labels_at(self, camera: Camera) -> Labels:
        """What `camera` sees of the empty place, `[height, width]`: at pixel centres, the nearest stored sample."""
        x, y = np.arange(0.5, camera.width), np.arange(0.5, camera.height)[:, None]
        return np.asarray(self.labels[self._cells(camera, x, y)], np.uint8)

    def _cells(self, camera: Camera, x: Floats, y: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        h = camera.warp_from(self.wide)
        below = h[2, 0] * x + h[2, 1] * y + h[2, 2]
        column = np.floor((h[0, 0] * x + h[0, 1] * y + h[0, 2]) / below).astype(int)
        row = np.floor((h[1, 0] * x + h[1, 1] * y + h[1, 2]) / below).astype(int)
        return np.clip(row, 0, self.wide.height - 1), np.clip(column, 0, self.wide.width - 1)


Place = tuple[Light, Props, Paving]
"""What makes a place: its light, what stands there, its ground."""


def named(name: str) -> Place:
    """The place called `name` (plaza_static or plaza_pan)."""
    return {"plaza_static": _morning, "plaza_pan": _afternoon}[name]()


def build(place: Place, wide: Camera) -> Scene:
    """Paint a place."""
    light, things, paving = place
    sun = SunMap(light)
    _cast(sun, things)
    layer = Layer(0, 0, wide.width, wide.height)
    layer.colour, sunlit, ground = paint_ground(wide, paving, light, sun)
    floor = np.where(ground, np.uint8(Shown.PAVEMENT), np.uint8(Shown.SKY))
    flat = [(c, r, k) for c, r, k in things.leaves if c[:, 2].max() < 0.05]
    for centres, radius, colours in flat:
        draw_leaves(layer, wide, centres, radius, colours, Shown.VEGETATION)
    layer.depth[:], layer.labels = np.inf, floor  # fallen leaves are part of the ground
    for panel in things.panels:
        draw_panel(layer, wide, panel, light)
    for tube in things.tubes:
        draw_tube(layer, wide, tube, light)
    for centres, radius, colours in things.leaves:
        if centres[:, 2].max() >= 0.05:
            draw_leaves(layer, wide, centres, radius, colours, Shown.VEGETATION)
    sunlit[np.isfinite(layer.depth)] = 0
    return Scene(wide, light, sun, np.dstack([layer.colour, sunlit]), layer.depth, layer.labels)


def _cast(sun: SunMap, things: Props) -> None:
    for tube in things.tubes:
        sun.cast(tube_shadow(sun.light, tube))
        if min(tube.start[2], tube.end[2]) < 0.1:
            sun.stand(shadow_outline(sun.light, tube.start * np.array([1, 1, 0]), tube.radius))
    for block in things.blocks:
        sun.cast(np.concatenate([shadow_outline(sun.light, corner, 0.01) for corner in block]))
        if block[:, 2].min() < 0.1:
            sun.stand(block)
    for centres, radius, _ in things.leaves:
        if centres[:, 2].max() >= 1.0:
            sun.cast_leaves(centres[::5], radius * 2)
    sun.soften()


def front(things: Props, left: float, y: float, width: float, height: float, picture: Colours) -> None:
    corner, along, down = (np.array(v) for v in ([left, y, height], [width, 0.0, 0.0], [0.0, 0.0, -height]))
    things.panels.append(Panel(corner, along, down, picture, Shown.BUILDING))


def street(things: Props, left: float, right: float, near: float, far: float, height: float, seed: int) -> None:
    """Both walls of a side street and the house at its end."""
    walls = [
        house(far - near, height, "b9a98c", "d9d2c2", (), seed),
        house(far - near, height, "a89a86", "cfc7b6", (), seed + 1),
    ]
    down, back = np.array([0.0, 0.0, -height]), np.array([0.0, far - near, 0.0])
    things.panels.append(Panel(np.array([left, near, height]), back, down, walls[0] * 0.55, Shown.BUILDING))
    things.panels.append(Panel(np.array([right, near, height]), back, down, walls[1] * 0.8, Shown.BUILDING))
    haze = np.float32(0.75) * house(30.0, 11.0, "c7b48f", "e0d9c8", (), seed + 2) + np.array(
        [0.10, 0.12, 0.15], np.float32
    )
    front(things, (left + right) / 2 - 15, far + 8, 30, 11, haze)


def _morning() -> Place:
    light = Light(_direction(-0.60, -0.34, 0.72), (1.75, 1.58, 1.32), (0.50, 0.56, 0.68), (0.26, 0.24, 0.21))
    things = Props()
    shops = (("2f4a44", "24403a"), ("6b2c2a", "7c322e"), ("33435e", "2a3853"))
    front(
        things,
        -26.0,
        21.0,
        14.0,
        9.5,
        house(14, 9.5, "b78f72", "e2dccd", (shops[2], shops[0], shops[1]), 11, brick=True),
    )
    front(things, -12.0, 21.0, 14.6, 9.5, house(14.6, 9.5, "cdbd9c", "e9e4d8", shops, 12))
    front(
        things,
        6.4,
        21.0,
        17.0,
        9.5,
        house(17, 9.5, "a2604c", "e6dfd0", (shops[1], ("4c5a3a", "3e4b30"), shops[2]), 13, brick=True),
    )
    street(things, 2.6, 6.4, 21.0, 46.0, 10.0, 17)
    furniture.column(things, -3.7, 12.4, 31)
    furniture.kiosk(things, 4.6, 14.2, "3c6157", "a33b32", 41)
    furniture.lamp(things, 1.35, 9.6)
    furniture.lamp(things, -8.6, 17.0)
    furniture.planter(things, -1.9, 7.4, 1.5, 51)
    furniture.planter(things, 8.2, 15.6, 1.6, 52)
    furniture.bench(things, -6.2, 11.2)
    furniture.bin_(things, -4.75, 11.3)
    for k in range(6):
        furniture.bollard(things, -9.0 + 2.1 * k, 19.0)
    furniture.tree(things, -6.9, 15.8, 6.6, light, 61)
    furniture.tree(things, 8.9, 17.2, 7.2, light, 62)
    furniture.tree(things, -11.5, 14.0, 6.8, light, 63)
    furniture.litter(things, 130, (-7, 8, 5.5, 16), 71)
    return light, things, Paving(81, "a79d8e", "6f6a63")


def _afternoon() -> Place:
    light = Light(_direction(0.66, -0.28, 0.70), (1.85, 1.55, 1.18), (0.46, 0.52, 0.64), (0.27, 0.24, 0.20))
    things = Props()
    shops = (("5a3a24", "4b3020"), ("31506a", "2b475e"), ("7a6a3c", "e3d9b8"), ("43304f", "3a2945"))
    front(things, -28.0, 22.0, 13.0, 10.0, house(13, 10, "c2a98a", "ece6d8", shops[1:], 21))
    front(things, -15.0, 22.0, 11.0, 10.0, house(11, 10, "8f5b49", "e0d8c8", shops[:2], 22, brick=True))
    front(things, 0.2, 22.0, 13.0, 10.0, house(13, 10, "d3c8b1", "efeae0", shops[:3], 23))
    front(things, 13.2, 22.0, 15.0, 10.0, house(15, 10, "9f6a4f", "e6dfd0", shops[1:], 24, brick=True))
    street(things, -4.0, 0.2, 22.0, 48.0, 10.5, 27)
    furniture.kiosk(things, -5.2, 13.2, "54442f", "2f5d73", 42)
    furniture.column(things, 6.2, 12.6, 35)
    furniture.lamp(things, 0.9, 9.4)
    furniture.lamp(things, 11.0, 16.5)
    furniture.planter(things, 3.4, 8.2, 1.5, 53)
    furniture.planter(things, -2.4, 16.6, 1.8, 54)
    furniture.bench(things, 8.6, 14.6)
    furniture.bin_(things, 10.1, 14.6)
    for k in range(7):
        furniture.bollard(things, 0.8 + 2.0 * k, 20.0)
    furniture.tree(things, -9.2, 16.2, 6.8, light, 64)
    furniture.tree(things, 3.6, 17.4, 6.6, light, 65)
    furniture.tree(things, 13.8, 16.4, 7.0, light, 66)
    furniture.litter(things, 150, (-10, 11, 5.5, 17), 72)
    return light, things, Paving(82, "9d978f", "77675c")


def _direction(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = float(np.sqrt(x * x + y * y + z * z))
    return x / length, y / length, z / length
