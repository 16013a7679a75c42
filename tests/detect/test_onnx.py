"""Detectors from ONNX files, run by the real onnxruntime on networks whose answers are known by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxfile import Network, colour_scores, given_file, grid

from vistream.detect.choose import make_detector
from vistream.detect.coco import CLASSES, CLASSES_BY_ID
from vistream.detect.detector import Labelled
from vistream.detect.layouts import LAYOUTS
from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.pipeline.observe import make_observer
from vistream.types import Frame, Observations

Colour = tuple[int, int, int]
SIZE = 128
CLEAR = Selection(threshold=0.4)  # these networks give an empty cell 0.25, or a seventh
ABOVE_BORDER = Selection(threshold=0.6)  # the grey border of a letter-boxed frame scores 114 / 255
YELLOW, GREEN, BLUE, CYAN = (255, 255, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255)


def painted(width: int, height: int, *squares: tuple[int, int, int, Colour]) -> Frame:
    """A black RGB frame with squares (x, y, side, colour)."""
    frame = np.zeros((height, width, 3), np.uint8)
    for x, y, side, colour in squares:
        frame[y : y + side, x : x + side] = colour
    return frame


def only(found: Observations) -> tuple[list[float], float, str]:
    assert len(found) == 1, found
    return found.boxes[0].round(3).tolist(), round(float(found.scores[0]), 3), found.labels[0]


def yolox_file(folder: Path, size: int = SIZE, free: bool = False) -> Path:
    """Objectness is the first channel, class 0 the first, class 1 green; boxes are two cells, centred in their cell."""
    network, levels = Network(size, size), []
    for stride in (8, 16, 32):
        weight, bias = colour_scores(80, 5, 1 / 255)
        weight[4, 0] = 1 / 255
        bias[:4] = 0.5, 0.5, np.log(2), np.log(2)
        levels.append(network.level(stride, weight, bias))
    out = network.add("Concat", levels, axis=1)
    cells = sum((size // stride) ** 2 for stride in (8, 16, 32))
    if free:
        return network.write(folder / "yolox.onnx", {out: (1, "cells", 85)}, None, [1, 3, "height", "width"])
    return network.write(folder / "yolox.onnx", {out: (1, cells, 85)})


@pytest.mark.parametrize(
    ("layout", "first", "other"), [(None, CYAN, YELLOW), ("yolox", CYAN, YELLOW), ("yolox-rgb", YELLOW, CYAN)]
)
def test_yolox_input_and_head(tmp_path: Path, layout: str | None, first: Colour, other: Colour) -> None:
    """Channels are in BGR order, unless it is said that they aren't: what the first one is makes an object."""
    detector = OnnxDetector(yolox_file(tmp_path), CLEAR, layout)
    assert f"{layout or 'yolox'} layout at 128 x 128, 80 classes" in detector.describe()
    # no scaling, the frame in the top left corner: cell (4, 6) of stride 8 and cell (3, 1) of stride 16
    assert only(detector.detect(painted(128, 96, (32, 48, 8, first)), 0)) == ([28, 44, 16, 16], 1, "person")
    found = detector.detect(painted(128, 96, (48, 16, 16, first)), 0)
    assert len(found) == 5, "four cells of stride 8 and one of stride 16, too different to be duplicates"
    assert [40, 8, 32, 32] in found.boxes.round(3).tolist()
    assert len(detector.detect(painted(128, 96, (32, 48, 8, other)), 1)) == 0
    # half the size is enlarged twofold: the same cell, half the box
    box, score, label = only(detector.detect(painted(64, 48, (16, 24, 4, first)), 2))
    assert box == [14, 22, 8, 8]
    assert 0.6 < score < 1
    assert label == "person"


def test_the_yolox_of_opencvs_model_zoo_sees_rgb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its own example feeds it, and unlike YOLOX's own export."""
    monkeypatch.setattr("vistream.models.download.fetch", lambda _: yolox_file(tmp_path))
    detector = make_detector("yolox-s", 25)
    assert isinstance(detector, OnnxDetector) and "yolox-rgb layout" in detector.describe()


def test_a_free_input_follows_the_shape_of_the_frame(tmp_path: Path) -> None:
    """A wide frame needs no border: the same cells as in a square, in fewer rows."""
    detector = OnnxDetector(yolox_file(tmp_path, free=True), CLEAR, size=256)
    assert "yolox layout with a longer side of 256" in detector.describe()
    assert only(detector.detect(painted(256, 100, (32, 48, 8, CYAN)), 0)) == ([28, 44, 16, 16], 1, "person")
    assert detector._sizes == {(256, 128): (256, 128)}
    rounded = OnnxDetector(yolox_file(tmp_path, free=True), CLEAR, size=250)
    assert "with a longer side of 256" in rounded.describe(), "it is a multiple of 32"
    assert only(detector.detect(painted(100, 256, (32, 48, 8, CYAN)), 1)) == ([28, 44, 16, 16], 1, "person")
    exact = OnnxDetector(yolox_file(tmp_path, free=True), CLEAR, size=(192, 96))
    assert "at 192 x 96" in exact.describe()
    assert only(exact.detect(painted(192, 96, (32, 48, 8, CYAN)), 0))[0] == [28, 44, 16, 16]


def yolo_file(folder: Path, layout: str, metadata: dict[str, str] | None = None, classes: int = 80) -> Path:
    """Decoded heads: boxes 20 x 30 around each cell's centre; class 0 is red, class 1 green, objectness 1."""
    network, levels = Network(SIZE, SIZE), []
    first = 5 if layout == "yolov5" else 4
    for stride in (8, 16, 32):
        weight, bias = colour_scores(classes, first, 1)
        bias[2:4] = 20, 30
        bias[4] += first == 5
        centres = np.zeros(((SIZE // stride) ** 2, first + classes), np.float32)
        centres[:, :2] = (grid(SIZE, SIZE, stride) + 0.5) * stride
        level = network.add("Add", [network.level(stride, weight, bias), network.constant(centres[None])])
        levels += [level] * (3 if layout == "yolov5" else 1)
    out = network.add("Concat", levels, axis=1)
    cells = sum((SIZE // stride) ** 2 for stride in (8, 16, 32)) * (3 if layout == "yolov5" else 1)
    shape: tuple[int, ...] = (1, cells, first + classes)
    if layout == "yolov8":
        out, shape = network.add("Transpose", [out], perm=[0, 2, 1]), (1, first + classes, cells)
    return network.write(folder / f"{layout}.onnx", {out: shape}, metadata)


@pytest.mark.parametrize("layout", ["yolov5", "yolov8", "yolov8 rows"])
def test_decoded_yolo_heads(tmp_path: Path, layout: str) -> None:
    detector = OnnxDetector(yolo_file(tmp_path, layout), ABOVE_BORDER)
    assert f"{layout.split()[0]} layout" in detector.describe()
    # 64 x 32 is enlarged twofold to 128 x 64 and centred: 32 rows of border above; anchor boxes come three times
    red = only(detector.detect(painted(64, 32, (24, 8, 4, (255, 0, 0))), 0))
    assert red[0] == [26 - 5, 10 - 7.5, 10, 15]
    assert red[2] == "person"
    assert only(detector.detect(painted(64, 32, (24, 8, 4, GREEN)), 1))[2] == "bicycle"
    assert len(detector.detect(painted(64, 32, (24, 8, 4, BLUE)), 2)) == 0


def test_the_user_says_how_far_boxes_may_overlap(tmp_path: Path) -> None:
    frame = painted(128, 128, (48, 48, 16, (255, 0, 0)))
    given = None, f"onnx:{yolo_file(tmp_path, 'yolov8')}", ("person",), 25.0, Footage()

    def count(iou: float | None) -> int:
        detector = make_observer("mot", *given, iou=iou).detector
        assert detector is not None
        return len(detector.detect(frame, 0))

    assert count(0.2) < count(0.5) == count(None) < count(0.7)


@pytest.mark.parametrize(
    ("task", "detections", "detector", "complaint"),
    [
        ("mot", Path("boxes.txt"), "auto", "detections from a file are all taken: --iou is for detectors"),
        ("mot", None, "motion", "--iou is for detectors of boxes that may overlap: motion gives none"),
    ],
)
def test_elsewhere_overlap_means_nothing(task: str, detections: Path | None, detector: str, complaint: str) -> None:
    with pytest.raises(VistreamError, match=complaint):
        make_observer(task, detections, detector, (), 25.0, Footage(), iou=0.4)


def test_class_names_of_the_file_come_first(tmp_path: Path) -> None:
    names = {"names": "{1: 'dog', 0: 'cat'}"}
    detector = OnnxDetector(yolo_file(tmp_path, "yolov8", names, classes=2), ABOVE_BORDER)
    assert isinstance(detector, Labelled)  # so that outputs which cannot hold them are refused beforehand
    assert detector.labels == {"cat", "dog"}
    assert only(detector.detect(painted(128, 128, (64, 64, 8, GREEN)), 0))[2] == "dog"
    nameless = OnnxDetector(yolo_file(tmp_path, "yolov8", {"names": "__import__('os')"}, classes=2), ABOVE_BORDER)
    assert only(nameless.detect(painted(128, 128, (64, 64, 8, GREEN)), 0))[2] == "class 1"


def nanodet_plus_file(folder: Path, size: int = 128) -> Path:
    """Class 0 is blue (input channel 0, normalisation undone), class 1 green; sides at 1, 2, 3, 4 strides."""
    network = Network(size, size)
    outputs: dict[str, tuple[int, ...]] = {}
    for stride in (8, 16, 32, 64):
        cells = (size // stride) ** 2
        weight, bias = colour_scores(80, 0, 1)
        weight[0] *= 57.375 / 255
        weight[1] *= 57.12 / 255
        bias[:2] = 103.53 / 255, 116.28 / 255
        outputs[network.level(stride, weight, bias)] = (1, cells, 80)
        bins = np.full((1, cells, 4, 8), -50, np.float32)
        bins[:, :, range(4), range(1, 5)] = 50
        outputs[network.given(bins.reshape(1, cells, 32))] = (1, cells, 32)
    return network.write(folder / "plus.onnx", outputs)


def test_nanodet_plus_input_and_head(tmp_path: Path) -> None:
    detector = OnnxDetector(nanodet_plus_file(tmp_path), ABOVE_BORDER)
    assert "nanodet-plus layout" in detector.describe()
    box, score, label = only(detector.detect(painted(128, 96, (40, 8, 8, BLUE)), 0))
    # 16 rows of border above: the cell is (5, 3), its anchor point its corner (40, 24), which is (40, 8) in the frame
    assert box == [40 - 8, 8 - 16, 32, 48]
    assert (score, label) == (1, "person")


def given(folder: Path, *arrays: NDArray[np.float32], metadata: dict[str, str] | None = None) -> Path:
    """A file whose outputs are these rows, whatever it sees."""
    return given_file(folder / "given.onnx", {f"out{i}": array[None] for i, array in enumerate(arrays)}, metadata)


def queries(columns: int, box: list[float], *scored: tuple[int, float], rest: float = 0) -> NDArray[np.float32]:
    """100 queries with one object: number 7."""
    array = np.full((100, columns), rest, np.float32)
    array[:, : len(box)] = 0
    array[7, : len(box)] = box
    for column, value in scored:
        array[7, column] = value
    return array


def test_detr(tmp_path: Path) -> None:
    logits = queries(92, [], (44, 8.0), rest=0)
    logits[:, 91] = 6
    logits[7, 91] = 0
    path = given(tmp_path, queries(4, [0.5, 0.25, 0.5, 0.25]), logits)
    box, score, label = only(OnnxDetector(path, Selection()).detect(painted(200, 80), 0))
    assert box == [50, 10, 100, 20]
    assert score == pytest.approx(np.exp(8) / (np.exp(8) + 91), abs=1e-3)
    assert label == "bottle"


def test_rtdetr_in_both_forms(tmp_path: Path) -> None:
    two = given(tmp_path, queries(80, [], (2, 2.0), rest=-9), queries(4, [0.5, 0.25, 0.5, 0.25]))
    box, score, label = only(OnnxDetector(two, Selection()).detect(painted(200, 80), 0))
    assert (box, label) == ([50, 10, 100, 20], "car")
    assert score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)
    one = given(tmp_path, queries(84, [0.5, 0.25, 0.5, 0.25], (6, 0.75)))
    assert only(OnnxDetector(one, Selection()).detect(painted(200, 80), 0)) == ([50, 10, 100, 20], 0.75, "car")


def test_yolov10_keeps_overlapping_objects(tmp_path: Path) -> None:
    rows = np.zeros((300, 6), np.float32)
    rows[:2] = [[10, 40, 30, 80, 0.9, 0], [11, 40, 31, 80, 0.8, 0]]
    found = OnnxDetector(given(tmp_path, rows), Selection()).detect(painted(128, 64), 0)
    assert found.boxes.tolist() == [[10, 8, 20, 40], [11, 8, 20, 40]]


def test_prepared_inputs() -> None:
    frame = np.full((2, 4, 3), (255, 0, 51), np.uint8)
    values = {name: layout.prepare(frame, 4, 4)[0] for name, layout in LAYOUTS.items()}
    border, inside = np.s_[0, :, 0, 0], np.s_[0, :, 1, 0]
    assert values["yolov8"][inside].tolist() == pytest.approx([1, 0, 0.2])
    assert values["yolov8"][border].tolist() == pytest.approx([114 / 255] * 3)
    assert values["yolox"][0, :, 0, 0].tolist() == [51, 0, 255]
    assert values["yolox-rgb"][0, :, 0, 0].tolist() == [255, 0, 51]
    assert values["yolox"][0, :, 3, 0].tolist() == [114, 114, 114]
    assert values["rtdetr"][border].tolist() == pytest.approx([1, 0, 0.2])
    detr = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    assert values["detr"][border].tolist() == pytest.approx(detr, abs=1e-5)
    nanodet = [(51 - 103.53) / 57.375, -116.28 / 57.12, (255 - 123.675) / 58.395]
    assert values["nanodet-plus"][inside].tolist() == pytest.approx(nanodet, abs=1e-5)


def test_what_cannot_be_told_is_asked_for_and_can_be_given(tmp_path: Path) -> None:
    path = given(tmp_path, queries(4, [0.5, 0.5, 1, 1]), queries(7, [], (2, 9.0)))
    with pytest.raises(VistreamError, match=r"given\.onnx: can't tell what its outputs 100 x 4, 100 x 7 mean"):
        OnnxDetector(path, Selection())
    assert only(OnnxDetector(path, CLEAR, "detr").detect(painted(10, 10), 0))[2] == "class 2"
    with pytest.raises(VistreamError, match="no layout is called 'ssd': there are nanodet-plus"):
        OnnxDetector(path, Selection(), "ssd")
    with pytest.raises(VistreamError, match=r"outputs 100 x 4, 100 x 7 are not of layout yolox"):
        OnnxDetector(path, Selection(), "yolox")


def test_files_that_are_no_detectors_are_refused_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = given(tmp_path, queries(84, [0.5, 0.5, 1, 1])).read_bytes()
    bad = tmp_path / "bad.onnx"

    def refused(content: bytes, match: str) -> None:
        bad.write_bytes(content)
        with pytest.raises(VistreamError, match=match) as caught:
            OnnxDetector(bad, Selection())
        assert "\n" not in str(caught.value)

    refused(good[: len(good) // 2], "not an ONNX file, or cut short")
    refused(b"<html>404</html>", "not an ONNX file, or cut short")
    refused(b"", "not an ONNX file, or cut short")
    refused(good.replace(b"ReduceMean", b"ReduceMoon"), r"bad\.onnx: onnxruntime cannot read this ONNX file")
    with pytest.raises(VistreamError, match=r"none\.onnx: No such file"):
        OnnxDetector(tmp_path / "none.onnx", Selection())
    bad = tmp_path / "bad.engine"
    refused(b"ptrt", r"bad\.engine: is TensorRT's by its name, and has to be ONNX: export the network anew")
    (tmp_path / "bad.mlpackage").mkdir()
    with pytest.raises(VistreamError, match=r"bad\.mlpackage: is Core ML's by its name"):
        OnnxDetector(tmp_path / "bad.mlpackage", Selection())
    good_enough = tmp_path / "good.pt"
    good_enough.write_bytes(good)
    assert OnnxDetector(good_enough, Selection()).describe(), "content counts, not the name"
    assert not capfd.readouterr().err, "onnxruntime is silent"


def test_coco_names() -> None:
    assert len(CLASSES) == 80
    assert [CLASSES_BY_ID[number] for number in (1, 13, 44, 90)] == ["person", "stop sign", "bottle", "toothbrush"]
    assert [name for name in CLASSES_BY_ID if not name.startswith("unused")] == list(CLASSES)
