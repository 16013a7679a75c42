"""The whole network as integers, for frames of one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import PIXEL_ZERO, Input
from vistream.ir.plain_torch import with_plain_torch
from vistream.models.resnet import MEAN, STD
from vistream.models.spike2former.integer.backbone import add_backbone
from vistream.models.spike2former.integer.builder import Builder
from vistream.models.spike2former.integer.pixels import add_pixel_decoder
from vistream.models.spike2former.integer.queries import add_head, add_queries
from vistream.models.spike2former.integer.stages import Stage
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.sizes import LEVELS

OUTPUTS = ("masks", "classes", "offsets")


def rounded(mean: Sequence[float]) -> tuple[int, ...]:
    """The pixel that stands for 0."""
    return tuple(round(channel) for channel in mean)


BLANK = rounded(MEAN)
"""The pixel, RGB, that stands for 0: what windows find outside the frame, and what a frame is padded with."""


@with_plain_torch
def integer_network(
    network: Network,
    height: int,
    width: int,
    bits: int = 8,
    *,
    held: bool = False,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> IntegerNetwork:
    """`network` for pictures of `height` x `width` pixels, RGB, as `Spike2Former.fitted` gives them.

    `bits`: of a weight, 8 or 16; sums are exact in int32. `held`: neurons are such that a dead zone holds them. `mean`,
    `std`: by channel, what pixels are normalised with.
    """
    builder = Builder(bits, held)
    middle, spread = (torch.tensor(values, dtype=torch.float64) for values in (mean, std))
    image = builder.add(Input("image", 3, rounded(mean), (height, width)), 1 / spread, middle - PIXEL_ZERO)
    stage = Stage(builder, network.backbone_levels)
    features = add_backbone(stage, network.backbone, image)
    stage = Stage(builder, network.head_levels)
    head, widths = network.decode_head, network.sizes.backbone.widths
    levels, pixels = add_pixel_decoder(stage, head.pixel_decoder, features, (*widths[:LEVELS], widths[-1]))
    grids = [_strided(height, width, stride) for stride in (4, 3, 2)]
    query = add_queries(stage, head, levels, grids)
    return builder.network(**add_head(stage, head, query, pixels))


def _strided(height: int, width: int, halvings: int) -> tuple[int, int]:
    """What is left of rows and columns halved so many times, rounded up."""
    stride = 1 << halvings
    return -(-height // stride), -(-width // stride)


def predictions(outputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Class scores `[1, Q, N + 1]` and mask logits `[1, Q, h, w]` of the real numbers `[h, w, C]` of the outputs."""
    masks, classes, offsets = (outputs[name] for name in OUTPUTS)
    return classes, (masks + offsets[..., 0]).permute(2, 0, 1)[None]
