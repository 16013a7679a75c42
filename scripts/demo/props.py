"""Street furniture: what stands on the plaza, as tubes, panels and leaves. Where it stands is in `plaza`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Concatenate, ParamSpec

import numpy as np

from demo.camera import Floats
from demo.facade import Wall, poster
from demo.labels import Shown
from demo.materials import Cloth, Plain, noise, rgb
from demo.raster import Colours, Light, Panel, Tube

UP = np.array([0.0, 0.0, 1.0])
AHEAD = np.array([0.0, -1.0, 0.0])


@dataclass
class Props:
    """Things to draw. `blocks`: points whose convex hull throws a shadow; `leaves`: (centres, radius, colours).

    Tubes and panels say what they are; leaves always are vegetation.
    """

    tubes: list[Tube] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    blocks: list[Floats] = field(default_factory=list)
    leaves: list[tuple[Floats, float, Colours]] = field(default_factory=list)


Arguments = ParamSpec("Arguments")


def _shows(
    label: Shown,
) -> Callable[[Callable[Concatenate[Props, Arguments], None]], Callable[Concatenate[Props, Arguments], None]]:
    """Of a function that adds to props: whatever tubes and panels it adds are labelled so."""

    def labelling(
        add: Callable[Concatenate[Props, Arguments], None],
    ) -> Callable[Concatenate[Props, Arguments], None]:
        @wraps(add)
        def labelled(props: Props, /, *args: Arguments.args, **named: Arguments.kwargs) -> None:
            part = Props()
            add(part, *args, **named)
            props.tubes += [replace(tube, label=label) for tube in part.tubes]
            props.panels += [replace(panel, label=label) for panel in part.panels]
            props.blocks += part.blocks
            props.leaves += part.leaves

        return labelled

    return labelling


def _point(x: float, y: float, z: float) -> Floats:
    return np.array([x, y, z])


def _post(props: Props, x: float, y: float, low: float, high: float, radii: tuple[float, ...], colour: str) -> None:
    props.tubes.append(Tube(_point(x, y, low), _point(x, y, high), AHEAD, radii, radii, Plain(colour), 0.15, "post"))


def box(
    props: Props,
    x: float,
    y: float,
    low: float,
    size: tuple[float, float, float],
    front: Colours,
    sides: Colours,
    top: Colours,
) -> None:
    """An upright box centred on (x, y), with pictures for front, both sides, and lid. `size`: width, depth, height."""
    wide, deep, tall = size
    left, right, near, far, high = x - wide / 2, x + wide / 2, y - deep / 2, y + deep / 2, low + tall
    down, across, back = _point(0, 0, -tall), _point(wide, 0, 0), _point(0, deep, 0)
    props.panels += [
        Panel(_point(left, near, high), across, down, front),
        Panel(_point(left, far, high), -back, down, sides),
        Panel(_point(right, near, high), back, down, sides),
        Panel(_point(left, far, high), across, -back, top),
    ]
    xs, ys = (left, right), (near, far)
    props.blocks.append(np.array([[a, b, c] for a in xs for b in ys for c in (low, high)]))


def _board(width: float, height: float, colour: str, seed: int) -> Colours:
    return Wall(width, height, colour, seed, ppm=80).picture


@_shows(Shown.POLE)
def lamp(props: Props, x: float, y: float) -> None:
    """A cast-iron lamp post with a lantern."""
    iron = "23292b"
    _post(props, x, y, 0.0, 0.75, (0.13, 0.13, 0.09, 0.10, 0.075), iron)
    _post(props, x, y, 0.7, 3.5, (0.062, 0.055, 0.05, 0.046), iron)
    _post(props, x, y, 3.5, 3.62, (0.05, 0.15), iron)
    _post(props, x, y, 3.62, 4.1, (0.13, 0.17, 0.20), "d9dccf")
    _post(props, x, y, 4.1, 4.4, (0.23, 0.16, 0.04), iron)


@_shows(Shown.FURNITURE)
def column(props: Props, x: float, y: float, seed: int) -> None:
    """An advertising column: a round pillar covered with bills, under a domed cap."""
    bills = [
        poster(1.0, 1.5, ground, ink, seed + k)
        for k, (ground, ink) in enumerate(
            [
                ("e7d9b0", "7c2f24"),
                ("2f5c73", "efe3c6"),
                ("d7dde0", "35405c"),
                ("b8503a", "f2e3c2"),
                ("50734f", "efe8cf"),
            ]
        )
    ]

    def papered(t: Floats, theta: Floats) -> Colours:
        place = (theta / (2 * np.pi) + 0.5) * 5
        which = np.clip(place.astype(int), 0, 4)
        out = np.empty((len(t), 3), np.float32)
        for k, bill in enumerate(bills):
            mine = which == k
            row = np.clip((1 - (t[mine] - 0.22) / 0.62) * len(bill), 0, len(bill) - 1).astype(int)
            column = np.clip((place[mine] - k) * bill.shape[1], 0, bill.shape[1] - 1).astype(int)
            out[mine] = bill[row, column]
        bare = (t < 0.22) | (t > 0.84)
        out[bare] = rgb("6c6f63")
        return out

    trunk = (0.62, 0.62)
    props.tubes.append(Tube(_point(x, y, 0), _point(x, y, 2.6), AHEAD, trunk, trunk, papered, 0.05, "column"))
    _post(props, x, y, 0.0, 0.28, (0.70, 0.70, 0.66), "4c5048")
    _post(props, x, y, 2.6, 2.72, (0.74, 0.76), "4c5048")
    _post(props, x, y, 2.72, 3.2, (0.72, 0.62, 0.42, 0.14, 0.05), "4f5d52")


@_shows(Shown.FURNITURE)
def kiosk(props: Props, x: float, y: float, paint: str, stripe: str, seed: int) -> None:
    """A newspaper kiosk with a counter, papers, and a striped awning."""
    wide, deep, tall = 2.3, 1.6, 2.5
    front = Wall(wide, tall, paint, seed, ppm=90)
    front.glass(0.25, 1.05, wide - 0.5, 0.95)
    front.box(0.18, 0.96, wide - 0.36, 0.09, rgb("c9b48c"))
    rng = np.random.default_rng(seed)
    for k in range(9):
        tone = rgb(["c8402e", "e6d36a", "3c6ea8", "e9e5da", "4f8a5b", "d98f3d"][int(rng.integers(6))])
        front.box(0.28 + k * 0.2, 0.42 + 0.26 * (k % 2 == 0), 0.16, 0.22, tone)
    front.box(0.0, 2.2, wide, 0.3, rgb(stripe))
    front.letters(0.45, 2.26, wide - 0.9, 0.18, rgb("f1ead8"))
    side = Wall(deep, tall, paint, seed + 1, ppm=90)
    side.box(0.2, 0.5, deep - 0.4, 1.5, rgb(paint) * 0.75)
    side.box(0.3, 0.7, deep - 0.6, 1.1, rgb("ddd3bd"))
    side.letters(0.36, 1.3, deep - 0.72, 0.2, rgb(stripe))
    box(props, x, y, 0.0, (wide, deep, tall), front.picture, side.picture, _board(wide, deep, "5b5a55", 3))
    box(
        props,
        x,
        y,
        tall,
        (wide + 0.3, deep + 0.3, 0.12),
        _board(2.6, 0.12, stripe, 4),
        _board(1.9, 0.12, stripe, 5),
        _board(2.6, 1.9, "6a6963", 6),
    )
    cloth = np.where((np.arange(230) // 23 % 2 == 0)[None, :, None], rgb(stripe), rgb("efe9dc")).astype(np.float32)
    cloth = np.repeat(cloth, 40, axis=0)
    slope = _point(0, -0.75, -0.35)
    props.panels.append(Panel(_point(x - wide / 2, y - deep / 2 - 0.02, 2.22), _point(wide, 0, 0), slope, cloth))
    edge = _point(x - wide / 2, y - deep / 2 - 0.77, 1.87)
    props.panels.append(Panel(edge, _point(wide, 0, 0), _point(0, 0, -0.16), cloth * 0.9))
    props.blocks.append(np.array([edge, edge + _point(wide, 0, 0), edge - slope, edge - slope + _point(wide, 0, 0)]))


@_shows(Shown.FURNITURE)
def planter(props: Props, x: float, y: float, wide: float, seed: int) -> None:
    """A concrete trough with a clipped shrub and some flowers."""
    deep, tall = 0.62, 0.5
    stone = _board(wide, tall, "a19a8d", seed)
    box(
        props,
        x,
        y,
        0.0,
        (wide, deep, tall),
        stone,
        _board(deep, tall, "a19a8d", seed + 1),
        _board(wide, deep, "3a2d22", seed + 2),
    )
    rng = np.random.default_rng(seed)
    count = int(1500 * wide)
    spread = rng.uniform(-1, 1, (count, 3))
    lumps = 0.10 * np.sin(spread[:, 0] * 7 + seed) + 0.06 * np.sin(spread[:, 0] * 17)
    height = (0.34 + lumps) * np.sqrt(rng.uniform(0.02, 1, count))
    centres = np.c_[x + spread[:, 0] * wide * 0.47, y + spread[:, 1] * deep * 0.42, tall + height]
    tone = 0.35 + 1.2 * (height / 0.45) ** 1.5 + rng.normal(0, 0.14, count)
    colours = rgb("4a6b2f") * np.clip(tone, 0.15, 2.0)[:, None]
    petals = rng.random(count) < 0.05
    colours[petals & (height > 0.2)] = rgb("c9466a") * 1.2
    props.leaves.append((centres, 0.023, colours.astype(np.float32)))
    props.blocks.append(np.c_[centres[::40, :2], centres[::40, 2]])


@_shows(Shown.FURNITURE)
def bench(props: Props, x: float, y: float) -> None:
    """A slatted bench that faces the camera."""
    wide = 1.9
    for k in range(3):
        wood = Cloth("8a5f38", seed=20 + k)
        seat = y - 0.05 + 0.14 * k
        props.tubes.append(_slat(x, wide, seat, 0.45, wood, (0.02, 0.06)))
        props.tubes.append(_slat(x, wide, y + 0.40 + 0.04 * k, 0.60 + 0.13 * k, wood, (0.05, 0.018)))
    for side in (-0.8, 0.8):
        foot = x + side
        for a, b in (((-0.08, 0.0), (-0.06, 0.43)), ((0.36, 0.0), (0.34, 0.43)), ((0.34, 0.43), (0.5, 0.92))):
            start, end = _point(foot, y + a[0], a[1]), _point(foot, y + b[0], b[1])
            props.tubes.append(Tube(start, end, AHEAD, (0.025, 0.025), (0.025, 0.025), Plain("25282a"), 0.5, "leg"))


def _slat(x: float, wide: float, y: float, z: float, wood: Cloth, half: tuple[float, float]) -> Tube:
    ends = _point(x - wide / 2, y, z), _point(x + wide / 2, y, z)
    return Tube(*ends, UP, (half[0], half[0]), (half[1], half[1]), wood, 0.1, "slat")


@_shows(Shown.POLE)
def bollard(props: Props, x: float, y: float) -> None:
    """A short iron post."""
    _post(props, x, y, 0.0, 0.85, (0.085, 0.08, 0.07, 0.07, 0.06), "2c3133")
    _post(props, x, y, 0.82, 0.95, (0.05, 0.09, 0.07), "2c3133")


@_shows(Shown.FURNITURE)
def bin_(props: Props, x: float, y: float) -> None:
    """A litter bin."""
    _post(props, x, y, 0.05, 0.85, (0.20, 0.23, 0.24), "39493f")
    _post(props, x, y, 0.85, 0.98, (0.25, 0.24, 0.14), "2b362f")


@_shows(Shown.VEGETATION)
def tree(props: Props, x: float, y: float, height: float, light: Light, seed: int) -> None:
    """A street tree: trunk, a few boughs, and a crown of leaves lit from the sun's side."""
    rng = np.random.default_rng(seed)
    fork = height * 0.42
    bark = Cloth("6d5c4b", seed=seed)
    trunk = (0.19, 0.15, 0.13, 0.12)
    lean = rng.uniform(-0.15, 0.15)
    top = _point(x + lean, y, fork)
    props.tubes.append(Tube(_point(x, y, 0), top, AHEAD, trunk, trunk, bark, 0.3, "trunk"))
    clumps = []
    for k in range(9):
        angle = 2.4 * k + rng.uniform(-0.4, 0.4)
        reach = height * rng.uniform(0.10, 0.27)
        centre = top + _point(np.cos(angle) * reach, np.sin(angle) * reach * 0.8, height * rng.uniform(0.13, 0.46))
        props.tubes.append(Tube(top, centre, AHEAD, (0.08, 0.03), (0.08, 0.03), bark, 1.0, "bough"))
        clumps.append((centre, height * rng.uniform(0.11, 0.17)))
    sun = np.array(light.sun)
    for centre, size in clumps:
        way = rng.standard_normal((900, 3))
        way /= np.sqrt((way**2).sum(1, keepdims=True))
        way *= rng.uniform(0.45, 1.0, (900, 1)) ** 0.6
        lit = np.clip(0.42 + 0.55 * (way @ sun) + 0.15 * way[:, 2] + rng.normal(0, 0.15, 900), 0.08, None)
        hue = rgb("55702f") + (rgb("8a8f3c") - rgb("55702f")) * rng.random((900, 1))
        colours = hue * lit[:, None] * 1.7
        props.leaves.append((centre + way * size * np.array([1.15, 1.0, 0.85]), 0.05, colours.astype(np.float32)))


def litter(props: Props, count: int, area: tuple[float, float, float, float], seed: int) -> None:
    """A few fallen leaves on the ground, within (left, right, near, far)."""
    rng = np.random.default_rng(seed)
    left, right, near, far = area
    centres = np.c_[rng.uniform(left, right, count), rng.uniform(near, far, count), np.full(count, 0.01)]
    tones = np.array([rgb("8a6a2f"), rgb("6f5a2c"), rgb("9b7d3b")])[rng.integers(0, 3, count)]
    uneven = 1 + 0.2 * noise(count, 1, 1, seed)
    props.leaves.append((centres, 0.017, (tones * uneven).astype(np.float32)))
