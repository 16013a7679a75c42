"""What the columns of YOLO text are. All lines of a folder tell it together: one alone cannot.

    class x y width height [score] [id]                           boxes
    class x1 y1 x2 y2 x3 y3 ... [score] [id]                      outlines: segmentation, turned boxes
    class x y width height, K times x y [visible] [score] [id]    poses

Source: what Ultralytics writes with `save_txt`, `save_conf` and a tracker, which leaves out ids that are not given yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError

Row = NDArray[np.float64]

BOX = 5
"""Columns of a box with its class."""
WITH_BOTH = 7
"""Columns of a box with a score and an id; or of a triangle."""
TURNED = 11
"""Columns of a turned box with both. Poses of two or three joints are as wide, but far rarer."""
EVIDENCE = 200
"""Lines by which a pose is told from an outline."""
SURE = 10
"""Lines that all end in 0 or 1 end in ids: so many outlines would not."""
MOST = 1600
"""Columns of a pose, of some 500 joints; outlines may have more."""
CROSSINGS = 0.25
"""Crossings of its sides for each corner, from which an outline is none: those of joints cross far more often."""
ENOUGH = 20
"""Corners without so many crossings that are certainly no joints."""
EDGE = 0.02
"""How far beyond the frame a box may reach, by rounding."""
GROWN = 0.1
INSIDE = 0.75
"""Most joints of a person lie in the box, grown by a tenth of its size on each side: at least this share."""


@dataclass(frozen=True, slots=True)
class YoloColumns:
    """`joints`: numbers that follow the box of a pose; `outlines`: whether whatever is wider than a box is one.

    `ids_behind_scores`: whether outlines of an odd number of columns end in a score and an id; `ids_alone`: whether a
    single column behind the shape is an id, and no score.
    """

    joints: int = 0
    outlines: bool = False
    ids_behind_scores: bool = False
    ids_alone: bool = False

    def shape_and_score(self, values: Row) -> tuple[Row, float]:
        """Of a line: (x, y, width, height), or the corners of an outline as x, y, x, y, ...; and the score, else 1."""
        end = BOX + self.joints
        if self.outlines and len(values) > BOX:
            end = len(values) - (1 - len(values) % 2 or 2 * self.ids_behind_scores)
        further = values[end:]
        scored = len(further) > self.ids_alone
        return values[1 : BOX if self.joints else end], float(further[0]) if scored else 1.0


def columns_of(rows: Sequence[Row], where: str) -> YoloColumns:
    """What all lines of a folder say. Raises VistreamError where they may be read in two ways."""
    joints = _joints(rows, where)
    last_seven = [row[-1] for row in rows if len(row) == WITH_BOTH]
    outlines = not joints and (max(map(len, rows), default=0) > WITH_BOTH or not _whole(last_seven))
    odd = [row[-1] for row in rows if len(row) > WITH_BOTH and len(row) % 2] if outlines else []
    ids = bool(odd) and _whole(odd)
    if ids and max(odd) <= 1 and len(odd) < SURE:
        raise VistreamError(
            f"{where}: its lines of {BOX + 4} columns or more end in {odd[0]:g}, which may be an id or a corner of an "
            "outline: leave the ids out, they are not used"
        )
    alone = [row[-1] for row in rows if len(row) == BOX + joints + 1 or (outlines and len(row) % 2 == 0)]
    return YoloColumns(joints, outlines, ids, bool(alone) and _whole(alone))


def _whole(values: Sequence[float] | Row) -> bool:
    return all(value >= 0 and value == int(value) for value in values)


def _joints(rows: Sequence[Row], where: str) -> int:
    """Numbers behind the box of a pose; 0 where the lines are no poses."""
    shortest, longest = min(map(len, rows), default=0), max(map(len, rows), default=0)
    if shortest <= WITH_BOTH or longest - shortest > 2 or longest > MOST:
        return 0
    some = rows[:EVIDENCE]
    counts = range(shortest - BOX, longest - BOX - 3, -1)
    ways = [(numbers, each) for each in (3, 2) for numbers in counts if numbers > 0 and numbers % each == 0]
    inside, numbers, each = max(
        ((_share_inside(some, *way), *way) for way in ways), key=lambda found: found[0], default=(0.0, 0, 0)
    )
    if inside < INSIDE:
        return 0
    flags = [row[BOX + 2 : BOX + numbers : 3] for row in some]
    if each == 3 and numbers > 3 and all(np.isin(flag, (0, 1, 2)).all() for flag in flags):
        return numbers
    if longest <= TURNED:
        return 0
    outlines = [row[1 : len(row) - 1 + len(row) % 2].reshape(-1, 2) for row in np.unique(_of_one_width(some), axis=0)]
    corners = sum(map(len, outlines))
    if sum(map(_crossings, outlines)) >= CROSSINGS * corners:
        return numbers
    if corners >= ENOUGH:
        return 0
    raise VistreamError(
        f"{where}: its lines of {longest} columns may be outlines, or boxes with {numbers // each} joints: "
        "give boxes alone, class x y width height"
    )


def _share_inside(rows: Sequence[Row], numbers: int, each: int) -> float:
    """Share of joints in their box, where lines may be poses with `each` numbers a joint, a score and an id; else 0."""
    inside, seen = 0, 0
    for row in rows:
        centre, size, further = row[1:3], row[3:BOX], row[BOX + numbers :]
        joints = row[BOX : BOX + numbers].reshape(-1, each)
        visible = joints[:, 2] if each == 3 else np.ones(len(joints))
        in_frame = (centre - size / 2 >= -EDGE).all() and (centre + size / 2 <= 1 + EDGE).all() and (size >= 0).all()
        if not in_frame or not ((visible >= 0) & ((visible <= 1) | (visible == 2))).all() or not _may_end(further):
            return 0.0
        places = joints[(visible > 0) & joints[:, :2].any(1), :2]
        seen += len(places)
        inside += int((np.abs(places - centre) <= size * (0.5 + GROWN)).all(1).sum())
    return inside / max(seen, 1)


def _may_end(further: Row) -> bool:
    """Whether the columns behind a shape may be a score and an id, or one of both."""
    if len(further) == 2:
        return 0 <= further[0] <= 1 and _whole(further[1:])
    return len(further) == 0 or 0 <= further[0] <= 1 or _whole(further)


def _of_one_width(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Rows `[N, columns]`, cut where some have a column or two more."""
    shortest = min(map(len, rows))
    return np.array([row[:shortest] for row in rows])


def _crossings(corners: NDArray[np.float64]) -> int:
    """How often the sides of a closed outline `[N, 2]` cross; those of joints that are taken for one do it often.

    >>> square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    >>> _crossings(square), _crossings(square[[0, 2, 1, 3]])
    (0, 1)
    """
    along = np.roll(corners, -1, axis=0) - corners
    to = corners[None] - corners[:, None]  # from the start of side i to that of side j
    begins = along[:, None, 0] * to[..., 1] - along[:, None, 1] * to[..., 0]
    apart = begins * np.roll(begins, -1, axis=1) < 0
    return int((apart & apart.T).sum()) // 2
