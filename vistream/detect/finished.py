"""What networks give that remove duplicates themselves, in rows: a box, its score and its class number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vistream.detect.candidates import Candidates, Floats, WholeMasks
from vistream.detect.signature import SLACK, Array, Decoder, Outputs, Signature
from vistream.detect.yolo import Extra, corners_of, extra_of
from vistream.errors import VistreamError

WHOLE = 1e-3  # by which class numbers may be off whole ones
RTDETR = "RTDETRDecoder"  # whose rows look alike, but have centres and sizes
PADDLE = (
    "its pixels may be wanted in two ways: of PP-YOLOE+ and RT-DETR, layout paddle, and of PP-YOLOE and PicoDet, "
    "paddle-imagenet"
)
MOST = 1000  # boxes that such a list has at the most


def listed(corners: Array, scores: Array, labels: Array, least: float) -> tuple[Candidates, Array]:
    """Those above `least`, and their rows in the file's list."""
    scores = np.asarray(scores, np.float64).reshape(-1)
    rows = np.flatnonzero(scores > least)
    numbers = np.rint(np.asarray(labels, np.float64).reshape(-1)[rows]).astype(np.intp)
    return Candidates(np.asarray(corners, np.float64).reshape(-1, 4)[rows], scores[rows], numbers), rows


def end_to_end(signature: Signature) -> Decoder | None:
    """`[1, N, 6]`: (x1, y1, x2, y2) in pixels, score, class number, then as in YOLOv8: YOLOv10, YOLO26.

    Turned boxes come as (centre x, centre y, w, h), score, class number, angle.
    """
    if signature.head == RTDETR and not signature.asked:
        return None
    for name in signature.of_rank(3):
        batch, count, columns = signature.shape(name)
        if not batch:
            continue  # a list that is empty on the black image
        extra = extra_of(signature, columns - 6, confident=True) if columns >= 6 else None
        if extra is not None and count <= MOST and are_numbered(signature.outputs[name][0]):
            return _end_to_end(name, extra, signature.prototypes() if extra.mask else None)
    return None


def are_numbered(rows: Array) -> bool:
    """Whether the sixth column of rows can be class numbers."""
    numbers = np.asarray(rows, np.float64)[:, 5:6]
    return bool(((numbers == np.rint(numbers)) & (numbers >= 0)).all())


def _end_to_end(name: str, extra: Extra, prototypes: str | None) -> Decoder:
    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[name][0], np.float64)
        boxes = corners_of(rows[:, :4]) if extra.angle else rows[:, :4]
        found, chosen = listed(boxes, rows[:, 4], rows[:, 5], least)
        return extra.of(found, rows[chosen, 6:], outputs, prototypes)

    return extra.decoder(decode, None)


def batched_rows(signature: Signature) -> Decoder | None:
    """`[N, 7]`: image, (x1, y1, x2, y2) in pixels, then class number and score, or the other way round.

    The first are of YOLOv7's own export with `--end2end`, the others YOLO-NAS' flat predictions. The first rows that
    fit one order only decide; until then the output's name does. Seven classes `[1, 7]` look alike: what the file fixes
    to one row is no list.
    """
    names = signature.of_rank(2)
    if len(signature.outputs) != 1 or len(names) != 1 or signature.shape(names[0])[1] != 7:
        return None
    if signature.fixed.get(names[0]) == (1, 7) and not signature.asked:
        return None
    orders = [(6, 5), (5, 6)] if "flat" in names[0] else [(5, 6), (6, 5)]  # columns of the class number and the score

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[names[0]], np.float64)
        if rows[:, 0].any():
            raise VistreamError("its first column is not the image's number, which is 0")
        if len(rows) == 1 and abs(rows.sum() - 1) <= WHOLE and not (rows[0, 3:5] > rows[0, 1:3]).all():
            raise VistreamError("its one row has no box, and the sum 1, as the classes of a classifier have")
        fitting = [(label, score) for label, score in orders if _are_classes(rows[:, label], rows[:, score])]
        if not fitting:
            raise VistreamError("its last two columns are not class numbers and scores, as they should be")
        orders[:] = fitting
        label, score = fitting[0]
        return listed(rows[:, 1:5], rows[:, score], rows[:, label], least)[0]

    return Decoder(decode)


def _are_classes(labels: Floats, scores: Floats) -> bool:
    """Whether these can be class numbers and their scores."""
    whole = (np.abs(labels - np.rint(labels)) <= WHOLE) & (labels >= -WHOLE)
    return bool((whole & (scores >= -SLACK) & (scores <= 1 + SLACK)).all())


def paddle(signature: Signature) -> Decoder | None:
    """`[N, 6]`: class number, or -1 for nothing, score, (x1, y1, x2, y2) in pixels; and how many: PaddleDetection."""
    rows = [name for name in signature.of_rank(2) if signature.shape(name)[1] == 6]
    counts = [name for name, output in signature.outputs.items() if output.size == 1 and output.dtype.kind in "iu"]
    if len(rows) != 1 or len(counts) != 1 or len(signature.outputs) != 2:
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        if not signature.asked:
            raise VistreamError(PADDLE)
        found = np.asarray(outputs[rows[0]], np.float64)
        found = found[found[:, 0] >= 0]
        if not _are_classes(found[:, 0], found[:, 1]):
            raise VistreamError("its first two columns are not class numbers and scores, as they should be")
        return listed(found[:, 2:], found[:, 1], found[:, 0], least)[0]

    return Decoder(decode)


def mmdeploy(signature: Signature) -> Decoder | None:
    """Boxes with scores `[1, N, 5]` and class numbers `[1, N]`; of networks with masks `[1, N, H, W]` in 0..1."""
    boxes = [name for name in signature.of_rank(3) if signature.shape(name)[2] == 5]
    if len(boxes) != 1:
        return None
    box = boxes[0]
    labels = [name for name in signature.of_rank(2) if signature.shape(name) == signature.shape(box)[:2]]
    masks = signature.of_rank(4)
    if len(labels) != 1 or len(signature.outputs) != 2 + len(masks):
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[box][0])
        found, chosen = listed(rows[:, :4], rows[:, 4], outputs[labels[0]], least)
        if not masks:
            return found
        return replace(found, masks=WholeMasks(np.asarray(outputs[masks[0]][0], np.float32)[chosen], 0.5))

    return Decoder(decode, masks=bool(masks))


def rtmo(signature: Signature) -> Decoder | None:
    """People's boxes with scores `[1, N, 5]`, and keypoints `[1, N, K, 3]`: RTMO (Lu et al., CVPR 2024)."""
    boxes = [name for name in signature.of_rank(3) if signature.shape(name)[2] == 5]
    points = [name for name in signature.of_rank(4) if signature.shape(name)[3] == 3]
    if len(boxes) != 1 or len(points) != 1 or len(signature.outputs) != 2:
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[boxes[0]][0])
        found, chosen = listed(rows[:, :4], rows[:, 4], np.zeros(len(rows)), least)
        return replace(found, keypoints=np.asarray(outputs[points[0]][0], np.float64)[chosen])

    return Decoder(decode, 1, signature.shape(points[0])[2])
