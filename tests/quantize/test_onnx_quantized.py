"""Files that onnxruntime quantised: our integers are its integers, in every tensor that can be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper
from onnxnets import Net, pictures
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import vistream
from vistream.engine.reference import Dense
from vistream.engine.stream.gemm import int8_product_is_quick
from vistream.engine.stream.model import OnnxStream
from vistream.errors import VistreamError

MEANS = {"alike": ((0.0,) * 3, (255.0,) * 3), "by channel": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))}
Pixels = NDArray[np.uint8]


def fed(frame: Pixels, means: str) -> NDArray[np.float32]:
    mean, std = (np.array(value, np.float32) for value in MEANS[means])
    return ((frame.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None]


class Frames(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, means: str) -> None:
        self._frames = iter([{"image": fed(frame, means)} for frame in pictures(4)])

    def get_next(self) -> Any:
        return next(self._frames, None)


def residual(path: Path) -> Path:
    """Convolutions of all kinds, a shortcut, pooling, concatenation, up-sampling, ReLU, SiLU, h-swish."""
    net = Net(23)
    x = net.block("image", 8, 3, 2)
    y = net.add("Relu", net.conv(x, 8, 3, groups=8))
    x = net.add("Relu", net.add("Add", x, net.conv(y, 8)))
    small = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    small = net.add("Clip", net.conv(small, 12, 3), net.constant(0.0), net.constant(6.0))
    wide = net.concat(net.upsample(small), x)
    last = net.conv(net.add("Add", net.block(wide, 12), net.conv(wide, 12)), 4)
    return net.write(path, net.add("Transpose", last, perm=[0, 2, 3, 1]))


def every_integer(path: Path) -> tuple[Path, list[str]]:
    """The same file with every quantised activation as a further output; their names."""
    model = onnx.load(path)
    weights = {weight.name for weight in model.graph.initializer}
    names = [
        node.output[0] for node in model.graph.node
        if node.op_type in ("QuantizeLinear", "QLinearConv", "QLinearAdd") and node.input[0] not in weights
    ]  # fmt: skip
    kind = next(w.data_type for w in model.graph.initializer if w.name == "image_zero_point")
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(helper.make_tensor_value_info(n, kind, None) for n in names if n not in known)
    onnx.save(model, path.with_name("all.onnx"))
    return path.with_name("all.onnx"), names


def run_of(path: Path) -> Callable[[NDArray[np.float32]], dict[str, Any]]:
    """onnxruntime on a file: from the image to all outputs by name."""
    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return lambda image: dict(zip(names, session.run(None, {"image": image}), strict=True))


@pytest.mark.parametrize("means", MEANS)
@pytest.mark.parametrize("activations", [QuantType.QUInt8, QuantType.QInt8], ids=["uint8", "int8"])
@pytest.mark.parametrize("per_channel", [False, True], ids=["one scale", "by channel"])
@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator], ids=["QDQ", "QOperator"])
def test_integers_are_onnxruntimes(
    tmp_path: Path, form: QuantFormat, per_channel: bool, activations: QuantType, means: str
) -> None:
    path = tmp_path / "int8.onnx"
    # without int8 dot products onnxruntime's own sums saturate, unless weights have 7 bits
    quantize_static(
        residual(tmp_path / "float.onnx"), path, Frames(means), form, per_channel=per_channel,
        activation_type=activations, weight_type=QuantType.QInt8, reduce_range=not int8_product_is_quick(),
    )  # fmt: skip
    mean, std = MEANS[means]
    frames = pictures(4)
    stream = vistream.stream(path, frames[:1], mean=mean, std=std)
    assert isinstance(stream, OnnxStream)
    shown, names = every_integer(path)
    inner, whole = run_of(shown), run_of(path)
    reference = Dense(stream.network)
    held = {layer.name for layer in stream.network.layers}
    compared = [name for name in names if name in held]
    assert len(compared) >= (12 if form is QuantFormat.QDQ else 5)
    for frame in frames:
        step = stream.step(frame)
        values = reference.step(frame)
        for layer in stream.network.layers:
            assert torch.equal(stream.levels(layer.name), values[layer.name]), layer.name
        found = inner(fed(frame, means))
        for name in compared:
            theirs = found[name].astype(np.int16) - (128 if found[name].dtype == np.uint8 else 0)
            ours = stream.levels(name).numpy().transpose(2, 0, 1)[None]
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
        outputs = whole(fed(frame, means))
        for name, value in stream.finished(step, frame).items():
            np.testing.assert_array_equal(value, outputs[name])


def test_what_ends_the_body_is_named(tmp_path: Path) -> None:
    """The image's own 16 bits, no constant and nothing that comes behind."""
    path = tmp_path / "int16.onnx"
    quantize_static(
        residual(tmp_path / "float.onnx"), path, Frames("alike"), QuantFormat.QDQ,
        activation_type=QuantType.QUInt16, weight_type=QuantType.QInt8, extra_options={"UseQDQContribOps": True},
    )  # fmt: skip
    model = onnx.load(path)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["unused"], value_float=1.0))
    onnx.save(model, path)
    with pytest.raises(
        VistreamError, match=r"\(image_QuantizeLinear: activations of several scales, or of more than 8"
    ):
        vistream.stream(path, pictures(1))


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator], ids=["QDQ", "QOperator"])
def test_channels_may_come_last_and_the_tail_may_read_the_picture(tmp_path: Path, form: QuantFormat) -> None:
    path, turned = tmp_path / "int8.onnx", tmp_path / "last.onnx"
    quantize_static(residual(tmp_path / "float.onnx"), path, Frames("alike"), form, weight_type=QuantType.QInt8)
    model = onnx.load(path)
    nodes = [
        helper.make_node("Transpose", ["given"], ["image"], perm=[0, 3, 1, 2]),
        helper.make_node("Identity", ["image"], ["seen"]),
        *model.graph.node,
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    rows, columns = pictures(1)[0].shape[:2]
    model.graph.output.append(helper.make_tensor_value_info("seen", onnx.TensorProto.FLOAT, [1, 3, rows, columns]))
    shape = [1, rows, columns, 3]
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("given", onnx.TensorProto.FLOAT, shape))
    onnx.save(model, turned)
    frame = pictures(1)[0]
    usual, other = (vistream.stream(one, [frame], mean=0, std=255) for one in (path, turned))
    assert isinstance(usual, OnnxStream) and isinstance(other, OnnxStream)
    wanted, found = (stream.finished(stream.step(frame), frame) for stream in (usual, other))
    np.testing.assert_allclose(found.pop("seen")[0].transpose(1, 2, 0), frame / 255, atol=1e-6)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
