"""Video object segmentation: masks given in some frame are carried through the frames that follow.

Any number of objects, added and removed at any frame. Masks of one frame never overlap. The label of an object of a few
cells is averaged with its surroundings in every frame, until all else outweighs it; so before they are compared, the
largest value of every label becomes 1, as in DINO's evaluation (Caron et al., ICCV 2021). What is remembered stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.edges import enlarge, follow_edges
from vistream.tracking.propagation import LabelPropagation, PropagationConfig
from vistream.tracking.region import frame_size, reduce_mask
from vistream.types import Box, Features, Frame, Observations, Target, Track, Warp

Mask = NDArray[np.bool_]
Soft = NDArray[np.float32]

LABEL = "object"
FAINT = 0.2  # of a label's largest value: what is below is not made up for


@dataclass(frozen=True)
class VosConfig(PropagationConfig):
    """Options of `VosTracker`: those of the propagation."""


class VosTracker:
    """Follows masks through one video, frame by frame."""

    def __init__(self, config: VosConfig | None = None) -> None:
        self._propagation = LabelPropagation(config or VosConfig())
        self.reset()

    def reset(self) -> None:
        """Forget everything, the objects too; ids start at 1 again."""
        self._propagation.reset()
        self._given: dict[int, Mask] = {}
        self._alive: set[int] = set()
        self._next = 1

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video."""
        objects = {"given": self._given, "alive": self._alive, "next": self._next}
        return {"propagation": self._propagation.state_dict(), **objects}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a tracker with the same options was."""
        self._propagation.load_state_dict(state["propagation"])
        self._given, self._alive, self._next = dict(state["given"]), set(state["alive"]), int(state["next"])

    def add_object(self, target: Target, identity: int | None = None) -> int:
        """Follow one more object from the next frame on, where it covers `target`, bool `[H, W]`; returns its id.

        `identity`: the id that it is to have; where an object has it already, its mask is put right.
        Raises VistreamError for an empty mask, or something else than a mask.
        """
        mask = np.asarray(target)
        if mask.ndim != 2 or mask.dtype != np.bool_ or not mask.any():
            raise VistreamError("an object's mask must be bool [height, width] and cover at least one pixel")
        identity = self._next if identity is None else identity
        self._next = max(self._next, identity + 1)
        self._given[identity] = mask
        self._alive.add(identity)
        return identity

    def remove_object(self, identity: int) -> None:
        """Follow an object no longer; its id is not given again. Raises VistreamError where there is no such object."""
        if identity not in self._alive:
            raise VistreamError(f"there is no object {identity} to be removed")
        self._alive.remove(identity)
        self._given.pop(identity, None)
        self._propagation.forget(identity)

    def step(
        self,
        features: Features | None,
        observations: Observations,
        camera: Warp | None = None,
        frame: Frame | None = None,
    ) -> tuple[Track, ...]:
        """The objects that can be seen in the next frame, by id. Neither observations nor `camera` are used.

        `frame`: uint8 `[H, W, 3]`, whose colours are compared, and on whose edges those of the masks are put; None:
        they are as smooth as the grid.
        A track's score is the mean of its label under its mask.
        """
        if features is None:
            raise VistreamError("masks are followed by appearance: the task vos needs a model")
        height, width = features.shape
        across, down = frame_size(features)
        size = round(across), round(down)
        given, self._given = self._given, {}
        for identity, mask in given.items():
            if mask.shape != size[::-1]:
                raise VistreamError(
                    f"the mask of object {identity} is {mask.shape[1]}x{mask.shape[0]}, the frame {size[0]}x{size[1]}"
                )
        labels = {identity: reduce_mask(mask, (width, height)) for identity, mask in given.items()}
        soft = self._propagation.step(features.within().values, labels, frame)
        if not soft:
            return ()
        peaks = {key: max(float(label.max()), FAINT) for key, label in soft.items()}
        full = {key: label / np.float32(peaks[key]) for key, label in soft.items()}
        if frame is None:
            large = {key: enlarge(label, size) for key, label in full.items()}
        else:
            large = {key: follow_edges(label, frame, sum(features.stride) / 2) for key, label in full.items()}
        return tuple(replace(track, score=track.score * peaks[track.id]) for track in _tracks(large, given))


def _tracks(large: dict[int, Soft], given: dict[int, Mask]) -> list[Track]:
    """One mask an object: every pixel goes to its largest label, or to the background where that is larger."""
    shape = next(iter(large.values())).shape
    winner = np.zeros(shape, np.int64)
    best = np.ones(shape, np.float32)
    for label in large.values():
        best -= label  # the background's share is what the objects leave of 1
    for identity in sorted(large):
        wins = large[identity] > best
        best[wins], winner[wins] = large[identity][wins], identity
    for identity in sorted(given):
        winner[winner == identity] = 0
        winner[given[identity]] = identity  # what the user drew needs no second opinion
    tracks = []
    for identity in sorted(large):
        mask = winner == identity
        if mask.any():
            score = float(np.clip(large[identity][mask].mean(), 0.0, 1.0))
            tracks.append(Track(identity, tight_box(mask), score, LABEL, mask))
    return tracks


def tight_box(mask: Mask) -> Box:
    """The smallest box around the pixels of a mask that has some.

    >>> tight_box(np.pad(np.ones((2, 3), bool), ((1, 4), (5, 0))))
    (5.0, 1.0, 3.0, 2.0)
    """
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    return float(x), float(y), float(w), float(h)
