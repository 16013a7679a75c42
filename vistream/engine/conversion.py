"""From a user's module, or ONNX file, and frames to an integer network that was seen to do the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vistream.engine.agreement import OR_ALLOW, OUTPUT, check_network, check_recording
from vistream.engine.float_weights import cosine_with_float_weights
from vistream.engine.frames import as_frame, channels_of, each
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.plain_torch import with_plain_torch
from vistream.models.model import load_model
from vistream.models.onnx_file import DTYPES, OnnxFile, read_onnx
from vistream.quantize.convert import converted
from vistream.quantize.module import check_module
from vistream.quantize.named import preprocess_of
from vistream.quantize.onnx_module import image_of
from vistream.quantize.onnx_network import Check, OnnxNetwork, quantize_onnx
from vistream.quantize.preprocess import preprocess_of_user
from vistream.quantize.ranges import Preprocess, Ranges, calibrate
from vistream.quantize.record import record
from vistream.quantize.scales import FULL, Levels, Weights
from vistream.quantize.sizes import any_size
from vistream.quantize.trace import trace
from vistream.quantize.unforeseen import in_one_sentence
from vistream.types import Frame

CHECKED = 2  # frames on which floats and integers are compared


@with_plain_torch
def converted_model(
    model: nn.Module,
    frames: Any,
    mean: Any = None,
    std: Any = None,
    levels: Levels = FULL,
    tolerance: float | None = None,
    weights: Weights = Weights.INT8,
) -> IntegerNetwork:
    """The integer network of `model`, calibrated on `frames` and compared with the float network on the first of them.

    Frames, `mean` and `std` as `vistream.stream` takes them. Raises VistreamError for what no integer network can do,
    and where integers and floats are too far apart (see `agreement`).
    """
    check_module(model)
    given = each(frames)
    first = next(given, None)
    if first is None:
        raise VistreamError("calibration needs at least one frame")
    channels = _channels(model, first, mean)
    preprocess = preprocess_of_user(mean, std, channels)
    pictures = (as_frame(frame, channels) for frame in chain([first], given))
    kept = list(islice(pictures, CHECKED))
    with in_one_sentence(type(model).__name__):
        program = trace(model, channels, kept[0].shape[:2])
        check_recording(model, program, kept, preprocess)
    ranges = calibrate(program, chain(kept, pictures), preprocess, by_channel=True)
    with in_one_sentence(type(model).__name__):
        network, meanings = converted(program, ranges, preprocess, levels, weights=weights)
        if not any_size(model, program):
            only = replace(network.input, size=(kept[0].shape[0], kept[0].shape[1]))
            network = replace(network, layers=(only, *network.layers[1:]))
        _check_of(tolerance)(program, network, meanings, kept, preprocess)
    return network


def _check_of(tolerance: float | None) -> Check:
    """`check_network` with a tolerance, which its advice names; None: the usual, which the user can't change."""
    return check_network if tolerance is None else partial(check_network, tolerance=tolerance, advice=OR_ALLOW)


@with_plain_torch
def converted_file(
    path: Path,
    frames: Any,
    mean: Any = None,
    std: Any = None,
    levels: Levels = FULL,
    tolerance: float | None = None,
    weights: Weights = Weights.INT8,
) -> OnnxNetwork:
    """As `converted_model`, of an ONNX file; one that is quantised already is taken as it is."""
    file = read_onnx(path)
    channels = max((image_of(file).shape or (1, 3))[1], 1)
    preprocess = _expected_of(file, mean, std, channels)
    pictures = (as_frame(frame, channels) for frame in each(frames))
    check = _check_of(tolerance)
    return quantize_onnx(file, pictures, preprocess, levels, check, weights, read_out=True)


def _expected_of(file: OnnxFile, mean: Any, std: Any, channels: int) -> Preprocess:
    """What a file expects of its pixels: as the user says, but bytes are pixels as they are."""
    if DTYPES[file.inputs[0].dtype] is not np.uint8:
        return preprocess_of_user(mean, std, channels)
    if mean is not None or std is not None:
        raise VistreamError(f"{file.path}: its input is of bytes, which are pixels as they are: leave mean and std out")
    return preprocess_of_user(0, 1, channels)


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A model's network; the ranges that were seen; and its cosine with float weights, for either kind of weights."""

    network: IntegerNetwork
    ranges: Ranges
    cosines: Mapping[Weights, float]


@with_plain_torch
def calibrated_weights(spec: str, frames: Iterable[Frame], weights: Weights = Weights.INT8) -> Calibrated:
    """The model of a name or a weights file, calibrated on frames (uint8 `[H, W, 3]`, RGB) and compared as a module is.

    The outputs of a model with learned steps are not compared with the float network's: it was not trained for that.
    Raises VistreamError as `converted_model` does.
    """
    model = load_model(spec)
    preprocess, levels = preprocess_of(model), Levels(*model.levels)
    shown = iter(frames)
    kept = list(islice(shown, CHECKED))
    if not kept:
        raise VistreamError("calibration needs at least one frame")
    program = trace(model.module)
    check_recording(model.module, program, kept, preprocess)
    ranges = calibrate(program, chain(kept, shown), preprocess, by_channel=True)
    found = {kind: converted(program, ranges, preprocess, levels, model.scales, kind) for kind in Weights}
    network, meanings = found[weights]
    tolerance = OUTPUT if model.scales is None else math.inf
    check_network(program, network, meanings, kept, preprocess, tolerance)
    cosines = {kind: cosine_with_float_weights(program, *made, kept) for kind, made in found.items()}
    return Calibrated(network, ranges, cosines)


def _channels(model: nn.Module, frame: Any, mean: Any) -> int:
    """How many channels the network takes: as many as `mean` has numbers; or as its first convolution says, where the
    frame can be had that way (a grey one for a colour network can); or as the frame has, where that runs."""
    if mean is not None and np.size(mean) > 1:
        return int(np.size(mean))
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    found = channels_of(frame)
    if first is None or first.in_channels == found:
        return found
    try:
        as_frame(frame, first.in_channels)
        return first.in_channels
    except VistreamError as error:
        with suppress(VistreamError):  # something may stand before that convolution
            record(model, torch.zeros(1, found, *as_frame(frame, found).shape[:2]))
            return found
        raise error
