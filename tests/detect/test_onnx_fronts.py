"""Files that take bytes, or an image with its channels last, and turn it into the usual form first, are streamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxnets import SIDE, pictures, yolov8

import vistream
from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.detect.streaming import Streaming
from vistream.engine.fidelity import PRESETS
from vistream.engine.stream.model import OnnxStream
from vistream.errors import VistreamError
from vistream.models.onnx_file import read_onnx
from vistream.quantize.onnx_module import image_of

FRONTS = {
    "channels last": ["Transpose"],
    "bytes": ["Cast", "Div"],
    "bytes, channels last": ["Cast", "Transpose", "Div"],
    "channels last, of bytes": ["Transpose", "Cast", "Div"],
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "home"))


def with_front(folder: Path, steps: list[str]) -> Path:
    """A detector whose image comes as these steps make it; it gives back what the first of them came to, too."""
    model = onnx.load(yolov8(folder / "plain.onnx"))
    made: dict[str, dict[str, Any]] = {
        "Transpose": {"perm": [0, 3, 1, 2]},
        "Cast": {"to": TensorProto.FLOAT},
        "Div": {},
    }
    names = ["given", *(f"after {step}" for step in steps[:-1]), model.graph.input[0].name]
    nodes = [helper.make_node("Constant", [], ["grey"], value_float=255.0)]
    for number, step in enumerate(steps):
        inputs = [names[number], *(["grey"] if step == "Div" else [])]
        nodes.append(helper.make_node(step, inputs, [names[number + 1]], **made[step]))
    usual = names[len([step for step in steps if step != "Div"])]
    nodes.append(helper.make_node("Identity", [usual], ["seen"]))
    model.graph.output.append(helper.make_tensor_value_info("seen", TensorProto.FLOAT, [1, 3, SIDE, SIDE]))
    body = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *body])
    shape = [1, SIDE, SIDE, 3] if "Transpose" in steps else [1, 3, SIDE, SIDE]
    kind = TensorProto.UINT8 if "Cast" in steps else TensorProto.FLOAT
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("given", kind, shape))
    path = folder / "front.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("steps", FRONTS.values(), ids=FRONTS)
def test_it_finds_what_the_usual_form_finds(tmp_path: Path, steps: list[str], caplog: pytest.LogCaptureFixture) -> None:
    path = with_front(tmp_path, steps)
    frames, selection = pictures(3), Selection(0.05)
    how = Streaming(PRESETS["exact"], lambda: iter(pictures(4)))
    found = OnnxDetector(path, selection, "yolov8", streaming=how)
    usual = OnnxDetector(tmp_path / "plain.onnx", selection, streaming=how)
    for index, frame in enumerate(frames):
        mine, theirs = found.detect(frame, index), usual.detect(frame, index)
        assert abs(len(mine) - len(theirs)) <= 1
        np.testing.assert_allclose(mine.scores[:20], theirs.scores[:20], atol=2e-3)
    assert found.body(frames[0]) is not None
    assert "in float" not in caplog.text


@pytest.mark.parametrize("steps", FRONTS.values(), ids=FRONTS)
def test_its_tail_gets_the_picture_too(tmp_path: Path, steps: list[str]) -> None:
    frames, path = pictures(3), with_front(tmp_path, steps)
    raw = "Cast" in steps
    stream = vistream.stream(path, frames, mean=None if raw else 0, std=None if raw else 255)
    assert isinstance(stream, OnnxStream)
    seen = stream.finished(stream.step(frames[0]), frames[0])["seen"]
    np.testing.assert_allclose(seen[0].transpose(1, 2, 0), frames[0] / (1 if raw else 255), atol=1e-6)
    if raw:
        with pytest.raises(VistreamError, match="its input is of bytes, which are pixels as they are: leave mean"):
            vistream.stream(path, frames, mean=0, std=255)


def test_other_integers_are_no_pixels(tmp_path: Path) -> None:
    path = with_front(tmp_path, ["Cast", "Div"])
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    onnx.save(model, path)
    with pytest.raises(VistreamError, match="of int32, not 1 x 3 x height x width, of floats"):
        vistream.stream(path, pictures(3))


def test_what_is_computed_of_channels_last_is_told(tmp_path: Path) -> None:
    path = with_front(tmp_path, ["Div", "Transpose"])
    with pytest.raises(VistreamError, match="nor made that at once by a Transpose or a Cast"):
        image_of(read_onnx(path))
