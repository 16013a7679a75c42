"""Boxes that are turned: how they overlap, and which of them are of one object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxfile import given_file

from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.detect.turned import turned_overlap
from vistream.types import Frame

SIDE = 320
CELLS = 40**2 + 20**2 + 10**2
DIAGONAL = np.pi / 4

Floats = NDArray[np.float64]


def outline(box: Floats) -> Floats:
    """Its corners `[4, 2]`, one after the other."""
    right, down = np.array([np.cos(box[4]), np.sin(box[4])]), np.array([-np.sin(box[4]), np.cos(box[4])])
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return np.asarray(box[:2] + signs[:, :1] * box[2] * right + signs[:, 1:] * box[3] * down)


def area(corners: Floats) -> float:
    x, y = corners.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def clipped(first: Floats, second: Floats) -> Floats:
    """What of a convex outline lies within another (Sutherland and Hodgman), `[N, 2]`."""
    found = list(first)
    for start, end in zip(second, np.roll(second, -1, 0), strict=True):
        edge = end - start
        points, found = found, []
        for before, after in zip([points[-1], *points[:-1]] if points else [], points, strict=True):
            sides = [float(edge[0] * (p - start)[1] - edge[1] * (p - start)[0]) for p in (before, after)]
            if sides[0] * sides[1] < 0:
                found.append(before + (after - before) * sides[0] / (sides[0] - sides[1]))
            if sides[1] >= 0:
                found.append(after)
    return np.array(found).reshape(-1, 2)


def test_the_overlap_is_that_of_the_outlines() -> None:
    draw = np.random.default_rng(4)
    seen = 0
    for _ in range(2000):
        places = draw.uniform(1000, 1060, (2, 2))
        first, second = np.concatenate([places, draw.uniform(2, 80, (2, 2)), draw.uniform(-7, 7, (2, 1))], 1)
        shared = area(clipped(outline(first), outline(second)))
        wanted = shared / (first[2:4].prod() + second[2:4].prod() - shared)
        assert turned_overlap(first, second) == pytest.approx(wanted, abs=1e-5)
        seen += wanted > 0.1
    assert seen > 500


@pytest.mark.parametrize("angle", [0.0, 0.3, DIAGONAL, np.pi / 2, 5.0])
def test_a_box_is_its_own_duplicate_however_it_is_written(angle: float) -> None:
    box = np.array([700.0, 500, 60, 20, angle])
    across = np.array([700.0, 500, 20, 60, angle + np.pi / 2])
    for other in (box, across, np.array([*box[:4], angle + np.pi])):
        assert turned_overlap(box, other) == pytest.approx(1, abs=1e-5)


def detector(path: Path, boxes: Sequence[tuple[float, ...]], labels: list[int], shares: bool) -> OnnxDetector:
    """One that always finds these turned boxes, the best first."""
    table = np.zeros((CELLS, 4 + 2 + 1), np.float32)
    for row, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        table[row, :4] = np.array(box[:4]) / (SIDE if shares else 1)
        table[row, 4 + label], table[row, -1] = 0.9 - row / 10, box[4]
    metadata = {"names": "['ship', 'harbour']", "task": "obb"}
    return OnnxDetector(given_file(path, {"output0": table.T[None]}, metadata, (SIDE, SIDE)), Selection())


@pytest.mark.parametrize("shares", [False, True], ids=["pixels", "shares"])
def test_ships_side_by_side_are_both_found(tmp_path: Path, shares: bool) -> None:
    ship, beside = (100.0, 100.0, 120.0, 20.0, DIAGONAL), (86.0, 114.0, 120.0, 20.0, DIAGONAL)
    again, harbour = (102.0, 102.0, 118.0, 20.0, DIAGONAL), (250.0, 250.0, 60.0, 30.0, 1.0)
    boxes, labels = [ship, again, beside, ship, harbour], [0, 0, 0, 1, 1]
    frame: Frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    seen = detector(tmp_path / "a.onnx", boxes, labels, shares).detect(frame, 0)
    np.testing.assert_allclose(seen.scores, [0.9, 0.7, 0.5], atol=1e-6)  # one of three on the first place
    half = 70 / np.sqrt(2)
    np.testing.assert_allclose(seen.boxes[0], [100 - half, 100 - half, 2 * half, 2 * half], atol=1e-3)
