"""One sequence made ready for scoring: who is where in each frame, and how much the pairs overlap.

Every identity metric (HOTA, CLEAR, Identity) reads a `Scene` and nothing else, whether its similarities
come from boxes, from masks or from joints. This file computes no metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vistream.errors import VistreamError

Ids = NDArray[np.int64]
Similarity = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scene:
    """Frame `t` holds objects `gt_ids[t]` `[G]`, predictions `pred_ids[t]` `[P]` and `similarity[t]` `[G,
    P]`, 0..1.

    Ids run from 0 without holes and occur once a frame; `make_scene` sees to it.
    """

    gt_ids: tuple[Ids, ...]
    pred_ids: tuple[Ids, ...]
    similarity: tuple[Similarity, ...]
    gt_tracks: int
    pred_tracks: int

    @property
    def gt_total(self) -> int:
        """Object appearances, over all frames."""
        return sum(len(ids) for ids in self.gt_ids)

    @property
    def pred_total(self) -> int:
        """Predicted appearances, over all frames."""
        return sum(len(ids) for ids in self.pred_ids)

    def __len__(self) -> int:
        return len(self.gt_ids)


def make_scene(gt_ids: Sequence[ArrayLike], pred_ids: Sequence[ArrayLike], similarity: Sequence[ArrayLike]) -> Scene:
    """A `Scene` from any integer ids; the three sequences have one entry a frame.

    Raises VistreamError where one id occurs twice in a frame, ValueError where the shapes disagree.

    >>> scene = make_scene([[7], [7, 9]], [[3], []], [[[0.8]], np.zeros((2, 0))])
    >>> scene.gt_ids[1].tolist(), scene.gt_tracks, scene.pred_total
    ([0, 1], 2, 1)
    """
    gt, gt_tracks = _renumber(gt_ids, "ground truth")
    pred, pred_tracks = _renumber(pred_ids, "prediction")
    if not len(gt) == len(pred) == len(similarity):
        raise ValueError(f"frames differ: {len(gt)} gt, {len(pred)} predicted, {len(similarity)} similarities")
    shaped = tuple(
        np.asarray(s, dtype=np.float64).reshape(len(g), len(p)) for s, g, p in zip(similarity, gt, pred, strict=True)
    )
    return Scene(gt, pred, shaped, gt_tracks, pred_tracks)


def _renumber(frames: Sequence[ArrayLike], which: str) -> tuple[tuple[Ids, ...], int]:
    """Ids from 0 without holes, in ascending order of the given ones, and how many there are."""
    arrays = [np.asarray(ids, dtype=np.int64).reshape(-1) for ids in frames]
    for number, ids in enumerate(arrays):
        values, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            twice = ", ".join(str(v) for v in values[counts > 1])
            raise VistreamError(
                f"{which}: frame {number} (from 0) has id {twice} more than once; give each object its own id"
            )
    known = np.unique(np.concatenate(arrays)) if arrays else np.zeros(0, dtype=np.int64)
    return tuple(np.searchsorted(known, ids).astype(np.int64) for ids in arrays), len(known)
