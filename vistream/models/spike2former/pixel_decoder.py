"""From the backbone's features to those that queries read, and to the pixel features that masks are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vistream.models.spike2former.deformable import Deformable, channels_as_last
from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.parts import ChannelMlp, SeparableConv, conv_norm
from vistream.models.spike2former.sizes import LEVELS, Sizes


@dataclass(frozen=True, slots=True, eq=False)
class PixelFeatures:
    """`levels`: `[B, E, h, w]` at strides 16, 8 and 4; `mask`: at stride 2."""

    levels: tuple[Tensor, ...]
    mask: Tensor


class EncoderLayer(nn.Module):
    """A separable convolution, a deformable layer and a channel MLP, each added with a learned gain a channel.

    The published MLP works channel-first and reads its result as if it were channel-last; that is kept.
    """

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        channels = sizes.embed
        self.gamma1, self.gamma2, self.gamma3 = (nn.Parameter(torch.full((channels,), 1e-6)) for _ in range(3))
        self.Conv = SeparableConv(channels, 2 * channels, 3, levels)
        self.dcn = Deformable(channels, sizes.groups, levels)
        self.ffn = ChannelMlp(channels, sizes.encoder_hidden, levels)

    def forward(self, z: Tensor) -> Tensor:
        z = z + _gain(self.gamma1) * self.Conv(z)
        z = z + _gain(self.gamma2) * self.dcn(z)
        mixed = channels_as_last(self.ffn(z.flatten(2)).view_as(z)).permute(0, 3, 1, 2)
        return z + _gain(self.gamma3) * mixed


class Encoder(nn.Module):
    """Layers at stride 16."""

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        self.layers = nn.ModuleList([EncoderLayer(sizes, levels) for _ in range(sizes.encoder_layers)])

    def forward(self, z: Tensor) -> Tensor:
        for layer in self.layers:
            z = layer(z)
        return z


class PixelDecoder(nn.Module):
    """The encoder at stride 16, then up: each finer feature map is added to the map before, made as large as it."""

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        embed = sizes.embed
        laterals = sizes.backbone.widths[:LEVELS]
        self.last_feat_conv_spike = Neuron(levels)
        self.encoder_in_proj = conv_norm(sizes.backbone.widths[-1], embed, bias=True)
        self.encoder = Encoder(sizes, levels)
        self.encoder_out_proj_spike, self.encoder_out_proj = Neuron(levels), conv_norm(embed, embed, bias=True)
        self.lateral_convs_spike = nn.ModuleList([Neuron(levels) for _ in laterals])
        self.lateral_convs = nn.ModuleList([conv_norm(width, embed, bias=True) for width in laterals])
        self.output_convs_spike = nn.ModuleList([Neuron(levels) for _ in laterals])
        self.output_convs = nn.ModuleList([conv_norm(embed, embed, 3, groups=embed) for _ in laterals])
        self.mask_feature_spike, self.mask_feature = Neuron(levels), nn.Conv2d(embed, embed, 1)

    def forward(self, features: tuple[Tensor, Tensor, Tensor, Tensor]) -> PixelFeatures:
        *laterals, last = features
        z = self.encoder(self.encoder_in_proj(self.last_feat_conv_spike(last)))
        y = self.encoder_out_proj(self.encoder_out_proj_spike(z))
        found = [y]
        for i in reversed(range(LEVELS)):
            lateral = self.lateral_convs[i](self.lateral_convs_spike[i](laterals[i]))
            grown = functional.interpolate(y, lateral.shape[2:], mode="bilinear", align_corners=False)
            y = self.output_convs[i](self.output_convs_spike[i](lateral + grown))
            found.append(y)
        return PixelFeatures(tuple(found[:LEVELS]), self.mask_feature(self.mask_feature_spike(y)))


def _gain(gamma: Tensor) -> Tensor:
    return gamma.view(1, -1, 1, 1)
