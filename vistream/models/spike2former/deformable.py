"""The deformable layer of the pixel decoder: windows of 3x3 whose taps lie where the network puts them.

After InternImage's DCNv3 (Wang et al., CVPR 2023), without softmax. The published code takes the offsets and weights
from a channel-first buffer as if it were channel-last; weights trained with that need it, so it is kept. It makes the
pattern of sampling depend on the size of the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.parts import SeparableConv, conv_norm
from vistream.models.spike2former.sizes import TAPS


class Deformable(nn.Module):
    """`[B, C, H, W]` to the same shape; `groups` windows a position, each over C / groups channels."""

    def __init__(self, channels: int, groups: int, levels: Levels) -> None:
        super().__init__()
        self.groups = groups
        self.input_proj = SeparableConv(channels, 2 * channels, 5, levels)
        self.dw_spike, self.dw_conv = Neuron(levels), conv_norm(channels, channels, 5, groups=channels)
        self.offset_spike = Neuron(levels)
        self.offset = conv_norm(channels, groups * TAPS * 2, bias=True)
        self.mask, self.mask_spike = conv_norm(channels, groups * TAPS, bias=True), Neuron(levels)
        self.output_proj = SeparableConv(channels, 2 * channels, 5, levels)

    def forward(self, x: Tensor) -> Tensor:
        values = self.input_proj(x)
        spikes = self.offset_spike(self.dw_conv(self.dw_spike(x)))
        offsets = channels_as_last(self.offset(spikes))
        weights = channels_as_last(self.mask_spike(self.mask(spikes)))
        out: Tensor = self.output_proj(sample(values, offsets, weights, self.groups))
        return out


def channels_as_last(x: Tensor) -> Tensor:
    """A channel-first buffer `[B, C, H, W]` read as `[B, H, W, C]`: its numbers stay where they lie in memory."""
    batch, channels, height, width = x.shape
    return x.reshape(batch, height, width, channels)


def sample(values: Tensor, offsets: Tensor, weights: Tensor, groups: int) -> Tensor:
    """The sum over taps t of `weights[g, t] * values_g(p + t + offsets[g, t])`, bilinear, zero outside the map.

    values `[B, C, H, W]`; offsets `[B, H, W, groups * 9 * 2]`, x before y, in pixels; weights `[B, H, W, groups * 9]`.
    Taps run down the columns: (dx, dy) = (-1, -1), (-1, 0), (-1, 1), (0, -1), ...
    """
    batch, channels, height, width = values.shape
    positions = height * width
    exact = torch.promote_types(offsets.dtype, torch.float32)  # places need more digits than bfloat16 has
    place = offsets.view(batch, positions, groups, TAPS, 2).to(exact) + _taps(height, width, values.device)
    size = torch.tensor([width, height], device=values.device)
    grid = ((2 * place + 1) / size - 1).permute(0, 2, 1, 3, 4).reshape(batch * groups, positions, TAPS, 2)
    maps = values.to(exact).reshape(batch * groups, channels // groups, height, width)
    taps = functional.grid_sample(maps, grid, "bilinear", "zeros", align_corners=False)
    share = weights.view(batch, positions, groups, TAPS).transpose(1, 2).reshape(batch * groups, 1, positions, TAPS)
    return (taps * share).sum(-1).view(batch, channels, height, width)


def _taps(height: int, width: int, device: torch.device) -> Tensor:
    """Where each position's window lies, x before y: `[H * W, 1, 9, 2]`."""
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    centre = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).view(-1, 1, 1, 2)
    step = torch.arange(-1, 2, device=device)
    return centre + torch.stack(torch.meshgrid(step, step, indexing="ij"), -1).view(1, 1, TAPS, 2)
