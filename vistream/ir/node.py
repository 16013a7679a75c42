"""The operations of the float graph: one node, one operation.

A node computes one tensor from those of earlier nodes. The vocabulary is small and close to ONNX's; whatever has no
name in it is a `Call` of a torch operator, which can be evaluated but not looked into. Tensors have torch's own shapes
(`[1, C, H, W]` for a map, batch always 1).

| op | inputs | attributes | weights |
|---|---|---|---|
| `Input` | | | |
| `Constant` | | | `value` |
| `Conv` | x | `strides`, `pads` (four, or None: TensorFlow's SAME), `dilations`, `group` | `weight`, `bias`? |
| `ConvTranspose` | x | `strides`, `pads` (two), `output_padding`, `dilations`, `group` | `weight`, `bias`? |
| `Linear` | x | (over the last axis) | `weight` `[O, I]`, `bias`? |
| `Scale` | x | (per channel, axis 1: `x * gain + shift`) | `gain`, `shift` |
| `Add`, `Sub`, `Mul`, `Div` | a, b | (broadcast as torch does; a constant is a `Constant` node) | |
| `Relu` | x | | |
| `Clip` | x | `min`, `max` (floats, may be infinite) | |
| `PRelu` | x | | `slope` `[C]` |
| `MaxPool` | x | `kernel`, `strides`, `pads` (four), `dilations`, `ceil` | |
| `AveragePool` | x | `kernel`, `strides`, `pads` (two), `ceil`, `count_include_pad`, `divisor` | |
| `Mean` | x | (over rows and columns) `keepdims` | |
| `Resize` | x | `mode` (nearest, bilinear), `factor` (two floats) or `size` (two), `align_corners` | |
| `Pad` | x | `pads` (four), `value` | |
| `Concat` | any number | `axis` | |
| `Call` | any number | `target`, `arguments`, `keywords`, `output` | by name |

Four `pads` are top, left, bottom, right; two are torch's `padding`, vertical and horizontal. A `?` may be missing.
A `Call` calls the torch operator `target` (`"aten.softmax.int"`) with `arguments` and `keywords`, in which `Operand(i)`
stands for input `i` and `Weight(name)` for a weight, and takes result number `output`, or the only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor


class Operand(NamedTuple):
    """In the arguments of a `Call`: input number `position`."""

    position: int


class Weight(NamedTuple):
    """In the arguments of a `Call`: the weight of this name."""

    name: str


@dataclass(frozen=True, eq=False)
class Node:
    """One operation; `name` is unique and what the user knows it by: the module's name where there is one."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
