"""The reader of tfjs graph models: each operation against numpy, whole models against TensorFlow.js itself."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tfjsfile import TfjsFile

from vistream.errors import VistreamError
from vistream.models.download import located
from vistream.models.tfjs import TfjsGraph, load_tfjs

Floats = NDArray[np.float32]


def run(folder: Path, file: TfjsFile, output: str) -> NDArray[np.generic]:
    return next(iter(load_tfjs(file.write(folder, [output]))({}).values())).numpy()


def ints(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def f32(values: object) -> Floats:
    return np.array(values, dtype=np.float32)


def floats(*shape: int) -> Floats:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


A = floats(2, 3, 4)
TOPPED: Floats = np.array([[3, 9, 1], [7, 5, 8]], dtype=np.float32)

# operation, inputs, attributes, and what numpy says
CASES: list[tuple[str, list[NDArray[np.generic]], dict[str, object], NDArray[np.generic]]] = [
    ("Transpose", [A, ints(2, 0, 1)], {}, A.transpose(2, 0, 1)),
    ("Pad", [A, np.array([[0, 1], [2, 0], [1, 3]], np.int32)], {}, np.pad(A, [(0, 1), (2, 0), (1, 3)])),
    ("PadV2", [A[0], np.array([[0, 1], [2, 0]], np.int32), f32(-7)], {},
     np.pad(A[0], [(0, 1), (2, 0)], constant_values=-7)),
    ("SparseToDense", [ints(1, 3), ints(5), f32([2, 4]), f32(-1)], {}, f32([-1, 2, -1, 4, -1])),
    ("SparseToDense", [np.array([[0, 1], [1, 0]], np.int32), ints(2, 2), f32([5, 6]), f32(0)], {},
     f32([[0, 5], [6, 0]])),
    ("SplitV", [A, ints(1, 2), ints(1).reshape(())], {"num_split": 2}, A[:, :1]),
    ("Split", [ints(2).reshape(()), A], {"num_split": 2}, A[:, :, :2]),
    ("Unpack", [A], {"axis": 1, "num": 3}, A[:, 0]),
    ("Pack", [A[0], A[1]], {"axis": 2}, np.stack([A[0], A[1]], 2)),
    ("ConcatV2", [A, A[:, :1], ints(1).reshape(())], {"N": 2}, np.concatenate([A, A[:, :1]], 1)),
    ("StridedSlice", [A, ints(0, 1, 1), ints(2, 3, 4), ints(1, 1, 2)], {}, A[0:2, 1:3, 1:4:2]),
    ("StridedSlice", [A, ints(1, 9), ints(0, 0), ints(1, 1)], {"shrink_axis_mask": 1, "end_mask": 2,
     "begin_mask": 2}, A[1]),
    ("StridedSlice", [A, ints(9, 9, 0), ints(9, 9, 1), ints(1, 1, 1)], {"begin_mask": 1, "end_mask": 1,
     "new_axis_mask": 2}, A[:, None, 0:1]),
    ("GatherNd", [A, np.array([[0, 2], [1, 1]], np.int32)], {}, A[[0, 1], [2, 1]]),
    ("TopKV2", [TOPPED, ints(2).reshape(())], {"sorted": True}, f32([[9, 3], [8, 7]])),
    ("ArgMax", [TOPPED, ints(1).reshape(())], {}, np.array([1, 2])),
    ("Max", [A, ints(0, 2)], {"keep_dims": False}, A.max((0, 2))),
    ("Sum", [A, ints(1)], {"keep_dims": True}, A.sum(1, keepdims=True)),
    ("AddN", [A, A, A], {"N": 3}, A * 3),
    ("FloorDiv", [ints(-7, 7), ints(2, 2)], {}, np.array([-4, 3])),
    ("FloorDiv", [f32([-7, 7]), f32([2, 2])], {}, f32([-4, 3])),
    ("SquaredDifference", [A, A[:1] * 2], {}, (A - A[:1] * 2) ** 2),
    ("Select", [A > 5, A, -A], {}, np.where(A > 5, A, -A)),
    ("Range", [f32(0), f32(3), f32(1)], {}, f32([0, 1, 2])),
    ("Fill", [ints(2, 2), f32(3)], {}, np.full((2, 2), 3, np.float32)),
    ("Tile", [A[0], ints(2, 1)], {}, np.tile(A[0], (2, 1))),
    ("Shape", [A], {}, np.array([2, 3, 4])),
    ("Size", [A], {}, np.array(24)),
    ("Squeeze", [A[:1, :, :1]], {"squeeze_dims": [0]}, A[0, :, :1]),
    ("ExpandDims", [A, ints(1).reshape(())], {}, A[:, None]),
    ("Reshape", [A, ints(4, -1)], {}, A.reshape(4, -1)),
    ("Cast", [A > 5], {"DstT": "DT_FLOAT"}, (A > 5).astype(np.float32)),
    ("LeakyRelu", [A - 5], {"alpha": 0.5}, np.where(A > 5, A - 5, (A - 5) / 2)),
    ("Reciprocal", [A + 1], {}, 1 / (A + 1)),
    ("Sigmoid", [A - 9], {}, 1 / (1 + np.exp(9 - A))),
    ("Relu", [A - 9], {}, np.maximum(A - 9, 0)),
    ("Relu6", [A - 9], {}, np.clip(A - 9, 0, 6)),
    ("AvgPool", [floats(1, 4, 6, 2)], {"ksize": [1, 2, 3, 1], "strides": [1, 2, 3, 1], "padding": "VALID"},
     floats(1, 4, 6, 2).reshape(1, 2, 2, 2, 3, 2).mean((2, 4))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "expected"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)]
)
def test_operation_against_numpy(
    tmp_path: Path,
    op: str,
    inputs: list[NDArray[np.generic]],
    attributes: dict[str, object],
    expected: NDArray[np.generic],
) -> None:
    file = TfjsFile()
    names = [file.constant(np.asarray(array)) for array in inputs]
    found = run(tmp_path, file, file.operation(op, names, **attributes))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=1e-6)


def windows(image: Floats, kernel: int, stride: int, same: bool, fill: float) -> Floats:
    """TensorFlow's windows, by its documented rule: `[out, out, kernel, kernel, C]` of an `[n, n, C]` image."""
    n = len(image)
    out = -(-n // stride) if same else (n - kernel) // stride + 1
    before = max((out - 1) * stride + kernel - n, 0) // 2 if same else 0
    big = np.full((n + 2 * kernel, n + 2 * kernel, image.shape[2]), fill, np.float32)
    big[before : before + n, before : before + n] = image
    return np.stack(
        [np.stack([big[y * stride :, x * stride :][:kernel, :kernel] for x in range(out)]) for y in range(out)]
    )


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(5, 9),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    same=st.booleans(),
    channels=st.integers(1, 3),
    outputs=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_convolutions_and_pooling_follow_tensorflow(
    n: int, kernel: int, stride: int, same: bool, channels: int, outputs: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = random.standard_normal((n, n, channels)).astype(np.float32)
    filters = random.standard_normal((kernel, kernel, channels, outputs)).astype(np.float32)
    bias = random.standard_normal(outputs).astype(np.float32)
    deep_bias = random.standard_normal(channels * outputs).astype(np.float32)
    padding = "SAME" if same else "VALID"
    options = {"padding": padding, "strides": [1, stride, stride, 1], "data_format": "NHWC"}
    file = TfjsFile()
    x, w = file.constant(image[None]), file.constant(filters)
    fused = ["BiasAdd", "Relu6"]
    outs = [
        file.operation("_FusedConv2D", [x, w, file.constant(bias)], fused_ops=fused, **options),
        file.operation(
            "FusedDepthwiseConv2dNative", [x, w, file.constant(deep_bias)], fused_ops=["BiasAdd"], **options
        ),
        file.operation("MaxPool", [x], ksize=[1, kernel, kernel, 1], **options),
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = [value.numpy() for value in load_tfjs(file.write(Path(folder), outs))({}).values()]
    seen = windows(image, kernel, stride, same, 0)
    dense = np.einsum("yxklc,klco->yxo", seen, filters) + bias
    deep = np.einsum("yxklc,klco->yxco", seen, filters).reshape(*seen.shape[:2], -1) + deep_bias
    pooled = windows(image, kernel, stride, same, -np.inf).max((2, 3))
    for got, expected in zip(found, [np.clip(dense, 0, 6), deep, pooled], strict=True):
        np.testing.assert_allclose(got[0], expected, rtol=1e-4, atol=1e-4)


def test_bilinear_resize_samples_at_pixel_centres(tmp_path: Path) -> None:
    file = TfjsFile()
    image = file.constant(f32([0, 4]).reshape(1, 1, 2, 1))
    resized = file.operation(
        "ResizeBilinear", [image, file.constant(ints(1, 4))], half_pixel_centers=True, align_corners=False
    )
    assert run(tmp_path, file, resized).ravel().tolist() == [0, 1, 3, 4]


def test_quantised_weights(tmp_path: Path) -> None:
    file = TfjsFile()
    half = file.constant(np.array([0.5, -2], np.float16), {"dtype": "float16"})
    byte = file.constant(np.array([0, 200], np.uint8), {"dtype": "uint8", "scale": 0.5, "min": -3.0})
    both = load_tfjs(file.write(tmp_path, [half, byte]))({})
    assert both[half].tolist() == [0.5, -2]
    assert both[byte].tolist() == [-3, 97]
    assert both[half].dtype == both[byte].dtype == torch.float32


def small_model(folder: Path) -> Path:
    file = TfjsFile()
    doubled = file.operation("AddV2", [file.placeholder((1, -1, 2)), "input"])
    return file.write(folder, [file.operation("Mul", [doubled, file.constant(f32([1, 3]))])])


def test_inputs_are_checked(tmp_path: Path) -> None:
    graph = load_tfjs(small_model(tmp_path))
    assert next(iter(graph(torch.ones(1, 2, 2)).values())).tolist() == [[[2, 6], [2, 6]]]
    assert next(iter(graph({"input:0": torch.ones(1, 1, 2)}).values())).tolist() == [[[2, 6]]]
    with pytest.raises(ValueError, match="shape"):
        graph(torch.ones(1, 2, 3))
    with pytest.raises(ValueError, match="inputs are"):
        graph({"other": torch.ones(1, 2, 2)})


def test_a_file_that_is_not_right_is_refused_by_name(tmp_path: Path) -> None:
    path = small_model(tmp_path)
    good = path.read_text()

    def refused(text: str, match: str) -> None:
        path.write_text(text)
        with pytest.raises(VistreamError, match=match) as caught:
            load_tfjs(path)
        assert "\n" not in str(caught.value)

    refused(good.replace('"Mul"', '"PyFunc"'), r"model\.json: operation PyFunc \(node node\d\) is not known")
    refused(good[:-30], r"model\.json: not a tfjs graph model")
    refused("[]", r"model\.json: not a tfjs graph model")
    refused(good.replace("model.bin", "../model.bin"), "outside the model's folder")
    refused(good.replace("model.bin", "other.bin"), r"other\.bin: No such file")
    refused(good.replace('"input", "input"', '"input", "node3"'), "depends on itself")
    refused(good.replace('"input", "input"', '"input", "nobody"'), "no node nobody")
    (tmp_path / "model.bin").write_bytes(b"1234")
    refused(good, r"model\.json: not a tfjs graph model")


@pytest.mark.parametrize(("kernel", "size"), [(2, 6), (3, 6), (3, 5)])
def test_transposed_convolution_is_the_gradient_of_one(tmp_path: Path, kernel: int, size: int) -> None:
    """<conv(x), y> = <x, transposed(y)>, with TensorFlow's SAME padding and stride 2."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, size, 6, 2)).astype(np.float32), rng.normal(size=(1, 3, 3, 4)).astype(np.float32)
    weights = rng.normal(size=(kernel, kernel, 2, 4)).astype(np.float32)
    how: dict[str, object] = {"strides": [1, 2, 2, 1], "padding": "SAME"}
    one = TfjsFile()
    forward = run(tmp_path, one, one.operation("Conv2D", [one.constant(x), one.constant(weights)], **how))
    other = TfjsFile()
    given_ = [other.constant(ints(1, size, 6, 2)), other.constant(weights), other.constant(y)]
    back = run(tmp_path, other, other.operation("Conv2DBackpropInput", given_, **how))
    assert back.shape == x.shape
    sums = [np.sum(np.asarray(a, np.float64) * b) for a, b in ((forward, y), (back, x))]
    assert sums[0] == pytest.approx(sums[1], rel=1e-4)


def test_a_variant_that_is_not_written_is_refused(tmp_path: Path) -> None:
    file = TfjsFile()
    x = file.constant(floats(1, 2, 2, 1))
    slow = file.operation("ResizeBilinear", [x, file.constant(ints(4, 4))], half_pixel_centers=False)
    with pytest.raises(VistreamError, match=r"model\.json: ResizeBilinear with sampling from .* is not known"):
        run(tmp_path, file, slow)
    for op, inputs in (("AvgPool", [x]), ("Conv2DBackpropInput", [file.constant(ints(1, 4, 4, 1)), x, x])):
        odd = file.operation(op, inputs, ksize=[1, 1, 1, 1], strides=[1, 3, 3, 1], padding="VALID_NOT")
        with pytest.raises(VistreamError, match=f"{op} with VALID_NOT padding"):
            run(tmp_path, file, odd)


# Means and three values (at a 7th, a third and two thirds of each output) that @tensorflow/tfjs 4.22.0, CPU backend,
# gives for `pattern`; made with its loadGraphModel and executeAsync.
TENSORFLOW: dict[str, dict[str, tuple[float, list[float]]]] = {
    "nanodet-g": {
        "Identity:0": (0.00203183, [0.000911577, 0.00174264, 0.00425659]),
        "Identity_1:0": (0.00380475, [0.00411781, 0.00118685, 0.0023259]),
        "Identity_2:0": (0.0132145, [0.0109507, 0.0054285, 0.00688478]),
        "Identity_3:0": (9.6521e-06, [0.196037, 0.644156, -0.74397]),
        "Identity_4:0": (-1.8738e-05, [0.744108, -0.223945, -0.492478]),
        "Identity_5:0": (-3.7601e-05, [0.296036, 0.912707, -0.686586]),
    },
    "posenet": {
        "MobilenetV1/heatmap_2/BiasAdd:0": (-8.52041, [-9.81009, -9.06092, -7.50333]),
        "MobilenetV1/offset_2/BiasAdd:0": (-1.37877, [18.0657, 0.50292, 3.65885]),
        "MobilenetV1/displacement_fwd_2/BiasAdd:0": (7.25921, [20.2059, 15.2828, 4.25388]),
        "MobilenetV1/displacement_bwd_2/BiasAdd:0": (-8.10193, [-14.6482, -15.4441, -6.54873]),
    },
    "movenet-multipose": {"output_0": (0.305525, [0.982249, 0.218009, 0.938283])},
    "selfie": {"activation_10:0": (0.00191876, [0.0, 0.0, 0.387755])},
}


def pattern(graph: TfjsGraph, name: str) -> torch.Tensor:
    declared = next(iter(graph.shapes.values()))
    shape = [size if size > 0 else free for size, free in zip(declared, (1, 256, 320, 3), strict=True)]
    grey = torch.arange(int(np.prod(shape))).mul(7919).remainder(256).reshape(shape)
    return grey if name == "movenet-multipose" else (grey - 128) / (64 if name == "nanodet-g" else 128)


@pytest.mark.parity
@pytest.mark.parametrize("name", TENSORFLOW)
def test_whole_models_equal_tensorflow_js(name: str) -> None:
    path = located(name)
    if path is None:
        pytest.skip(f"no weights here: vistream download-weights {name}")
    graph = load_tfjs(path)
    outputs = graph(pattern(graph, name))
    assert set(outputs) == set(TENSORFLOW[name])
    for key, (mean, samples) in TENSORFLOW[name].items():
        values = outputs[key].flatten()
        at = [len(values) // 7, len(values) // 3, len(values) * 2 // 3]
        assert values.double().mean().item() == pytest.approx(mean, rel=1e-4, abs=2e-6)
        assert values[at].tolist() == pytest.approx(samples, rel=1e-4, abs=2e-5)


def test_models_of_the_registry_say_what_they_take() -> None:
    path = located("nanodet-g")
    if path is None:
        pytest.skip("no weights here: vistream download-weights nanodet-g")
    assert load_tfjs(path).shapes == {"input_1:0": (1, 3, 416, 416)}
    assert json.loads(path.read_text())["format"] == "graph-model"
