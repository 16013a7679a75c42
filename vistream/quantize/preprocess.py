"""`mean` and `std` as people write them, as the grey levels that the integer network is built for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vistream.errors import VistreamError
from vistream.quantize.ranges import Preprocess

IMAGENET = Preprocess((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def preprocess_of_user(mean: Any, std: Any, channels: int) -> Preprocess:
    """What a network expects of its pixels; `mean`, `std`: a number, or one a channel, of anything that holds numbers.

    Left out (None), they are ImageNet's. Raises VistreamError for another number of channels, for a `std` that is not
    positive, and for numbers that are meant for pixels of 0 to 1.
    """
    if mean is None and std is None:
        if channels == 3:
            return IMAGENET
        raise VistreamError(f"say what the network expects of {channels}-channel pixels: mean=..., std=..., 0 to 255")
    if mean is None or std is None:
        raise VistreamError("mean and std belong together: give both, in grey levels")
    means, stds = _numbers("mean", mean, channels), _numbers("std", std, channels)
    if not min(stds) > 0.0:
        raise VistreamError(f"std must be above 0, not {min(stds):g}: for pixels as they are, mean=0, std=1")
    if min(stds) < 1.0:
        raise VistreamError(
            f"mean and std are in grey levels, 0 to 255; these ({means[0]:g}, {stds[0]:g}) seem to be for pixels of 0 "
            "to 1: multiply both by 255"
        )
    return Preprocess(means, stds)


def _numbers(name: str, value: Any, channels: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(number) for number in np.asarray(value, np.float64).reshape(-1))
    except (TypeError, ValueError):
        raise VistreamError(f"{name} must be numbers in grey levels, not {value!r:.60}") from None
    numbers = numbers * channels if len(numbers) == 1 else numbers
    if len(numbers) != channels:
        raise VistreamError(f"{name} has {len(numbers)} numbers, the frames have {channels} channels")
    if not all(math.isfinite(number) for number in numbers):
        raise VistreamError(f"{name} has a number that is not finite")
    return numbers
