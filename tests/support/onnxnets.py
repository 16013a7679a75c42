"""Writes ONNX networks in the shapes that people have them, small and with random weights, tame enough for 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 64


class Net:
    """A graph under construction on an input "image" `[1, 3, SIDE, SIDE]`; values are names, `shape` knows theirs."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.channels = {"image": 3}

    def constant(self, values: Any, dtype: type[np.generic] = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, channels: int = 0, **attributes: Any) -> Any:
        """A node; its output's name, or a list of names."""
        names = [f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, f"/{op}.{len(self.nodes)}", **attributes))
        for name in names:
            self.channels[name] = channels or self.channels.get(inputs[0], 0)
        return names[0] if outputs == 1 else names

    def conv(self, x: str, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> str:
        inner = self.channels[x] // groups
        weight = self.random.normal(0, (inner * kernel * kernel) ** -0.5, (out, inner, kernel, kernel))
        bias = self.random.normal(0, 0.1, out)
        made: str = self.add(
            "Conv", x, self.constant(weight), self.constant(bias), channels=out, kernel_shape=[kernel, kernel],
            strides=[stride, stride], pads=[kernel // 2] * 4, group=groups,
        )  # fmt: skip
        return made

    def silu(self, x: str) -> str:
        return str(self.add("Mul", x, self.add("Sigmoid", x)))

    def block(self, x: str, out: int, kernel: int = 1, stride: int = 1) -> str:
        return self.silu(self.conv(x, out, kernel, stride))

    def concat(self, *parts: str, axis: int = 1) -> str:
        return str(self.add("Concat", *parts, axis=axis, channels=sum(self.channels[part] for part in parts)))

    def reshape(self, x: str, *shape: int) -> str:
        return str(self.add("Reshape", x, self.constant(shape, np.int64)))

    def linear(self, x: str, inputs: int, out: int) -> str:
        weight = self.constant(self.random.normal(0, inputs**-0.5, (inputs, out)))
        return str(self.add("Add", self.add("MatMul", x, weight), self.constant(self.random.normal(0, 0.1, out))))

    def upsample(self, x: str, mode: str = "nearest") -> str:
        how: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if mode == "linear":
            how = {"mode": mode, "coordinate_transformation_mode": "pytorch_half_pixel"}
        return str(self.add("Resize", x, "", self.constant([1, 1, 2, 2]), **how))

    def split(self, x: str, parts: int = 2) -> list[str]:
        each = self.channels[x] // parts
        names: list[str] = self.add(
            "Split", x, self.constant([each] * parts, np.int64), axis=1, outputs=parts, channels=each
        )
        return names

    def write(self, path: Path, *outputs: str) -> Path:
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "net",
            [value("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
            [value(name, TensorProto.FLOAT, None) for name in outputs],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path


def _backbone(net: Net) -> list[str]:
    """Three maps of stride 8, 16, 32, as YOLOv5 and v8 have them: C2f with a shortcut, then SPPF, then a path back."""
    x = net.block(net.block("image", 8, 3, 2), 12, 3, 2)
    levels = []
    for width in (16, 24, 32):
        x = net.block(x, width, 3, 2)
        first, second = net.split(net.block(x, width))
        inner = net.add("Add", second, net.block(net.block(second, width // 2, 3), width // 2, 3))
        x = net.block(net.concat(first, second, inner), width)
        levels.append(x)
    x = net.block(x, 16)
    pools = [x]
    for _ in range(3):
        pools.append(net.add("MaxPool", pools[-1], kernel_shape=[5, 5], pads=[2] * 4, strides=[1, 1]))
    levels[2] = net.block(net.concat(*pools), 32)
    levels[1] = net.block(net.concat(net.upsample(levels[2]), levels[1]), 24, 3)
    levels[0] = net.block(net.concat(net.upsample(levels[1]), levels[0]), 16, 3)
    return levels


def yolov8(path: Path) -> Path:
    """Decoupled heads, boxes from the expectation over 8 bins (DFL), anchors added, sigmoids."""
    net, bins, classes = Net(8), 8, 4
    rows = []
    for level, side in zip(_backbone(net), (8, 4, 2), strict=True):
        box, score = net.conv(net.block(level, 16, 3), 4 * bins), net.conv(net.block(level, 16, 3), classes)
        rows.append(net.reshape(net.concat(box, score), 1, 4 * bins + classes, side * side))
    whole = net.concat(*rows, axis=2)
    cells = 8 * 8 + 4 * 4 + 2 * 2
    split = net.add("Split", whole, net.constant([4 * bins, classes], np.int64), axis=1, outputs=2)
    apart = net.add("Transpose", net.reshape(split[0], 1, 4, bins, cells), perm=[0, 2, 1, 3], channels=bins)
    weight = net.constant(np.arange(bins).reshape(1, bins, 1, 1))
    sides = net.reshape(net.add("Conv", net.add("Softmax", apart, axis=1), weight, kernel_shape=[1, 1]), 1, 4, cells)
    moved = net.add("Add", sides, net.constant(net.random.normal(0, 1, (1, 4, cells))))
    return net.write(path, net.concat(moved, net.add("Sigmoid", split[1]), axis=1))


def yolov5(path: Path) -> Path:
    """One head a level with two anchors; sizes are squared sigmoids."""
    net, columns = Net(5), 5 + 3
    rows = []
    for level, side in zip(_backbone(net), (8, 4, 2), strict=True):
        head = net.reshape(net.conv(level, 2 * columns), 1, 2, columns, side, side)
        turned = net.add("Sigmoid", net.add("Transpose", head, perm=[0, 1, 3, 4, 2]))
        xy, wh, rest = net.add("Split", turned, net.constant([2, 2, columns - 4], np.int64), axis=4, outputs=3)
        doubled = net.add("Mul", wh, net.constant(2.0))
        size = net.add("Mul", net.add("Pow", doubled, net.constant(2.0)), net.constant(10.0))
        rows.append(net.reshape(net.concat(xy, size, rest, axis=4), 1, 2 * side * side, columns))
    return net.write(path, net.concat(*rows, axis=1))


def yolox(path: Path) -> Path:
    """Focus (slices of every second pixel) before the first convolution; heads concatenated, then flattened."""
    net = Net(3)
    corners = []
    for row in (0, 1):
        for column in (0, 1):
            ends = net.constant([2**31, 2**31], np.int64)
            starts, axes = net.constant([row, column], np.int64), net.constant([2, 3], np.int64)
            corners.append(net.add("Slice", "image", starts, ends, axes, net.constant([2, 2], np.int64)))
    x = net.block(net.concat(*corners), 12, 3)
    x = net.block(net.block(x, 16, 3, 2), 24, 3, 2)
    box, score = net.block(x, 16, 3), net.block(x, 16, 3)
    parts = [net.conv(box, 4), net.add("Sigmoid", net.conv(box, 1)), net.add("Sigmoid", net.conv(score, 3))]
    flat = net.reshape(net.concat(*parts), 1, 8, 64)
    return net.write(path, net.add("Transpose", flat, perm=[0, 2, 1]))


def nanodet_plus(path: Path) -> Path:
    """Depthwise convolutions with LeakyReLU, channels shuffled (ShuffleNet), two outputs a level."""
    net = Net(7)

    def leaky(x: str) -> str:
        return str(net.add("LeakyRelu", x, alpha=0.1))

    x = leaky(net.conv("image", 12, 3, 2))
    x = leaky(net.conv(leaky(net.conv(x, 12, 5, 2, groups=12)), 16))
    left, right = net.split(x)
    right = leaky(net.conv(net.conv(leaky(net.conv(right, 8)), 8, 3, groups=8), 8))
    shuffled = net.reshape(net.concat(left, right), 1, 2, 8, 16, 16)
    turned = net.add("Transpose", shuffled, perm=[0, 2, 1, 3, 4])
    x = net.reshape(turned, 1, 16, 16, 16)
    net.channels[x] = 16
    x = leaky(net.conv(x, 16, 3, 2))
    head = net.conv(leaky(net.conv(net.conv(x, 16, 5, groups=16), 16)), 3 + 32)
    score, bins = net.add("Split", head, net.constant([3, 32], np.int64), axis=1, outputs=2)
    first = net.add("Transpose", net.reshape(net.add("Sigmoid", score), 1, 3, 64), perm=[0, 2, 1])
    second = net.add("Transpose", net.reshape(bins, 1, 32, 64), perm=[0, 2, 1])
    return net.write(path, first, second)


def mobilenet_v3(path: Path) -> Path:
    """h-swish, squeeze-and-excitation with a hard sigmoid, a classifier on the mean."""
    net = Net(11)

    def hswish(x: str) -> str:
        return str(net.add("HardSwish", x))

    x = hswish(net.conv("image", 16, 3, 2))
    for stride in (2, 1, 2):
        wide = hswish(net.conv(hswish(net.conv(x, 32)), 32, 3, stride, groups=32))
        squeezed = net.add("Relu", net.conv(net.add("GlobalAveragePool", wide), 8))
        gated = net.add("Mul", wide, net.add("HardSigmoid", net.conv(squeezed, 32), alpha=1 / 6, beta=0.5))
        narrow = net.conv(gated, 16)
        x = net.add("Add", x, narrow) if stride == 1 else narrow
    mean = net.add("Flatten", net.add("GlobalAveragePool", hswish(net.conv(x, 48))), axis=1)
    weight = net.constant(net.random.normal(0, 0.15, (10, 48)))
    return net.write(path, net.add("Gemm", mean, weight, net.constant(np.zeros(10)), transB=1))


def unet(path: Path) -> Path:
    """Down twice; up by a transposed convolution, then bilinearly; skips concatenated."""
    net = Net(13)

    def relu(x: str, out: int) -> str:
        return str(net.add("Relu", net.conv(x, out, 3)))

    a = relu("image", 8)
    b = relu(net.add("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2]), 12)
    c = relu(net.add("MaxPool", b, kernel_shape=[2, 2], strides=[2, 2]), 16)
    weight = net.constant(net.random.normal(0, 0.25, (16, 12, 2, 2)))
    up = net.add("ConvTranspose", c, weight, channels=12, kernel_shape=[2, 2], strides=[2, 2])
    b = relu(net.concat(up, b), 12)
    a = relu(net.concat(net.upsample(b, "linear"), a), 8)
    return net.write(path, net.add("Sigmoid", net.conv(a, 3)))


def vit(path: Path) -> Path:
    """Patches of 8 pixels, one block of attention with two heads and one of GELU, a classifier on the mean."""
    net, tokens, width, heads = Net(17), 64, 16, 2
    patches = net.add(
        "Conv", "image", net.constant(net.random.normal(0, 0.1, (width, 3, 8, 8))), kernel_shape=[8, 8], strides=[8, 8]
    )
    x = net.add("Transpose", net.reshape(patches, 1, width, tokens), perm=[0, 2, 1])
    x = net.add("Add", x, net.constant(net.random.normal(0, 0.2, (1, tokens, width))))

    def norm(x: str) -> str:
        return str(
            net.add("LayerNormalization", x, net.constant(np.ones(width)), net.constant(np.zeros(width)), axis=-1)
        )

    y = norm(x)
    parts = [net.reshape(net.linear(y, width, width), 1, tokens, heads, width // heads) for _ in range(3)]
    query, key, value = (
        net.add("Transpose", part, perm=perm)
        for part, perm in zip(parts, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
    )
    weights = net.add("Softmax", net.add("Mul", net.add("MatMul", query, key), net.constant(0.35)), axis=-1)
    seen = net.add("Transpose", net.add("MatMul", weights, value), perm=[0, 2, 1, 3])
    x = net.add("Add", x, net.linear(net.reshape(seen, 1, tokens, width), width, width))
    halved = net.linear(norm(x), width, 32)
    error = net.add("Add", net.add("Erf", net.add("Div", halved, net.constant(2**0.5))), net.constant(1.0))
    gelu = net.add("Mul", net.add("Mul", halved, error), net.constant(0.5))
    x = net.add("Add", x, net.linear(gelu, 32, width))
    mean = net.add("ReduceMean", norm(x), axes=[1], keepdims=0)
    return net.write(path, net.linear(mean, width, 5))


def rtdetr(path: Path) -> Path:
    """A convolutional encoder; then the best cells are picked (TopK), which no integer network can follow."""
    net, width, classes, queries = Net(19), 16, 4, 10
    x = net.block(net.block(net.block("image", 8, 3, 2), 12, 3, 2), width, 3, 2)
    memory = net.add("Transpose", net.reshape(net.block(x, width, 3), 1, width, 64), perm=[0, 2, 1])
    scores = net.linear(memory, width, classes)
    best = net.add("ReduceMax", scores, axes=[2], keepdims=0)
    _, index = net.add("TopK", best, net.constant([queries], np.int64), outputs=2, axis=1)
    rows = net.add("Gather", memory, net.add("Squeeze", index, net.constant([0], np.int64)), axis=1)
    boxes = net.add("Sigmoid", net.linear(net.add("Relu", net.linear(rows, width, width)), width, 4))
    return net.write(path, net.linear(rows, width, classes), boxes)


NETWORKS: dict[str, Callable[[Path], Path]] = {
    "yolov5": yolov5, "yolov8": yolov8, "yolox": yolox, "nanodet-plus": nanodet_plus, "mobilenet-v3": mobilenet_v3,
    "unet": unet, "vit": vit, "rtdetr": rtdetr,
}  # fmt: skip


def pictures(count: int, seed: int = 1) -> list[NDArray[np.uint8]]:
    """Frames of blobs with a square that moves."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (SIDE // 8, SIDE // 8, 3)).astype(np.uint8)
    ground = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    frames = []
    for number in range(count):
        frame = ground.copy()
        frame[20:34, 5 + 6 * number : 19 + 6 * number] = random.integers(0, 256, 3)
        frames.append(frame)
    return frames
