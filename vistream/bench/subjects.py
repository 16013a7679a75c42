"""What a bench times: a float network for the contenders, and its integer forms for the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.models import resnet
from vistream.models.model import load_model
from vistream.models.spike2former import NAMES, Spike2Former
from vistream.models.spike2former.profile import Profile
from vistream.models.spike2former.sizes import BackboneSizes, Sizes
from vistream.quantize.convert import convert
from vistream.quantize.named import DEFAULT_MODEL, is_integer_network, named_network, preprocess_of
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.scales import Levels
from vistream.quantize.trace import trace
from vistream.segment.network import PRESETS as SEGMENTATION_PRESETS
from vistream.segment.network import load_network
from vistream.segment.streamed import as_integers
from vistream.types import Frame

RANDOM = ("resnet18", "resnet50")  # networks with random weights: good for timing, not for anything else
RANDOM_SEGMENTATION = "spike2former-random"
"""The network for ADE20K (34 M parameters) with random weights."""
CALIBRATION = 4  # frames for what needs some
LIVELY = 0.5  # gain of the encoder's parts where weights are random; an untrained network has next to nothing there


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The network under test. `preprocess`: a frame as `module` takes it; `fitted`: as the integer network takes it.

    `presets`: what the stream is timed with; `network`: its integer form for one of them.
    """

    name: str
    module: nn.Module
    preprocess: Callable[[Frame], Tensor]
    network: Callable[[DeadZones], IntegerNetwork]
    presets: Mapping[str, DeadZones]
    fitted: Callable[[Frame], Frame]


def subject(model: str, frames: Sequence[Frame]) -> Subject:
    """The network called `model`: one that tracking streams, `resnet18` or `resnet50` with random weights, cut after
    layer3 at stride 8, or one that segments: `spike2former-NAME`, `spike2former:FILE` or `spike2former-random`.

    Raises VistreamError where there is no such network.
    """
    if model.startswith("spike2former:") or model in (*NAMES, RANDOM_SEGMENTATION):
        return _segmentation(model, frames)
    if model in RANDOM:
        torch.manual_seed(0)
        module = resnet.ResNetFeatures(18 if model == "resnet18" else 50).eval().requires_grad_(False)
        preprocess = Preprocess(resnet.MEAN, resnet.STD)
        network = _calibrated(module, frames[:1], preprocess, Levels())
        return _of_features(f"{model} to layer3, random weights", module, preprocess, network)
    if is_integer_network(Path(model)):
        raise VistreamError(
            f"{model} is calibrated, and bench times the float network as well: give the weights that it was made of"
        )
    loaded = load_model(model)
    preprocess = preprocess_of(loaded)
    if model == DEFAULT_MODEL or loaded.scales is not None:
        network = named_network(model).network
    else:
        network = _calibrated(loaded.module, frames[:CALIBRATION], preprocess, Levels(*loaded.levels))
    return _of_features(loaded.name, loaded.module, preprocess, network)


def _of_features(name: str, module: nn.Module, preprocess: Preprocess, network: IntegerNetwork) -> Subject:
    return Subject(name, module, preprocess, lambda _: network, PRESETS, lambda frame: frame)


def _calibrated(module: nn.Module, frames: Sequence[Frame], preprocess: Preprocess, levels: Levels) -> IntegerNetwork:
    program = trace(module)
    return convert(program, calibrate(program, frames, preprocess, by_channel=True), preprocess, levels)


def _segmentation(model: str, frames: Sequence[Frame]) -> Subject:
    random = model == RANDOM_SEGMENTATION
    network = _random_segmentation(frames[0]) if random else load_network(model.removeprefix("spike2former:"), "semseg")
    name = "Spike2Former for ADE20K, random weights" if random else model
    size = (network.fitted(frames[0]).shape[0], network.fitted(frames[0]).shape[1])
    integers = cache(lambda zones: as_integers(network, size, zones))
    return Subject(name, network, network.preprocess, integers, SEGMENTATION_PRESETS, network.fitted)


def _random_segmentation(frame: Frame) -> Spike2Former:
    """With batch norms that fit what a frame gives, so that neurons are neither silent nor full."""
    torch.manual_seed(0)
    network = Spike2Former(Sizes(BackboneSizes()), Profile("ade20k"))
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.rpartition(".")[2] in ("gamma1", "gamma2", "gamma3"):
                weight.fill_(LIVELY)
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.momentum = None  # the mean of what is seen, which is one frame
        network.train()(network.preprocess(frame))
    return network.eval().requires_grad_(False)
