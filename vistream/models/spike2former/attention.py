"""Attention without softmax, so that the products associate, and the query decoder's attention made of it."""

from __future__ import annotations

from torch import Tensor, nn

from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.parts import token_conv_norm
from vistream.models.spike2former.sizes import HEADS


class LinearAttention(nn.Module):
    """`q (k^T v) * scale` in 8 heads, each a run of neighbouring channels.

    q `[B, C, M]`, k `[B, C, N]`, v `[B, Cv, N]`; returns `[B, Cv, M]`. Operands are levels of neurons, so their sums
    are exact in either order of the products; this one costs C * Cv / 8 a token instead of N * (C + Cv).
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        queries, keys, values = (part.reshape(len(part), HEADS, -1, part.shape[2]) for part in (q, k, v))
        held = values @ keys.transpose(2, 3)  # [B, heads, cv, c]
        out: Tensor = (held @ queries).flatten(1, 2) * self.scale
        return out


class QueryAttention(nn.Module):
    """Queries `[B, M, C]` gather from keys and values `[B, N, C]`: no softmax, no mask; scaled by 1 / sqrt(C)."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        self.q_conv_spike, self.q_conv, self.q_spike = _projection(channels, levels)
        self.k_conv_spike, self.k_conv, self.k_spike = _projection(channels, levels)
        self.v_conv_spike, self.v_conv, self.v_spike = _projection(channels, levels)
        self.attn_spike, self.out_conv = Neuron(levels), token_conv_norm(channels, channels)
        self.product = LinearAttention(channels**-0.5)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q = self.q_spike(self.q_conv(self.q_conv_spike(query.transpose(1, 2))))
        k = self.k_spike(self.k_conv(self.k_conv_spike(key.transpose(1, 2))))
        v = self.v_spike(self.v_conv(self.v_conv_spike(value.transpose(1, 2))))
        out: Tensor = self.out_conv(self.attn_spike(self.product(q, k, v)))
        return out.transpose(1, 2)


def _projection(channels: int, levels: Levels) -> tuple[Neuron, nn.Sequential, Neuron]:
    return Neuron(levels), token_conv_norm(channels, channels), Neuron(levels)
