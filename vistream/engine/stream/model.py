"""A user's own network as a stream: `vistream.stream(model, calibration_frames)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from vistream.engine.agreement import OUTPUT
from vistream.engine.conversion import converted_file, converted_model
from vistream.engine.fidelity import check_dead_zones
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.step import Step
from vistream.given import real
from vistream.ir.plain_torch import with_plain_torch
from vistream.quantize.onnx_network import OnnxNetwork
from vistream.quantize.scales import weights_called
from vistream.types import Frame


@with_plain_torch
def stream(
    model: nn.Module | str | Path,
    calibration_frames: Any,
    *,
    mean: Any = None,
    std: Any = None,
    deadband: int = 0,
    hysteresis: int = 0,
    tolerance: float = OUTPUT,
    weights: str = "int8",
) -> Stream:
    """Quantise `model`, a module or an ONNX file, on a few frames and stream it; of a file, an `OnnxStream`.

    `model` takes `[1, C, H, W]` floats, `(pixels - mean) / std`, and returns tensors, or lists, dicts or dataclasses of
    them. `calibration_frames`: uint8 pictures, RGB, as arrays `[H, W, C]` or `[C, H, W]`, torch tensors or PIL images.
    `mean`, `std`: numbers in grey levels, one or one a channel; left out, ImageNet's. `deadband`, `hysteresis`: the
    dead zones, 0 is exact. `tolerance`: how far the outputs may be from the float network's, relative root mean square.
    `weights`: "int8", or "int16", which doubles the work of the convolutions.

    Raises VistreamError, in one sentence that says what to do, for what no integer network can do, and where integers
    and floats are too far apart on the calibration frames. The module is left as it was.
    """
    kind, tolerance = weights_called(weights), real("tolerance", tolerance)
    check_dead_zones(deadband, hysteresis)  # before the work of quantising
    if isinstance(model, str | Path):
        onnx = converted_file(Path(model), calibration_frames, mean, std, tolerance=tolerance, weights=kind)
        return OnnxStream(onnx, deadband, hysteresis)
    network = converted_model(model, calibration_frames, mean, std, tolerance=tolerance, weights=kind)
    return Stream(network, deadband, hysteresis)


class OnnxStream(Stream):
    """One video through the body of an ONNX file; `finished` gives what the whole file gives."""

    def __init__(self, onnx: OnnxNetwork, deadband: int = 0, hysteresis: int = 0) -> None:
        super().__init__(onnx.network, deadband, hysteresis)
        self.onnx = onnx

    def finished(self, step: Step, frame: Frame) -> dict[str, NDArray[np.generic]]:
        """The file's outputs, by name, for the last step and its frame: its tail is run on what the body gave."""
        values: dict[str, NDArray[np.generic]] = {
            name: readout.values() if self.onnx.crossing[name].shift is None else readout.levels.numpy()
            for name, readout in step.outputs.items()
        }
        return self.onnx.finish(values, frame)
