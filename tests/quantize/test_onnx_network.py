"""ONNX files through the integer network: the stream equals its reference, body and tail are near onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxnets import NETWORKS, SIDE, Net, pictures
from onnxstreams import LOST, assert_near, streamed, wanted

from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.ir.operations import Neuron
from vistream.quantize.onnx_operators import OPERATORS


@pytest.mark.parametrize("name", NETWORKS)
def test_body_streams_exactly_and_the_whole_is_near_the_float_file(tmp_path: Path, name: str) -> None:
    path = NETWORKS[name](tmp_path / "net.onnx")
    frames = pictures(4)
    stream = streamed(path, frames)
    reference = Dense(stream.network)
    for frame in frames:
        step = stream.step(frame)
        values = reference.step(frame)
        for layer in stream.network.layers:
            assert torch.equal(stream.levels(layer.name), values[layer.name]), layer.name
        found = stream.finished(step, frame)
        floats = wanted(path, frame)
        assert set(found) == set(floats)
        if name == "rtdetr":
            continue  # which cells are picked flips with the last bit: only the shapes can be compared
        for output, value in floats.items():
            assert found[output].shape == value.shape
            error = np.abs(found[output].astype(np.float64) - value)
            assert error.mean() < LOST * max(value.std(), 0.1), output
    assert 0 < step.work.share < 1, "a small square moved"


def _mean(net: Net) -> str:
    """A last layer with weights, and something behind it."""
    return str(net.add("Sigmoid", net.conv(net.block("image", 8, 3, 2), 4)))


def _written(folder: Path) -> Path:
    net = Net(1)
    return net.write(folder / "a.onnx", _mean(net))


def _gelu_by_erf(net: Net, x: str) -> str:
    """As exporters spell it before opset 20."""
    grown = net.add("Add", net.add("Erf", net.add("Div", x, net.constant(2**0.5))), net.constant(1.0))
    return str(net.add("Mul", net.add("Mul", x, grown), net.constant(0.5)))


def _gelu_by_tanh(net: Net, x: str) -> str:
    cubed = net.add("Mul", net.add("Pow", x, net.constant(3.0)), net.constant(0.044715))
    bent = net.add("Tanh", net.add("Mul", net.add("Add", x, cubed), net.constant((2 / np.pi) ** 0.5)))
    return str(net.add("Mul", net.add("Mul", x, net.constant(0.5)), net.add("Add", bent, net.constant(1.0))))


@pytest.mark.parametrize("gelu", [_gelu_by_erf, _gelu_by_tanh])
def test_a_function_that_is_spelt_out_is_one_table(tmp_path: Path, gelu: Callable[[Net, str], str]) -> None:
    net = Net(4)
    path = net.write(tmp_path / "net.onnx", net.conv(gelu(net, net.conv("image", 8, 3, 2)), 4))
    _, bent, last = streamed(path, pictures(3)).network.layers
    assert isinstance(bent, Neuron) and bent.table is not None and isinstance(last, Neuron)
    assert_near(path)


@pytest.mark.parametrize(("axis", "layers"), [(3, 4), (-1, 4), (1, 2)])
def test_a_softmax_of_old_is_taken_where_its_axes_are_one(tmp_path: Path, axis: int, layers: int) -> None:
    """Before opset 13 it goes over all axes from `axis` on; exporters number the last one by what it is."""
    net = Net(6)
    weights = net.add("Softmax", net.conv("image", 8, 3, 2), axis=axis)
    path = net.write(tmp_path / "net.onnx", net.conv(weights, 8, 3))
    model = onnx.load(path)
    model.opset_import[0].version = 11
    onnx.save(model, path)
    assert len(assert_near(path).network.layers) == layers


def test_what_is_misread_is_left_to_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net(5)
    x = net.add("Abs", net.conv(net.block("image", 8, 3, 2), 8, 3))
    path = net.write(tmp_path / "a.onnx", net.conv(net.add("Relu", net.conv(x, 8, 3)), 4))
    frames = pictures(3)
    layers = len(streamed(path, frames).network.layers)
    monkeypatch.setitem(OPERATORS, "Abs", lambda node, inputs: 1.01 * inputs[0].abs())
    stream = streamed(path, frames)
    assert len(stream.network.layers) < layers
    found = stream.finished(stream.step(frames[2]), frames[2])
    ((name, value),) = wanted(path, frames[2]).items()
    assert np.abs(found[name].astype(np.float64) - value).mean() < LOST * value.std()


def test_a_tail_may_read_the_image(tmp_path: Path) -> None:
    net = Net(2)
    x = net.upsample(net.conv(net.block("image", 8, 3, 2), 3))
    path = net.write(tmp_path / "a.onnx", net.add("Add", net.add("Sin", x), "image"))
    frames = pictures(3)
    stream = streamed(path, frames)
    found = stream.finished(stream.step(frames[2]), frames[2])
    ((name, value),) = wanted(path, frames[2]).items()
    assert np.abs(found[name].astype(np.float64) - value).mean() < LOST


def test_a_batch_behind_the_tokens(tmp_path: Path) -> None:
    """As attention of torch's own has it in a file."""
    net = Net(3)
    flat = net.reshape(net.conv(net.block("image", 8, 3, 4), 6, 4, 4), 1, 6, -1)
    mixed = net.linear(net.add("Transpose", flat, perm=[2, 0, 1]), 6, 5)
    path = net.write(tmp_path / "a.onnx", mixed, net.add("Softmax", mixed, axis=-1))
    assert_near(path)


@pytest.mark.parametrize("with_tail", [True, False])
def test_outputs_that_are_weights_or_the_image_are_given(tmp_path: Path, with_tail: bool) -> None:
    net = Net(3)
    x = net.conv(net.block("image", 8, 3, 4), 4)
    anchors = net.constant(np.arange(6).reshape(3, 2))
    net.weights.append(numpy_helper.from_array(np.array(["cat", "dog"], object), "labels"))
    path = net.write(tmp_path / "a.onnx", net.add("Sigmoid", x) if with_tail else x)
    model = onnx.load(path)
    shapes = {anchors: [3, 2], "image": [1, 3, SIDE, SIDE], "labels": [2]}
    for name, shape in shapes.items():
        kind = TensorProto.STRING if name == "labels" else TensorProto.FLOAT
        model.graph.output.append(helper.make_tensor_value_info(name, kind, shape))
    onnx.save(model, path)
    frames = pictures(3)
    stream = streamed(path, frames)
    found, floats = stream.finished(stream.step(frames[2]), frames[2]), wanted(path, frames[2])
    assert set(found) == set(floats)
    for name in shapes:
        np.testing.assert_array_equal(found[name], floats[name])


def test_what_crosses_may_be_many_patches(tmp_path: Path) -> None:
    """Of four axes, and no map: as MobileViT has it between its convolutions and its tokens."""
    net = Net(3)
    x = net.conv(net.block("image", 8, 3, 4), 6, 3, 4)
    patches = net.add("Transpose", net.reshape(x, 12, 2, 2, 2), perm=[0, 2, 1, 3])
    back = net.reshape(net.add("Transpose", patches, perm=[0, 2, 1, 3]), 1, 6, 4, 4)
    net.channels[back] = 6
    path = net.write(tmp_path / "a.onnx", net.conv(back, 8, 3), net.add("Softmax", patches, axis=-1))
    assert_near(path)


def test_a_graph_within_the_tail_reads_the_body(tmp_path: Path) -> None:
    """An If names nothing of what its branches read among its inputs."""
    net = Net(4)
    x = net.conv(net.block("image", 8, 3, 2), 3)
    bright = net.add("Greater", net.add("ReduceMean", "image", keepdims=0), net.constant(-1e6))
    branches = {}
    for name, op in (("then_branch", "Add"), ("else_branch", "Sub")):
        inner = helper.make_node(op, [x, net.constant(1.0)], [name])
        given = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        branches[name] = helper.make_graph([inner], name, [], [given])
    path = net.write(tmp_path / "a.onnx", net.add("If", bright, **branches))
    frames = pictures(3)
    stream = streamed(path, frames)
    found = stream.finished(stream.step(frames[1]), frames[1])
    ((name, value),) = wanted(path, frames[1]).items()
    assert np.abs(found[name].astype(np.float64) - value).mean() < LOST * value.std()


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    path = _written(tmp_path)
    frame = np.zeros((48, 80, 3), np.uint8)
    with pytest.raises(VistreamError, match=r"a\.onnx: takes frames of 64x64 pixels, not 80x48: resize them"):
        streamed(path, [frame])
    with pytest.raises(VistreamError, match="calibration needs at least one frame"):
        streamed(path, [])


def test_a_file_with_nothing_to_stream_says_why(tmp_path: Path) -> None:
    net = Net(1)
    path = net.write(tmp_path / "a.onnx", net.add("Sigmoid", net.add("Softmax", "image", axis=1)))
    with pytest.raises(VistreamError, match=r"a\.onnx: the integer network can take nothing of it"):
        streamed(path, pictures(2))


@pytest.mark.parametrize("step", ["split", "converted", "part_of"])
def test_a_fault_in_converting_a_file_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def failing(*_: object, **__: object) -> None:
        raise IndexError("beyond the end")

    path = _written(tmp_path)
    monkeypatch.setattr(f"vistream.quantize.onnx_network.{step}", failing)
    with pytest.raises(VistreamError, match=r"a\.onnx: can't be converted \(IndexError: beyond the end\): please rep"):
        streamed(path, pictures(2))


def test_a_lack_of_memory_in_converting_a_file_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("vistream.quantize.onnx_network.split", failing)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        streamed(_written(tmp_path), pictures(2))


def test_what_ends_the_body_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It reads the image; constants of a kind that is not known do not end anything."""
    net = Net(1)
    net.add("Constant", value_string="a", channels=1)
    early = net.add("Det", net.add("Reshape", "image", net.constant(np.array([3, SIDE, SIDE]), np.int64)))
    path = net.write(tmp_path / "a.onnx", early)
    with pytest.raises(VistreamError, match=r"\(\S+: Det has no counterpart here\)"):
        streamed(path, pictures(2))
    net = Net(1)
    x = net.add("CumSum", net.conv(net.block("image", 8, 3, 2), 8, 3), net.constant(3, np.int64))
    path = net.write(tmp_path / "b.onnx", net.conv(x, 8, 3))
    streamed(path, pictures(2))
    assert len(caplog.messages) == 1
    assert re.fullmatch(
        r"b\.onnx: 4\d % of the work stays with onnxruntime, because of \S+: CumSum has no counterpart here",
        caplog.messages[0],
    )


def test_files_of_several_inputs_are_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    node = helper.make_node("Add", ["a", "b"], ["y"])
    shape = [1, 3, SIDE, SIDE]
    graph = helper.make_graph([node], "g", [value("a", 1, shape), value("b", 1, shape)], [value("y", 1, shape)])
    path = tmp_path / "a.onnx"
    path.write_bytes(helper.make_model(graph, ir_version=8).SerializeToString())
    with pytest.raises(VistreamError, match=r"a\.onnx: takes 2 inputs \(a, b\); one image can be streamed"):
        streamed(path, pictures(2))


def test_the_tail_holds_only_what_the_body_left(tmp_path: Path) -> None:
    path = _written(tmp_path)
    tail = streamed(path, pictures(2)).onnx.tail
    assert tail is not None
    model = onnx.load_from_string(tail)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Sigmoid"]
    assert not model.graph.initializer


def test_heads_are_read_out_before_they_are_rounded(tmp_path: Path) -> None:
    """As float32, in all their channels: with a bias that would take all levels of a shared scale, too."""
    net = Net(1)
    weight, bias = net.random.normal(0, 0.3, (4, 8, 1, 1)), np.array([0.0, 0.0, 0.0, 1e4])
    head = net.add("Conv", net.block("image", 8, 3), net.constant(weight), net.constant(bias), channels=4)
    path = net.write(tmp_path / "a.onnx", head)
    frames = pictures(3)
    stream = streamed(path, frames)
    step = stream.step(frames[1])
    assert step.levels.dtype == torch.float32
    assert torch.equal(step.levels, Dense(stream.network).step(frames[1])[stream.network.output])
    (value,) = wanted(path, frames[1]).values()
    (found,) = stream.finished(step, frames[1]).values()
    for channel in range(3):
        assert np.abs(found[0, channel] - value[0, channel]).mean() < 0.05 * value[0, channel].std()


def _focus(net: Net, order: list[tuple[int, int]], two: bool) -> str:
    """Every second pixel of every second row, from these corners on; `two`: rows first, then columns, as torch does."""

    def cut(x: str, axes: list[int], starts: list[int]) -> str:
        both = (net.constant(values, np.int64) for values in (starts, [2**62] * len(axes), axes, [2] * len(axes)))
        return str(net.add("Slice", x, *both))

    if two:
        return net.concat(*(cut(cut("image", [2], [row]), [3], [column]) for row, column in order))
    return net.concat(*(cut("image", [2, 3], [row, column]) for row, column in order))


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("order", [[(0, 0), (1, 0), (0, 1), (1, 1)], [(0, 0), (0, 1), (1, 0), (1, 1)]])
def test_focus_is_one_operation(tmp_path: Path, order: list[tuple[int, int]], two: bool) -> None:
    net = Net(4)
    path = net.write(tmp_path / "a.onnx", net.conv(net.block(_focus(net, order, two), 8, 3), 4))
    frames = pictures(3)
    stream = streamed(path, frames)
    kinds = [type(layer).__name__ for layer in stream.network.layers]
    assert kinds[:2] == ["Input", "PixelUnshuffle"]
    assert "Island" not in kinds
    found = stream.finished(stream.step(frames[1]), frames[1])
    for name, value in wanted(path, frames[1]).items():
        assert np.abs(found[name].astype(np.float64) - value).mean() < LOST * value.std()


def test_the_same_corner_twice_is_no_focus(tmp_path: Path) -> None:
    net = Net(4)
    path = net.write(tmp_path / "a.onnx", net.conv(_focus(net, [(0, 0), (0, 0), (0, 1), (1, 1)], False), 4, 3))
    try:
        stream = streamed(path, pictures(3))
    except VistreamError as error:
        assert "can take nothing of it" in str(error)
    else:
        assert "PixelUnshuffle" not in [type(layer).__name__ for layer in stream.network.layers]


LEAST = {
    "yolov5": 40, "yolov8": 50, "yolox": 10, "nanodet-plus": 14, "mobilenet-v3": 25, "unet": 14, "vit": 2, "rtdetr": 4
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_body_reaches_to_the_last_layers_with_weights(tmp_path: Path, name: str) -> None:
    """Of the convolutional ones; attention and what picks rows is left to the tail."""
    stream = streamed(NETWORKS[name](tmp_path / "net.onnx"), pictures(2))
    assert len(stream.network.layers) >= LEAST[name]
    tail = stream.onnx.tail
    left = set() if tail is None else {node.op_type for node in onnx.load_from_string(tail).graph.node}
    if name == "yolov8":
        left.discard("Conv")  # of the expectation over bins
    assert name in ("vit", "rtdetr") or not left & {"Conv", "ConvTranspose", "Gemm", "MatMul"}
