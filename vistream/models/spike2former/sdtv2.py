"""The two kinds of block of Meta-SpikeFormer, SDTv2 (Yao et al., ICLR 2024)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vistream.models.spike2former.attention import LinearAttention
from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.parts import ChannelMlp
from vistream.models.spike2former.sizes import HEADS


class ConvPart(nn.Module):
    """1x1 to twice the channels, BN; depthwise 7x7 and 1x1 back with nothing between, BN."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        wide = 2 * channels
        self.spike1, self.pwconv1 = Neuron(levels), nn.Conv2d(channels, wide, 1, bias=False)
        self.bn1, self.spike2 = nn.BatchNorm2d(wide), Neuron(levels)
        self.dwconv = nn.Conv2d(wide, wide, 7, padding=3, groups=wide, bias=False)
        self.pwconv2, self.bn2 = nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.pwconv1(self.spike1(x)))
        out: Tensor = self.bn2(self.pwconv2(self.dwconv(self.spike2(y))))
        return out


class PaddedNorm(nn.Module):
    """BN, then a border of one pixel that holds what BN makes of 0, so that a padded input would give the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        bn = self.bn
        y: Tensor = bn(x)
        mean, var = bn.running_mean, bn.running_var
        assert mean is not None and var is not None
        zero = bn.bias.detach() - mean * bn.weight.detach() * (var + bn.eps).rsqrt()
        border = functional.pad(y.new_zeros(1, 1, *y.shape[2:]), (1, 1, 1, 1), value=1.0)
        return functional.pad(y, (1, 1, 1, 1)) + border * zero.to(y.dtype).view(1, -1, 1, 1)


class RepConv(nn.Module):
    """Linear: 1x1, BN with border, depthwise 3x3, 1x1, BN. With the BN that follows it folds to one 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        deep = nn.Sequential(
            nn.Conv2d(channels, channels, 3, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), PaddedNorm(channels), deep)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class Attention(nn.Module):
    """`q (k^T v) / sqrt(d)` without softmax, in 8 heads of d channels, between re-parameterised convolutions."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        self.head_spike = Neuron(levels)
        self.q_conv, self.q_spike = _rep_norm(channels), Neuron(levels)
        self.k_conv, self.k_spike = _rep_norm(channels), Neuron(levels)
        self.v_conv, self.v_spike = _rep_norm(channels), Neuron(levels)
        self.attn_spike, self.proj_conv = Neuron(levels), _rep_norm(channels)
        self.product = LinearAttention((channels // HEADS) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.head_spike(x)
        q = self.q_spike(self.q_conv(spikes))
        k = self.k_spike(self.k_conv(spikes))
        v = self.v_spike(self.v_conv(spikes))
        mixed = self.product(q.flatten(2), k.flatten(2), v.flatten(2))
        out: Tensor = self.proj_conv(self.attn_spike(mixed.view(*mixed.shape[:2], *x.shape[2:])))
        return out


class Block(nn.Module):
    """Attention, then a channel MLP of four times the width."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        self.attn = Attention(channels, levels)
        self.mlp = ChannelMlp(channels, 4 * channels, levels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(x)
        out: Tensor = x + self.mlp(x.flatten(2)).view_as(x)
        return out


def _rep_norm(channels: int) -> nn.Sequential:
    return nn.Sequential(RepConv(channels), nn.BatchNorm2d(channels))
