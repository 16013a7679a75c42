"""Sets of semantic classes, by name: what the labels of a dataset, and of networks trained on it, stand for.

Names, colours and order are those under which results are published (the tables of mmsegmentation 1.1.1 and
mmdet 3.1.0, Apache-2.0; numbers of COCO's categories: Lin et al., ECCV 2014, Kirillov et al., CVPR 2019). CamVid is
the set of 11 of SegNet (Badrinarayanan et al., 2017), `plaza` that of the project's rendered clips.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError

FOLDER = Path(__file__).with_name("label_sets")

VOID = 255
"""The label of pixels that show none of the classes, or are not scored."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassSet:
    """Classes in the order of their labels, 0 to N - 1. `palette`: uint8 `[N, 3]`, RGB.

    `things`: which are countable objects, or None where it is not told. `numbers`: what the dataset's own files call
    them.
    """

    names: tuple[str, ...]
    palette: NDArray[np.uint8]
    things: tuple[bool, ...] | None
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def without_first(self) -> ClassSet:
        """The same without class 0."""
        things = None if self.things is None else self.things[1:]
        return ClassSet(self.names[1:], self.palette[1:], things, self.numbers[:-1])


def class_set_names() -> tuple[str, ...]:
    """What can be asked for.

    >>> class_set_names()
    ('ade20k', 'camvid', 'cityscapes', 'coco-panoptic', 'coco-stuff', 'pascal-context-59', 'pascal-context-60', \
'plaza', 'voc2012')
    """
    return tuple(sorted([*(file.stem for file in FOLDER.glob("*.csv")), "pascal-context-59"]))


@cache
def class_set(name: str) -> ClassSet:
    """The set called `name`. Raises VistreamError where there is none.

    >>> cityscapes = class_set("cityscapes")
    >>> len(cityscapes), cityscapes.names[:3], cityscapes.palette[0].tolist()
    (19, ('road', 'sidewalk', 'building'), [128, 64, 128])
    >>> class_set("coco-panoptic").numbers[79:82], class_set("pascal-context-59").names[0]
    ((90, 92, 93), 'aeroplane')
    """
    if name == "pascal-context-59":  # the 60 without their background
        return class_set("pascal-context-60").without_first()
    if name not in class_set_names():
        raise VistreamError(f"no set of classes is called {name!r}: it is one of {', '.join(class_set_names())}")
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = tuple(int(row.get("number", label)) for label, row in enumerate(rows))
    things = tuple(row["thing"] == "1" for row in rows) if "thing" in rows[0] else None
    palette = np.array([list(bytes.fromhex(row["colour"])) for row in rows], np.uint8)
    return ClassSet(tuple(row["name"] for row in rows), palette, things, numbers)
