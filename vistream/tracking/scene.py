"""One frame as the tracker gets it; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.tracking.crowding import apart
from vistream.tracking.kalman import measure
from vistream.tracking.similarity import Vectors
from vistream.types import Box, Observations

Embeddings = Mapping[int, Vectors]
"""By the row of the observation, float32 `[n, C]` from `similarity.unit_vectors`; see `Tracker.compared`."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is observed in one frame; a row an observation.

    `strong`: which may start a track, bool `[N]`. `embeddings`: None without appearance. `measured`: boxes as the
    Kalman filter measures them, `[N, 4]`. `apart`: the share of each box that no other, strong one covers, `[N]`.
    `size`: (width, height) of the frame.
    """

    observations: Observations
    strong: NDArray[np.bool_]
    embeddings: Embeddings | None
    measured: NDArray[np.float64]
    apart: NDArray[np.float64]
    size: tuple[float, float] | None

    @staticmethod
    def of(
        observations: Observations,
        strong: NDArray[np.bool_],
        embeddings: Embeddings | None,
        size: tuple[float, float] | None,
    ) -> Scene:
        """The frame with what follows from its boxes."""
        boxes = observations.boxes
        return Scene(observations, strong, embeddings, measure(boxes), apart(boxes, strong), size)

    def box(self, row: int) -> Box:
        """(x, y, w, h) of an observation."""
        x, y, w, h = self.observations.boxes[row].tolist()
        return x, y, w, h

    def labels(self, rows: list[int]) -> list[str]:
        """The class names of some rows."""
        return [self.observations.labels[row] for row in rows]
