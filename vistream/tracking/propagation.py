"""Label propagation: soft labels follow the features from past frames to the present one. Online, memory bounded.

Each cell of the feature grid looks for its most similar cells in the anchors (the frames in which labels were given;
anywhere) and in the last few frames (near its own place), and takes the mean of their labels. That is done near the
labels of the frame before; elsewhere they are zero, which is cheaper, and nothing far away is taken for a label.
Source: Wang et al., "Do different tracking tasks require different appearance models?", NeurIPS 2021, section 3.2,
after Jabri et al., "Space-time correspondence as a contrastive random walk", NeurIPS 2020. It knows nothing about masks
or joints: a label is a number in 0..1 at each cell, under whatever key the task gives it.

Similarities are products of vectors in whole steps that a byte holds, exact in any order of summation, and ties go to
the newest frame: the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.kernels.propagation import Bytes, Lists, in_quads, laid_out
from vistream.tracking.colours import colour_vectors
from vistream.types import Frame

Grid = NDArray[np.float32]
Labels = dict[int, Grid]

UNIT = 254.0  # the length of a vector, in steps: of 112 channels hardly one is beyond half of it, which a byte holds
MOST = 127
THERE = 0.05  # of a label: below, nothing of the object is there


@dataclass(frozen=True)
class PropagationConfig:
    """Options of `LabelPropagation`; docs/tasks.md has the measurements behind the defaults.

    `memory`: recent frames that are sources; `radius`: how far, in cells, a cell looks in them; `top`: how many sources
    are averaged, with weights softmax(cosine / `temperature`). `reach`: how far, in cells, labels may get in a frame.
    `colour`: how long the colours of a cell are beside its features.
    """

    memory: int = 8
    radius: int = 12
    top: int = 20
    temperature: float = 0.08
    reach: int = 12
    colour: float = 0.5

    def __post_init__(self) -> None:
        if min(self.memory, self.radius, self.top, self.reach) < 1 or not self.temperature > 0:
            raise VistreamError("memory, radius, top and reach must be at least 1, and the temperature above 0")
        if not self.colour >= 0:
            raise VistreamError("colour must be at least 0")


@dataclass(slots=True)
class _Source:
    """A past frame: vectors, from `laid_out`, and the labels known there, each `[h * w]`; unknown is not zero."""

    vectors: Bytes
    labels: Labels


def byte_vectors(values: Grid, colours: Grid | None = None) -> Bytes:
    """Features `[h, w, C]` without what all have in common, and what comes with them, `UNIT` steps long, in quads.

    `colours`: vectors `[h, w, D]`, behind the features, in whose lengths they are measured. A zero vector stays zero.
    """
    # what all cells have in common tells none from another
    unit = _scaled(values - values.mean(axis=(0, 1)), 1.0)
    whole = _scaled(unit if colours is None else np.concatenate([unit, colours], axis=2), UNIT)
    return in_quads(np.clip(np.rint(whole), -MOST, MOST).astype(np.int8))


def _scaled(vectors: Grid, wanted: float) -> Grid:
    """Vectors of a length that is `wanted`; a zero vector stays zero."""
    length = np.sqrt(np.einsum("hwc,hwc->hw", vectors, vectors, dtype=np.float64))
    scale = np.divide(wanted, length, out=np.zeros_like(length), where=length > 0).astype(np.float32)
    return np.asarray(vectors * scale[:, :, None])


class LabelPropagation:
    """Carries labels through one video, frame by frame.

    Anchors live as long as one of the labels given in them does, so memory depends on the number of labels, not on
    the length of the video.
    """

    def __init__(self, config: PropagationConfig | None = None) -> None:
        self.config = config or PropagationConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame may have another grid."""
        self._anchors: list[_Source] = []
        self._recent: deque[_Source] = deque(maxlen=self.config.memory)

    def state_dict(self) -> dict[str, Any]:
        """The sources: all that is remembered of the video."""
        return {"anchors": self._anchors, "recent": list(self._recent)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a propagation with the same options was. The state is taken over, not copied."""
        self._anchors = list(state["anchors"])
        self._recent = deque(state["recent"], maxlen=self.config.memory)

    def forget(self, key: int) -> None:
        """Let go of a label, and of the anchors that hold nothing else."""
        for source in (*self._anchors, *self._recent):
            source.labels.pop(key, None)
        self._anchors = [anchor for anchor in self._anchors if anchor.labels]

    def step(self, values: Grid, given: Mapping[int, Grid], frame: Frame | None = None) -> Labels:
        """The labels of the next frame, each float32 `[h, w]` in 0..1, by key.

        `values`: its features, float32 `[h, w, C]`. `given`: labels that are known here, each `[h, w]`: new keys, or
        old ones put right; the frame becomes an anchor for them. `frame`: uint8 `[H, W, 3]`, for its colours; without,
        features alone are compared.
        Raises VistreamError where the grid is not that of the frame before.
        """
        height, width, _ = values.shape
        colours = None if frame is None else colour_vectors(frame, (height, width)) * np.float32(self.config.colour)
        vectors = byte_vectors(values, colours)
        past = laid_out(vectors)
        if self._recent and self._recent[0].vectors.shape != past.shape:
            raise VistreamError("the frame size changed: call reset() to begin a new video")
        fixed: Labels = {key: np.array(label, np.float32).reshape(-1) for key, label in given.items()}
        for key in fixed:
            self.forget(key)
        labels = self._propagate(vectors) | fixed
        if labels:
            self._recent.append(_Source(past, labels))
        if fixed:
            self._anchors.append(_Source(past, dict(fixed)))
        return {key: label.reshape(height, width) for key, label in labels.items()}

    def _propagate(self, vectors: Bytes) -> Labels:
        sources = [*self._anchors, *self._recent]
        keys = {key: None for source in sources for key in source.labels}
        if not keys:
            return {}
        near = self._near((vectors.shape[0], vectors.shape[1]))
        here = np.flatnonzero(near)
        best = self._best(vectors, here)
        cosine, cell = best.similarity.astype(np.float32), best.cell
        weight = np.exp((cosine - cosine[:, :1]) / np.float32(self.config.temperature * UNIT**2))
        nothing = np.zeros(near.size, np.float32)
        result: Labels = {}
        for key in keys:
            # a source that was seen before this label was given can't tell, so it has no say
            known = np.repeat(np.array([key in source.labels for source in sources], np.float32), near.size)
            told = np.concatenate([source.labels.get(key, nothing) for source in sources])
            says = weight * known[cell]
            total = says.sum(axis=1)
            mean = np.divide(
                (says * told[cell]).sum(axis=1), total, out=np.zeros(len(here), np.float32), where=total > 0
            )
            result[key] = nothing.copy()
            result[key][here] = mean
        return result

    def _near(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The cells `[h, w]` that are within reach of a label of the frame before."""
        there = np.zeros(shape, np.uint8)
        for label in self._recent[-1].labels.values():
            there |= (label.reshape(shape) > THERE).view(np.uint8)
        away = np.arange(-self.config.reach, self.config.reach + 1) ** 2
        disc = (away[:, None] + away <= self.config.reach**2).view(np.uint8)
        return np.asarray(cv2.dilate(there, disc) > 0)

    def _best(self, vectors: Bytes, here: NDArray[np.intp]) -> Lists:
        """For each of the cells `here` its `top` sources.

        A source is numbered `source * h * w + cell`, anchors first; the newest are compared first.
        """
        size = vectors.shape[0] * vectors.shape[1]
        best = Lists(vectors, here, self.config.top, max(1, torch.get_num_threads()))
        for number, source in reversed(list(enumerate(self._recent, start=len(self._anchors)))):
            best.add(source.vectors, number * size, self.config.radius)
        for number, source in enumerate(self._anchors):
            best.add(source.vectors, number * size)
        return best
