"""The layers of an integer network as spiking populations: what each remembers, takes in and sends out.

A population takes events in at any time and in any order (`receive`), and sends its own when asked (`fire`). Nothing
here knows about time steps or other populations: `simulator.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.spiking.events import Events, gather, occupied
from vistream.engine.spiking.fanout import FanOut
from vistream.engine.spiking.neuron import START, FiringRule
from vistream.ir.formula import pre_activation
from vistream.ir.operations import Concat, MaxPool, Neuron, Upsample
from vistream.ir.window import Window

Size = tuple[int, int, int]


class Neurons:
    """A neuron layer: exact integer charge per synapse and a spike count per neuron.

    The membrane is not stored: `V + S` is the pre-activation of the charges, by the one formula, plus 1/2, so that at
    rest the count is the quantised activation bit for bit. The bias is there from the first moment on, once.
    """

    def __init__(self, layer: Neuron, fan_outs: Sequence[FanOut], rule: FiringRule) -> None:
        sizes = {fan_out.size for fan_out in fan_outs}
        if len(sizes) > 1:
            raise ValueError(f"its inputs have different sizes ({', '.join(map(str, sorted(sizes)))})")
        self.size: Size = (*sizes.pop(), len(layer.bias))
        self.rule = rule
        self._layer = layer
        self._fan_outs = tuple(fan_outs)
        self.reset()

    def reset(self) -> None:
        """No charge but the bias, no spike sent."""
        shape = (self.size[0] * self.size[1], self.size[2])
        self.waiting = True  # whether some neuron has charge that it has not yet acted upon
        self._charges = [fan_out.standing() for fan_out in self._fan_outs]
        self._counts = torch.zeros(shape, dtype=torch.int16)
        self._touched = torch.ones(shape, dtype=torch.bool)

    @property
    def levels(self) -> Tensor:
        """Spikes sent so far, negative ones taken off: int8 `[H, W, C]`."""
        return self._counts.to(torch.int8).reshape(self.size)

    @property
    def connections(self) -> int:
        return sum(fan_out.connections for fan_out in self._fan_outs)

    def receive(self, slot: int, events: Events) -> int:
        """Take in events at synapse `slot`; returns the operations: each event times its true fan-out."""
        arrived = self._fan_outs[slot].deliver(events, self._charges[slot])
        share = self.size[2] // arrived.shape[1]
        reached = arrived > 0
        self._touched |= reached if 1 in (share, arrived.shape[1]) else reached.repeat_interleave(share, 1)
        self.waiting = True
        return int(arrived.sum(dtype=torch.int64)) * share

    def fire(self) -> tuple[Events, int]:
        """Let every neuron act once: its spikes, and how many neurons had something to do."""
        if not self.waiting:
            return gather(self._counts[:0]), 0
        rows = occupied(self._touched.view(torch.int8))
        updates = int(self._touched.sum())
        total = self._total(rows)
        counts = self._counts[rows]
        spikes = self.rule.spikes(total, counts)
        self._counts[rows] = counts = counts + spikes
        fired = occupied(spikes)  # a neuron that did not fire now will not without further charge
        again = self.rule.spikes(total[fired], counts[fired]) != 0
        self._touched[rows] = False
        self._touched[rows[fired]] = again
        self.waiting = bool(again.any())
        return Events(rows[fired], spikes[fired]), updates

    def _total(self, rows: Tensor) -> Tensor:
        """`V + S` of the neurons at `rows`."""
        charges = [charge[rows] for charge in self._charges]
        multipliers = [fan_out.multiplier for fan_out in self._fan_outs]
        return pre_activation(charges, multipliers, self._layer.bias) + START


MOVES = (MaxPool, Upsample, Concat)


class Mover:
    """A layer that moves levels about: it sends the difference between its output now and before.

    For max-pooling this is what keeps it exact: the largest of sums of spikes, not a sum of largest spikes.
    """

    def __init__(self, layer: MaxPool | Upsample | Concat, sizes: Sequence[Size]) -> None:
        if len({size[:2] for size in sizes}) > 1:
            raise ValueError(f"its inputs have different sizes ({', '.join(str(size[:2]) for size in sizes)})")
        self._layer = layer
        self._sizes = tuple(sizes)
        self.reset()
        rows, columns, channels = self._sent.shape
        self.size: Size = (rows, columns, channels)

    def reset(self) -> None:
        """Nothing taken in, nothing sent."""
        self.waiting = True  # a window that lies wholly in padding has an output without any input
        self._inputs = [torch.zeros(size, dtype=torch.int16) for size in self._sizes]
        self._sent = torch.zeros_like(self._output())

    @property
    def levels(self) -> Tensor:
        """The sum of all events sent: int8 `[H, W, C]`."""
        return self._sent.to(torch.int8)

    def receive(self, slot: int, events: Events) -> None:
        """Take in events of source `slot`."""
        self._inputs[slot].view(-1, self._inputs[slot].shape[2])[events.positions] += events.values
        self.waiting = True

    def fire(self) -> Events:
        """The events that are due, if any."""
        before = self._sent
        if self.waiting:
            self._sent = self._output()
            self.waiting = False
        return gather((self._sent - before).flatten(0, 1))

    def _output(self) -> Tensor:
        match self._layer:
            case MaxPool():
                return _largest(self._inputs[0], self._layer.window)
            case Upsample():
                rows, columns = self._layer.factor
                return self._inputs[0].repeat_interleave(rows, 0).repeat_interleave(columns, 1)
            case Concat():
                return torch.cat(self._inputs, 2)


def _largest(levels: Tensor, window: Window) -> Tensor:
    placed = window.place(levels.shape[0], levels.shape[1])
    planes = levels.permute(2, 0, 1)[None].to(torch.float32)
    padded = F.pad(planes, (placed.left, placed.right, placed.top, placed.bottom), value=-128.0)
    pooled = F.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)
    return pooled[0].permute(1, 2, 0).to(torch.int16)


class Pixels:
    """The frame: analog, so it sends whole differences of pixels, in one go. What it holds begins at 0."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.waiting = False
        self.reset()

    def reset(self) -> None:
        """All pixels at the zero of the network."""
        self._held = torch.zeros(self.size, dtype=torch.int16)

    @property
    def levels(self) -> Tensor:
        """The frame as the network sees it: int8 `[H, W, C]`."""
        return self._held.to(torch.int8)

    def read(self, levels: Tensor) -> Events:
        """Take over a frame's levels, int16; returns what changed."""
        events = gather((levels - self._held).flatten(0, 1))
        self._held = levels
        return events
