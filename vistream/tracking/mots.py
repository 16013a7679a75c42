"""Multi-object tracking with masks: masks in, ids out. Masks of one frame never overlap. One session a video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.life import UNKNOWN_FPS, Counts, TrackerConfig
from vistream.tracking.region import frame_size, vectors_under
from vistream.tracking.similarity import unit_vectors
from vistream.tracking.tracks import Tracker
from vistream.types import Features, Frame, Observations, Track, Warp


@dataclass(frozen=True)
class MotsConfig(TrackerConfig):
    """Options of `MotsTracker`, beside those of every tracker; a mask can't be predicted, so `coast` is 0.

    `max_cells`: feature vectors taken of one mask, at the most. `same_mask`: two masks of a frame whose IoU exceeds
    this are one object, and the one with the lower score is dropped.
    """

    coast: float = 0.0
    max_cells: int = 200
    same_mask: float = 0.7


class MotsTracker:
    """Follows masks through one video, frame by frame; `fps` is the rate at which `step` is called."""

    def __init__(self, config: MotsConfig | None = None, fps: float = UNKNOWN_FPS) -> None:
        self.config = config or MotsConfig()
        if self.config.coast:
            raise VistreamError("a mask can't be predicted: coast must be 0")
        self._tracker = Tracker(self.config, fps)

    @property
    def counts(self) -> Counts:
        """What came in (duplicates left out) and went out since the last reset."""
        return self._tracker.counts

    def step(
        self,
        features: Features | None,
        observations: Observations,
        camera: Warp | None = None,
        frame: Frame | None = None,
    ) -> tuple[Track, ...]:
        """The tracks of the next frame, by id; each has a mask of its own. `camera`: its motion since the last frame.

        `frame` is not looked at. Raises VistreamError for observations without masks.
        """
        if len(observations) and observations.masks is None:
            raise VistreamError("the task mots needs a mask for every detection: these have boxes only")
        seen = distinct(observations, self.config.same_mask)
        if features is None or seen.masks is None:
            return self._tracker.step(seen, None, camera)
        rows = self._tracker.compared(seen)
        regions = vectors_under(features, seen.masks[rows], self.config.max_cells)
        embeddings = {row: unit_vectors(vectors) for row, vectors in zip(rows, regions, strict=True)}
        return self._tracker.step(seen, embeddings, camera, frame_size(features))

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._tracker.reset()

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video."""
        return self._tracker.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a tracker with the same options was."""
        self._tracker.load_state_dict(state)


def distinct(observations: Observations, same_mask: float) -> Observations:
    """Observations without near-duplicates, every pixel left to the highest score that claims it; none empty.

    >>> masks = np.array([[[1, 1, 1, 0]], [[1, 1, 1, 1]], [[0, 0, 1, 1]]], bool)
    >>> seen = Observations(np.zeros((3, 4)), np.array([0.9, 0.8, 0.7]), ("a", "a", "a"), masks)
    >>> kept = distinct(seen, 0.7)
    >>> kept.scores.tolist(), kept.masks.astype(int).tolist()
    ([0.9, 0.7], [[[1, 1, 1, 0]], [[0, 0, 0, 1]]])
    """
    if observations.masks is None or not len(observations):
        return observations
    kept: dict[int, NDArray[np.bool_]] = {}
    taken = np.zeros_like(observations.masks[0])
    for row in np.argsort(-observations.scores, kind="stable").tolist():
        mask = observations.masks[row]
        free = mask & ~taken
        if free.any() and not any(_iou(mask, observations.masks[other]) > same_mask for other in kept):
            kept[row] = free
            taken |= mask
    rows = sorted(kept)
    chosen = observations.pick(rows)
    return replace(chosen, masks=np.array([kept[row] for row in rows]).reshape(len(rows), *taken.shape))


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 0.0
