"""A user's own network as a stream: `vistream.stream(model, calibration_frames)`."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from vistream.engine.stream.engine import Stream
from vistream.ir.plain_torch import with_plain_torch
from vistream.quantize.convert import quantize
from vistream.quantize.ranges import Preprocess
from vistream.types import Frame

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@with_plain_torch
def stream(
    model: nn.Module,
    calibration_frames: Iterable[Frame],
    *,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    deadband: int = 0,
    hysteresis: int = 0,
) -> Stream:
    """Quantise `model` on a few frames (uint8 `[H, W, 3]`, RGB) and stream it.

    `model` takes `[B, 3, H, W]` floats, `(pixels - mean) / std` with `mean` and `std` in grey levels, and returns one
    tensor. Raises VistreamError for an operation that the integer network cannot take, by its name.
    """
    return Stream(quantize(model, calibration_frames, Preprocess(mean, std)), deadband, hysteresis)
