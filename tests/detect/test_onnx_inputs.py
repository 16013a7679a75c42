"""Which inputs are an image, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto
from onnxfile import given_file

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


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ([1, 128, 128, 3], "1 x 128 x 128 x 3, of float32"),
        (["b", "h", "w", 3], r"\? x \? x \? x 3, of float32"),
        ([1, "h", "w", 1], r"1 x \? x \? x 1, of float32"),
        (["h", "w", 3], r"\? x \? x 3, of float32"),
        (None, "of no stated shape, of float32"),
        ([1, 2, "h", "w"], r"1 x 2 x \? x \?, of float32"),
    ],
)
def test_an_input_that_is_no_image_is_told(tmp_path: Path, shape: list[int | str] | None, told: str) -> None:
    path = with_input(tmp_path, shape)
    message = rf"a\.onnx: its input is {told}, not 1 x 3 x height x width, of floats"
    with pytest.raises(VistreamError, match=message):
        OnnxDetector(path, Selection())
    with pytest.raises(VistreamError, match=message):
        image_of(read_onnx(path))


def test_of_double_precision_nothing_is_streamed(tmp_path: Path) -> None:
    path = with_input(tmp_path, [1, 3, 128, 128], TensorProto.DOUBLE)
    with pytest.raises(VistreamError, match=r"a\.onnx: its input is of double precision: export it in float32"):
        image_of(read_onnx(path))
