"""House fronts, shop fronts and posters, painted flat in metres and hung up as panels. Deterministic by seed."""

from __future__ import annotations

import cv2
import numpy as np

from demo.materials import noise, rgb
from demo.raster import Colours

Code = str


class Wall:
    """A wall to paint on: metres from the left and above the ground, linear RGB float32."""

    def __init__(self, width: float, height: float, colour: Code, seed: int, ppm: int = 56) -> None:
        self.width, self.height, self.ppm = width, height, ppm
        self.rng = np.random.default_rng(seed)
        rows, columns = round(height * ppm), round(width * ppm)
        grime = 0.05 * noise(rows, columns, 40, seed) + 0.03 * noise(rows, columns, 3, seed + 1)
        low = np.exp(-np.linspace(height, 0, rows) / 0.5)[:, None] * 0.25
        self.picture: Colours = np.ascontiguousarray(rgb(colour) * (1 + grime - low)[..., None], np.float32)

    def box(self, left: float, low: float, width: float, height: float, colour: Colours) -> None:
        """A filled rectangle."""
        x0, x1 = round(left * self.ppm), round((left + width) * self.ppm)
        y0, y1 = round((self.height - low - height) * self.ppm), round((self.height - low) * self.ppm)
        self.picture[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = colour

    def fade(self, left: float, low: float, width: float, height: float, top: float, bottom: float) -> None:
        """Multiply a rectangle by a vertical ramp: shadows under ledges, reflections in glass."""
        x0, x1 = max(round(left * self.ppm), 0), max(round((left + width) * self.ppm), 0)
        y0, y1 = max(round((self.height - low - height) * self.ppm), 0), max(round((self.height - low) * self.ppm), 0)
        part = self.picture[y0:y1, x0:x1]
        part *= np.linspace(top, bottom, part.shape[0], dtype=np.float32)[:, None, None]

    def bricks(self, tone: float) -> None:
        """Courses of brick over the whole wall, 25 x 7.5 cm."""
        rows, columns = self.picture.shape[:2]
        y = np.arange(rows)[:, None] / self.ppm
        x = np.arange(columns)[None] / self.ppm
        row = np.floor(y / 0.075)
        shifted = x + (row % 2) * 0.125
        column = np.floor(shifted / 0.25)
        tints = self.rng.normal(0, tone, 4096).astype(np.float32)
        code = (column.astype(np.int64) * 7919 + row.astype(np.int64) * 104729) & 4095
        joints = ((y / 0.075) % 1 < 0.2) | ((shifted / 0.25) % 1 < 0.07)
        self.picture *= ((1 + tints[code]) * np.where(joints, 1.22, 1.0)).astype(np.float32)[..., None]

    def glass(self, left: float, low: float, width: float, height: float, dark: float = 1.0) -> None:
        """A pane: the room behind, things in it, and a soft reflection of the sky."""
        self.box(left, low, width, height, rgb("2a3138") * dark)
        for _ in range(int(3 + width * height * 1.5)):
            w, h = self.rng.uniform(0.06, 0.35), self.rng.uniform(0.08, 0.5)
            x, y = left + self.rng.uniform(0, max(width - w, 0.01)), low + self.rng.uniform(0, height * 0.5)
            tone = rgb(["6b5140", "3f4c58", "77706a", "8a6f49", "394339", "7c3f38"][self.rng.integers(6)])
            self.box(
                x, y, min(w, left + width - x), min(h, low + height - y), tone * self.rng.uniform(0.25, 0.8) * dark
            )
        x0, x1 = round(left * self.ppm), round((left + width) * self.ppm)
        y0, y1 = max(round((self.height - low - height) * self.ppm), 0), max(round((self.height - low) * self.ppm), 0)
        part = self.picture[y0:y1, max(x0, 0) : max(x1, 0)]
        if part.size:
            down = np.linspace(1, 0, part.shape[0], dtype=np.float32)[:, None]
            slope = np.linspace(0, 1, part.shape[1], dtype=np.float32)[None]
            gleam = 0.16 * down**1.5 + 0.10 * (np.abs(slope - down * 0.6 - 0.2) < 0.11)
            part += gleam[..., None] * rgb("b9cde0")

    def window(self, left: float, low: float, width: float, height: float, frame: Code) -> None:
        """A sash window with frame, mullions, curtains, sill and the shadow of its reveal."""
        trim = rgb(frame)
        self.box(left - 0.09, low - 0.09, width + 0.18, height + 0.2, trim * 0.9)
        self.glass(left, low, width, height, 0.8)
        if self.rng.random() < 0.6:
            for side in (left, left + width * 0.78):
                self.box(side, low, width * 0.22, height, rgb("c9c3b4") * self.rng.uniform(0.3, 0.6))
        self.fade(left, low + height - 0.16, width, 0.16, 0.35, 1.0)
        self.box(left + width / 2 - 0.03, low, 0.06, height, trim)
        self.box(left, low + height * 0.62, width, 0.05, trim)
        self.box(left - 0.18, low - 0.17, width + 0.36, 0.11, trim * 1.08)
        self.fade(left - 0.15, low - 0.33, width + 0.3, 0.16, 0.62, 1.0)

    def shop(self, left: float, width: float, paint: Code, sign: Code) -> None:
        """A shop front 3.3 m high: piers, panes, a door, a stall riser, and a signboard with letters."""
        colour = rgb(paint)
        self.box(left, 0, width, 3.35, colour)
        self.box(left, 0, width, 0.12, rgb("57524b"))
        door = left + width * self.rng.uniform(0.30, 0.6)
        edges = [left + 0.18, door - 0.08, door + 1.0, left + width - 0.18]
        for a, b in ((edges[0], edges[1]), (edges[2], edges[3])):
            self.glass(a, 0.55, b - a, 1.95)
            self.fade(a, 2.2, b - a, 0.3, 0.4, 1.0)
            self.box((a + b) / 2 - 0.025, 0.55, 0.05, 1.95, colour * 0.8)
            self.box(a - 0.05, 0.48, b - a + 0.1, 0.07, colour * 1.3)
        self.box(door, 0.08, 0.92, 2.42, colour * 0.7)
        self.glass(door + 0.14, 0.75, 0.64, 1.6)
        self.box(door + 0.80, 1.05, 0.04, 0.18, rgb("c9b878"))
        self.box(left + 0.1, 2.68, width - 0.2, 0.5, rgb(sign))
        self.letters(left + width * 0.25, 2.78, width * 0.5, 0.28, rgb("f0e8d2") if sign < "9" else rgb("2b2320"))
        self.box(left - 0.05, 3.25, width + 0.1, 0.1, colour * 1.35)
        self.fade(left - 0.05, 3.0, width + 0.1, 0.25, 0.6, 1.0)

    def letters(self, left: float, low: float, width: float, height: float, ink: Colours) -> None:
        """Something that reads as lettering from afar."""
        x = left
        while x < left + width - height * 0.5:
            w = height * self.rng.uniform(0.35, 0.6)
            kind = self.rng.integers(5)
            self.box(x, low, height * 0.13, height, ink)
            if kind in (0, 1, 3):
                self.box(x, low + height * 0.86, w, height * 0.14, ink)
            if kind in (0, 2):
                self.box(x, low, w, height * 0.14, ink)
            if kind in (1, 3, 4):
                self.box(
                    x + w - height * 0.13, low + (height * 0.4 if kind == 1 else 0), height * 0.13, height * 0.6, ink
                )
            if kind != 2:
                self.box(x, low + height * 0.43, w, height * 0.13, ink)
            x += w + height * (0.5 if self.rng.random() < 0.15 else 0.18)


def house(width: float, height: float, colour: Code, frame: Code, shops: tuple[tuple[Code, Code], ...], seed: int,
          brick: bool = False) -> Colours:  # fmt: skip
    """A front with shops below and windows above."""
    wall = Wall(width, height, colour, seed)
    if brick:
        wall.bricks(0.13)
    wide = width / max(len(shops), 1)
    for k, (paint, sign) in enumerate(shops):
        wall.shop(k * wide + 0.35, wide - 0.7, paint, sign)
    trim = rgb(frame)
    for level in np.arange(3.75, height, 3.1):
        wall.box(0, float(level) - 0.15, width, 0.22, trim * 0.95)
        wall.fade(0, float(level) - 0.4, width, 0.25, 0.6, 1.0)
        count = max(int(width / 2.1), 1)
        for k in range(count):
            wall.window((k + 0.5) * width / count - 0.5, float(level) + 0.72, 1.0, 1.75, frame)
    return wall.picture


def poster(width: float, height: float, ground: Code, ink: Code, seed: int) -> Colours:
    """A printed bill: a ground, a few large shapes, a headline and small print."""
    wall = Wall(width, height, ground, seed, ppm=90)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        centre = (int(rng.uniform(0.2, 0.8) * width * 90), int(rng.uniform(0.3, 0.7) * height * 90))
        tone = rgb(ink) * rng.uniform(0.5, 1.4)
        cv2.circle(
            wall.picture,
            centre,
            int(rng.uniform(0.1, 0.25) * width * 90),
            tuple(float(c) for c in tone),
            -1,
            cv2.LINE_AA,
        )
    wall.letters(width * 0.08, height * 0.8, width * 0.84, height * 0.12, rgb(ink))
    for k in range(4):
        wall.box(width * 0.1, height * (0.06 + 0.035 * k), width * rng.uniform(0.4, 0.8), height * 0.013, rgb(ink))
    return wall.picture
