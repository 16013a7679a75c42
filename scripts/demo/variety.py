"""Plazas without end: place, light, camera and people of a scene follow from one number. For training, not for show."""

from __future__ import annotations

import numpy as np

from demo import props as furniture
from demo.cast import Clip, Walker
from demo.facade import house
from demo.gait import FPS, Body, Path
from demo.ground import Paving
from demo.materials import Cloth
from demo.outfit import Outfit
from demo.plaza import Place, front, street
from demo.props import Props
from demo.raster import Light

FRAMES = 10 * FPS
MOST_WALKERS = 9
CLEAR = 1.7  # metres between things that stand on the plaza

WALLS = ("b78f72", "cdbd9c", "a2604c", "c2a98a", "8f5b49", "d3c8b1", "9f6a4f", "b9b4a8", "7f8a86", "d8cfc4", "94765e")
TRIMS = ("e2dccd", "e9e4d8", "e6dfd0", "efeae0", "cfc7b6", "5a5650")
SHOPS = ("2f4a44", "6b2c2a", "33435e", "5a3a24", "31506a", "7a6a3c", "43304f", "4c5a3a", "24292e", "a9a294")
SLABS = ("a79d8e", "9d978f", "8d8a86", "b3a48f", "a39384", "928f95", "c0b6a4")
SETTS = ("6f6a63", "77675c", "5c5a58", "857a6a")
SKINS = ("e2b99c", "dcb093", "c99b7d", "a8704e", "8d5c40", "7a4e36", "d0a080", "5c3a28")
HAIRS = ("1c1412", "3a2414", "5a3a20", "7a4a22", "c79a52", "6b6460", "a5773c")


def scene(seed: int, size: tuple[int, int]) -> tuple[Clip, Place]:
    """The clip and the place of a number: `FRAMES` frames of `size` (width, height), 25 a second."""
    rng = np.random.default_rng([seed, 7])
    turn = rng.uniform(-0.3, 0.3, 2)
    clip = Clip(
        f"plaza {seed}",
        FRAMES,
        size,
        size[0] * float(rng.uniform(0.78, 1.25)),
        (0.0, 0.0, float(rng.uniform(1.6, 4.2))),
        float(rng.uniform(0.0, 0.26)),
        (float(turn[0]), float(turn[1])),
        seed,
        (),
        tuple(_walker(rng, number) for number in range(1, int(rng.integers(1, MOST_WALKERS + 1)) + 1)),
    )
    return clip, _place(rng)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _colour(rng: np.random.Generator) -> str:
    """Any colour of cloth, the dull ones more often."""
    grey = rng.uniform(25, 225)
    return "".join(f"{int(np.clip(grey + part, 8, 245)):02x}" for part in rng.normal(0, 42, 3))


def _light(rng: np.random.Generator) -> Light:
    """From a low sun to an overcast sky."""
    around, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2)
    sun = (float(np.cos(around) * np.cos(up)), float(np.sin(around) * np.cos(up)), float(np.sin(up)))
    strength, warmth = rng.uniform(0.25, 1.9), rng.uniform(0.66, 1.0)
    ambient = 0.78 - 0.16 * strength
    return Light(
        sun,
        (strength, strength * (1 + warmth) / 2, strength * warmth),
        (0.85 * ambient, 0.93 * ambient, 1.1 * ambient),
        (0.48 * ambient, 0.44 * ambient, 0.38 * ambient),
    )


def _place(rng: np.random.Generator) -> Place:
    light, things = _light(rng), Props()
    _houses(rng, things)
    _furnish(rng, things, light)
    return light, things, Paving(int(rng.integers(1000)), _pick(rng, SLABS), _pick(rng, SETTS))


def _houses(rng: np.random.Generator, things: Props) -> None:
    """A row of fronts behind the plaza, with a side street or a gap in it."""
    back, left = float(rng.uniform(18, 26)), -34.0
    opening = rng.uniform(-12, 8)
    while left < 34:
        if left > opening and rng.random() < 0.75:
            wide = float(rng.uniform(3, 6))
            if rng.random() < 0.6:
                street(things, left, left + wide, back, back + 24, 10.0, int(rng.integers(1000)))
            left, opening = left + wide, np.inf
        wide, high = float(rng.uniform(9, 16)), float(rng.uniform(5, 11))
        fronts = tuple((_pick(rng, SHOPS), _pick(rng, SHOPS)) for _ in range(int(rng.integers(1, 4))))
        wall = house(
            wide, high, _pick(rng, WALLS), _pick(rng, TRIMS), fronts, int(rng.integers(1000)), bool(rng.random() < 0.4)
        )
        front(things, left, back, wide, high, wall)
        left += wide


def _furnish(rng: np.random.Generator, things: Props, light: Light) -> None:
    """What stands on the plaza, nothing in anything else."""
    taken: list[tuple[float, float]] = []

    def spots(most: int, near: float, far: float) -> list[tuple[float, float]]:
        found = []
        for _ in range(int(rng.integers(0, most + 1))):
            y = float(rng.uniform(near, far))
            x = float(rng.uniform(-0.75, 0.75)) * y
            if all((x - a) ** 2 + (y - b) ** 2 > CLEAR**2 for a, b in taken):
                taken.append((x, y))
                found.append((x, y))
        return found

    for x, y in spots(2, 10, 16):
        furniture.kiosk(things, x, y, _pick(rng, SHOPS), _colour(rng), int(rng.integers(1000)))
    for x, y in spots(2, 8.5, 16):
        furniture.column(things, x, y, int(rng.integers(1000)))
    for x, y in spots(4, 7, 17):
        furniture.lamp(things, x, y)
    for x, y in spots(3, 7, 16):
        furniture.planter(things, x, y, float(rng.uniform(1.2, 2.2)), int(rng.integers(1000)))
    for x, y in spots(2, 8, 15):
        furniture.bench(things, x, y)
    for x, y in spots(3, 7, 15):
        furniture.bin_(things, x, y)
    for x, y in spots(5, 10, 17):
        furniture.tree(things, x, y, float(rng.uniform(4.5, 8)), light, int(rng.integers(1000)))
    if rng.random() < 0.6:
        row, first, step = float(rng.uniform(8, 19)), float(rng.uniform(-10, 2)), float(rng.uniform(1.4, 2.4))
        for k in range(int(rng.integers(3, 9))):
            furniture.bollard(things, first + step * k, row)
    furniture.litter(things, int(rng.integers(10, 180)), (-9, 9, 5.5, 16), int(rng.integers(1000)))


def _walker(rng: np.random.Generator, number: int) -> Walker:
    """Somebody who crosses the plaza, on a way of three points."""
    start, stop = rng.uniform(4.6, 17, 2)
    side = 1 if rng.random() < 0.5 else -1
    ends = [(side * rng.uniform(-1, 0.1) * start, start), (side * rng.uniform(-0.1, 1) * stop, stop)]
    middle = ((ends[0][0] + ends[1][0]) / 2 + rng.normal(0, 0.8), (start + stop) / 2 + rng.normal(0, 0.8))
    points = tuple((float(x), max(float(y), 4.4)) for x, y in (ends[0], middle, ends[1]))
    child = rng.random() < 0.12
    tall = float(rng.uniform(1.1, 1.4) if child else rng.normal(1.72, 0.08))
    carrying = rng.random() < 0.15
    arms = "swing" if carrying else _pick(rng, ("swing", "swing", "phone", "hands"))
    body = Body(
        tall,
        float(rng.random()),
        arms=arms,
        head_scale=1.2 if child else 1.0,
        carry=("right_hand",) if carrying else (),
    )
    return Walker(number, body, _outfit(rng, carrying), Path(points, float(rng.uniform(0.5, 1.8))))


def _outfit(rng: np.random.Generator, carrying: bool) -> Outfit:
    pattern = _pick(rng, ("plain", "plain", "plain", "hoops", "stripes", "checks", "dots", "block"))
    period = {"stripes": 12.0, "block": 0.6}.get(pattern, 0.11)
    bags = ("hand",) if carrying else ("none", "none", "backpack", "shoulder")
    return Outfit(
        Cloth(_colour(rng), _colour(rng), pattern, period, int(rng.integers(1000))),
        Cloth(_colour(rng), seed=int(rng.integers(1000))),
        bottom=_pick(rng, ("trousers", "trousers", "trousers", "shorts", "skirt", "dress")),
        sleeves=float(_pick(rng, ("1.0", "0.5", "0.4"))),
        coat=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.2 else 0.0,
        shoes=_colour(rng),
        skin=_pick(rng, SKINS),
        hair=_pick(rng, HAIRS),
        hair_style=_pick(rng, ("short", "short", "long", "bun", "tail", "bald")),
        beard=float(rng.random() < 0.2) * 0.7,
        hat=_pick(rng, ("none", "none", "none", "cap", "brim", "beanie")),
        hat_colour=_colour(rng),
        bag=_pick(rng, bags),
        bag_colour=_colour(rng),
        build=float(rng.uniform(0.85, 1.18)),
    )
