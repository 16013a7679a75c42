"""What exporters write of a head, for tests: arrays that show a person and a car at known places, by kind.

The frame is 160 x 96. Its person is at (25, 15) and 12 x 30 large, its car at (75, 50) and 30 x 15. The files give
this whatever they see, at 320 x 320: the frame is enlarged twofold, and letter-boxed with 64 rows above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.detect.coco import CLASSES, CLASSES_BY_ID
from vistream.types import Frame

Array = NDArray[Any]
Arrays = dict[str, Array]

SIDE = 320
FRAME: Frame = np.zeros((96, 160, 3), np.uint8)
BOXES = np.array([[25.0, 15, 12, 30], [75, 50, 30, 15]])
SCORES = np.array([0.9, 0.8])
LABELS = np.array([0, 2])
CELLS = {"P3-5": 40**2 + 20**2 + 10**2, "P6": 40**2 + 20**2 + 10**2 + 5**2, "P2": 80**2 + 40**2 + 20**2 + 10**2}
PLACES = [700, 900]  # rows of the two objects
NAMES = {"names": str(dict(enumerate(CLASSES)))}


def in_input(letterboxed: bool) -> Array:
    """Corners `[2, 4]` in the network's input."""
    corners = np.concatenate([BOXES[:, :2], BOXES[:, :2] + BOXES[:, 2:]], 1).reshape(-1, 2, 2)
    moved = corners * 2 + (0, 64) if letterboxed else corners * (SIDE / 160, SIDE / 96)
    return moved.reshape(-1, 4).astype(np.float32)


def centres(corners: Array) -> Array:
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1)


def rows(
    count: int, classes: int, objectness: bool = False, extra: int = 0, filler: float = 0.0, places: list[int] = PLACES
) -> Array:
    """YOLO's rows `[count, 4 + 1? + classes + extra]`; all others score 0; `filler`: what stands in extra columns."""
    table = np.zeros((count, 4 + objectness + classes + extra), np.float32)
    table[:, 4 + objectness + classes :] = filler
    table[places, :4] = centres(in_input(True))
    if objectness:
        table[:, 4] = 1
    table[places, 4 + objectness + (LABELS if classes > 2 else 0)] = SCORES
    return table[None]


def in_shares(table: Array) -> Array:
    """The same rows with boxes in shares of the input."""
    table[..., :4] /= SIDE
    return table


def finished(columns: list[Array], count: int = 300, pad: int = 0) -> Array:
    """A list of boxes `[1, count, ...]` with the two objects first."""
    first = np.concatenate([np.asarray(column, np.float32).reshape(2, -1) for column in columns], 1)
    table = np.zeros((1, count, first.shape[1] + pad), np.float32)
    table[0, :2, : first.shape[1]] = first
    return table


def flat(values: Array, dtype: type[np.generic], count: int = 100) -> Array:
    table = np.zeros((1, count, *values.shape[1:]), dtype)
    table[0, :2] = values
    return table


def queries(classes: int, background: float, by_ids: bool = False, softmax: bool = False) -> Array:
    """Logits of 300 queries for which the two objects get `SCORES`."""
    logits = np.full((1, 300, classes), background, np.float32)
    numbers = [CLASSES_BY_ID.index(CLASSES[label]) for label in LABELS] if by_ids else LABELS
    if softmax:
        logits[0, :, -1] = 20
        logits[0, :2, -1] = background
    logits[0, [0, 1], numbers] = (
        np.log(SCORES / (1 - SCORES) * (classes - 1)) + background if softmax else np.log(SCORES / (1 - SCORES))
    )
    return logits


def shares() -> Array:
    table = np.zeros((1, 300, 4), np.float32)
    table[0, :2] = centres(in_input(False)) / SIDE
    return table


def tensorflow(suffix: str) -> Arrays:
    """Corners begin with y, classes with 1; what else Faster R-CNN's file gives is not read."""
    arrays = {
        "detection_anchor_indices": np.zeros((1, 100), np.float32),
        "detection_boxes": flat(in_input(False)[:, [1, 0, 3, 2]] / SIDE, np.float32),
        "detection_classes": flat(LABELS + 1, np.float32),
        "detection_multiclass_scores": np.zeros((1, 100, 91), np.float32),
        "detection_scores": flat(SCORES, np.float32),
        "num_detections": np.array([2.0], np.float32),
        "raw_detection_boxes": np.zeros((1, 1917, 4), np.float32),
        "raw_detection_scores": np.zeros((1, 1917, 91), np.float32),
    }
    return {name + suffix: array for name, array in arrays.items()}


@dataclass(frozen=True)
class Kind:
    """A file's outputs, its metadata, what it should be taken for, and what else it takes."""

    arrays: Callable[[], Arrays]
    layout: str
    metadata: dict[str, str] = field(default_factory=dict)
    others: dict[str, tuple[int, ...]] = field(default_factory=dict)
    labels: tuple[str, ...] = ("person", "car")


MASKS = {"output1": np.zeros((1, 32, SIDE // 4, SIDE // 4), np.float32)}
P3_5 = CELLS["P3-5"]
ONE = ("person", "person")

KINDS = {
    "v8": Kind(lambda: {"output0": rows(P3_5, 80).transpose(0, 2, 1)}, "yolov8"),
    "v8 turned": Kind(lambda: {"output0": rows(P3_5, 80)}, "yolov8"),
    "v8 P6": Kind(lambda: {"output0": rows(CELLS["P6"], 80).transpose(0, 2, 1)}, "yolov8", NAMES),
    "v8 P2": Kind(lambda: {"output0": rows(CELLS["P2"], 80).transpose(0, 2, 1)}, "yolov8"),
    "v9 with feature maps": Kind(
        lambda: {
            "output0": rows(P3_5, 80).transpose(0, 2, 1),
            "1": np.zeros((1, 144, 40, 40), np.float32),
            "2": np.zeros((1, 144, 20, 20), np.float32),
        },
        "yolov8",
    ),
    "v8 seg": Kind(lambda: {"output0": rows(P3_5, 80, extra=32).transpose(0, 2, 1), **MASKS}, "yolov8", NAMES),
    "v8 seg without names": Kind(lambda: {"output0": rows(P3_5, 80, extra=32).transpose(0, 2, 1), **MASKS}, "yolov8"),
    "v8 pose": Kind(
        lambda: {"output0": rows(P3_5, 1, extra=51, filler=300).transpose(0, 2, 1)},
        "yolov8",
        {"names": "{0: 'person'}", "task": "pose", "kpt_shape": "[17, 3]"},
        labels=ONE,
    ),
    "v8 pose without names": Kind(
        lambda: {"output0": rows(P3_5, 1, extra=51, filler=300).transpose(0, 2, 1)}, "yolov8", labels=ONE
    ),
    "v8 pose of 5 points without confidence": Kind(
        lambda: {"output0": rows(P3_5, 3, extra=10, filler=9).transpose(0, 2, 1)},
        "yolov8",
        {"names": "['person', 'x', 'car']", "kpt_shape": "[5, 2]"},
    ),
    "v5": Kind(lambda: {"output0": rows(3 * P3_5, 80, True)}, "yolov5"),
    "v5 with its maps": Kind(
        lambda: {"output0": rows(3 * P3_5, 80, True), "p3": np.zeros((1, 3, 40, 40, 85), np.float32)}, "yolov5", NAMES
    ),
    "v5 P6": Kind(lambda: {"output0": rows(3 * CELLS["P6"], 80, True)}, "yolov5"),
    "v5 seg": Kind(lambda: {"output0": rows(3 * P3_5, 80, True, 32), **MASKS}, "yolov5"),
    "v7 pose": Kind(lambda: {"output": rows(3 * P3_5, 1, True, 51, 300)}, "yolov5", labels=ONE),
    "v6": Kind(lambda: {"outputs": rows(P3_5, 80, True)}, "yolov6"),
    "v7 end to end": Kind(
        lambda: {
            "output": np.concatenate(
                [np.zeros((2, 1)), in_input(True), LABELS[:, None], SCORES[:, None]], 1, dtype=np.float32
            )
        },
        "yolov7-nms",
    ),
    "EfficientNMS": Kind(
        lambda: {
            "num_dets": np.array([[2]]),
            "det_boxes": flat(in_input(True), np.float32),
            "det_scores": flat(SCORES, np.float32) + np.float32(0.05) * (np.arange(100) > 1),
            "det_classes": flat(LABELS, np.int64),
        },
        "efficient-nms",
        NAMES,
    ),
    "mmyolo": Kind(
        lambda: {
            "num_dets": np.array([[2]]),
            "boxes": flat(in_input(True), np.float32),
            "scores": flat(SCORES, np.float32),
            "labels": flat(LABELS, np.int64),
        },
        "efficient-nms",
    ),
    "mmdeploy": Kind(
        lambda: {"dets": finished([in_input(True), SCORES], 100), "labels": flat(LABELS, np.int64)}, "mmdeploy"
    ),
    "RTMDet-Ins": Kind(
        lambda: {
            "dets": finished([in_input(True), SCORES], 20),
            "labels": flat(LABELS, np.int64, 20),
            "masks": np.zeros((1, 20, SIDE, SIDE), np.float32),
        },
        "mmdeploy",
    ),
    "torchvision": Kind(
        lambda: {"boxes": in_input(True), "labels": np.array([1, 3]), "scores": SCORES.astype(np.float32)},
        "torchvision",
    ),
    "Mask R-CNN": Kind(
        lambda: {
            "boxes": in_input(True),
            "labels": np.array([1, 3]),
            "scores": SCORES.astype(np.float32),
            "masks": np.zeros((2, 1, SIDE, SIDE), np.float32),
        },
        "torchvision",
    ),
    "Keypoint R-CNN": Kind(
        lambda: {
            "boxes": in_input(True),
            "labels": np.array([1, 1]),
            "scores": SCORES.astype(np.float32),
            "keypoints": np.ones((2, 17, 3), np.float32),
            "keypoints_scores": np.full((2, 17), 30, np.float32),
        },
        "torchvision",
        labels=ONE,
    ),
    "RTMO": Kind(
        lambda: {
            "dets": finished([in_input(True) - (0, 64, 0, 64), SCORES], 10),
            "keypoints": np.zeros((1, 10, 17, 3), np.float32),
        },
        "rtmo",
        labels=ONE,
    ),
    "TensorFlow's": Kind(lambda: tensorflow(""), "tensorflow"),
    "TensorFlow's, by nodes": Kind(lambda: tensorflow(":0"), "tensorflow"),
    "RT-DETR's own": Kind(
        lambda: {
            "labels": flat(LABELS, np.int64),
            "boxes": flat(in_input(False), np.float32),
            "scores": flat(SCORES, np.float32),
        },
        "rtdetr-lists",
        others={"orig_target_sizes": (1, 2)},
    ),
    "v10": Kind(lambda: {"output0": finished([in_input(True), SCORES, LABELS])}, "yolov10"),
    "26 seg": Kind(lambda: {"output0": finished([in_input(True), SCORES, LABELS], pad=32), **MASKS}, "yolov10", NAMES),
    "26 pose": Kind(
        lambda: {"output0": finished([in_input(True), SCORES, np.zeros(2)], pad=51)},
        "yolov10",
        {"names": "{0: 'person'}", "task": "pose"},
        labels=ONE,
    ),
    "26 obb": Kind(
        lambda: {"output0": finished([centres(in_input(True)), SCORES, LABELS], pad=1)}, "yolov10", {"task": "obb"}
    ),
    "YOLO-NAS": Kind(
        lambda: {
            "boxes": finished([in_input(True)], P3_5),
            "scores": finished([np.eye(80)[LABELS] * SCORES[:, None]], P3_5),
        },
        "yolo-nas",
    ),
    "DETR": Kind(
        lambda: {"logits": queries(92, 0.0, by_ids=True, softmax=True), "pred_boxes": shares()},
        "detr",
        others={"pixel_mask": (1, 64, 64)},
    ),
    "RT-DETR": Kind(lambda: {"logits": queries(80, -9), "pred_boxes": shares()}, "rtdetr"),
    "RT-DETR's best pairs": Kind(
        lambda: {"output0": finished([centres(in_input(False)) / SIDE, SCORES, LABELS])}, "rtdetr"
    ),
    "RF-DETR": Kind(lambda: {"dets": shares(), "labels": queries(91, -9, by_ids=True)}, "rfdetr"),
    "v8 in shares of the input": Kind(lambda: {"output0": in_shares(rows(P3_5, 80)).transpose(0, 2, 1)}, "yolov8"),
    "v5 in shares of the input": Kind(lambda: {"output0": in_shares(rows(3 * P3_5, 80, True))}, "yolov5"),
    "v10 in shares of the input": Kind(
        lambda: {"output0": finished([in_input(True) / SIDE, SCORES, LABELS])}, "yolov10"
    ),
    "RF-DETR of one's own": Kind(
        lambda: {"dets": shares(), "labels": queries(4, -9)}, "rfdetr", labels=("class 0", "class 2")
    ),
}
