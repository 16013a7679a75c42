"""A user's own network as a stream: `vistream.stream(model, calibration_frames)`."""

from __future__ import annotations

from typing import Any

from torch import nn

from vistream.engine.agreement import OUTPUT
from vistream.engine.conversion import converted_model
from vistream.engine.stream.engine import Stream
from vistream.ir.plain_torch import with_plain_torch


@with_plain_torch
def stream(
    model: nn.Module,
    calibration_frames: Any,
    *,
    mean: Any = None,
    std: Any = None,
    deadband: int = 0,
    hysteresis: int = 0,
    tolerance: float = OUTPUT,
) -> Stream:
    """Quantise `model` on a few frames and stream it.

    `model` takes `[1, C, H, W]` floats, `(pixels - mean) / std`, and returns tensors, or lists, dicts or dataclasses of
    them. `calibration_frames`: uint8 pictures, RGB, as arrays `[H, W, C]` or `[C, H, W]`, torch tensors or PIL images.
    `mean`, `std`: numbers in grey levels, one or one a channel; left out, ImageNet's. `deadband`, `hysteresis`: the
    dead zones, 0 is exact. `tolerance`: how far the outputs may be from the float network's, relative root mean square.

    Raises VistreamError, in one sentence that says what to do, for what no integer network can do, and where integers
    and floats are too far apart on the calibration frames. The module is left as it was.
    """
    return Stream(converted_model(model, calibration_frames, mean, std, tolerance=tolerance), deadband, hysteresis)
