"""The two kinds of block of E-SpikeFormer, SDTv3 (Yao et al., TPAMI 2025)."""

from __future__ import annotations

from torch import Tensor, nn

from vistream.models.spike2former.attention import LinearAttention
from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.parts import ChannelMlp, SeparableConv, conv_norm
from vistream.models.spike2former.sizes import HEADS

VALUE_RATIO = 4  # channels of the values to those of queries and keys


class ConvPart(SeparableConv):
    """The separable convolution of the first stages, 7x7."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__(channels, 2 * channels, 7, levels)


class Attention(nn.Module):
    """`2 q (k^T v) / sqrt(d)` without softmax, in 8 heads of d channels, 4 d for the values, between 1x1 ones."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        wide = VALUE_RATIO * channels
        self.head_spike = Neuron(levels)
        self.q_conv, self.q_spike = conv_norm(channels, channels), Neuron(levels)
        self.k_conv, self.k_spike = conv_norm(channels, channels), Neuron(levels)
        self.v_conv, self.v_spike = conv_norm(channels, wide), Neuron(levels)
        self.attn_spike, self.proj_conv = Neuron(levels), conv_norm(wide, channels)
        self.product = LinearAttention(2 * (channels // HEADS) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.head_spike(x)
        q = self.q_spike(self.q_conv(spikes))
        k = self.k_spike(self.k_conv(spikes))
        v = self.v_spike(self.v_conv(spikes))
        mixed = self.product(q.flatten(2), k.flatten(2), v.flatten(2))
        out: Tensor = self.proj_conv(self.attn_spike(mixed.view(*mixed.shape[:2], *x.shape[2:])))
        return out


class Block(nn.Module):
    """A 3x3 separable convolution, attention, and a channel MLP of four times the width."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        self.conv = SeparableConv(channels, 2 * channels, 3, levels)
        self.attn = Attention(channels, levels)
        self.mlp = ChannelMlp(channels, 4 * channels, levels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.conv(x)
        x = x + self.attn(x)
        out: Tensor = x + self.mlp(x.flatten(2)).view_as(x)
        return out
