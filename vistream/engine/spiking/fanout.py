"""Where a spike goes: the neurons that it reaches through a synapse, and the charge that it brings to each.

Every event is delivered forward, from its source to its targets (a scatter), which is how spiking hardware works and
the opposite of the gather of `quantize.dense` and `stream`: they share no code. Cost follows the positions that have
events. Charges are integers and exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vistream.engine.spiking.events import Events
from vistream.ir.formula import mean_multiplier
from vistream.ir.layers import Synapse
from vistream.ir.window import Window

EXACT = 2**24  # float32 holds every integer up to here


class FanOut:
    """A synapse laid over a source of `[height, width, channels]`; `size` is the target's (height, width).

    Its target channels fall into `groups`: an event reaches all the channels of its own group, at each position whose
    window holds it. `multiplier` turns charge into levels. `connections`: the pairs of a source value and a neuron.
    """

    def __init__(self, synapse: Synapse, height: int, width: int, channels: int) -> None:
        self.source = synapse.source
        self.multiplier = synapse.multiplier
        self.size = (height, width)
        self.outputs = self.groups = channels
        self.connections = height * width * channels
        self._window = synapse.window
        self._width = width
        if synapse.window is None:
            self.size = (1, 1)
            self.multiplier = mean_multiplier(synapse.multiplier, height * width)
        self._weight: Tensor | None = None
        if synapse.weight is not None:
            assert synapse.window is not None
            self._lay(synapse.weight, synapse.window, synapse.groups, height, width)

    def _lay(self, weight: Tensor, window: Window, groups: int, height: int, width: int) -> None:
        outputs, per_group, rows, columns = weight.shape
        self.outputs, self.groups = outputs, groups
        shape = (groups, outputs // groups, per_group, rows * columns)
        self._weight = weight.reshape(shape).permute(3, 0, 2, 1).to(torch.float64)  # [taps, G, I / G, O / G]
        self._largest = float(self._weight.abs().sum(2).max())
        self._single = self._weight.to(torch.float32)
        placed = window.place(height, width)
        self.size = (placed.height, placed.width)
        self._rows = _targets(height, placed.height, placed.top, window, 0)
        self._columns = _targets(width, placed.width, placed.left, window, 1)
        taps = int((self._rows >= 0).sum()) * int((self._columns >= 0).sum())
        self.connections = taps * outputs * per_group

    def deliver(self, events: Events, charge: Tensor) -> Tensor:
        """Add what `events` bring to `charge`, int32 `[h * w, O]`, in place.

        Returns how many events arrived at each neuron of a group: int32 `[h * w, G]`.
        """
        arrived = torch.zeros((len(charge), self.groups), dtype=torch.int32)
        positions, values = events
        if self._weight is not None:
            self._scatter(events, charge, arrived)
        elif self._window is not None:
            charge[positions] += values
            arrived[positions] = (values != 0).to(torch.int32)
        else:
            charge += values.sum(0, dtype=torch.int32)
            arrived += (values != 0).sum(0, dtype=torch.int32)
        return arrived

    def _scatter(self, events: Events, charge: Tensor, arrived: Tensor) -> None:
        positions = events.positions
        values = events.values.reshape(len(positions), self.groups, events.values.shape[1] // self.groups)
        number = (values != 0).sum(2, dtype=torch.int32)
        exact = self._largest * (128 if values.dtype == torch.int8 else 255) < EXACT
        assert self._weight is not None
        weight = self._single if exact else self._weight
        values = values.to(weight.dtype)
        y, x = positions // self._width, positions % self._width
        for tap in range(len(weight)):
            row = self._rows[tap // len(self._columns)][y]
            column = self._columns[tap % len(self._columns)][x]
            reaches = ((row >= 0) & (column >= 0)).nonzero()[:, 0]
            target = (row * self.size[1] + column)[reaches]
            brought = _product(values[reaches], weight[tap]).to(torch.int32)
            charge.index_put_((target,), brought, accumulate=True)
            arrived.index_put_((target,), number[reaches], accumulate=True)


def _product(values: Tensor, weight: Tensor) -> Tensor:
    """`[n, G, I]` by `[G, I, O]`, group by group, to `[n, G * O]`."""
    if len(weight) == 1:
        return values[:, 0] @ weight[0]
    if values.shape[2] == 1:
        return (values * weight[:, 0]).flatten(1)
    return torch.einsum("ngi,gio->ngo", values, weight).flatten(1)


def _targets(size: int, targets: int, before: int, window: Window, axis: int) -> Tensor:
    """Per tap of the kernel and source position, the target position along one axis: `[kernel, size]`, -1 for none."""
    taps = torch.arange(window.kernel[axis])[:, None] * window.dilation[axis]
    offset = torch.arange(size)[None] + before - taps
    stride = window.stride[axis]
    target = offset.div(stride, rounding_mode="floor")
    return torch.where((offset % stride == 0) & (offset >= 0) & (target < targets), target, -1)
