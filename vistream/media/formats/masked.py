"""Observations with masks, kept as run-length codes and decoded a frame at a time.

A decoded full-HD mask takes 2 MB; a file of some thousand of them would fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from vistream.media.formats import rle
from vistream.media.formats.rle import Rle
from vistream.types import Box, Observations


@dataclass(frozen=True, slots=True)
class MaskedObject:
    """One object of one frame; without a `box`, the tight one around the mask stands in."""

    mask: Rle
    score: float
    label: str
    box: Box | None = None


class MaskedObservations(Mapping[int, Observations]):
    """Observations by frame (from 0), like a dict that decodes its masks when asked.

    >>> corner = rle.encode(np.eye(2, 4, dtype=bool))
    >>> frames = MaskedObservations({3: [MaskedObject(corner, 1.0, "person")]})
    >>> frames[3].boxes.tolist(), frames[3].masks.shape, list(frames)
    ([[0.0, 0.0, 2.0, 2.0]], (1, 2, 4), [3])
    """

    def __init__(self, frames: Mapping[int, list[MaskedObject]]) -> None:
        self._frames = dict(frames)

    def __getitem__(self, frame: int) -> Observations:
        objects = self._frames[frame]
        tight = coco_mask.toBbox([o.mask for o in objects])
        boxes = [o.box if o.box is not None else around for o, around in zip(objects, tight, strict=True)]
        return Observations(
            np.array(boxes, dtype=np.float64).reshape(-1, 4),
            np.array([o.score for o in objects], dtype=np.float64),
            tuple(o.label for o in objects),
            masks=np.stack([rle.decode(o.mask) for o in objects]),
        )

    def labels(self) -> frozenset[str]:
        """The classes of all objects; no mask is decoded."""
        return frozenset(one.label for objects in self._frames.values() for one in objects)

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)
