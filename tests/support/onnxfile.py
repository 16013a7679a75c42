"""Writes ONNX detectors with known answers, for tests to run in onnxruntime.

Each network finds colours: it averages the image over cells, and a cell's scores are linear in its colour. So a
painted square is detected in the cell that it covers, with a box that the test can work out by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]


class Network:
    """A graph under construction on an input "image" `[1, 3, height, width]`."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: NDArray[np.generic]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, op: str, inputs: list[str], **attributes: int | list[int]) -> str:
        name = f"n{len(self.nodes)}"
        node = helper.make_node(op, inputs, [name], name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return name

    def level(self, stride: int, weight: Array, bias: Array) -> str:
        """`[1, cells, rows of weight]`: of each cell, row by row, weight @ mean colour + bias."""
        mean = self.add("AveragePool", ["image"], kernel_shape=[stride, stride], strides=[stride, stride])
        kernel = self.constant(weight.reshape(*weight.shape, 1, 1).astype(np.float32))
        found = self.add("Conv", [mean, kernel, self.constant(bias.astype(np.float32))], kernel_shape=[1, 1])
        flat = self.add("Reshape", [found, self.constant(np.array([1, len(weight), -1], np.int64))])
        return self.add("Transpose", [flat], perm=[0, 2, 1])

    def given(self, values: NDArray[np.generic]) -> str:
        """An output that is `values` whatever the image (it adds 0 times its mean); of integers, they alone."""
        if values.dtype.kind in "iu":
            return self.add("Identity", [self.constant(values)])
        mean = self.add("ReduceMean", ["image"], keepdims=0)
        zero = self.add("Mul", [mean, self.constant(np.zeros(1, np.float32))])
        return self.add("Add", [zero, self.constant(values.astype(np.float32))])

    def write(
        self,
        path: Path,
        outputs: Mapping[str, tuple[int | str, ...]],
        metadata: dict[str, str] | None = None,
        input_shape: list[int | str] | None = None,
        names: list[str] | None = None,
        integers: tuple[str, ...] = (),
        others: dict[str, tuple[int, ...]] | None = None,
    ) -> Path:
        """`outputs` maps names that `add` gave to shapes; `names`: what the file calls them.

        `integers`: those of `add`'s names that are int64; `others`: inputs of int64 beside the image, and their shapes.
        """
        shape = input_shape or [1, 3, self.height, self.width]
        called = dict(zip(outputs, names or outputs, strict=True))
        renamed = [helper.make_node("Identity", [old], [new]) for old, new in called.items() if old != new]
        extra = [helper.make_tensor_value_info(name, TensorProto.INT64, size) for name, size in (others or {}).items()]
        kinds = {name: TensorProto.INT64 if name in integers else TensorProto.FLOAT for name in outputs}
        graph = helper.make_graph(
            [*self.nodes, *renamed],
            "test",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape), *extra],
            [helper.make_tensor_value_info(called[name], kinds[name], size) for name, size in outputs.items()],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        helper.set_model_props(model, metadata or {})
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path


def given_file(
    path: Path,
    arrays: dict[str, NDArray[np.generic]],
    metadata: dict[str, str] | None = None,
    size: tuple[int, int] = (128, 128),
    free: bool = False,
    others: dict[str, tuple[int, ...]] | None = None,
) -> Path:
    """A file with these outputs whatever the image of `size` (width, height); `free`: it claims to take any size."""
    network = Network(*size)
    made = {network.given(array): array for array in arrays.values()}
    return network.write(
        path,
        {name: array.shape for name, array in made.items()},
        metadata,
        ["batch", 3, "height", "width"] if free else None,
        list(arrays),
        tuple(name for name, array in made.items() if array.dtype.kind in "iu"),
        others,
    )


def colour_scores(classes: int, first: int, scale: float) -> tuple[Array, Array]:
    """Weights and biases `[first + classes]`: class 0 is the input's first channel, class 1 its second, in `scale`."""
    weight, bias = np.zeros((first + classes, 3), np.float32), np.zeros(first + classes, np.float32)
    weight[first, 0] = weight[first + 1, 1] = scale
    return weight, bias


def grid(width: int, height: int, stride: int) -> Array:
    """Cells' (column, row) `[cells, 2]`, row by row."""
    row, column = np.divmod(np.arange((width // stride) * (height // stride)), width // stride)
    return np.stack([column, row], 1).astype(np.float32)
