"""MOTS: tracking scored on masks (HOTA, IDF1, sMOTSA, MOTSA, MOTSP), with regions that are not scored.

Source: Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation", CVPR 2019. Oracle: TrackEval
1.3.0. This file makes a `Scene` of masks; the metrics are those of `hota`, `clear` and `identity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from vistream.errors import VistreamError
from vistream.evaluate.metrics.clear import ClearScores
from vistream.evaluate.metrics.overlap import mask_cover, mask_iou
from vistream.evaluate.metrics.scene import Scene, make_scene
from vistream.media.formats.rle import Rle, area

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class MaskFrame:
    """The masks of one class in one frame: `ids[i]` is the object under `masks[i]`."""

    ids: tuple[int, ...]
    masks: tuple[Rle, ...]


def not_scored(
    similarity: NDArray[np.float64], cover: NDArray[np.float64], threshold: float = 0.5
) -> NDArray[np.bool_]:
    """Which predictions of a frame are neither right nor wrong: bool `[P]`.

    Those that match no object (`similarity` `[G, P]` from `threshold` on) and have more than half of their
    area in the ignored region (`cover` `[P]`, 0..1).

    >>> not_scored(np.array([[0.9, 0.1, 0.1]]), np.array([0.9, 0.6, 0.5])).tolist()
    [False, True, False]
    """
    gain = np.where(similarity >= threshold - _EPS, similarity, -10_000.0)
    rows, columns = linear_sum_assignment(-gain)
    free = np.ones(similarity.shape[1], dtype=np.bool_)
    free[columns[gain[rows, columns] > _EPS]] = False
    return free & (cover > 0.5 + _EPS)


def mask_scene(gt: Sequence[MaskFrame], pred: Sequence[MaskFrame], ignored: Sequence[Rle | None]) -> Scene:
    """A sequence of one class, without the predictions that the ignored regions swallow.

    The three have one entry a frame; `ignored` is None where a frame has no such region. Every mask of a
    frame has one size. Raises VistreamError where sizes differ or an id occurs twice.

    >>> from vistream.media.formats.rle import encode
    >>> person, region = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    >>> person[:2], region[2:] = True, True
    >>> expected, seen = MaskFrame((1,), (encode(person),)), MaskFrame((5, 6), (encode(person), encode(region)))
    >>> mask_scene([expected], [seen], [None]).pred_total, mask_scene([expected], [seen], [encode(region)]).pred_total
    (2, 1)
    """
    ids, overlaps = [], []
    for number, (expected, seen, region) in enumerate(zip(gt, pred, ignored, strict=True)):
        _one_size((*expected.masks, *seen.masks, *((region,) if region else ())), number)
        similarity = mask_iou(expected.masks, seen.masks)
        kept = np.ones(len(seen.ids), dtype=np.bool_)
        if region is not None and seen.ids:
            kept = ~not_scored(similarity, mask_cover(seen.masks, [region])[:, 0])
        ids.append(np.asarray(seen.ids, dtype=np.int64)[kept])
        overlaps.append(similarity[:, kept])
    return make_scene([frame.ids for frame in gt], ids, overlaps)


def refuse_overlap(masks: Sequence[Rle], frame: int, which: str) -> None:
    """Raise VistreamError where two masks of one frame share a pixel: MOTS gives each pixel one owner at
    most.

    `frame` and `which` (a file, or "prediction") go into the message.
    """
    if len(masks) < 2:
        return
    _one_size(masks, frame)
    union = area(coco_mask.merge(list(masks), intersect=False))
    if union != sum(area(mask) for mask in masks):
        raise VistreamError(
            f"{which}: masks overlap in frame {frame}; give every pixel to one object only, then score again"
        )


def mots_row(scores: ClearScores) -> dict[str, float]:
    """CLEAR scores on masks under the names that MOTS gives them."""
    row = {"sMOTSA": scores.smota, **scores.row()}
    renamed = {"MOTA": "MOTSA", "MOTP": "MOTSP"}
    return {renamed.get(name, name): value for name, value in row.items()}


def _one_size(masks: Sequence[Rle], frame: int) -> None:
    sizes = sorted({tuple(mask["size"]) for mask in masks})
    if len(sizes) > 1:
        (h0, w0), (h1, w1) = sizes[:2]
        raise VistreamError(
            f"frame {frame}: a mask of {h0} x {w0} pixels cannot be compared with one of {h1} x {w1}; "
            "write predictions at the size of the ground truth"
        )
