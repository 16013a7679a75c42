"""From a network's scores for every candidate box to the few boxes worth reporting."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates
from vistream.detect.turned import without_duplicates
from vistream.errors import VistreamError

THRESHOLD = 0.1
"""Weak boxes start no track, but continue and revive those that are there: the tracker sorts them out."""
ACROSS = 0.8
"""Boxes of different classes that overlap by more than this are one object, of the class with the higher score."""


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
        return f"{whom}, scores above {self.least():g}"

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

    def least(self) -> float:
        """The score that a box must exceed."""
        return THRESHOLD if self.threshold is None else self.threshold

    def chosen(self, candidates: Candidates, names: Sequence[str], distinct: bool = False) -> Candidates:
        """The selected candidates, best score first.

        `names`: of the classes, by number; `distinct`: the network reports an object once, so overlaps are left alone.
        """
        corners = candidates.corners
        sound = np.isfinite(corners).all(1) & (corners[:, 2:] >= corners[:, :2]).all(1)
        good = sound & (candidates.scores > self.least())
        if self.classes is not None:
            good &= np.isin(candidates.labels, [number for number, name in enumerate(names) if self.wants(name)])
        rows = np.flatnonzero(good)
        best = candidates.pick(rows[np.argsort(-candidates.scores[rows], kind="stable")])
        return best if distinct else best.pick(_without_duplicates(best, self.overlap))


def _without_duplicates(candidates: Candidates, overlap: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class, and then across them; the indices that stay, in order."""
    if candidates.turned is not None:
        rows = without_duplicates(candidates.turned, candidates.labels, overlap)
        return rows[without_duplicates(candidates.turned[rows], np.zeros(len(rows), np.intp), ACROSS)]
    boxes = np.concatenate([candidates.corners[:, :2], candidates.corners[:, 2:] - candidates.corners[:, :2]], 1)
    kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), candidates.scores.tolist(), candidates.labels.tolist(), 0.0, overlap)
    rows = np.sort(np.asarray(kept, np.intp).reshape(-1))
    whole = cv2.dnn.NMSBoxes(boxes[rows].tolist(), candidates.scores[rows].tolist(), 0.0, ACROSS)
    return rows[np.sort(np.asarray(whole, np.intp).reshape(-1))]
