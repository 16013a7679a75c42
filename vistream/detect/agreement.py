"""How far the boxes of a quantised detector are from those of the float one, on the same pictures."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from vistream.detect.candidates import Candidates, Floats
from vistream.errors import VistreamError

SURE = 0.3  # score from which a box of either has to have its like in the other
ALIKE = 0.5  # overlap from which two boxes are of one object
LEAST = 0.5  # of the float network's boxes, and of one's own: who has fewer in common is no substitute
ENOUGH = 4  # boxes, fewer of which prove nothing


class Agreement:
    """Counts over pictures; in words as `str`."""

    def __init__(self) -> None:
        self.wanted = self.given = self.matched = self.confirmed = 0
        self.errors: list[float] = []

    def add(self, wanted: Candidates, given: Candidates) -> None:
        """Take in a picture's boxes: the float network's, and those of the integers.

        Of both all that score above `SURE` count; those that score less stand in where the other side is sure.
        """
        overlaps = overlap(wanted.corners, given.corners) * (wanted.labels[:, None] == given.labels)
        rows, columns = linear_sum_assignment(-overlaps)
        pairs = [(r, c) for r, c in zip(rows, columns, strict=True) if overlaps[r, c] >= ALIKE]
        self.wanted += int((wanted.scores > SURE).sum())
        self.given += int((given.scores > SURE).sum())
        self.confirmed += sum(bool(given.scores[column] > SURE) for _, column in pairs)
        for row, column in pairs:
            if wanted.scores[row] > SURE:
                self.matched += 1
                self.errors.append(abs(float(wanted.scores[row] - given.scores[column])))

    def check(self) -> None:
        """Raise VistreamError where most of the float network's boxes are missing, or most are none of its own."""
        missed = self.wanted >= ENOUGH and self.matched < LEAST * self.wanted
        invented = self.given >= ENOUGH and self.confirmed < LEAST * self.given
        if missed or invented:
            raise VistreamError(f"in integers it is too far from the file as it is ({self})")

    def __str__(self) -> str:
        if not self.wanted:
            otherwise = f"in integers of {self.given}" if self.given else "so nothing could be compared"
            return f"the float network is sure of no box on these frames, {otherwise}"
        found = f"{self.matched} of {self.wanted} boxes of the float network found again, {self.given} in all"
        return f"{found}; scores differ by {np.mean(self.errors):.3f} on average" if self.errors else found


def overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of corners `[N, 4]` and `[M, 4]`, `[N, M]`.

    >>> overlap(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1) for boxes in (first, second)]
    joint = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0), np.float64)
