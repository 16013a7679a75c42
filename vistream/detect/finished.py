"""What networks give that remove duplicates themselves: a list of boxes, each with its score and class number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vistream.detect.candidates import Candidates, Floats, WholeMasks
from vistream.detect.signature import SLACK, Array, Decoder, Outputs, Signature
from vistream.detect.yolo import Extra, corners_of, extra_of
from vistream.errors import VistreamError

TENSORFLOW = "detection_boxes"
"""Of its object detection API, whose corners begin with y, and classes at 1; or with `:0` behind it."""
WHOLE = 1e-3  # by which class numbers may be off whole ones
MOST = 1000  # boxes that such a list has at the most


def _candidates(corners: Array, scores: Array, labels: Array, least: float) -> tuple[Candidates, Array]:
    """Those above `least`, and their rows in the file's list."""
    scores = np.asarray(scores, np.float64).reshape(-1)
    rows = np.flatnonzero(scores > least)
    numbers = np.rint(np.asarray(labels, np.float64).reshape(-1)[rows]).astype(np.intp)
    return Candidates(np.asarray(corners, np.float64).reshape(-1, 4)[rows], scores[rows], numbers), rows


def end_to_end(signature: Signature) -> Decoder | None:
    """`[1, N, 6]`: (x1, y1, x2, y2) in pixels, score, class number, then as in YOLOv8: YOLOv10, YOLO26.

    Turned boxes come as (centre x, centre y, w, h), score, class number, angle.
    """
    for name in signature.of_rank(3):
        batch, count, columns = signature.shape(name)
        if not batch:
            continue  # a list that is empty on the black image
        extra = extra_of(signature, columns - 6, confident=True) if columns >= 6 else None
        numbers = np.asarray(signature.outputs[name][0], np.float64)[:, 5:6]
        if extra is not None and count <= MOST and bool(((numbers == np.rint(numbers)) & (numbers >= 0)).all()):
            return _end_to_end(name, extra, signature.prototypes() if extra.mask else None)
    return None


def _end_to_end(name: str, extra: Extra, prototypes: str | None) -> Decoder:
    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[name][0], np.float64)
        boxes = corners_of(rows[:, :4]) if extra.angle else rows[:, :4]
        found, chosen = _candidates(boxes, rows[:, 4], rows[:, 5], least)
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
        return _candidates(rows[:, 1:5], rows[:, score], rows[:, label], least)[0]

    return Decoder(decode)


def _are_classes(labels: Floats, scores: Floats) -> bool:
    """Whether these can be class numbers and their scores."""
    whole = (np.abs(labels - np.rint(labels)) <= WHOLE) & (labels >= -WHOLE)
    return bool((whole & (scores >= -SLACK) & (scores <= 1 + SLACK)).all())


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
        found, chosen = _candidates(rows[:, :4], rows[:, 4], outputs[labels[0]], least)
        if not masks:
            return found
        return replace(found, masks=WholeMasks(np.asarray(outputs[masks[0]][0], np.float32)[chosen], 0.5))

    return Decoder(decode, masks=bool(masks))


def torchvision(signature: Signature) -> Decoder | None:
    """Boxes `[N, 4]`, class numbers and scores `[N]`, which are all valid: torchvision's own export."""
    return _lists(signature, counted=False) if not signature.to_size or signature.asked else None


def rtdetr_lists(signature: Signature) -> Decoder | None:
    """The same, of RT-DETR's and D-FINE's own export, which takes the size that the boxes are brought to."""
    return _lists(signature, counted=False) if signature.to_size or signature.asked else None


def counted_lists(signature: Signature) -> Decoder | None:
    """The same with the number of valid boxes: TensorRT's EfficientNMS form, which MMYOLO writes, too."""
    return _lists(signature, counted=True)


def _lists(signature: Signature, counted: bool) -> Decoder | None:
    """Boxes `[1, N, 4]` as corners in pixels, scores and class numbers `[1, N]`, with or without the batch axis."""
    outputs = signature.outputs
    boxes = [name for name in signature.of_rank(2, 3) if signature.shape(name)[-1] == 4]
    if len(boxes) != 1 or len(outputs) != 3 + counted or boxes[0].partition(":")[0] == TENSORFLOW:
        return None
    box = boxes[0]
    flat = [name for name in outputs if name != box and signature.shape(name) == signature.shape(box)[:-1]]
    counts = [name for name in outputs if name not in (box, *flat) or "num" in name]
    flat = [name for name in flat if name not in counts]
    labels = [name for name in flat if outputs[name].dtype.kind in "iu" or "label" in name or "class" in name]
    if len(flat) != 2 or len(labels) != 1 or any(outputs[name].size != 1 for name in counts):
        return None
    score = next(name for name in flat if name != labels[0])

    def decode(outputs: Outputs, least: float) -> Candidates:
        scores = np.array(outputs[score], np.float64).reshape(-1)
        for name in counts:
            scores[int(outputs[name].reshape(-1)[0]) :] = -np.inf
        return _candidates(outputs[box], scores, outputs[labels[0]], least)[0]

    return Decoder(decode)
