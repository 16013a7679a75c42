"""The kernels of the stream in plain torch: the reference for faster ones, and what runs where those are absent.

Levels are int8 `[H, W, C]`, masks bool `[H, W]`, `index` int64 positions in a flattened `[H * W]` grid. No function
here keeps state; those that write say so.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.stream.gemm import int_mm
from vistream.engine.stream.plan import Place, SynapsePlan, positions
from vistream.ir.formula import pre_activation, settle
from vistream.ir.layers import Neuron


def spread(mask: Tensor, place: Place) -> Tensor:
    """The output positions whose window holds a dirty input."""
    if place.window.pointwise:
        return mask
    padded = _pad(mask[None, None].to(torch.float32), place)
    window = place.window
    return F.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)[0, 0] > 0


def charge(synapse: SynapsePlan, source: Tensor, index: Tensor) -> Tensor:
    """What a synapse delivers to the output positions `index`: exact integers `[n, O]`."""
    if synapse.place is None:
        return source.to(torch.int32).sum((0, 1))[None]
    if synapse.weight is None:
        return source.reshape(-1, source.shape[2])[index]
    windows = gather(source, synapse.place, index)
    if synapse.depthwise:
        return (windows.to(torch.int32) * synapse.weight.to(torch.int32)).sum(1, dtype=torch.int32)
    if synapse.groups == 1:
        return int_mm(windows.flatten(1), synapse.weight)
    parts = windows.reshape(len(index), windows.shape[1], synapse.groups, -1).unbind(2)
    return torch.cat(
        [int_mm(part.flatten(1).contiguous(), weight) for part, weight in zip(parts, synapse.weight, strict=True)],
        1,
    )


def gather(source: Tensor, place: Place, index: Tensor, padding: int = 0) -> Tensor:
    """The inputs under the windows of the output positions `index`: `[n, kh * kw, C]`."""
    channels = source.shape[2]
    if place.window.pointwise:
        return source.reshape(-1, 1, channels)[index]
    padded = _pad(source.permute(2, 0, 1)[None], place, padding)[0].permute(1, 2, 0)
    (rows, columns), (down, across) = place.window.kernel, place.window.dilation
    width = padded.shape[1]
    offsets = (torch.arange(rows)[:, None] * down * width + torch.arange(columns)[None] * across).reshape(-1)
    starts = positions(place)[index]
    return padded.reshape(-1, channels)[starts[:, None] + offsets]


def fire(
    neuron: Neuron,
    charges: list[Tensor],
    multipliers: list[Tensor],
    levels: Tensor,
    index: Tensor,
    hysteresis: int,
) -> tuple[Tensor, int]:
    """Let the neurons at `index` settle, and write them into `levels`.

    Returns which positions changed in any channel, bool `[n]`, and how many activations changed.
    """
    rows = levels.reshape(-1, levels.shape[2])
    held = rows[index]
    settled = settle(pre_activation(charges, multipliers, neuron.bias), neuron.lo, neuron.hi, held, hysteresis)
    changed = settled != held
    rows[index] = settled
    return changed.any(1), int(changed.sum())


def pool(source: Tensor, place: Place, index: Tensor) -> Tensor:
    """The largest level of each window at `index`: int8 `[n, C]`."""
    return gather(source, place, index, -128).amax(1)


def _pad(x: Tensor, place: Place, value: int = 0) -> Tensor:
    placed = place.placed
    return F.pad(x, (placed.left, placed.right, placed.top, placed.bottom), value=value)
