"""Every kind of head that exporters write, with a person and a car at known places; recognised by itself.

The frame is 160 x 96. Its person is at (25, 15) and 12 x 30 large, its car at (75, 50) and 30 x 15. The files give
this whatever they see, at 320 x 320: the frame is enlarged twofold, and letter-boxed with 64 rows above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxfile import given_file

from vistream.detect.coco import CLASSES, CLASSES_BY_ID
from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.models.onnx_session import OnnxSession
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


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_is_recognised_and_its_boxes_are_right(tmp_path: Path, kind: Kind) -> None:
    path = given_file(tmp_path / "a.onnx", kind.arrays(), kind.metadata, (SIDE, SIDE), others=kind.others)
    detector = OnnxDetector(path, Selection())
    assert f" {kind.layout} layout" in detector.describe()
    seen = detector.detect(FRAME, 0)
    assert seen.labels == kind.labels
    np.testing.assert_allclose(seen.boxes, BOXES, atol=1e-3)
    np.testing.assert_allclose(seen.scores, SCORES, atol=0.01)
    assert seen.masks is None, "nobody asked for masks"


def test_scores_before_corners_are_asked_for(tmp_path: Path) -> None:
    """DAMO-YOLO's are, and it expects other pixels than YOLO-NAS."""
    arrays = dict(reversed(KINDS["YOLO-NAS"].arrays().items()))
    path = given_file(tmp_path / "a.onnx", arrays, None, (SIDE, SIDE))
    with pytest.raises(VistreamError, match="say onnx:"):
        OnnxDetector(path, Selection())
    assert len(OnnxDetector(path, Selection(), "yolo-nas").detect(FRAME, 0)) == len(BOXES)


def test_what_could_be_corners_are_centres_where_the_file_says_so(tmp_path: Path) -> None:
    """As of queries that find the whole picture."""
    whole = finished([np.full((2, 4), 0.5), SCORES, LABELS], 2)
    for metadata, layout, box in (
        ({"head": "RTDETRDecoder"}, "rtdetr", [40, 24, 80, 48]),
        ({}, "yolov10", [80, 48, 0, 0]),
    ):
        path = given_file(tmp_path / "a.onnx", {"output0": whole}, metadata, (SIDE, SIDE))
        detector = OnnxDetector(path, Selection())
        assert f" {layout} layout" in detector.describe()
        np.testing.assert_allclose(detector.detect(FRAME, 0).boxes, [box, box], atol=1e-3)


@pytest.mark.parametrize("none", [False, True], ids=["boxes", "nothing"])
@pytest.mark.parametrize("layout", ["paddle", "paddle-imagenet"])
def test_of_paddles_lists_the_pixels_are_asked_for(tmp_path: Path, layout: str, none: bool) -> None:
    found = np.concatenate([LABELS[:, None], SCORES[:, None], in_input(False)], 1).astype(np.float32)
    arrays: Arrays = {
        "boxes": np.full((1, 6), -1, np.float32) if none else found,
        "count": np.array([len(found)], np.int64),
    }
    path = given_file(
        tmp_path / "a.onnx", arrays, None, (SIDE, SIDE), others={"im_shape": (1, 2), "scale_factor": (1, 2)}
    )
    with pytest.raises(
        VistreamError, match=r"as paddle: its pixels may be wanted in two ways: .*, paddle-imagenet\): say"
    ):
        OnnxDetector(path, Selection())
    seen = OnnxDetector(path, Selection(), layout).detect(FRAME, 0)
    np.testing.assert_allclose(seen.boxes, BOXES[: 0 if none else 2], atol=1e-3)
    assert seen.labels == (() if none else ("person", "car"))


def test_turned_boxes_give_the_boxes_around_them(tmp_path: Path) -> None:
    table = rows(P3_5, 15, extra=1, filler=np.pi / 2)
    names = {"names": str([f"k{number}" for number in range(15)]), "task": "obb"}
    path = given_file(tmp_path / "a.onnx", {"output0": table.transpose(0, 2, 1)}, names, (SIDE, SIDE))
    seen = OnnxDetector(path, Selection()).detect(FRAME, 0)
    assert seen.labels == ("k0", "k2")
    around = np.array([[16, 24, 30, 12], [82.5, 42.5, 15, 30]])
    np.testing.assert_allclose(seen.boxes, around, atol=1e-3)


def test_keypoints_lie_in_the_frame(tmp_path: Path) -> None:
    table = rows(P3_5, 1, extra=51, filler=0)
    table[0, PLACES[0], 5:11] = 60, 100, 0.75, 64, 104, 0.5
    pose = {"task": "pose", "names": "['person']"}
    path = given_file(tmp_path / "a.onnx", {"output0": table.transpose(0, 2, 1)}, pose, (SIDE, SIDE))
    detector = OnnxDetector(path, Selection())
    assert detector.keypoints[0] == "nose"
    seen = detector.detect(FRAME, 0)
    assert seen.keypoints is not None
    assert seen.keypoints.shape == (2, 17, 3)
    assert seen.keypoints[0, :2].tolist() == [[30, 18, 0.75], [32, 20, 0.5]]


@pytest.mark.parametrize("kind", ["Keypoint R-CNN", "RTMO"])
def test_keypoints_of_lists_lie_in_the_frame(tmp_path: Path, kind: str) -> None:
    arrays = KINDS[kind].arrays()
    if kind == "RTMO":  # in the top left corner
        arrays["dets"][0, 0, 4] = 0.05
        arrays["keypoints"][0, 1, :2] = [[60, 36, 1], [64, 40, 1]]
    else:
        arrays["scores"] = np.array([0.05, 0.8], np.float32)
        arrays["keypoints"][1, :2, :2] = [[60, 100], [64, 104]]
    path = given_file(tmp_path / "a.onnx", arrays, None, (SIDE, SIDE))
    detector = OnnxDetector(path, Selection())
    assert detector.keypoints[0] == "nose"
    seen = detector.detect(FRAME, 0)
    assert seen.keypoints is not None
    assert seen.keypoints[0, :2].tolist() == [[30, 18, 1], [32, 20, 1]]


@pytest.mark.parametrize("kind", ["prototypes", "whole", "torchvision"])
def test_masks_lie_in_the_frame_and_within_their_boxes(tmp_path: Path, kind: str) -> None:
    """The person's mask is four columns of the frame, within the box; the car's all but these."""
    cells = np.full((SIDE // 4, SIDE // 4), -5, np.float32)
    cells[:, 14:16] = 5  # columns 56 to 64 of the input, 28 to 32 of the frame
    if kind == "prototypes":
        table = rows(P3_5, 80, extra=2)
        table[0, PLACES, -2:] = [[1, 0], [0, 1]]
        arrays = {"output0": table.transpose(0, 2, 1), "output1": np.stack([cells, -cells])[None]}
    else:
        whole = np.repeat(np.repeat(cells, 4, 0), 4, 1) > 0
        masks = np.stack([whole, ~whole] + [np.zeros_like(whole)] * 8)[None].astype(np.float32)
        dets = finished([in_input(True), SCORES], 10)
        arrays = {"dets": dets, "labels": flat(LABELS, np.int64, 10), "masks": masks}
        if kind == "torchvision":
            lists = {"boxes": dets[0, :, :4], "labels": np.ones(10, np.int64), "scores": dets[0, :, 4]}
            arrays = {**lists, "masks": masks[0, :, None]}
    path = given_file(tmp_path / "a.onnx", arrays, None, (SIDE, SIDE))
    detector = OnnxDetector(path, Selection(), masks=True)
    assert detector.gives_masks
    seen = detector.detect(FRAME, 0)
    assert seen.masks is not None
    person, car = np.zeros((2, 96, 160), np.bool_)
    person[15:45, 28:32] = True
    car[50:65, 75:105] = True
    assert (seen.masks == np.stack([person, car])).all()


def test_an_object_with_an_empty_mask_keeps_its_box(tmp_path: Path) -> None:
    path = given_file(tmp_path / "a.onnx", KINDS["v8 seg"].arrays(), NAMES, (SIDE, SIDE))
    seen = OnnxDetector(path, Selection(), masks=True).detect(FRAME, 0)
    assert seen.masks is not None
    assert seen.masks.sum((1, 2)).tolist() == [12 * 30, 30 * 15]


ODD: dict[str, tuple[Callable[[], Arrays], str]] = {
    "SSD": (
        lambda: {"bboxes": in_input(False) / SIDE, "labels": np.array([1, 3]), "scores": SCORES.astype(np.float32)},
        r"mean \(as torchvision: its corners lie between 0 and 1, where pixels were expected\): say onnx:",
    ),
    "centres for corners": (
        lambda: {"boxes": centres(in_input(True)), "labels": np.array([1, 3]), "scores": SCORES.astype(np.float32)},
        r"as torchvision: in 100 % of its boxes the second corner would lie left of or above the first",
    ),
    "corners for centres": (
        lambda: {
            "o": np.concatenate([finished([in_input(False) / SIDE]), np.zeros((1, 300, 80), np.float32) + 0.1], 2)
        },
        "as rtdetr: its boxes would be corners, not centres and sizes",
    ),
    "pixels for shares": (
        lambda: {
            "o": np.concatenate([finished([centres(in_input(False))]), np.zeros((1, 300, 80), np.float32) + 0.1], 2)
        },
        "as rtdetr: 100 % of its boxes would lie outside the picture",
    ),
    "offsets from anchors": (
        lambda: {
            "boxes": np.random.default_rng(0).normal(0, 1, (1, 1917, 4)).astype(np.float32),
            "scores": np.zeros((1, 1917, 91), np.float32),
        },
        "as rfdetr: in 7. % of its boxes",
    ),
}


@pytest.mark.parametrize(("arrays", "why"), ODD.values(), ids=ODD)
def test_boxes_that_can_be_none_are_not_guessed(tmp_path: Path, arrays: Callable[[], Arrays], why: str) -> None:
    path = given_file(tmp_path / "a.onnx", arrays(), None, (SIDE, SIDE))
    with pytest.raises(VistreamError, match=why):
        OnnxDetector(path, Selection())


def test_boxes_are_looked_at_once_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list may be empty on the dry run's black image: then the first frame with boxes decides."""
    empty = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, int), "scores": np.zeros(0, np.float32)}
    ssd, own = ODD["SSD"][0](), KINDS["torchvision"].arrays()
    for arrays in (ssd | {"boxes": ssd["bboxes"]}, own):
        path = given_file(tmp_path / "a.onnx", own, None, (SIDE, SIDE))
        with monkeypatch.context() as patch:
            patch.setattr(OnnxSession, "__call__", lambda *_: empty)
            detector = OnnxDetector(path, Selection())
            assert len(detector.detect(FRAME, 0)) == 0
            patch.setattr(OnnxSession, "__call__", lambda *_, arrays=arrays: arrays)
            if arrays is own:
                np.testing.assert_allclose(detector.detect(FRAME, 1).boxes, BOXES, atol=1e-3)
                continue
            with pytest.raises(
                VistreamError, match=r"a\.onnx: is not of layout torchvision \(its corners.*: say onnx:"
            ):
                detector.detect(FRAME, 1)


def test_what_scores_nothing_sensible_is_not_guessed(tmp_path: Path) -> None:
    """Turned boxes without word of them: the angles can't be scores."""
    table = rows(P3_5, 15, extra=1, filler=np.pi / 2)
    path = given_file(tmp_path / "a.onnx", {"output0": table.transpose(0, 2, 1)}, None, (SIDE, SIDE))
    with pytest.raises(VistreamError, match=r"can't tell what its outputs 20 x 2100 mean \(as yolov8: scores"):
        OnnxDetector(path, Selection())
    with pytest.raises(VistreamError, match=r"not of layout yolov8 \(scores would reach 1\.57\)"):
        OnnxDetector(path, Selection(), "yolov8")


def test_a_free_input_has_the_files_size_where_it_works_at_that_only(tmp_path: Path) -> None:
    free = given_file(
        tmp_path / "a.onnx", {"output0": rows(P3_5, 80).transpose(0, 2, 1)}, {"imgsz": "[320, 320]"}, free=True
    )
    seen = OnnxDetector(free, Selection()).detect(FRAME, 0)
    np.testing.assert_allclose(seen.boxes, BOXES, atol=1e-3)
    with pytest.raises(VistreamError, match="can't tell what its outputs"):
        OnnxDetector(free, Selection(), size=416)
    fixed = given_file(tmp_path / "b.onnx", KINDS["v8"].arrays(), None, (SIDE, SIDE))
    with pytest.raises(VistreamError, match="its input is fixed at 320 x 320: leave the size out"):
        OnnxDetector(fixed, Selection(), size=320)
