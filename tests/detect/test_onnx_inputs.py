"""Which inputs are an image, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto
from onnxfile import Network, given_file, grid

from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.models.onnx_file import read_onnx
from vistream.quantize.onnx_module import image_of


def with_input(folder: Path, shape: list[int | str] | None, kind: int = TensorProto.FLOAT) -> Path:
    rows: NDArray[np.float32] = np.zeros((1, 20, 6), np.float32)
    path = given_file(folder / "a.onnx", {"output0": rows})
    model = onnx.load(path)
    model.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("image", kind, shape))
    onnx.save(model, path)
    return path


NO_IMAGE: dict[str, tuple[list[int | str] | None, str]] = {
    "grey, channels last": ([1, "h", "w", 1], r"1 x \? x \? x 1, of float32"),
    "no shape": (None, "of no stated shape, of float32"),
    "two channels": ([1, 2, "h", "w"], r"1 x 2 x \? x \?, of float32"),
}
LAST: dict[str, tuple[list[int | str] | None, str]] = {
    "fixed": ([1, 128, 128, 3], "1 x 128 x 128 x 3, of float32"),
    "free": (["b", "h", "w", 3], r"\? x \? x \? x 3, of float32"),
    "no batch": (["h", "w", 3], r"\? x \? x 3, of float32"),
}


@pytest.mark.parametrize(("shape", "told"), NO_IMAGE.values(), ids=NO_IMAGE)
def test_an_input_that_is_no_image_is_told(tmp_path: Path, shape: list[int | str] | None, told: str) -> None:
    with pytest.raises(VistreamError, match=rf"a\.onnx: its input is {told}, no image of floats or bytes, 1 x 3 x"):
        OnnxDetector(with_input(tmp_path, shape), Selection())


@pytest.mark.parametrize(("shape", "told"), (NO_IMAGE | LAST).values(), ids=NO_IMAGE | LAST)
def test_what_is_not_streamed_is_told(tmp_path: Path, shape: list[int | str] | None, told: str) -> None:
    message = rf"a\.onnx: its input is {told}, not 1 x 3 x height x width, of floats"
    with pytest.raises(VistreamError, match=message):
        image_of(read_onnx(with_input(tmp_path, shape)))


def seeing_red(path: Path, shape: list[int | str], raw: bool) -> Path:
    """Finds what is red in cells of 16 pixels, of an input of `shape`, 128 x 64; `raw`: of bytes."""
    network, (width, height) = Network(128, 64), (128, 64)
    first = grid(width, height, 16) * 16
    corners = np.concatenate([first, first + 16], 1)
    weight = np.zeros((6, 3), np.float32)
    weight[4, 0] = 1
    level = network.level(16, weight, np.zeros(6, np.float32))
    place = network.constant(np.pad(corners, ((0, 0), (0, 2))).astype(np.float32)[None])
    network.write(path, {network.add("Add", [level, place]): (1, len(corners), 6)})
    model = onnx.load(path)
    model.graph.input[0].CopyFrom(
        onnx.helper.make_tensor_value_info("given", TensorProto.UINT8 if raw else TensorProto.FLOAT, shape)
    )
    order = [0, 3, 1, 2] if shape[-1] == 3 else [0, 1, 2, 3]
    before = [
        onnx.helper.make_node("Cast", ["given"], ["float"], to=TensorProto.FLOAT),
        onnx.helper.make_node("Constant", [], ["grey"], value_float=255.0 if raw else 1.0),
        onnx.helper.make_node("Div", ["float", "grey"], ["shares"]),
        onnx.helper.make_node("Transpose", ["shares"], ["image"], perm=order),
    ]
    nodes = [*before, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("raw", [False, True], ids=["floats", "bytes"])
@pytest.mark.parametrize("shape", [[1, 3, 64, 128], [1, 64, 128, 3]], ids=str)
def test_pixels_come_in_the_order_and_the_unit_that_the_input_has(
    tmp_path: Path, shape: list[int | str], raw: bool
) -> None:
    detector = OnnxDetector(seeing_red(tmp_path / "a.onnx", shape, raw), Selection(threshold=0.5))
    assert "yolov10 layout at 128 x 64" in detector.describe()
    frame = np.zeros((64, 128, 3), np.uint8)
    frame[16:32, 80:96] = 204, 0, 0
    frame[48:64, 16:32] = 0, 204, 204
    found = detector.detect(frame, 0)
    assert found.boxes.tolist() == [[80, 16, 16, 16]]
    np.testing.assert_allclose(found.scores, [0.8], atol=1e-5)


def test_of_double_precision_nothing_is_streamed(tmp_path: Path) -> None:
    path = with_input(tmp_path, [1, 3, 128, 128], TensorProto.DOUBLE)
    with pytest.raises(VistreamError, match=r"a\.onnx: its input is of double precision: export it in float32"):
        image_of(read_onnx(path))
