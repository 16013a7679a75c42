"""What a sceptic would try first: the mask or box of the first frame held still, or the mask carried by optical flow.

They step like a `Session`, so that they are run and scored in the same way. No network, no work.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.vos import tight_box
from vistream.types import Frame, Observations, Result, Target, Track

LABEL = "object"


class Held:
    """Every object stays where it was given: masks `[H, W]` or boxes."""

    model = "none (the first mask or box, held still)"

    def __init__(self) -> None:
        self._targets: dict[int, Target] = {}

    def add_object(self, target: Target, identity: int) -> int:
        """Show one more object, from the next frame on."""
        self._targets[identity] = target
        return identity

    def step(
        self, frame: Frame, observations: Observations, *, index: int, time: float, features: object = None
    ) -> Result:
        """The objects, where they were."""
        return Result(index, time, tuple(_track(identity, target) for identity, target in self._targets.items()), 0)


class Flow:
    """Masks carried from frame to frame by dense optical flow (DIS, Kroeger et al., ECCV 2016)."""

    model = "none (masks carried by DIS optical flow)"

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._previous: NDArray[np.uint8] | None = None
        self._masks: dict[int, NDArray[np.bool_]] = {}
        self._given: dict[int, NDArray[np.bool_]] = {}

    def add_object(self, target: Target, identity: int) -> int:
        """Carry one more mask, bool `[H, W]`, from the next frame on."""
        mask = np.asarray(target)
        if mask.ndim != 2:
            raise VistreamError("flow carries masks only: it is no baseline for boxes")
        self._given[identity] = mask > 0
        return identity

    def step(
        self, frame: Frame, observations: Observations, *, index: int, time: float, features: object = None
    ) -> Result:
        """The masks, each pixel taken from where the flow says it was."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8)
        if self._previous is not None and self._masks:
            back = self._flow.calc(grey, self._previous, np.zeros((*grey.shape, 2), np.float32))
            here = np.indices(grey.shape, dtype=np.float32)
            x, y = here[1] + back[..., 0], here[0] + back[..., 1]
            for identity, mask in self._masks.items():
                self._masks[identity] = cv2.remap(mask.astype(np.uint8), x, y, cv2.INTER_NEAREST) > 0
        self._masks |= self._given
        self._given, self._previous = {}, grey
        return Result(index, time, tuple(_track(i, mask) for i, mask in self._masks.items() if mask.any()), 0)


def _track(identity: int, target: Target) -> Track:
    if isinstance(target, tuple):
        return Track(identity, target, 1.0, LABEL)
    mask = target > 0
    return Track(identity, tight_box(mask), 1.0, LABEL, mask)
