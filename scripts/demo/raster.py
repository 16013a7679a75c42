"""Drawing with a depth test: tubes (limbs, heads, skirts, lamp posts), flat panels, and leaves.

Who covers a pixel is decided here in float64 NumPy alone, so that the ground truth does not hang on a library's
rasteriser; only colours are sampled by OpenCV. Knows nothing about people or places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.camera import Camera, Floats, cross, unit

Colours = NDArray[np.float32]
Material = Callable[[Floats, Floats], Colours]
"""(place along the tube 0..1, angle about it in radians from its front) `[n]` to linear RGB albedo `[n, 3]`."""


@dataclass(frozen=True)
class Light:
    """One sun and a sky. `sun` is a unit vector towards it; colours are linear RGB."""

    sun: tuple[float, float, float]
    sun_colour: tuple[float, float, float]
    sky_colour: tuple[float, float, float]
    bounce_colour: tuple[float, float, float]

    def shade(self, normals: Floats, sunlit: float = 1.0) -> Colours:
        """Light on surfaces with unit normals `[n, 3]`: wrapped Lambert sun, sky from above, bounce from below."""
        facing = (normals @ np.array(self.sun) + 0.25) / 1.25
        up = (normals[:, 2:] + 1) / 2
        ambient = up * np.array(self.sky_colour) + (1 - up) * np.array(self.bounce_colour)
        direct = sunlit * np.clip(facing, 0, None)[:, None] * np.array(self.sun_colour)
        return np.asarray(ambient + direct, np.float32)


class Layer:
    """A rectangle of picture: linear RGB float32 `[h, w, 3]` and depth float64 `[h, w]` (inf where nothing is drawn).

    `labels`, uint8 `[h, w]`: what is drawn there, as `labels.Shown` has it.
    `left`, `top`: where it lies in the camera's picture; it may reach beyond that picture's borders.
    """

    def __init__(self, left: int, top: int, width: int, height: int) -> None:
        self.left, self.top = left, top
        self.colour = np.zeros((height, width, 3), np.float32)
        self.depth = np.full((height, width), np.inf)
        self.labels = np.zeros((height, width), np.uint8)

    def window(self, low: Floats, high: Floats) -> tuple[slice, slice, Floats, Floats] | None:
        """Rows, columns and pixel centres of the layer's part between two image points; None if there is none."""
        height, width = self.depth.shape
        x0, y0 = max(int(np.floor(low[0])) - self.left, 0), max(int(np.floor(low[1])) - self.top, 0)
        x1 = min(int(np.ceil(high[0])) - self.left, width)
        y1 = min(int(np.ceil(high[1])) - self.top, height)
        if x0 >= x1 or y0 >= y1:
            return None
        x = np.arange(x0, x1, dtype=np.float64) + (self.left + 0.5)
        y = np.arange(y0, y1, dtype=np.float64)[:, None] + (self.top + 0.5)
        return slice(y0, y1), slice(x0, x1), x, y

    def nearer(
        self, rows: slice, columns: slice, inside: NDArray[np.bool_], depth: Floats, label: int
    ) -> NDArray[np.bool_]:
        """Depth test and write: which of the pixels that `inside` selects are in front; depth `[inside.sum()]`."""
        won = np.zeros(inside.shape, bool)
        won[inside] = depth < self.depth[rows, columns][inside]
        full = np.full(inside.shape, np.inf)
        full[inside] = depth
        self.depth[rows, columns][won] = full[won]
        self.labels[rows, columns][won] = label
        return won


@dataclass(frozen=True)
class Tube:
    """A solid along the axis from `start` to `end` (metres), with elliptic sections that vary along it.

    `front` fixes angle 0; `deep` and `wide` are half-thicknesses (metres) towards the front and across, at even steps
    along the axis. `cap`: how far each end bulges, as a fraction of the radius there (1 is a ball, 0.1 nearly flat).
    `label`: what it is, as `labels.Shown` has it.
    """

    start: Floats
    end: Floats
    front: Floats
    deep: tuple[float, ...]
    wide: tuple[float, ...]
    material: Material
    cap: float = 1.0
    name: str = ""
    label: int = 0

    @property
    def radius(self) -> float:
        """The largest half-thickness, metres."""
        return max(*self.deep, *self.wide)

    def scaled(self, factor: float) -> Tube:
        """The same tube in units `factor` times as large."""
        deep, wide = tuple(r * factor for r in self.deep), tuple(r * factor for r in self.wide)
        return replace(self, start=self.start * factor, end=self.end * factor, deep=deep, wide=wide)


def round_tube(
    start: Floats, end: Floats, front: Floats, radii: tuple[float, ...], material: Material, name: str, cap: float = 1.0
) -> Tube:
    """A tube with circular sections."""
    return Tube(start, end, front, radii, radii, material, cap, name)


@dataclass(frozen=True)
class _Axes:
    """A tube's frame in the world and in the picture, worked out once a draw."""

    along: Floats
    front: Floats
    side: Floats
    view: Floats
    lateral: Floats
    onward: Floats
    image: Floats
    step: Floats
    length: float
    depth: Floats
    scale: Floats


def _axes(tube: Tube, camera: Camera) -> _Axes:
    image, depth, scale = camera.project(np.array([tube.start, tube.end]))
    along = unit(tube.end - tube.start)
    front = unit(tube.front - along * (tube.front @ along))
    step = image[1] - image[0]
    length = float(np.sqrt((step**2).sum()))
    if length < 1e-6:  # seen exactly end on: any direction will do
        step, length = np.array([0.0, 1e-6]), 1e-6
    right, down, _ = camera.axes
    lateral = right * (-step[1] / length) + down * (step[0] / length)
    onward = right * (step[0] / length) + down * (step[1] / length)
    view = unit((tube.start + tube.end) / 2 - np.array(camera.position))
    return _Axes(along, front, cross(along, front), view, lateral, onward, image, step, length, depth, scale)


def _sections(tube: Tube, t: Floats) -> tuple[Floats, Floats]:
    knots = np.linspace(0, 1, len(tube.deep))
    deep = np.interp(t, knots, tube.deep)
    return deep, deep if tube.wide == tube.deep else np.interp(t, np.linspace(0, 1, len(tube.wide)), tube.wide)


def draw_tube(layer: Layer, camera: Camera, tube: Tube, light: Light, sunlit: float = 1.0) -> None:
    """Draw it: each section as an ellipse seen from afar (weak perspective a section), lit, depth-tested."""
    ax = _axes(tube, camera)
    reach = tube.radius * float(ax.scale.max()) * max(tube.cap, 1.0) + 1
    window = layer.window(ax.image.min(0) - reach, ax.image.max(0) + reach)
    if window is None:
        return
    rows, columns, x, y = window
    dx, dy = x - ax.image[0, 0], y - ax.image[0, 1]
    t = (dx * ax.step[0] + dy * ax.step[1]) / ax.length**2
    across = (dy * ax.step[0] - dx * ax.step[1]) / ax.length
    inner = np.clip(t, 0, 1)
    deep, wide = _sections(tube, inner)
    a, b = deep * (ax.lateral @ ax.front), wide * (ax.lateral @ ax.side)
    metres = np.sqrt(a * a + b * b)
    pixels = ax.scale[0] + (ax.scale[1] - ax.scale[0]) * inner
    radius = metres * pixels
    # An end reaches past its axis by its cap, and by its own flat section where that is seen at a slant.
    bulging = tube.cap**2 * (1 - (ax.along @ ax.view) ** 2) * metres**2
    slanted = (deep * (ax.onward @ ax.front)) ** 2 + (wide * (ax.onward @ ax.side)) ** 2
    beyond = (t - inner) * ax.length / (pixels * np.sqrt(bulging + slanted))
    inside = (across / radius) ** 2 + beyond**2 <= 1
    if not inside.any():
        return
    inner, deep, wide, a, b = inner[inside], deep[inside], wide[inside], a[inside], b[inside]
    beyond, across, radius = beyond[inside], across[inside], radius[inside]
    round_off = np.sqrt(1 - beyond**2)
    sideways = np.clip(across / (radius * np.maximum(round_off, 1e-6)), -1, 1)
    # The ellipse point at angle theta lies at lateral offset metres * cos(theta - middle): of two solutions the nearer.
    middle = np.arctan2(b, a)
    turn = np.where(deep * b * (ax.view @ ax.front) < wide * a * (ax.view @ ax.side), -1.0, 1.0)
    theta = middle + turn * np.arccos(sideways)
    cos, sin = np.cos(theta), np.sin(theta)
    bulge = deep * cos * (ax.view @ ax.front) + wide * sin * (ax.view @ ax.side)
    depth = ax.depth[0] + (ax.depth[1] - ax.depth[0]) * inner + bulge * round_off
    won = layer.nearer(rows, columns, inside, depth, tube.label)
    keep = won[inside]
    normals = (cos / deep * round_off)[:, None] * ax.front + (sin / wide * round_off)[:, None] * ax.side
    normals /= np.maximum(np.sqrt((normals**2).sum(1, keepdims=True)), 1e-9) / np.maximum(round_off, 1e-3)[:, None]
    normals = normals + beyond[:, None] * ax.along
    albedo = tube.material(inner[keep], theta[keep])
    layer.colour[rows, columns][won] = albedo * light.shade(normals[keep], sunlit)


@dataclass(frozen=True)
class Panel:
    """A flat rectangle: top-left corner, edges along its rows and down its columns (metres), linear RGB `[h, w, 3]`.

    `label`: what it is, as `labels.Shown` has it.
    """

    corner: Floats
    along: Floats
    down: Floats
    picture: Colours
    label: int = 0


def draw_panel(layer: Layer, camera: Camera, panel: Panel, light: Light) -> None:
    """Draw it in true perspective, depth-tested. The whole panel must lie in front of the camera."""
    far = panel.corner + panel.along + panel.down
    corners = np.array([panel.corner, panel.corner + panel.along, panel.corner + panel.down, far])
    image, _, _ = camera.project(corners)
    window = layer.window(image.min(0), image.max(0))
    if window is None:
        return
    rows, columns, x, y = window
    rays = camera.rays(*np.broadcast_arrays(x, y))
    normal = unit(cross(panel.along, panel.down))
    normal = normal if normal @ (panel.corner - np.array(camera.position)) < 0 else -normal
    offset = panel.corner - np.array(camera.position)
    times = (offset @ normal) / (rays @ normal)
    hit = rays * times[..., None] - offset
    u = hit @ panel.along / (panel.along @ panel.along)
    v = hit @ panel.down / (panel.down @ panel.down)
    inside = (times > 0) & (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    height, width = panel.picture.shape[:2]
    won = layer.nearer(rows, columns, inside, (times * np.sqrt((rays**2).sum(-1)))[inside], panel.label)
    place = [(u * width - 0.5).astype(np.float32), (v * height - 0.5).astype(np.float32)]
    seen = cv2.remap(panel.picture, place[0], place[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    layer.colour[rows, columns][won] = seen[won] * light.shade(normal[None])[0]


def draw_leaves(layer: Layer, camera: Camera, centres: Floats, radius: float, colours: Colours, label: int) -> None:
    """Small discs that face the camera, at `centres` `[n, 3]` metres, already lit: linear RGB `colours` `[n, 3]`."""
    image, depth, scale = camera.project(centres)
    pixels = scale * radius
    reach = int(np.ceil(pixels.max())) + 1
    y, x = (v.ravel() for v in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    order = np.argsort(-depth, kind="stable")  # far to near, and of several writes to a pixel the last one stays
    base = np.floor(image[order]).astype(int)
    columns, rows = base[:, :1] + x, base[:, 1:] + y
    off = (columns + 0.5 - image[order, :1]) ** 2 + (rows + 0.5 - image[order, 1:]) ** 2
    columns, rows = columns - layer.left, rows - layer.top
    inside = (off <= pixels[order, None] ** 2) & (rows >= 0) & (rows < layer.depth.shape[0])
    leaf, where = np.nonzero(inside & (columns >= 0) & (columns < layer.depth.shape[1]))
    rows, columns, far = rows[leaf, where], columns[leaf, where], depth[order][leaf]
    front = far < layer.depth[rows, columns]
    rows, columns = rows[front], columns[front]
    layer.depth[rows, columns] = far[front]
    layer.colour[rows, columns] = colours[order][leaf[front]]
    layer.labels[rows, columns] = label
