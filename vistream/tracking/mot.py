"""Multi-object tracking with boxes: embeds each observed box and hands it to the tracker. One session a video.

What runs the network, and where observations come from, is not known here: a frame arrives as its feature map (or
None: motion and overlap alone) and its observations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.colours import colours_in
from vistream.tracking.life import UNKNOWN_FPS, Counts, TrackerConfig
from vistream.tracking.region import frame_size
from vistream.tracking.roi import roi_align
from vistream.tracking.similarity import Vectors, unit_vectors
from vistream.tracking.tracks import Tracker
from vistream.types import Features, Frame, Observations, Track, Warp


@dataclass(frozen=True)
class MotConfig(TrackerConfig):
    """Options of `MotTracker`, beside those of every tracker.

    `grid`: cells (rows, columns) laid over the middle of a box, `core` of its width and height: at its border a box
    shows what is beside the object. `colour`: the share of colours in what appearance says, beside the features, from
    0 to below 1. `min_box_area` (square pixels) and `max_aspect` (w / h; None: any;
    UniTrack has 1.6, for pedestrians) say which observations are looked at, at all.
    """

    grid: tuple[int, int] = (8, 4)
    core: float = 0.7
    colour: float = 0.0
    min_box_area: float = 200.0
    max_aspect: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.grid) < 1:
            raise VistreamError(f"grid is {self.grid}: it needs at least one row and one column")
        if not 0.0 < self.core <= 1.0:
            raise VistreamError(f"core is {self.core}: it must be above 0 and at most 1")
        if not 0.0 <= self.colour < 1.0:
            raise VistreamError(f"colour is {self.colour}: it must be at least 0 and below 1")


class MotTracker:
    """Follows boxes through one video, frame by frame.

    `fps` is the rate at which `step` is called, 30 where it is not known: motion, and the time that a lost track is
    kept, scale with it.
    """

    def __init__(self, config: MotConfig | None = None, fps: float = UNKNOWN_FPS) -> None:
        self.config = config or MotConfig()
        self._tracker = Tracker(self.config, fps)

    @property
    def counts(self) -> Counts:
        """What came in (without the boxes that the size options keep out) and went out since the last reset."""
        return self._tracker.counts

    def step(
        self,
        features: Features | None,
        observations: Observations,
        camera: Warp | None = None,
        frame: Frame | None = None,
    ) -> tuple[Track, ...]:
        """The tracks of the next frame, by id; `camera`: its motion since the last frame.

        `frame`: uint8 `[H, W, 3]`, for its colours; without one, features alone tell objects apart.
        """
        seen = observations.pick(self._wanted(observations.boxes))
        if features is None:
            return self._tracker.step(seen, None, camera)
        rows = self._tracker.compared(seen)
        middle = self._middle(seen.boxes[rows])
        regions = roi_align(features.within(middle), middle, self.config.grid)
        if frame is not None and self.config.colour:
            regions = self._with_colours(regions, colours_in(frame, middle, self.config.grid))
        embeddings = unit_vectors(regions.reshape(-1, regions.shape[2])).reshape(regions.shape)
        return self._tracker.step(seen, dict(zip(rows, embeddings, strict=True)), camera, frame_size(features))

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._tracker.reset()

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video."""
        return self._tracker.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a tracker with the same options was."""
        self._tracker.load_state_dict(state)

    def _with_colours(self, features: Vectors, colours: Vectors) -> Vectors:
        """Feature vectors `[N, cells, C]`, and behind them colours, of their length where both count alike."""
        share = self.config.colour
        length = np.linalg.norm(features, axis=2, keepdims=True) * np.float32(np.sqrt(share / (1.0 - share)))
        return np.concatenate([features, colours * length], axis=2)

    def _middle(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """The part of each box at which appearance is looked at."""
        core, size = self.config.core, boxes[:, 2:]
        return np.concatenate([boxes[:, :2] + (1.0 - core) / 2 * size, core * size], axis=1)

    def _wanted(self, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        width, height = boxes[:, 2], boxes[:, 3]
        wanted: NDArray[np.bool_] = (width > 0) & (height > 0) & (width * height >= self.config.min_box_area)
        if self.config.max_aspect is not None:
            wanted &= width <= self.config.max_aspect * height
        return wanted & np.isfinite(boxes).all(axis=1)
