"""Lists of boxes from ONNX files: which column is what, and lists that are empty or that nothing here reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxfile import given_file

from vistream.detect.candidates import Candidates
from vistream.detect.layouts import LAYOUTS
from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.models.onnx_session import OnnxSession
from vistream.types import Frame, Observations

Array = NDArray[Any]

SIDE = 128
FRAME: Frame = np.zeros((SIDE, SIDE, 3), np.uint8)
CORNERS = np.array([[10.0, 20, 40, 60], [50, 10, 90, 80], [70, 50, 120, 90]])
SPANS = np.concatenate([CORNERS[:, :2], CORNERS[:, 2:] - CORNERS[:, :2]], 1)


def rows(labels: list[float], scores: list[float], label_first: bool) -> Array:
    """`[N, 7]`: image, corners, and class number and score, in either order."""
    columns = [labels, scores] if label_first else [scores, labels]
    first = np.concatenate([np.zeros((3, 1)), CORNERS], 1)[: len(labels)]
    return np.concatenate([first, np.array(columns).T.reshape(-1, 2)], 1).astype(np.float32)


NONE = np.zeros((0, 7), np.float32)


def seen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runs: list[Array],
    name: str = "output",
    layout: str | None = None,
) -> list[Observations]:
    """What a file gives that gives `runs`, the first on the dry run's black image."""
    path = given_file(tmp_path / "a.onnx", {name: rows([0, 0], [0.5, 0.5], True)}, None, (SIDE, SIDE))
    left = list(runs)
    monkeypatch.setattr(OnnxSession, "__call__", lambda *_: {name: left.pop(0)})
    detector = OnnxDetector(path, Selection(), layout)
    assert " yolov7-nms layout" in detector.describe()
    return [detector.detect(FRAME + np.uint8(index), index) for index in range(len(runs) - 1)]


ORDERS = pytest.mark.parametrize("label_first", [True, False], ids=["YOLOv7", "YOLO-NAS"])


@ORDERS
@pytest.mark.parametrize("layout", [None, "yolov7-nms"])
@pytest.mark.parametrize("labels", [[0.0, 2, 5], [0.0, 0, 0], [1.0, 1, 0], [1e-9, 1.9999, 0]], ids=str)
@pytest.mark.parametrize("dry", [True, False], ids=["boxes in the dry run", "no boxes in the dry run"])
def test_which_column_is_the_score_is_told_from_the_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    labels: list[float],
    layout: str | None,
    label_first: bool,
    dry: bool,
) -> None:
    given = rows(labels, [0.9, 0.8, 0.7], label_first)
    (found,) = seen(tmp_path, monkeypatch, [given if dry else NONE, given], layout=layout)
    assert found.scores.round(5).tolist() == [0.9, 0.8, 0.7]
    names = {0: "person", 1: "bicycle", 2: "car", 5: "bus"}
    assert found.labels == tuple(names[round(label)] for label in labels)
    np.testing.assert_allclose(found.boxes, SPANS, atol=1e-3)


@ORDERS
@pytest.mark.parametrize("name", ["output", "graph2_flat_predictions"])
def test_rows_that_fit_both_orders_are_read_as_the_name_says_until_others_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label_first: bool, name: str
) -> None:
    both, told = rows([1.0], [1.0], label_first), rows([2.0], [0.5], label_first)
    unsure = rows([0.0], [1.0], label_first)
    runs = seen(tmp_path, monkeypatch, [NONE, both, unsure, told, unsure], name)
    assert [one.labels for one in (runs[0], runs[2], runs[3])] == [("bicycle",), ("car",), ("person",)]
    assert len(runs[1]) == (label_first == (name == "output")), "it can't be told yet"


def test_the_order_is_not_changed_by_a_later_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once told it stays, so that a damaged row is refused, not read in another way."""
    good, odd = rows([2.0], [0.5], True), rows([0.5], [2.0], True)
    with pytest.raises(VistreamError, match=r"a\.onnx: is not of layout yolov7-nms \(.*: say onnx:"):
        seen(tmp_path, monkeypatch, [NONE, good, odd])


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize(
    ("row", "why"),
    [
        ([1e-5, 0, 0, 0, 0, 0, 1], "its first column is not the image's number"),
        ([0, 0, 0, 0, 0, 0, 1], "its one row has no box, and the sum 1"),
        ([0, 0, 1, 0, 0, 0, 0], "its one row has no box, and the sum 1"),
        ([3, 0, 0, 9, 9, 2, 0.5], "its first column is not the image's number"),
    ],
)
def test_seven_classes_are_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: list[float], why: str, later: bool
) -> None:
    with pytest.raises(VistreamError, match=rf"a\.onnx: .*{why}.*: say onnx:"):
        seen(tmp_path, monkeypatch, [NONE, np.array([row])] if later else [np.array([row])])


def test_one_row_that_the_file_fixes_is_no_list_unless_it_is_said_to_be(tmp_path: Path) -> None:
    path = given_file(tmp_path / "a.onnx", {"output": rows([0], [0.5], True)})
    with pytest.raises(VistreamError, match=r"a\.onnx: can't tell what its outputs 1 x 7 mean: say onnx:"):
        OnnxDetector(path, Selection())
    assert OnnxDetector(path, Selection(), "yolov7-nms").detect(FRAME, 0).labels == ("person",)


@pytest.mark.parametrize("layout", [None, "yolov7-nms"])
@pytest.mark.parametrize(
    ("task", "kind"),
    [("classify", "a classifier"), ("semantic", "for the class of each pixel"), ("depth", "for depths")],
)
def test_what_finds_no_boxes_by_its_own_word_is_refused(
    tmp_path: Path, layout: str | None, task: str, kind: str
) -> None:
    path = given_file(tmp_path / "a.onnx", {"output": rows([0, 1], [0.5, 0.5], True)}, {"task": task})
    with pytest.raises(VistreamError, match=rf"a\.onnx: is {kind} by its metadata"):
        OnnxDetector(path, Selection(), layout)


@pytest.mark.parametrize("columns", [([0.5], [0.25]), ([2.0], [3.0]), ([-1.0], [0.5]), ([float("nan")], [0.5])])
def test_rows_that_fit_no_order_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: tuple[list[float], list[float]]
) -> None:
    odd = rows(*columns, label_first=True)
    with pytest.raises(VistreamError, match=r"a\.onnx: is not of layout yolov7-nms \(its last two columns are not"):
        seen(tmp_path, monkeypatch, [NONE, odd])
    with pytest.raises(VistreamError, match=r"can't tell what .* \(as yolov7-nms: its last two columns are not"):
        seen(tmp_path, monkeypatch, [odd])


def none(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


EMPTY: dict[str, dict[str, Array]] = {
    "Keypoint R-CNN": {
        "boxes": none(0, 4),
        "labels": np.zeros(0, np.int64),
        "scores": none(0),
        "keypoints": none(0, 17, 3),
        "keypoints_scores": none(0, 17),
    },
    "Mask R-CNN of Detectron2": {
        "pred_boxes": none(0, 4),
        "pred_classes": np.zeros(0, np.int64),
        "pred_masks": none(0, SIDE, SIDE),
        "scores": none(0),
    },
    "Mask R-CNN of torchvision": {
        "boxes": none(0, 4),
        "labels": np.zeros(0, np.int64),
        "scores": none(0),
        "masks": none(0, 1, SIDE, SIDE),
    },
    "rows without a batch": {"output": none(0, 100, 85)},
    "rows of nothing": {"output": none(1, 100, 0)},
    "no rows": {"output": none(1, 0, 85)},
    "maps of nothing": {"output0": none(1, 84, 336), "output1": none(1, 32, 0, 0)},
    "one number": {"output": none()},
}


@pytest.mark.parametrize("layout", [None, *LAYOUTS])
@pytest.mark.parametrize("name", EMPTY)
def test_empty_lists_end_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, layout: str | None
) -> None:
    """Or are taken: what does not end so is a detector."""
    path = given_file(tmp_path / "a.onnx", {"output": rows([0], [0.5], True)}, None, (SIDE, SIDE))
    monkeypatch.setattr(OnnxSession, "__call__", lambda *_: EMPTY[name])
    try:
        detector = OnnxDetector(path, Selection(), layout)
    except VistreamError as error:
        assert "a.onnx: " in str(error) and "\n" not in str(error)
        assert "out of bounds" not in str(error)
    else:
        assert len(detector.detect(FRAME, 0)) == 0


def test_a_list_that_has_another_form_later_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VistreamError, match=r"a\.onnx: is not of layout yolov7-nms \(its outputs have another form"):
        seen(tmp_path, monkeypatch, [NONE, none(3, 6)])


@pytest.mark.parametrize("suffix", ["", ":0", ":1"])
@pytest.mark.parametrize("layout", ["efficient-nms", "torchvision"])
def test_tensorflows_boxes_are_read_in_no_other_way(tmp_path: Path, suffix: str, layout: str) -> None:
    """Their corners begin with y, and their classes at 1."""
    arrays = {
        "detection_boxes": (CORNERS[None, :, [1, 0, 3, 2]] / SIDE).astype(np.float32),
        "detection_classes": np.array([[1, 3, 6]], np.float32),
        "detection_scores": np.array([[0.9, 0.8, 0.7]], np.float32),
    }
    if layout == "efficient-nms":
        arrays["num_detections"] = np.array([3.0], np.float32)
    path = given_file(tmp_path / "a.onnx", {k + suffix: v for k, v in arrays.items()}, None, (SIDE, SIDE))
    with pytest.raises(VistreamError, match="are not of layout"):
        OnnxDetector(path, Selection(), layout)


@pytest.mark.parametrize("distinct", [False, True])
def test_a_box_in_reverse_is_none(distinct: bool) -> None:
    corners = np.array([[9.0, 9, 5, 20], [9, 9, 20, 5], [30, 30, 30, 50], [60, 60, 80, 90]])
    found = Candidates(corners, np.full(4, 0.9), np.zeros(4, np.intp))
    assert Selection().chosen(found, ("car",), distinct).corners.tolist() == corners[2:].tolist()


CELLS = sum((SIDE // stride) ** 2 for stride in (8, 16, 32, 64))


@pytest.mark.parametrize("classes", [1, 2, 31, 32, 52, 80, 91])
def test_nanodet_plus_of_any_classes_needs_no_more_than_its_name(tmp_path: Path, classes: int) -> None:
    """Bins of a distance are 8, so 32 columns are no classes. The object is in row 2, column 3 of the first level."""
    table = np.zeros((1, CELLS, classes + 32), np.float32)
    table[0, 2 * SIDE // 8 + 3, classes - 1] = 0.9
    table[0, :, classes + 2 :: 8] = 20  # every distance is two strides
    path = given_file(tmp_path / "a.onnx", {"output": table}, None, (SIDE, SIDE))
    found = OnnxDetector(path, Selection(), "nanodet-plus").detect(FRAME, 0)
    np.testing.assert_allclose(found.boxes, [[8, 0, 32, 32]], atol=1e-3)
    if classes != 80:
        with pytest.raises(VistreamError, match="say onnx:"):
            OnnxDetector(path, Selection())


@pytest.mark.parametrize("columns", [31, 32])
def test_nanodet_plus_without_classes_is_none(tmp_path: Path, columns: int) -> None:
    path = given_file(tmp_path / "a.onnx", {"output": none(1, CELLS, columns)}, None, (SIDE, SIDE))
    with pytest.raises(VistreamError, match="are not of layout nanodet-plus"):
        OnnxDetector(path, Selection(), "nanodet-plus")


@pytest.mark.parametrize("shapes", [[(1, 17, 384), (1, 17, 512)], [(1, 17, 64, 48)]], ids=["RTMPose", "ViTPose"])
def test_who_finds_the_keypoints_of_one_person_is_no_detector(tmp_path: Path, shapes: list[tuple[int, ...]]) -> None:
    arrays = {f"output{number}": none(*shape) for number, shape in enumerate(shapes)}
    path = given_file(tmp_path / "a.onnx", arrays, None, (192, 256))
    with pytest.raises(VistreamError, match=r"a\.onnx: its outputs 17 x .* wants the box of one person") as refused:
        OnnxDetector(path, Selection())
    assert "layout" not in str(refused.value)
