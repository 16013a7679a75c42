"""From a network's scores for every candidate box to the few boxes worth reporting."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.letterbox import Placement
from vistream.errors import VistreamError
from vistream.types import Observations

THRESHOLD = 0.4
"""Near the best F1 of `nanodet-g` on two street clips, a little below it: the tracker sorts out the rest."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is reported: boxes of `classes` (None: of all) with a score above `threshold`, in 0..1.

    Of two boxes of one class that overlap by more than `overlap` (intersection over union) the better one stays.
    Networks score differently, so a `threshold` of None means the detector's own; for boxes that is `THRESHOLD`.
    """

    threshold: float | None = None
    overlap: float = 0.5
    classes: frozenset[str] | None = None

    def __str__(self) -> str:
        whom = "all classes" if self.classes is None else ", ".join(sorted(self.classes))
        return f"{whom}, scores above {THRESHOLD if self.threshold is None else self.threshold:g}"

    def checked(self, detector: str, names: Sequence[str]) -> Selection:
        """Itself; a VistreamError if `detector`, which knows classes of these `names`, does not know one of ours."""
        for wanted in sorted((self.classes or frozenset()) - set(names)):
            close = difflib.get_close_matches(wanted, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it knows {', '.join(names)}"
            raise VistreamError(f"{detector} knows no class {wanted!r}: {hint}")
        return self

    def wants(self, name: str) -> bool:
        """Whether objects of this class are reported."""
        return self.classes is None or name in self.classes

    def observations(
        self,
        corners: NDArray[np.float64],
        scores: NDArray[np.float64],
        names: Sequence[str],
        placement: Placement,
        distinct: bool = False,
    ) -> Observations:
        """The selected boxes, best score first, each with its best class.

        `corners`: `[N, 4]` as (x1, y1, x2, y2) in the network's input; `scores`: `[N, C]` in 0..1, for the classes
        called `names`; `distinct`: the network reports an object once, so overlaps are left alone.
        """
        threshold = THRESHOLD if self.threshold is None else self.threshold
        labels = scores.argmax(1)
        best = scores[np.arange(len(scores)), labels]
        good = (best > threshold) & np.isfinite(corners).all(1)
        good &= np.isin(labels, [number for number, name in enumerate(names) if self.wants(name)])
        rows = np.flatnonzero(good)
        rows = rows[np.argsort(-best[rows], kind="stable")]
        boxes = placement.boxes_to_frame(corners[rows])
        if not distinct:
            keep = _without_duplicates(boxes, best[rows], labels[rows], self.overlap)
            rows, boxes = rows[keep], boxes[keep]
        return Observations(boxes, best[rows], tuple(names[label] for label in labels[rows]))


def _without_duplicates(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], labels: NDArray[np.intp], overlap: float
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class; the indices that stay, in the order given."""
    kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), labels.tolist(), 0.0, overlap)
    return np.sort(np.asarray(kept, np.intp).reshape(-1))
