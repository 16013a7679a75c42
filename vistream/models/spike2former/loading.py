"""From a name or a weights file to a network; from a network to a file.

A file may be one of ours (safetensors that say what they are), a published one, one that mmsegmentation or
mmdetection wrote, or a plain state dict. What stands in it besides the network is named, never run.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.checkpoint import Checkpoint, read_checkpoint
from vistream.models.fitting import check_keys, copies, few
from vistream.models.registry import TINY, no_network
from vistream.models.spike2former.backbone import Backbone
from vistream.models.spike2former.model import Spike2Former
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.profile import PUBLISHED, from_metadata, guessed
from vistream.models.spike2former.sizes import BackboneSizes, backbone_sizes, network_sizes

NAMES = (
    TINY,
    "spike2former-ade20k",
    "spike2former-ade20k-large",
    "spike2former-cityscapes",
    "spike2former-voc",
    "spike2former-voc-4x4",
)
UNUSED = ("decode_head.conv_seg.", "auxiliary_head.", "data_preprocessor.")  # of the training framework
CLASSIFIER = ("head.", "head_kd.")  # of ImageNet backbones

Weights = dict[str, Tensor]


def load(spec: str | Path, levels: Levels | None = None) -> Spike2Former:
    """The network of a name (`NAMES`) or of a weights file, in eval mode, without gradients.

    `levels`: D and norm of all neurons, instead of what is known about the file. Raises VistreamError: no such name or
    file, weights not fetched yet, or a file that does not fit (naming the first few keys that don't).
    """
    path = _find(spec)
    checkpoint = read_checkpoint(path)
    try:
        weights, notes = _own(checkpoint)
        sizes = network_sizes(weights)
        digest = store.sha256(path)
        profile = from_metadata(checkpoint.arguments) or PUBLISHED.get(digest)
        if profile is None:
            profile = guessed(sizes)
            title = profile.labels or "unnamed"
            notes = (*notes, f"nobody described this file: taken to have {title} classes, D = {profile.head.most}")
        if levels is not None:
            profile = replace(profile, backbone=levels, head=levels)
        with torch.device("meta"):
            model = Spike2Former(sizes, profile)
        if len(model.classes) > sizes.classes:
            raise ValueError(f"has {sizes.classes} classes, fewer than {profile.labels}")
        check_keys(model.state_dict(), weights)
        model.load_state_dict(copies(model.state_dict(), weights), assign=True)
    except ValueError as error:
        raise VistreamError(f"{path}: {error}") from None
    model.notes, model.sha256 = notes, digest
    return model.eval().requires_grad_(False)


def load_backbone(path: Path, backbone: Backbone) -> tuple[str, ...]:
    """Fill `backbone` from a file of ImageNet weights; returns notes on what of the file was not used.

    Raises VistreamError, as `load` does; a backbone of another size is named as such.
    """
    weights = read_checkpoint(path).weights
    try:
        if any(key.startswith("backbone.") for key in weights):
            weights = {key: value for key, value in weights.items() if key.startswith("backbone.")}
        own = {key.removeprefix("module.").removeprefix("backbone."): value for key, value in weights.items()}
        dropped = [key for key in own if key.startswith(CLASSIFIER)]
        own = {key: value for key, value in own.items() if not key.startswith(CLASSIFIER)}
        found = backbone_sizes(own)
        if found != backbone.sizes:
            wanted = _described(backbone.sizes)
            raise ValueError(f"is a backbone of another size: {_described(found)} where {wanted} is wanted")
        check_keys(backbone.state_dict(), own)
        backbone.load_state_dict(copies(backbone.state_dict(), own))
    except ValueError as error:
        raise VistreamError(f"{path}: {error}") from None
    return (few("not used are ", dropped),) if dropped else ()


def save(model: Spike2Former, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write weights and profile as safetensors, whole or not at all; `dtype` float16 halves the file."""
    from safetensors.torch import save as as_bytes

    kept = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    content = {key: value.detach().cpu().to(dtype).contiguous() for key, value in kept.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(as_bytes(content, model.profile.metadata()))


def _find(spec: str | Path) -> Path:
    if str(spec) == TINY:
        return Path(str(resources.files("vistream.models.spike2former").joinpath("tiny.safetensors")))
    if str(spec) in NAMES:
        found = store.located(str(spec))
        if found is None:
            raise VistreamError(
                f"the weights of {spec} are not on this machine: fetch them with vistream download-weights {spec}"
            )
        return found
    path = Path(spec).expanduser()
    if not path.is_file():
        raise no_network(str(spec), NAMES)
    return path


def _own(checkpoint: Checkpoint) -> tuple[Weights, tuple[str, ...]]:
    """The network's keys as ours, and notes on the others."""
    weights = {_renamed(key): value for key, value in checkpoint.weights.items()}
    dropped = [key for key in weights if key.startswith(UNUSED)]
    own = {key: value for key, value in weights.items() if not key.startswith(UNUSED)}
    return own, (few("not used are ", dropped),) if dropped else ()


def _renamed(key: str) -> str:
    """Without the prefix of a wrapper, and under the one name that both kinds of head have here."""
    key = key.removeprefix("module.")
    return "decode_head." + key.removeprefix("panoptic_head.") if key.startswith("panoptic_head.") else key


def _described(sizes: BackboneSizes) -> str:
    return f"{sizes.kind} of {'-'.join(map(str, sizes.widths))} channels, {sizes.blocks[0]} + {sizes.blocks[1]} blocks"
