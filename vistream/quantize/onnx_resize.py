"""Resizing as ONNX has it, in torch: its ways of laying one grid over another are many, and torch knows few of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vistream.models.onnx_file import Node
from vistream.quantize.onnx_attributes import (
    Inputs,
    Unsupported,
    check_map,
    integer,
    integers,
    optional,
    required,
    string,
)

Floats = NDArray[np.float32]


def nearest_lines(old: int, new: int, scale: float, where: str, ties: str) -> list[int] | None:
    """The line of `old` that each of `new` lines takes over, as ONNX's Resize defines it; None: it is not known here.

    `scale`: what the file enlarges by, which is `new / old` only where that is whole. Computed as onnxruntime does.

    >>> nearest_lines(2, 6, 3.0, "asymmetric", "floor"), nearest_lines(2, 6, 3.0, "asymmetric", "round_prefer_floor")
    ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
    """
    line, half, by = np.arange(new, dtype=np.float32), np.float32(0.5), np.float32(scale)
    places: dict[str, Callable[[], Floats]] = {
        "asymmetric": lambda: line / by,
        "half_pixel": lambda: (line + half) / by - half,
        "pytorch_half_pixel": lambda: (line + half) / by - half if new > 1 else line * 0,
        "align_corners": lambda: line * np.float32(old - 1) / np.float32(new - 1) if new > 1 else line * 0,
        "tf_half_pixel_for_nn": lambda: (line + half) / by,
    }
    rounded: dict[str, Callable[[Floats], Floats]] = {
        "floor": np.floor,
        "ceil": np.ceil,
        "round_prefer_floor": lambda place: np.ceil(place - half),
        "round_prefer_ceil": lambda place: np.floor(place + half),
    }
    if where not in places or ties not in rounded:
        return None
    return [min(max(int(taken), 0), old - 1) for taken in rounded[ties](places[where]())]


def _is_older(node: Node, inputs: Inputs) -> bool:
    """Whether it is resizing as opsets up to 10 have it: by scales alone, and less exactly defined."""
    return node.op == "Upsample" or len(inputs) == 2


@dataclass(frozen=True, slots=True)
class Resizing:
    """From `old` rows and columns to `new`; `scales`: what the file multiplies by, None: it names the size."""

    old: tuple[int, int]
    new: tuple[int, int]
    scales: tuple[float, float] | None

    @classmethod
    def of(cls, node: Node, inputs: Inputs) -> Resizing:
        """What a node asks for; Unsupported for what torch has no word for."""
        x, older = required(inputs, 0), _is_older(node, inputs)
        kept = string(node, "keep_aspect_ratio_policy", "stretch") != "stretch"
        all_axes = list(range(x.dim()))
        if kept or integers(node, "axes", all_axes) != all_axes or integer(node, "antialias", 0):
            raise Unsupported("resizing of some axes, with antialiasing or at a kept aspect ratio")
        scales, sizes = optional(inputs, 1 if older else 2), None if older else optional(inputs, 3)
        scales = torch.tensor(node.attributes["scales"]) if "scales" in node.attributes else scales
        old = (x.shape[2], x.shape[3])
        if sizes is not None:
            wanted = [int(side) for side in sizes]
            if wanted[:2] == list(x.shape[:2]):
                return cls(old, (wanted[2], wanted[3]), None)
        elif scales is not None:  # ONNX multiplies in float32
            factors = [float(np.float32(scale)) for scale in scales]
            rows, columns = (
                int(np.float32(side) * np.float32(scale)) for side, scale in zip(old, factors[2:], strict=True)
            )
            if factors[:2] == [1.0, 1.0]:
                return cls(old, (rows, columns), (factors[2], factors[3]))
        raise Unsupported("no size, or another number of channels")

    def lines(self, where: str, ties: str) -> list[list[int] | None]:
        """Of the rows and of the columns, see `nearest_lines`."""
        scales = self.scales or tuple(new / old for old, new in zip(self.old, self.new, strict=True))
        return [nearest_lines(*axis, where, ties) for axis in zip(self.old, self.new, scales, strict=True)]

    def torch_lines(self) -> list[list[int]]:
        """The same as torch takes them over."""
        steps = [old / new for old, new in zip(self.old, self.new, strict=True)]
        steps = steps if self.scales is None else [1.0 / scale for scale in self.scales]
        places = [
            np.arange(new, dtype=np.float32) * np.float32(step) for new, step in zip(self.new, steps, strict=True)
        ]
        return [[min(int(line), old - 1) for line in place] for place, old in zip(places, self.old, strict=True)]

    def __call__(self, x: Tensor, mode: str, corners: bool | None = None) -> Tensor:
        """By a factor where there is one, so that another size of `x` is resized likewise."""
        if self.scales is None:
            return F.interpolate(x, self.new, mode=mode, align_corners=corners)
        return F.interpolate(x, scale_factor=self.scales, mode=mode, align_corners=corners)


def resize(node: Node, inputs: Inputs) -> Tensor:
    x, older = required(inputs, 0), _is_older(node, inputs)
    check_map(x)
    resizing = Resizing.of(node, inputs)
    mode = string(node, "mode", "nearest")
    where = string(node, "coordinate_transformation_mode", "asymmetric" if older else "half_pixel")
    if mode == "nearest":
        ties = string(node, "nearest_mode", "floor" if older else "round_prefer_floor")
        if resizing.torch_lines() != resizing.lines(where, ties):
            raise Unsupported(f"nearest resizing of the kind {where}, {ties}, from {resizing.old} to {resizing.new}")
        return resizing(x, mode)
    single = where == "pytorch_half_pixel" and min(resizing.new) == 1
    if mode != "linear" or where not in ("half_pixel", "pytorch_half_pixel", "align_corners") or single:
        raise Unsupported(f"{mode} resizing of the kind {where}")
    found = resizing(x, "bilinear", where == "align_corners")
    if found.shape[2:] != resizing.new:
        raise Unsupported(f"resizing from {resizing.old} to {resizing.new} by {resizing.scales}")
    return found
