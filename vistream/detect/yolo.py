"""What the heads of the YOLO family mean: rows of numbers, one for each cell, to boxes and scores.

A row is a box, in some networks an objectness, a score for each class, and what else the network says of an object:
coefficients of a mask (YOLACT, Bolya et al., ICCV 2019), keypoints, or an angle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates, PrototypeMasks, best_class
from vistream.detect.signature import PERSON, STRIDES, Decoder, Outputs, Signature, cells_of, levels
from vistream.detect.turned import around

Floats = NDArray[np.floating]

COCO = 80
LARGEST = 16.0  # of an undecoded width or height: exp of it is more than any image has pixels


@dataclass(frozen=True, slots=True)
class Extra:
    """What follows the scores in a row: numbers for a mask, or keypoints (how many, numbers for each), or an angle."""

    mask: int = 0
    keypoints: tuple[int, int] | None = None
    angle: bool = False

    @property
    def columns(self) -> int:
        return self.mask + (0 if self.keypoints is None else self.keypoints[0] * self.keypoints[1]) + self.angle

    def decoder(self, decode: Callable[[Outputs, float], Candidates], classes: int | None) -> Decoder:
        """The decoder of rows with this in them."""
        return Decoder(decode, classes, 0 if self.keypoints is None else self.keypoints[0], bool(self.mask))

    def of(self, found: Candidates, rest: Floats, outputs: Outputs, prototypes: str | None) -> Candidates:
        """Candidates with what stands in `rest` `[N, columns]`."""
        if self.angle:
            low, high = found.corners[:, :2], found.corners[:, 2:]
            boxes = np.concatenate([(low + high) / 2, high - low, rest[:, -1:]], 1, dtype=np.float64)
            return replace(found, corners=around(boxes), turned=boxes)
        if self.keypoints is not None:
            return replace(found, keypoints=points(rest.astype(np.float64), self.keypoints))
        if self.mask and prototypes is not None:
            maps = np.asarray(outputs[prototypes][0], np.float32)
            return replace(found, masks=PrototypeMasks(maps, rest.astype(np.float32)))
        return found


def extra_of(signature: Signature, columns: int, confident: bool = False) -> Extra | None:
    """What `columns` numbers beyond box and classes are, from what the file says of itself; None: it can't be told.

    `confident`: without word of the file, 51 numbers are 17 keypoints.
    """
    if columns == 0:
        return Extra()
    if columns == signature.per_mask():
        return Extra(mask=columns)
    count, numbers = signature.keypoints or PERSON
    if columns == count * numbers and (confident or signature.keypoints or signature.task == "pose"):
        return Extra(keypoints=(count, numbers))
    return Extra(angle=True) if columns == 1 and signature.task == "obb" else None


def corners_of(boxes: Floats) -> Floats:
    """(centre x, centre y, width, height) to (x1, y1, x2, y2).

    >>> corners_of(np.array([[10.0, 10.0, 4.0, 6.0]]))
    array([[ 8.,  7., 12., 13.]])
    """
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def points(rest: NDArray[np.float64], form: tuple[int, int]) -> NDArray[np.float64]:
    """Keypoints `[N, K, 3]` from rows of (x, y, confidence), or of (x, y), which are then certain."""
    found = rest.reshape(-1, *form)
    certain = np.ones((*found.shape[:2], 1))
    return np.concatenate([found[..., :2], found[..., 2:3] if form[1] > 2 else certain], 2)


def rows_of(outputs: Outputs, name: str, across: bool) -> Floats:
    """An output without its batch axis, an object a row; `across`: in the file it is a column."""
    output = np.asarray(outputs[name][0], np.float32)
    return output.T if across else output


def main_output(signature: Signature, anchors: int) -> tuple[str, bool, tuple[int, ...]] | None:
    """The output with a row, or a column, for each of `anchors` boxes in each cell; whether a column; the strides."""
    names = signature.of_rank(3)
    for strides in STRIDES:
        wanted = anchors * cells_of(signature.width, signature.height, strides)
        for name in names:
            _, down, across = signature.shape(name)
            if wanted in (down, across):
                return name, wanted == across, strides
    if not (signature.asked and names):
        return None
    _, down, across = signature.shape(names[0])
    return names[0], down < across, ()


def decoded(signature: Signature, objectness: bool, anchors: int) -> Decoder | None:
    """Rows with boxes in pixels, (centre x, centre y, width, height); `objectness` multiplies the scores."""
    main = main_output(signature, anchors)
    if main is None:
        return None
    name, across, _ = main
    first = 4 + objectness
    rows = rows_of(signature.outputs, name, across)
    form = _form(signature, rows, first, sure=across or anchors > 1)
    if form is None:
        return None
    classes, extra = form
    prototypes = signature.prototypes() if extra.mask else None

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = rows_of(outputs, name, across)
        scores = rows[:, first : first + classes] * (rows[:, 4:5] if objectness else 1)
        chosen = np.flatnonzero(scores.max(1) > least)
        found = best_class(corners_of(rows[chosen, :4].astype(np.float64)), scores[chosen])
        return extra.of(found, rows[chosen, first + classes :], outputs, prototypes)

    return extra.decoder(decode, classes)


def _form(signature: Signature, rows: Floats, first: int, sure: bool) -> tuple[int, Extra] | None:
    """How many classes a row scores, and what follows, where `first` numbers come before.

    `sure`: it is known from elsewhere that the rows are of this kind, so any number of classes will do.
    """
    spare = rows.shape[1] - first
    if signature.classes is not None:
        extra = extra_of(signature, spare - signature.classes, confident=True)
        return None if extra is None else (signature.classes, extra)
    if signature.prototypes() is not None and spare > signature.per_mask():
        return spare - signature.per_mask(), Extra(mask=signature.per_mask())
    count, numbers = signature.keypoints or PERSON
    told = signature.task == "pose" or signature.keypoints is not None
    if spare > count * numbers and (told or (spare == 52 and rows[:, first + 1 :].max(initial=0) > 1)):
        return spare - count * numbers, Extra(keypoints=(count, numbers))
    if signature.task == "obb" and spare > 1:
        return spare - 1, Extra(angle=True)
    return (spare, Extra()) if spare > 0 and (sure or signature.asked or spare == COCO) else None


def yolov5(signature: Signature) -> Decoder | None:
    """`[1, N, 5 + C]`, three boxes a cell: YOLOv5, YOLOv7, and YOLOv3 as Ultralytics exports it."""
    return decoded(signature, True, 3)


def yolov8(signature: Signature) -> Decoder | None:
    """`[1, 4 + C, N]`, or the same turned: YOLOv8, YOLOv9, YOLO11, YOLO12, YOLOv5u."""
    return decoded(signature, False, 1)


def yolov6(signature: Signature) -> Decoder | None:
    """`[1, N, 5 + C]` with boxes in pixels and an objectness that is always 1: YOLOv6."""
    rows = _rows_by_cell(signature)
    if rows is None or not (signature.asked or (_in_pixels(rows) and bool(np.isin(rows[:, 4], (0.0, 1.0)).all()))):
        return None
    return decoded(signature, True, 1)


def yolox(signature: Signature) -> Decoder | None:
    """`[1, N, 5 + C]` of YOLOX (Ge et al., arXiv 2107.08430), decoded in the file or not.

    Undecoded, the centre is (x, y) + cell and the size exp(w, h), both in strides. A score is objectness times class
    score.
    """
    main = main_output(signature, 1)
    rows = _rows_by_cell(signature)
    if main is None or rows is None or _form(signature, rows, 5, sure=False) is None:
        return None
    if _in_pixels(rows):
        return decoded(signature, True, 1)
    name, _, strides = main
    grids, steps = [], []
    for stride, (across, down) in zip(strides, levels(signature.width, signature.height, strides), strict=True):
        y, x = np.divmod(np.arange(across * down), across)
        grids.append(np.stack([x, y], 1))
        steps.append(np.full((len(x), 1), stride))
    grid, step = np.concatenate(grids), np.concatenate(steps)

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = rows_of(outputs, name, False)
        scores = rows[:, 4:5] * rows[:, 5:]
        chosen = np.flatnonzero(scores.max(1) > least)
        near = rows[chosen, :4].astype(np.float64)
        boxes = np.concatenate([(near[:, :2] + grid[chosen]) * step[chosen], np.exp(near[:, 2:]) * step[chosen]], 1)
        return best_class(corners_of(boxes), scores[chosen])

    return Decoder(decode, rows.shape[1] - 5)


def _rows_by_cell(signature: Signature) -> Floats | None:
    """The rows of a head with one box a cell, objectness and scores, an object a row."""
    main = main_output(signature, 1)
    if main is None or main[1] or not main[2]:
        return None
    rows = rows_of(signature.outputs, main[0], False)
    return rows if rows.shape[1] > 5 else None


def _in_pixels(rows: Floats) -> bool:
    """Whether sizes are in pixels, not logarithms of strides."""
    return float(np.abs(rows[:, 2:4]).max(initial=0)) > LARGEST


def yolo_nas(signature: Signature) -> Decoder | None:
    """Corners in pixels `[1, N, 4]` and scores `[1, N, C]`, a row for each cell: YOLO-NAS.

    Scores before corners are those of networks that expect other pixels (DAMO-YOLO): they have to be asked for.
    """
    names = signature.of_rank(3)
    boxes = [name for name in names if signature.shape(name)[2] == 4]
    if len(names) != 2 or len(boxes) != 1 or (names[0] != boxes[0] and not signature.asked):
        return None
    scores = next(name for name in names if name != boxes[0])
    cells, classes = signature.shape(boxes[0])[1], signature.shape(scores)[2]
    if signature.shape(scores)[1] != cells or not any(
        cells == cells_of(signature.width, signature.height, strides) for strides in STRIDES
    ):
        return None
    if signature.classes not in (None, classes):
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        corners, marks = (np.asarray(outputs[name][0], np.float64) for name in (boxes[0], scores))
        return best_class(corners, marks, least)

    return Decoder(decode, classes)
