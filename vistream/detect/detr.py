"""What the heads of the DETR family mean: a fixed number of queries, each a box in shares of the input, and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates, WholeMasks, best_class
from vistream.detect.finished import are_numbered, listed
from vistream.detect.signature import Decoder, Outputs, Signature
from vistream.detect.yolo import COCO, corners_of

QUERIES = 2000  # at the most
COCO_IDS = 91  # classes where they are numbered by COCO's ids


def detr(signature: Signature) -> Decoder | None:
    """Logits `[1, Q, C + 1]`, softmax, "no object" last (Carion et al., ECCV 2020)."""
    return _queries(signature, softmax, lambda name, columns, classes: columns == (classes or COCO_IDS) + 1, 1)


def rtdetr(signature: Signature) -> Decoder | None:
    """Logits `[1, Q, C]`, sigmoid (Zhao et al., CVPR 2024); or one output that has had it already.

    That is `[1, Q, 4 + C]`, or of the best pairs of a query and a class `[1, Q, 6]`: box, score, class number.
    """
    names = signature.of_rank(3)
    if len(names) != 1:
        return _queries(signature, sigmoid, lambda name, columns, classes: columns == (classes or COCO))
    name = names[0]
    _, queries, columns = signature.shape(name)
    if queries > QUERIES:
        return None
    if columns == 6 and are_numbered(signature.outputs[name][0]):
        return _best_pairs(name, signature)
    if not (signature.asked or columns == 4 + (signature.classes or COCO)):
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[name][0], np.float64)
        return best_class(in_pixels(rows[:, :4], signature), rows[:, 4:], least)

    return Decoder(decode, columns - 4, queries=True)


def _best_pairs(name: str, signature: Signature) -> Decoder:
    """Rows of a box, a score and a class number."""

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.asarray(outputs[name][0], np.float64)
        return listed(in_pixels(rows[:, :4], signature), rows[:, 4], rows[:, 5], least)[0]

    return Decoder(decode, queries=True)


def rfdetr(signature: Signature) -> Decoder | None:
    """Logits `[1, Q, C + 1]`, sigmoid: RF-DETR, and Deformable DETR, which number COCO's classes by its ids.

    RF-DETR calls its logits `labels`; that tells it from others where the classes are the user's own.
    """
    return _queries(signature, sigmoid, lambda name, columns, classes: name == "labels" or columns == COCO_IDS)


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), which for large negative x is 0, without a warning."""
    return 1 / (1 + np.exp(-np.clip(logits, -500, None)))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of all columns; the last one, for no object, is left out."""
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray((weights / weights.sum(1, keepdims=True))[:, :-1])


def _queries(
    signature: Signature,
    activate: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    fits: Callable[[str, int, int | None], bool],
    without: int = 0,
) -> Decoder | None:
    """Boxes `[1, Q, 4]` and logits `[1, Q, k]`, if `fits(name, k, classes)`; masks `[1, Q, h, w]` where there are any.

    `without`: how many columns score no class.
    """
    names = signature.of_rank(3)
    boxes = [name for name in names if signature.shape(name)[2] == 4]
    if len(names) != 2 or not boxes:
        return None
    box = boxes[0] if len(boxes) == 1 else next((name for name in boxes if "box" in name), boxes[0])
    logit = next(name for name in names if name != box)
    _, queries, columns = signature.shape(logit)
    if signature.shape(box)[1] != queries or queries > QUERIES:
        return None
    if not (signature.asked or fits(logit, columns, signature.classes)):
        return None
    mask = next((name for name in signature.of_rank(4) if signature.shape(name)[1] == queries), None)

    def decode(outputs: Outputs, least: float) -> Candidates:
        boxes = in_pixels(np.asarray(outputs[box][0], np.float64), signature)
        scores = activate(np.asarray(outputs[logit][0], np.float64))
        rows = np.flatnonzero(scores.max(1) > least)
        found = best_class(boxes[rows], scores[rows])
        if mask is None:
            return found
        return replace(found, masks=WholeMasks(np.asarray(outputs[mask][0], np.float32)[rows]))

    return Decoder(decode, columns - without, masks=mask is not None, queries=True)


def in_pixels(boxes: NDArray[np.float64], signature: Signature) -> NDArray[np.float64]:
    """(centre x, centre y, w, h) in shares of the input to corners in pixels."""
    size = (signature.width, signature.height)
    return np.asarray(corners_of(boxes * np.array(size * 2)))
