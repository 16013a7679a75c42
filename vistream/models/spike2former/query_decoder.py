"""Queries that gather from the pixel features, level after level, and from one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vistream.models.spike2former.attention import QueryAttention
from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.sizes import Sizes

TEMPERATURE = 10_000.0


class Wrapped(nn.Module):
    """Attention under the name `attn`, as the published keys have it."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        self.attn = QueryAttention(channels, levels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out: Tensor = self.attn(query, key, value)
        return out


class QueryMlp(nn.Module):
    """Queries `[B, Q, C]` to the same shape.

    The published code reads the buffer `[Q, C]` as `[C, Q]` before and back after; that is kept.
    """

    def __init__(self, channels: int, hidden: int, levels: Levels) -> None:
        super().__init__()
        self.fc1_spike, self.fc1, self.bn1 = Neuron(levels), nn.Conv1d(channels, hidden, 1), nn.BatchNorm1d(hidden)
        self.fc2_spike, self.fc2, self.bn2 = Neuron(levels), nn.Conv1d(hidden, channels, 1), nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, queries, channels = x.shape
        y = self.bn1(self.fc1(self.fc1_spike(x.reshape(batch, channels, queries))))
        y = self.bn2(self.fc2(self.fc2_spike(y)))
        out: Tensor = y.reshape(batch, queries, channels)
        return out


class DecoderLayer(nn.Module):
    """Cross-attention to the pixels, self-attention, MLP; the panoptic network attends to itself first."""

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        self.self_attn = Wrapped(sizes.embed, levels)
        self.cross_attn = Wrapped(sizes.embed, levels)
        self.ffn = QueryMlp(sizes.embed, sizes.decoder_hidden, levels)
        self.self_first = sizes.head == "panoptic"

    def forward(self, query: Tensor, embed: Tensor, memory: Tensor, position: Tensor) -> Tensor:
        for to_itself in (self.self_first, not self.self_first):
            if to_itself:
                query = query + self.self_attn(query + embed, query + embed, query)
            else:
                query = query + self.cross_attn(query + embed, memory + position, memory)
        out: Tensor = query + self.ffn(query)
        return out


class QueryDecoder(nn.Module):
    """The layers. Layer i reads pixel level i mod 3; the head looks at the queries after each."""

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        self.layers = nn.ModuleList([DecoderLayer(sizes, levels) for _ in range(sizes.decoder_layers)])

    def forward(self, query: Tensor, embed: Tensor, level_embed: Tensor, levels: tuple[Tensor, ...]) -> list[Tensor]:
        """Queries `[B, Q, C]` after each layer. `embed` `[Q, C]`; `level_embed` `[3, C]`; levels `[B, C, h, w]`."""
        memories = [y.flatten(2).transpose(1, 2) + level_embed[i] for i, y in enumerate(levels)]
        positions = [sine_positions(*y.shape[1:]).to(y) for y in levels]
        found = []
        for number, layer in enumerate(self.layers):
            level = number % len(levels)
            query = layer(query, embed, memories[level], positions[level])
            found.append(query)
        return found


def sine_positions(channels: int, height: int, width: int) -> Tensor:
    """Sine encoding of places, float32 `[height * width, channels]`: half the channels tell y, the others x.

    Places run from 1, scaled so that the last one is 2 pi; sines on even, cosines on odd channels.
    """
    half = channels // 2
    exponent = 2 * torch.div(torch.arange(half, dtype=torch.float32), 2, rounding_mode="floor") / half
    wavelength = TEMPERATURE**exponent

    def encoded(length: int) -> Tensor:
        place = torch.arange(1, length + 1, dtype=torch.float32)
        angle = (place / (length + 1e-6) * 2 * torch.pi)[:, None] / wavelength
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)

    rows, columns = encoded(height)[:, None], encoded(width)[None]
    shape = (height, width, half)
    return torch.cat([rows.expand(shape), columns.expand(shape)], 2).flatten(0, 1)
