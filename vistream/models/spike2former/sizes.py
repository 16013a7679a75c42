"""Which network a state dict belongs to: every size is in its shapes.

Not there: D and norm of the neurons (`neuron.Levels`), and the number of attention heads, which is 8 in all networks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

HEADS = 8
TAPS = 9  # of a deformable 3x3 window
LEVELS = 3  # scales of pixel features that the query decoder reads in turn

Backbone = Literal["sdtv2", "sdtv3"]
Head = Literal["semantic", "panoptic"]


@dataclass(frozen=True, slots=True)
class BackboneSizes:
    """`widths`: channels at strides 2, 4, 8, 16 and 16 again; `blocks`: attention blocks of the last two stages."""

    kind: Backbone = "sdtv2"
    widths: tuple[int, int, int, int, int] = (32, 64, 128, 256, 360)
    blocks: tuple[int, int] = (6, 2)


@dataclass(frozen=True, slots=True)
class Sizes:
    """A whole network. `embed`: channels behind the backbone; `groups`: of the deformable windows; `classes`: of the
    class head, the last of which, no object, is not counted."""

    backbone: BackboneSizes
    head: Head = "semantic"
    embed: int = 256
    groups: int = 32
    encoder_layers: int = 6
    encoder_hidden: int = 1024
    decoder_layers: int = 6
    decoder_hidden: int = 2048
    queries: int = 100
    classes: int = 150


def backbone_sizes(weights: Mapping[str, Tensor]) -> BackboneSizes:
    """Of a backbone's own keys; raises ValueError, naming the first key it misses."""
    stem, quarter, eighth, sixteenth, last = (
        _shape(weights, f"{name}.encode_conv.weight", 4)[0]
        for name in ("downsample1_1", "downsample1_2", "downsample2", "downsample3", "downsample4")
    )
    kind: Backbone = "sdtv3" if "ConvBlock1_1.0.Conv.pwconv1.0.weight" in weights else "sdtv2"
    blocks = (_count(weights, r"block3\.(\d+)\."), _count(weights, r"block4\.(\d+)\."))
    widths = (stem, quarter, eighth, sixteenth, last)
    for width in (sixteenth, last):
        if width % HEADS:
            raise ValueError(f"has {width} channels in a stage with {HEADS} attention heads, which can't be divided")
    return BackboneSizes(kind, widths, blocks)


def network_sizes(weights: Mapping[str, Tensor]) -> Sizes:
    """Of a whole network's keys, `backbone.` and `decode_head.`; raises ValueError as above."""
    own = {key.removeprefix("backbone."): value for key, value in weights.items() if key.startswith("backbone.")}
    head = {key.removeprefix("decode_head."): value for key, value in weights.items() if key.startswith("decode_head.")}
    queries, embed = _shape(head, "query_feat.weight", 2)
    encoder, decoder = "pixel_decoder.encoder.layers", "transformer_decoder.layers"
    offsets = _shape(head, f"{encoder}.0.dcn.offset.0.weight", 4)[0]
    if embed % HEADS or offsets % (2 * TAPS) or embed % (offsets // (2 * TAPS) or 1):
        raise ValueError(f"has {embed} channels and {offsets} offsets, which can't be divided into heads and groups")
    classes = _shape(head, "cls_embed.weight", 2)[0] - 1
    if not classes:
        raise ValueError("knows no classes: cls_embed.weight has one row, that of no object")
    return Sizes(
        backbone_sizes(own),
        "panoptic" if "mask_embed.0.weight" in head else "semantic",
        embed,
        offsets // (2 * TAPS),
        _count(head, encoder.replace(".", r"\.") + r"\.(\d+)\."),
        _shape(head, f"{encoder}.0.ffn.fc1_conv.weight", 3)[0],
        _count(head, decoder.replace(".", r"\.") + r"\.(\d+)\."),
        _shape(head, f"{decoder}.0.ffn.fc1.weight", 3)[0],
        queries,
        classes,
    )


def _shape(weights: Mapping[str, Tensor], key: str, dimensions: int) -> tuple[int, ...]:
    if key not in weights:
        raise ValueError(f"is of another network: it lacks {key}")
    shape = tuple(weights[key].shape)
    if len(shape) != dimensions or 0 in shape:
        raise ValueError(f"is of another network: {key} has the shape {list(shape)}")
    return shape


def _count(weights: Mapping[str, Tensor], pattern: str) -> int:
    """Of numbered modules; a gap shows later as a missing key, and foolish numbers are refused here."""
    numbers = {found[1] for key in weights if (found := re.match(pattern, key))}
    return len(numbers)
