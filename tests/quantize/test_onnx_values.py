"""The values in an ONNX file: in other files, of half the width, and of types that are not read here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxnets import Net, pictures
from onnxstreams import LOST, assert_near, streamed, wanted


def test_weights_in_another_file_and_half_floats(tmp_path: Path) -> None:
    """The whole of it: body, and tail, which onnxruntime is given without a folder."""
    net = Net(1)
    x = net.add("Softmax", net.conv(net.block("image", 8, 3, 2), 4), axis=1)
    plain = net.write(tmp_path / "plain.onnx", net.conv(x, 4, 3))
    frames = pictures(3)
    stream = streamed(plain, frames)
    first = stream.finished(stream.step(frames[1]), frames[1])
    onnx.save(onnx.load(plain), tmp_path / "apart.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
    apart = streamed(tmp_path / "apart.onnx", frames)
    second = apart.finished(apart.step(frames[1]), frames[1])
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value)
    model = onnx.load(plain)
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), weight.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "half.onnx")
    half = streamed(tmp_path / "half.onnx", frames)
    third = half.finished(half.step(frames[1]), frames[1])
    for name, value in first.items():
        assert third[name].dtype == np.float16
        assert np.abs(third[name].astype(np.float64) - value.astype(np.float64)).max() < 0.05


def test_constants_in_another_file(tmp_path: Path) -> None:
    """Of nodes, not of the graph: in the body, and in the tail, which onnxruntime is given without a folder."""

    def constant(net: Net, values: NDArray[np.float64]) -> str:
        tensor = numpy_helper.from_array(values.astype(np.float32), "value")
        return str(net.add("Constant", value=tensor, channels=1))

    net = Net(1)
    x = net.conv(net.add("Mul", net.block("image", 8, 3, 2), constant(net, np.full(1, 2.0))), 4)
    plain = net.write(tmp_path / "plain.onnx", net.add("Add", x, constant(net, np.arange(4.0).reshape(1, 4, 1, 1))))
    path = tmp_path / "apart.onnx"
    onnx.save(
        onnx.load(plain), path, save_as_external_data=True, location="w.bin", size_threshold=0, convert_attribute=True
    )
    assert assert_near(path).onnx.tail is not None


@pytest.mark.parametrize("text", [True, False], ids=["strings", "bfloat16"])
@pytest.mark.parametrize("as_node", [True, False])
def test_values_of_rare_types_matter_where_they_are_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bool, as_node: bool
) -> None:
    if text:
        rare = numpy_helper.from_array(np.array(["7"], object), "rare")
    else:
        rare = helper.make_tensor("rare", TensorProto.BFLOAT16, [1], b"\x80\x3f", raw=True)

    def write(needed: bool) -> Path:
        net = Net(1)
        if as_node:
            net.nodes.append(helper.make_node("Constant", [], ["rare"], value=rare))
        else:
            net.weights.append(rare)
        x = net.block("image", 8, 3, 2)
        net.nodes.append(helper.make_node("Cast", ["rare"], ["number"], to=TensorProto.FLOAT))
        x = net.add("Mul", x, "number" if needed else net.constant(2.0))
        return net.write(tmp_path / "a.onnx", net.add("Sigmoid", net.conv(net.conv(x, 8, 3), 4)))

    for needed in (False, True):
        assert_near(write(needed))
        assert ("because of" in caplog.text and "(it holds strings, which are not read here)" in caplog.text) == (
            text and needed
        )


def test_half_floats_inside_and_whole_ones_around(tmp_path: Path) -> None:
    """As converters to float16 write files whose inputs and outputs are to stay as they are."""
    net = Net(1)
    half = net.add("Cast", "image", to=TensorProto.FLOAT16)
    x = net.add("Sigmoid", net.conv(net.block(half, 8, 3, 2), 4))
    net.weights = [numpy_helper.from_array(numpy_helper.to_array(w).astype(np.float16), w.name) for w in net.weights]
    path = net.write(tmp_path / "a.onnx", net.add("Cast", x, to=TensorProto.FLOAT))
    frames = pictures(3)
    stream = streamed(path, frames)
    found = stream.finished(stream.step(frames[2]), frames[2])
    ((name, value),) = wanted(path, frames[2]).items()
    assert found[name].dtype == np.float32
    assert np.abs(found[name].astype(np.float64) - value).mean() < LOST * value.std()
