"""What the pixels of the plaza show: the classes of the demo clips' semantic ground truth, and its files.

The same classes, in the same order, as `vistream/models/label_sets/plaza.csv`.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Labels = NDArray[np.uint8]


class Shown(IntEnum):
    """A class, by its label. `PERSON` is last: people move, the rest stands still."""

    SKY = 0
    BUILDING = 1
    PAVEMENT = 2
    VEGETATION = 3
    FURNITURE = 4
    POLE = 5
    PERSON = 6


COLOURS = ("4682b4", "464646", "f423e8", "6b8e23", "be9999", "999999", "dc143c")
"""Of the palette, by label; those that Cityscapes gives to its like."""


def majority(fine: Labels) -> Labels:
    """From the fine grid to pixels: the label that most of a pixel's four samples have; of equals the lowest.

    >>> majority(np.array([[0, 1, 3, 3], [1, 2, 2, 2]], np.uint8)).tolist()
    [[1, 2]]
    """
    samples = np.stack([fine[y::2, x::2] for y in range(2) for x in range(2)])
    counts = [(samples == label).sum(axis=0) for label in Shown]
    return np.asarray(np.argmax(counts, axis=0), np.uint8)


def save_labels(path: Path, labels: Labels) -> None:
    """A palette PNG, written whole or not at all."""
    picture = Image.fromarray(labels)
    picture.putpalette(bytes.fromhex("".join(COLOURS)).ljust(768, b"\0"))
    part = path.with_name(path.name + ".part")
    picture.save(part, format="PNG", optimize=True)
    part.replace(path)
