"""From the classes of a network to those of a dataset: the same number where names agree, else by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.models.classes import VOID

SYNONYMS = (
    {"person", "pedestrian"},
    {"sidewalk", "pavement", "pavement-merged"},
    {"tree", "vegetation", "tree-merged", "plant"},
    {"sign", "traffic sign", "signboard", "street sign"},
    {"bicyclist", "rider", "bicycle"},
    {"sky", "sky-other-merged", "sky-other"},
    {"building", "building-other-merged", "building-other", "house"},
    {"fence", "fence-merged", "railing"},
    {"aeroplane", "airplane"},
    {"motorbike", "motorcycle", "minibike"},
    {"sofa", "couch"},
    {"tvmonitor", "tv"},
)
"""What different datasets call the same thing, nearly; the exact name goes first."""


def class_table(names: Sequence[str], wanted: Sequence[str]) -> NDArray[np.uint8]:
    """For each label of a network with classes `names`, the label among `wanted`, or 255: uint8 `[256]`.

    Raises VistreamError where the two have no class in common.

    >>> class_table(("road", "person", "car"), ("pedestrian", "road"))[:4].tolist()
    [1, 0, 255, 255]
    """
    table = np.full(256, VOID, np.uint8)
    for label, name in enumerate(names):
        table[label] = _place(name, wanted)
    if (table == VOID).all():
        raise VistreamError(
            f"the network knows {', '.join(names[:4])} and so on, the dataset {', '.join(wanted[:4])} and so on: "
            "they have no class in common"
        )
    return table


def unknown_classes(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The dataset's classes that the network can't find.

    >>> unknown_classes(("road", "person"), ("pedestrian", "road", "sky"))
    ['sky']
    """
    found = set(class_table(names, wanted).tolist())
    return [name for label, name in enumerate(wanted) if label not in found]


def _place(name: str, wanted: Sequence[str]) -> int:
    if name in wanted:
        return wanted.index(name)
    same = next((group for group in SYNONYMS if name in group), {name})
    return next((label for label, other in enumerate(wanted) if other in same), VOID)
