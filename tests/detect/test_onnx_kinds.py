"""Every kind of head that exporters write is recognised by itself, and what it shows is put where it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from headkinds import (
    BOXES,
    FRAME,
    KINDS,
    LABELS,
    NAMES,
    P3_5,
    PLACES,
    SCORES,
    SIDE,
    Arrays,
    Kind,
    centres,
    finished,
    flat,
    in_input,
    rows,
)
from onnxfile import given_file

from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.models.onnx_session import OnnxSession


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
