"""`--model NAME|FILE`: from a name or a weights file to a network, cut at its feature map of stride 8, or 4.

Files are recognised by their keys: ResNet-18 and ResNet-50 (torchvision, timm, ViStream's training checkpoints with
learned steps, contrastive random walk), EfficientNet-Lite0; the prefix that a wrapper put before the keys is taken
off. Everything that the network needs must be there in the right shape, and nothing foreign may stand among it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.models import lite0, resnet, store
from vistream.models.checkpoint import read_checkpoint
from vistream.models.fitting import SHOWN, check_keys, copies, few
from vistream.models.registry import no_network

NAMES = ("efficientnet-lite0", "vistream-resnet50")
FULL_RANGE = (127, 63)  # levels where the file names none: what a byte holds of an unsigned and of a signed activation
VISTREAM_LEVEL = 16  # of the published checkpoint; level L means activations of 0 .. L / 2 - 1

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A float network in eval mode, without gradients: `[B, 3, H, W]` to a feature map of stride 8 or, cut early, 4.

    Its input is `(pixels - mean) / std`, RGB, 0..255. `scales`: the learned step of each activation, by the name of its
    module, or None: then it is to be calibrated. `levels`: the largest level of an unsigned and of a signed activation.
    `notes`: what a user should know about this file, a line each. `sha256`: of the file, in hex.
    """

    name: str
    module: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scales: dict[str, float] | None
    levels: tuple[int, int]
    notes: tuple[str, ...]
    sha256: str


class Cut(IntEnum):
    """The block after which an EfficientNet-Lite0 is cut; a ResNet has one cut only.

    `EARLY`, of stride 4, costs two thirds of `USUAL`; `DEEP`, dilated so that its stride is 8 as well, five times that.
    """

    EARLY = 2
    USUAL = 4
    DEEP = 10


def load_model(spec: str | Path, cut: Cut = Cut.USUAL) -> LoadedModel:
    """The network of a registered name (`NAMES`) or of a weights file, up to a `cut`.

    Raises VistreamError: no such name or file, weights not fetched yet, or a file that does not fit (naming the first
    few keys that don't).
    """
    name, path = _find(spec)
    checkpoint = read_checkpoint(path)
    try:
        weights, notes = _unwrapped(checkpoint.weights)
        if "_conv_stem.weight" in weights:
            return LoadedModel(
                name, _lite0(weights, cut), lite0.MEAN, lite0.STD, None, FULL_RANGE, notes, store.sha256(path)
            )
        module, steps = _resnet(weights)
        levels = FULL_RANGE
        if steps is not None:
            levels, note = _levels(checkpoint.arguments)
            notes = (*notes, note)
        mean, std = resnet.MEAN, resnet.STD
        return LoadedModel(name, module, mean, std, steps, levels, (*notes, *_about(weights)), store.sha256(path))
    except ValueError as error:
        raise VistreamError(f"{path}: {error}") from None


def _find(spec: str | Path) -> tuple[str, Path]:
    """The name and the file to read."""
    if str(spec) in NAMES:
        found = store.located(str(spec))
        if found is None:
            raise VistreamError(
                f"the weights of {spec} are not on this machine: fetch them with vistream download-weights {spec}"
            )
        return str(spec), found
    path = Path(spec).expanduser()
    if not path.is_file():
        raise no_network(str(spec), NAMES)
    return path.stem, path


def _unwrapped(weights: Mapping[str, Tensor]) -> tuple[Weights, tuple[str, ...]]:
    """The network's own keys, without the prefix that `DataParallel` or a surrounding model put before them."""
    stems = (re.fullmatch(r"(|.*\.)(?:conv1(?:\.1)?|_conv_stem)\.weight", key) for key in weights)
    prefixes = [stem[1] for stem in stems if stem and "layer" not in stem[1]]
    if not prefixes:
        raise ValueError(
            "holds neither a ResNet-18, a ResNet-50 nor an EfficientNet-Lite0; its first keys are "
            + ", ".join(list(weights)[:SHOWN])
        )
    prefix = prefixes[0]
    own: Weights = {}
    notes: list[str] = []
    for key, value in weights.items():
        if key.startswith(prefix):
            # a convolution behind a padding layer of its own, as contrastive random walk has them
            own[re.sub(r"(conv\d)\.1\.weight$", r"\1.weight", key.removeprefix(prefix))] = value
    if re.search(r"conv\d\.1\.weight", " ".join(weights)):
        notes.append("it was trained with reflected borders; here they are zeros")
    outside = [key for key in weights if not key.startswith(prefix)]
    if outside:
        notes.append(f"{len(outside)} keys outside {prefix} are not used, such as {outside[0]}")
    return own, tuple(notes)


def _lite0(weights: Weights, cut: Cut) -> nn.Module:
    with torch.device("meta"):
        network = lite0.Lite0(dilate_from=5 if cut is Cut.DEEP else None)
    check_keys(network.state_dict(), weights)
    network.load_state_dict(copies(network.state_dict(), weights), assign=True)
    return _frozen(lite0.Lite0Features(network, last=cut))


def _resnet(weights: Weights) -> tuple[nn.Module, dict[str, float] | None]:
    """The cut network, and the learned steps of its activations if there are any."""
    depth: resnet.Depth = 50 if "layer1.0.conv3.weight" in weights else 18
    with torch.device("meta"):
        whole, module = resnet.ResNet(depth), resnet.ResNetFeatures(depth)
    unused = ("fc.",) if any(key.startswith("layer4.") for key in weights) else ("fc.", "layer4.")
    expected = {key: value for key, value in whole.state_dict().items() if not key.startswith(unused)}
    plain = {key: value for key, value in weights.items() if not key.startswith(unused) and not key.endswith(".s")}
    check_keys(expected, plain)
    module.load_state_dict(copies(module.state_dict(), plain), assign=True)
    activations = [name for name, part in module.named_modules() if isinstance(part, nn.ReLU)]
    return _frozen(module), _steps(weights, activations)


def _steps(weights: Weights, activations: list[str]) -> dict[str, float] | None:
    """The learned step of each activation: all of them, or None where the file has none."""
    found = {name: weights[f"{name}.s"] for name in activations if f"{name}.s" in weights}
    if not found:
        return None
    missing = [f"{name}.s" for name in activations if name not in found]
    if missing:
        raise ValueError(few("lacks the learned steps ", missing))
    steps = {name: float(step) if step.numel() == 1 else float("nan") for name, step in found.items()}
    unsound = [f"{name}.s" for name, step in steps.items() if not 0.0 < step < float("inf")]
    if unsound:
        raise ValueError(few("has learned steps that are not one positive number: ", unsound))
    return steps


def _levels(arguments: Mapping[str, object]) -> tuple[tuple[int, int], str]:
    """The levels that a checkpoint with learned steps was trained for, and a note that says so."""
    level = arguments.get("level")
    if level is None:
        level, origin = VISTREAM_LEVEL, "the published checkpoint's, since this file names none"
    else:
        origin = "from its training arguments"
    if not isinstance(level, int) or not 4 <= level <= 256:
        raise ValueError(f"was trained for level {level!r}; 4 to 256 can be taken")
    largest = level // 2 - 1
    return (largest, min(largest, FULL_RANGE[1])), f"learned steps, level {level} ({origin}): activations 0..{largest}"


def _about(weights: Weights) -> tuple[str, ...]:
    notes = []
    if any(key.startswith(("layer4.", "fc.")) for key in weights):
        notes.append("layer4 and fc are not used: the network is cut after layer3")
    if any(key.endswith("quan_w_fn.s") for key in weights):
        notes.append("its learned weight steps are not used: weights become 8-bit by output channel")
    return tuple(notes)


def _frozen(module: nn.Module) -> nn.Module:
    return module.eval().requires_grad_(False)
