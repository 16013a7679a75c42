"""Every ONNX operation that is computed here equals onnxruntime's, in the forms in which exporters write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from vistream.models.onnx_file import _node
from vistream.quantize.onnx_attributes import Unsupported
from vistream.quantize.onnx_module import Step
from vistream.quantize.onnx_operators import OPERATORS
from vistream.quantize.onnx_rewrite import FOCUS

MAP = np.random.default_rng(0).normal(0, 1.5, (1, 4, 6, 8)).astype(np.float32)
ROW = np.random.default_rng(1).normal(0, 1, (1, 5, 8)).astype(np.float32)
POSITIVE = np.abs(MAP) + 0.1
INTS = np.array([7, -7, 3], np.int64)
YES = np.array([True, False, True])


def random(*shape: int, seed: int = 2) -> Any:
    return np.random.default_rng(seed).normal(0, 0.4, shape).astype(np.float32)


def whole(*values: int) -> Any:
    return np.array(values, np.int64)


def real(values: list[float]) -> Any:
    return np.array(values, np.float32)


@dataclass(frozen=True)
class Form:
    """One node: operation, inputs (None: left out), attributes, how many outputs, opset."""

    op: str
    inputs: tuple[Any, ...] = (MAP,)
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 18


ONE_MAP = (
    *("Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Abs", "Neg", "Floor", "Ceil", "Round", "Softplus", "Softsign"),
    *("HardSwish", "Mish", "Sin", "Cos", "Identity", "GlobalAveragePool", "Sign", "Elu", "HardSigmoid", "LeakyRelu"),
    *("Selu", "Celu"),
    *("Shape", "Transpose", "Flatten", "Softmax"),
)
FORMS = (
    *(Form(op) for op in ONE_MAP),
    *(Form(op, (POSITIVE,)) for op in ("Log", "Sqrt", "Reciprocal")),
    *(Form(op, (MAP, random(1, 4, 1, 1))) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min")),
    *(Form(op, (ROW, random(5, 8))) for op in ("Less", "Greater")),
    *(Form(op, (INTS, whole(7, 6, -3))) for op in ("LessOrEqual", "GreaterOrEqual")),
    Form("Pow", (POSITIVE, random(1))),
    Form("Equal", (INTS, whole(7, 7, 3))),
    Form("Sum", (MAP, MAP, POSITIVE)),
    Form("Div", (INTS, whole(2, 2, 2))),
    Form("Mod", (whole(7, 6, 3), whole(4, 4, 4))),
    Form("Dropout", (MAP,)),
    Form("Not", (YES,)),
    *(Form(op, (YES, np.array([True, True, False]))) for op in ("And", "Or")),
    Form("LeakyRelu", attributes={"alpha": 0.25}),
    Form("Elu", attributes={"alpha": 0.5}),
    Form("Selu", attributes={"alpha": 0.5, "gamma": 2.0}),
    Form("Celu", attributes={"alpha": 0.5}),
    Form("HardSigmoid", attributes={"alpha": 0.1, "beta": 0.4}),
    Form("Gelu", opset=20),
    Form("Gelu", attributes={"approximate": "tanh"}, opset=20),
    Form("Clip", (MAP, np.float32(-0.5), np.float32(0.75))),
    Form("Clip", (MAP, None, np.float32(0.75))),
    Form("Clip", attributes={"min": -0.5, "max": 0.5}, opset=6),
    Form("PRelu", (MAP, random(4, 1, 1))),
    Form("PRelu", (MAP, random(1))),
    Form("Cast", attributes={"to": 7}),
    Form("Cast", (INTS,), {"to": 1}),
    *(Form("CastLike", (MAP, one)) for one in (INTS, ROW)),
    Form("Where", (YES, INTS, whole(1, 2, 3))),
    Form("Conv", (MAP, random(6, 4, 3, 3), random(6)), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    Form("Conv", (MAP, random(6, 4, 3, 3)), {"pads": [0, 1, 2, 1], "dilations": [2, 1]}),
    Form("Conv", (MAP, random(8, 1, 3, 3)), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Form("Conv", (MAP, random(8, 2, 2, 2)), {"group": 2, "auto_pad": "SAME_LOWER"}),
    Form("Conv", (MAP, random(8, 4, 2, 2)), {"auto_pad": "VALID"}),
    Form("ConvTranspose", (MAP, random(4, 3, 3, 3), random(3)), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    Form("ConvTranspose", (MAP, random(4, 1, 2, 2)), {"group": 4, "strides": [2, 2], "output_padding": [1, 1]}),
    Form("ConvTranspose", (MAP, random(4, 3, 2, 2)), {"auto_pad": "NOTSET", "strides": [2, 2]}),
    Form("MaxPool", attributes={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Form("MaxPool", attributes={"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}),
    Form("MaxPool", attributes={"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Form("AveragePool", attributes={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Form("AveragePool", attributes={"kernel_shape": [2, 2], "pads": [1, 1, 0, 0], "count_include_pad": 1}),
    Form("Resize", (MAP, None, real([1, 1, 2, 2])), {"mode": "nearest", "nearest_mode": "floor",
         "coordinate_transformation_mode": "asymmetric"}),
    Form("Resize", (MAP, None, None, whole(1, 4, 18, 16)), {"mode": "nearest"}),
    Form("Resize", (MAP, None, real([1, 1, 3, 2])), {"coordinate_transformation_mode": "half_pixel"}),
    Form("Resize", (MAP, None, real([1, 1, 2, 2])), {"mode": "nearest",
         "coordinate_transformation_mode": "asymmetric"}),
    Form("Resize", (MAP, None, real([1, 1, 1.5, 2])), {"mode": "linear"}),
    Form("Resize", (MAP, None, real([1, 1, 1.5, 2])), {"mode": "linear", "axes": [0, 1, 2, 3]}),
    Form("Resize", (MAP, None, None, whole(1, 4, 9, 5)), {"mode": "linear",
         "coordinate_transformation_mode": "align_corners"}),
    *(Form("Resize", (MAP[:, :, :5, :7], None, real([1, 1, *scales])), {"mode": "linear"}) for scales in
      ([0.5, 0.5], [1.5, 1.7], [0.3, 3.0])),
    Form("Resize", (MAP, None, real([1, 1, 1.5, 1.3])), {"coordinate_transformation_mode": "asymmetric",
         "nearest_mode": "floor"}),
    Form("Upsample", (MAP, real([1, 1, 2, 3])), {"mode": "nearest"}, opset=9),
    Form("PRelu", (MAP, random(4, 1, 1))),
    Form("PRelu", (ROW[0], random(8))),
    Form("Mod", (MAP, np.float32(0.7)), {"fmod": 1}),
    Form("Pad", (MAP, whole(0, 0, 1, 2, 0, 0, 3, 0), np.float32(0.5))),
    Form("Pad", (MAP, whole(0, 0, 1, 2, 0, 0, 3, 0)), {"mode": "reflect"}),
    Form("Pad", (MAP, whole(0, 0, 1, 2, 0, 0, 3, 0)), {"mode": "edge"}),
    Form("Pad", (MAP, whole(0, 0, 1, 2, 0, 0, 3, 0), None, whole(0, 1, 2, 3))),
    Form("Pad", (MAP,), {"pads": [0, 1, 0, 0, 0, 0, 0, 0], "value": 2.0}, opset=10),
    Form("Gemm", (random(1, 5), random(5, 3), random(3)), {"alpha": 0.5, "beta": 2.0}),
    Form("Gemm", (random(1, 5), random(3, 5)), {"transB": 1}),
    Form("MatMul", (ROW, random(8, 3))),
    Form("MatMul", (ROW, random(1, 8, 5))),
    Form("BatchNormalization", (MAP, random(4), random(4), random(4), np.abs(random(4)) + 0.5), {"epsilon": 1e-3}),
    Form("LayerNormalization", (ROW, random(8), random(8)), {"axis": -1}),
    Form("LayerNormalization", (ROW, random(5, 8)), {"axis": 1}),
    Form("InstanceNormalization", (MAP, random(4), random(4))),
    Form("GroupNormalization", (MAP, random(4), random(4)), {"num_groups": 2, "epsilon": 1e-3}, opset=21),
    Form("GroupNormalization", (MAP, random(2), random(2)), {"num_groups": 2}),
    Form("Softmax", (ROW,), {"axis": 1}),
    *(Form(op, (MAP, whole(2, 3)), {"keepdims": 0}) for op in
      ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2")),
    Form("ReduceMean", attributes={"axes": [1]}, opset=13),
    Form("Reshape", (MAP, whole(0, 2, -1))),
    Form("Flatten", attributes={"axis": 2}),
    Form("Transpose", attributes={"perm": [0, 2, 3, 1]}),
    Form("Squeeze", (MAP, whole(0))),
    Form("Squeeze", (MAP,), {"axes": [0]}, opset=11),
    Form("Unsqueeze", (ROW, whole(0, -1))),
    Form("Slice", (MAP, whole(1, -3), whole(2**40, 100), whole(1, 3), whole(2, 1))),
    Form("Slice", (MAP, whole(5, -1), whole(0, -(2**63)), whole(2, 3), whole(-1, -3))),
    Form("Slice", (whole(4, 3, 2, 1), whole(-1), whole(-(2**63)), whole(0), whole(-1))),
    Form("Slice", (MAP,), {"starts": [1, 0], "ends": [3, -1], "axes": [2, 3]}, opset=9),
    Form("Split", (MAP, whole(1, 3)), {"axis": 1}, 2),
    Form("Split", (MAP,), {"axis": 1, "num_outputs": 3}, 3),
    Form("Split", (MAP,), {"axis": 1, "split": [2, 2]}, 2, 11),
    Form("Gather", (MAP, whole(3, -1)), {"axis": 1}),
    Form("Gather", (INTS, np.array(1, np.int64))),
    Form("Expand", (ROW, whole(2, 3, 1, 8))),
    Form("Tile", (ROW, whole(1, 2, 3))),
    Form("DepthToSpace", attributes={"blocksize": 2}),
    Form("DepthToSpace", attributes={"blocksize": 2, "mode": "CRD"}),
    Form("SpaceToDepth", attributes={"blocksize": 2}),
    Form("Concat", (MAP, POSITIVE, MAP[:, :1]), {"axis": 1}),
    Form("Constant", (), {"value_floats": [1.0, 2.0]}),
    Form("Constant", (), {"value": numpy_helper.from_array(INTS)}),
    Form("ConstantOfShape", (whole(2, 3),), {"value": numpy_helper.from_array(np.array([7], np.int64))}),
    Form("ConstantOfShape", (whole(2, 3),)),
    Form("Range", (np.array(1, np.int64), np.array(9, np.int64), np.array(3, np.int64))),
    Form("Shape", attributes={"start": 1, "end": -1}),
    Form("DequantizeLinear", (np.array([[1, -5], [7, 100]], np.int8), real([0.5, 2]), np.array([3, -1], np.int8)),
         {"axis": 0}),
    Form("DequantizeLinear", (np.array([1, 200], np.uint8), np.float32(0.25), np.uint8(128))),
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.op}-{form.opset}")
def test_equals_onnxruntime(form: Form) -> None:
    arrays = {f"in{i}": np.asarray(value) for i, value in enumerate(form.inputs) if value is not None}
    names = ["" if value is None else f"in{i}" for i, value in enumerate(form.inputs)]
    outputs = [f"out{i}" for i in range(form.outputs)]
    node = helper.make_node(form.op, names, outputs, **form.attributes)
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    untyped = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph([node], "g", [], untyped, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", form.opset)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    wanted = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {})
    step = Step(_node(memoryview(node.SerializeToString())))
    found = step(*(torch.from_numpy(arrays[name].copy()) if name else None for name in names))
    for ours, theirs in zip(found, wanted, strict=True):
        assert tuple(ours.shape) == theirs.shape
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=2e-5, atol=2e-5)


def test_every_operation_is_compared() -> None:
    assert {form.op for form in FORMS} == set(OPERATORS) - {FOCUS}, "which is no operation of ONNX"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (Form("Resize", (MAP, None, real([1, 1, 2, 2])), {"mode": "cubic"}), "cubic resizing"),
        (Form("Resize", (MAP, None, real([1, 1, 2, 2])), {"nearest_mode": "floor"}), "nearest resizing"),
        (Form("Resize", (MAP, None, real([1, 1, 2, 2])), {"nearest_mode": "ceil"}), "nearest resizing"),
        (Form("Resize", (MAP, None, real([1, 1, 3, 3])), {"coordinate_transformation_mode": "asymmetric"}), "nearest"),
        (
            Form("Resize", (MAP, None, real([1, 1, 4, 4])), {"coordinate_transformation_mode": "align_corners"}),
            "nearest",
        ),
        *(
            (Form("Resize", (MAP, None, real([1, 1, 0.5, 0.5])), {"mode": "linear", name: value}), "of some axes")
            for name, value in {"antialias": 1, "keep_aspect_ratio_policy": "not_larger", "axes": [0, 1, 3, 2]}.items()
        ),
        (Form("Resize", (MAP, None, real([1, 2, 1, 1])), {"mode": "linear"}), "another number of channels"),
        (
            Form(
                "Resize",
                (MAP, None, None, whole(1, 4, 1, 5)),
                {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
            ),
            "linear resizing",
        ),
        (Form("MaxPool", attributes={"kernel_shape": [2, 2], "pads": [0, 0, 1, 1], "ceil_mode": 1}), "with ceil_mode"),
        (Form("AveragePool", attributes={"kernel_shape": [2, 2], "dilations": [2, 2]}), "of a dilated window"),
        (Form("Pad", (MAP, whole(0, 1, 0, 1), None, whole(0, 1))), "axes that are named"),
        (Form("PRelu", (MAP[:, :, :, :4], random(4))), "slopes that vary over the map"),
        (Form("Conv", (ROW, random(3, 5, 3))), "anything but maps"),
        (Form("ConvTranspose", (MAP, random(4, 3, 3, 3)), {"pads": [0, 1, 1, 0]}), "padding that is uneven"),
        *(
            (Form("ConvTranspose", (MAP, random(4, 3, 3, 3)), {"strides": [2, 2], name: value}), "a wanted shape")
            for name, value in {"auto_pad": "SAME_UPPER", "output_shape": [12, 16]}.items()
        ),
        (Form("PRelu", (MAP, random(4, 6, 8))), "slopes that vary over the map"),
    ],
)
def test_other_forms_are_left_to_the_tail(form: Form, why: str) -> None:
    names = ["" if value is None else f"in{i}" for i, value in enumerate(form.inputs)]
    node = helper.make_node(form.op, names, ["out"], **form.attributes)
    given = [None if value is None else torch.from_numpy(np.asarray(value)) for value in form.inputs]
    with pytest.raises(Unsupported, match=why):
        Step(_node(memoryview(node.SerializeToString())))(*given)
