"""What a detector's file says of itself: the names of its classes, and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnxfile import given_file

from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError

FRAME = np.zeros((128, 128, 3), np.uint8)


def finished(folder: Path, names: str) -> Path:
    """Two boxes with the class numbers 2 and 0."""
    rows = np.zeros((1, 20, 6), np.float32)
    rows[0, :2] = [[20, 10, 50, 40, 0.9, 2], [60, 20, 100, 90, 0.8, 0]]
    return given_file(folder / "a.onnx", {"output0": rows}, {"names": names})


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("{0: 'cat', 1: 'dog', 2: 'cow'}", ("cow", "cat")),
        ('{"0": "cat", "1": "dog", "2": "cow"}', ("cow", "cat")),
        ("['cat', 'dog', 'cow']", ("cow", "cat")),
        ("cat,dog, cow", ("cow", "cat")),
        ("cat\ndog\ncow\n", ("cow", "cat")),
        ("{0: 'cat', 2: 'cow'}", ("cow", "cat")),
        ("{0: 'cat', 1: ''}", ("class 2", "cat")),
        ("{1: 'cat', 2: 'dog', 3: 'cow'}", ("dog", "class 0")),
        ("{2: 7, 0: 1}", ("7", "1")),
        ("{}", ("car", "person")),
        ("None", ("car", "person")),
    ],
)
def test_names_go_by_their_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: str, labels: tuple[str, str]
) -> None:
    assert OnnxDetector(finished(tmp_path, names), Selection()).detect(FRAME, 0).labels == labels
    assert not caplog.messages


@pytest.mark.parametrize(
    "names",
    [
        "__import__('os')", "coco.names", "{'cat': 0, 'dog': 1}", "{-1: 'cat', 0: 'dog'}", "{0: None}", "[['cat']]",
        "{0: 'cat', '0': 'dog'}", "{0: 'cat', 99999999: 'dog'}", "{0: 'cat'", '"[1]"',
    ],
)  # fmt: skip
def test_names_that_can_not_be_read_are_said_to_be_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: str
) -> None:
    detector = OnnxDetector(finished(tmp_path, names), Selection())
    assert detector.detect(FRAME, 0).labels == ("car", "person")
    assert len(caplog.messages) == 1
    assert "a.onnx: its class names " in caplog.text and "can't be read, and usual ones are taken" in caplog.text


def heads(folder: Path, names: str) -> Path:
    """YOLOv8's rows of boxes and three classes, of which the last one is found."""
    rows = np.zeros((1, 7, 336), np.float32)
    rows[0, :4] = 10.0
    rows[0, 6, 0] = 0.9
    return given_file(folder / "a.onnx", {"output0": rows}, {"names": names})


def test_names_that_are_not_of_the_classes_scored_are_refused(tmp_path: Path) -> None:
    assert OnnxDetector(heads(tmp_path, "a,b,c"), Selection()).detect(FRAME, 0).labels == ("c",)
    counted_from_1 = heads(tmp_path, "{1: 'a', 2: 'b', 3: 'c'}")
    assert OnnxDetector(counted_from_1, Selection()).detect(FRAME, 0).labels == ("c",)
    with pytest.raises(VistreamError, match=r"a\.onnx: names classes 1 to 4 but scores 3, numbered from 0"):
        OnnxDetector(heads(tmp_path, "{1: 'a', 2: 'b', 4: 'c'}"), Selection())


def test_a_truth_value_is_no_size(tmp_path: Path) -> None:
    rows = np.zeros((1, 20, 6), np.float32)
    path = given_file(tmp_path / "a.onnx", {"output0": rows}, {"imgsz": "True", "stride": "True"}, free=True)
    assert "with a longer side of 640" in OnnxDetector(path, Selection()).describe()
