"""A user's own network as a stream: `vistream.stream(model, calibration_frames)`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from vistream.engine.stream.engine import Step, Stream
from vistream.quantize.convert import quantize
from vistream.quantize.onnx_network import OnnxNetwork, quantize_onnx
from vistream.quantize.ranges import Preprocess
from vistream.types import Frame

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


def stream(
    model: nn.Module | str | Path,
    calibration_frames: Iterable[Frame],
    *,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    deadband: int = 0,
    hysteresis: int = 0,
) -> Stream:
    """Quantise `model`, a module or an ONNX file, on a few frames (uint8 `[H, W, 3]`, RGB) and stream it.

    `model` takes `[B, 3, H, W]` floats, `(pixels - mean) / std` with `mean` and `std` in grey levels, and returns one
    tensor. Raises VistreamError for an operation that the integer network cannot take, by its name.
    """
    if not isinstance(model, nn.Module):
        return OnnxStream(quantize_onnx(Path(model), calibration_frames, Preprocess(mean, std)), deadband, hysteresis)
    return Stream(quantize(model, calibration_frames, Preprocess(mean, std)), deadband, hysteresis)


class OnnxStream(Stream):
    """One video through the body of an ONNX file; `finished` is what the whole file gives."""

    def __init__(self, onnx: OnnxNetwork, deadband: int = 0, hysteresis: int = 0) -> None:
        super().__init__(onnx.network, deadband, hysteresis)
        self.onnx = onnx

    def finished(self, step: Step, frame: Frame) -> dict[str, NDArray[np.generic]]:
        """The file's outputs, by name, for the last step and its frame: its tail is run on what the body gave."""
        values = {
            name: readout.values() if self.onnx.crossing[name].shift is None else readout.levels.numpy()
            for name, readout in step.outputs.items()
        }
        return self.onnx.finish(values, frame)
