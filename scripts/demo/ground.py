"""The plaza's floor: paving stones in world coordinates, and the map of where the sun reaches the ground."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.camera import Camera, Floats
from demo.materials import noise, rgb
from demo.raster import Colours, Light, Tube

_SINES = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 14, endpoint=False)])


def shadow_outline(light: Light, centre: Floats, radius: float) -> Floats:
    """The shadow of a ball on the ground: its outline, metres `[14, 3]`, an ellipse drawn out away from the sun."""
    sun = np.array(light.sun)
    away = sun[:2] / np.sqrt((sun[:2] ** 2).sum())
    foot = centre[:2] - sun[:2] / sun[2] * max(float(centre[2]), 0.0)
    outline = _SINES[:, :1] * away * (radius / sun[2]) + _SINES[:, 1:] * np.array([-away[1], away[0]]) * radius
    return np.column_stack([foot + outline, np.zeros(len(_SINES))])


def tube_shadow(light: Light, tube: Tube) -> Floats:
    """Points `[28, 3]` on the ground whose convex hull is the tube's shadow."""
    ends = []
    for end, k in ((tube.start, 0), (tube.end, -1)):
        radius = (tube.deep[k] + tube.wide[k]) / 2 * 0.6 + tube.radius * 0.35
        ends.append(shadow_outline(light, end, radius))
    return np.concatenate(ends)


class SunMap:
    """Share of the sun (`map`) and the sky (`open`) that reaches each place on the ground, 0..1, cells of 5 cm."""

    LOW = np.array([-32.0, -2.0])
    CELL = 0.05

    def __init__(self, light: Light) -> None:
        self.light = light
        self.map = np.ones((1300, 1280), np.float32)
        self.open = np.ones((1300, 1280), np.float32)

    def _outline(self, points: Floats) -> NDArray[np.int32]:
        return np.asarray(np.round((points[..., :2] - self.LOW) / self.CELL * 16), np.int32)

    def cast(self, points: Floats) -> None:
        """Take the sun from the convex hull of ground points `[n, 3]`."""
        cv2.fillConvexPoly(self.map, cv2.convexHull(self._outline(points)), 0.0, shift=4)

    def cast_leaves(self, centres: Floats, radius: float) -> None:
        """Take most of the sun from the shadows of many small balls."""
        for centre in centres:
            cv2.fillConvexPoly(self.map, self._outline(shadow_outline(self.light, centre, radius)), 0.12, shift=4)

    def stand(self, points: Floats) -> None:
        """Take some sky from around something that stands on the convex hull of `[n, 3]`."""
        cv2.fillConvexPoly(self.open, cv2.convexHull(self._outline(points)), 0.25, shift=4)

    def soften(self) -> None:
        """Penumbra, and the gradual darkening around what stands on the ground."""
        self.map = np.asarray(cv2.GaussianBlur(self.map, (0, 0), 1.6), np.float32)
        wide = cv2.GaussianBlur(self.open, (0, 0), 6)
        self.open = np.asarray(np.minimum(wide, cv2.GaussianBlur(self.open, (0, 0), 2)), np.float32)

    def at(self, places: Floats, sky: bool = False) -> NDArray[np.float32]:
        """Sun (or the open sky) at ground places `[n, 2]`."""
        cells = ((places - self.LOW) / self.CELL).astype(np.float32)
        rows = -(-len(cells) // 1024)  # OpenCV takes no picture longer than 32767
        grid = np.zeros((rows * 1024, 2), np.float32)
        grid[: len(cells)] = cells
        x, y = grid[:, 0].reshape(rows, 1024), grid[:, 1].reshape(rows, 1024)
        source = self.open if sky else self.map
        found = cv2.remap(source, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32).reshape(-1)[: len(cells)]

    def body(self, place: Floats) -> float:
        """Sun on a point in the air `[3]`: that of the ground where its shadow would fall."""
        sun = np.array(self.light.sun)
        return float(self.at((place[:2] - sun[:2] / sun[2] * place[2])[None])[0])


class Paving:
    """Slabs in running bond between bands of small setts, with stains and wear. Deterministic by `seed`."""

    def __init__(self, seed: int, slab: str, sett: str) -> None:
        rng = np.random.default_rng(seed)
        self.tints = rng.normal(0, 1, 4096).astype(np.float32)
        self.grain = noise(1024, 1024, 2.2, seed + 1)
        self.stains = cv2.GaussianBlur(noise(1024, 1024, 24, seed + 2), (0, 0), 2) + 0.6 * noise(
            1024, 1024, 7, seed + 3
        )
        self.slab, self.sett = rgb(slab), rgb(sett)

    def albedo(self, x: Floats, y: Floats, blur_x: Floats, blur_y: Floats) -> Colours:
        """Colour `[n, 3]` at ground places; `blur_x`, `blur_y`: metres that a sample covers: far joints fade."""
        band = np.minimum(np.abs((x + 1.7) % 7.2 - 3.6), np.abs((y + 0.4) % 5.4 - 2.7)) < 0.24
        wide, tall = np.where(band, 0.12, 0.9), np.where(band, 0.12, 0.6)
        row = np.floor(y / tall)
        shifted = x + (row % 2) * wide / 2
        column = np.floor(shifted / wide)
        code = (column.astype(np.int64) * 73856093) ^ (row.astype(np.int64) * 19349663)
        tint = self.tints[code & 4095] * np.where(band, 0.10 * np.minimum(1, 0.08 / (blur_y + 0.02)), 0.085)
        joint = np.where(band, 0.016, 0.018)
        cover = _line(shifted / wide, wide, joint, blur_x) + _line(y / tall, tall, joint, blur_y)
        cover = np.minimum(cover, 1.0) * np.where(band, 0.5, 0.42)
        fine = self.grain[(y * 90).astype(int) % 1024, ((x + 60) * 90).astype(int) % 1024] * 0.05
        fine *= np.minimum(1, 0.03 / (blur_y + 0.01))
        stain = self.stains[(y * 26).astype(int) % 1024, ((x + 60) * 26).astype(int) % 1024] * 0.055
        base = np.where(band[:, None], self.sett, self.slab)
        return np.asarray(base * ((1 + tint + fine + stain) * (1 - cover))[:, None], np.float32)


def _line(place: Floats, period: Floats, width: Floats, blur: Floats) -> Floats:
    """Share of a joint in a sample: a box of `blur` metres over a line of `width` metres, once a `period`."""
    off = np.abs(place - np.round(place)) * period
    box = np.maximum(width, blur)
    return np.asarray((off < box / 2) * (width / box), np.float64)


def paint_ground(
    camera: Camera, paving: Paving, light: Light, sun: SunMap
) -> tuple[Colours, NDArray[np.float32], NDArray[np.bool_]]:
    """Lit ground `[h, w, 3]`, the sun on it `[h, w]` (1 where there is none), and where it is; elsewhere, sky."""
    x, y = np.arange(camera.width) + 0.5, np.arange(camera.height)[:, None] + 0.5
    rays = camera.rays(*np.broadcast_arrays(x, y))
    colours = sky(rays)
    sunlit = np.ones((camera.height, camera.width), np.float32)
    hits = rays[..., 2] < -0.02
    reach = camera.position[2] / -rays[hits][:, 2]
    places = rays[hits][:, :2] * reach[:, None] + np.array(camera.position[:2])
    blur_x = reach / camera.focal
    blur_y = blur_x * reach / camera.position[2]
    level = light.shade(np.array([[0.0, 0.0, 1.0]]), 0.0)[0]
    full = light.shade(np.array([[0.0, 0.0, 1.0]]), 1.0)[0] - level
    sunlit[hits] = sun.at(places)
    arriving = (level + full * sunlit[hits][:, None]) * sun.at(places, sky=True)[:, None]
    colours[hits] = paving.albedo(places[:, 0], places[:, 1], blur_x, blur_y) * arriving
    return colours, sunlit, hits


def sky(rays: Floats) -> Colours:
    """Pale haze at the horizon to blue above, linear RGB `[..., 3]`."""
    height = np.clip(rays[..., 2:] * 2.2, 0, 1)
    return np.asarray(rgb("dfe7ee") * 1.5 * (1 - height) + rgb("8fb4dd") * 1.5 * height, np.float32)
