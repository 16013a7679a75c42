"""Where a spike goes: the neurons that it reaches through a synapse, and the charge that it brings to each.

Every event is delivered forward, from its source to its targets (a scatter), which is how spiking hardware works and
the opposite of the gather of `engine.reference` and `stream`: they share no code. Cost follows the positions that have
events. Charges are integers and exact.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.spiking.events import Events
from vistream.ir.operations import Synapse
from vistream.ir.value import Value
from vistream.ir.window import Window

EXACT = 2**24  # float32 holds every integer up to here


class FanOut:
    """A synapse laid over a source of `[height, width, channels]`; `size` is the target's (height, width).

    Its target channels fall into `groups`: an event reaches all the channels of its own group, at each position whose
    window holds it. `multiplier` turns charge into levels. `connections`: the pairs of a source value and a neuron.
    """

    def __init__(self, synapse: Synapse, source: Value) -> None:
        height, width, channels = *source.grid, source.channels
        self.source = synapse.source
        self.multiplier = synapse.gain(source)
        self.size = (height, width)
        self.outputs = self.groups = channels
        self.connections = height * width * channels
        self._window = synapse.window
        self._width = width
        if synapse.window is None:
            self.size = (1, 1)
        self._weight: Tensor | None = None
        if synapse.weight is not None:
            assert synapse.window is not None
            self._lay(synapse.weight, synapse.window, synapse.groups, height, width)
        self._standing = _standing(synapse, source, (*self.size, self.outputs))

    def standing(self) -> Tensor:
        """The charge that is there before any event, from what lies outside the source: `[h * w, O]`, int32, or int64
        for a mean."""
        return self._standing.clone()

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
        """Add what `events` bring to `charge`, `[h * w, O]`, in place.

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
            charge += values.sum(0, dtype=torch.int64)
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


def _standing(synapse: Synapse, source: Value, size: tuple[int, int, int]) -> Tensor:
    """The charge of a source that holds nothing but its surroundings, and the synapse's offset."""
    charge = torch.zeros(size, dtype=torch.float64)
    if synapse.weight is not None and source.zero:
        assert synapse.window is not None
        window, placed = synapse.window, synapse.window.place(*source.grid)
        inside = F.pad(torch.ones(1, 1, *source.grid), (placed.left, placed.right, placed.top, placed.bottom))
        around = (1 - inside).to(torch.float64) * source.zeros[:, None, None]
        weight = synapse.weight.to(torch.float64)
        charge += F.conv2d(around, weight, None, window.stride, 0, window.dilation, synapse.groups)[0].permute(1, 2, 0)
    if synapse.offset is not None:
        charge += synapse.offset
    return charge.flatten(0, 1).to(torch.int64 if synapse.window is None else torch.int32)


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
