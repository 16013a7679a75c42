"""What the classes of a network are called and how they are painted.

Names and colours of the data sets are those that the published networks were trained with (ADE20K, Cityscapes, PASCAL
VOC 2012, COCO panoptic), in the order of their class numbers; "plaza" is what our own renderer draws.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LabelSet:
    """`palette`: uint8 RGB `[N, 3]`. `things`: which classes have instances, or None where there are no instances."""

    name: str
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]
    things: tuple[bool, ...] | None


@cache
def label_set(name: str) -> LabelSet:
    """The set of that name; raises KeyError.

    >>> label_set("cityscapes").classes[:3]
    ('road', 'sidewalk', 'building')
    """
    text = resources.files("vistream.models.spike2former").joinpath("labels.json").read_text(encoding="utf-8")
    entry = json.loads(text)[name]
    classes = tuple(title for title, _ in entry["classes"])
    palette = np.array([list(bytes.fromhex(colour)) for _, colour in entry["classes"]], np.uint8)
    things = tuple(number < entry["things"] for number in range(len(classes))) if entry["things"] else None
    return LabelSet(name, classes, palette, things)


def numbered(count: int, thing_count: int = 0) -> LabelSet:
    """For a network whose classes nobody named: numbers, and colours spread over the circle of hues."""
    hues = (np.arange(count) * 0.618034) % 1
    wheel = np.abs((hues[:, None] + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
    palette = (60 + 180 * np.clip(wheel, 0, 1)).astype(np.uint8)
    things = tuple(number < thing_count for number in range(count)) if thing_count else None
    return LabelSet("numbered", tuple(f"class {number}" for number in range(count)), palette, things)
