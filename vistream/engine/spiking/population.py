"""The layers of an integer network as spiking populations: what each remembers, takes in and sends out.

A population takes events in at any time and in any order (`receive`), and sends its own when asked (`fire`). Nothing
here knows about time steps or other populations: `simulator.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.engine.reference.table import REFERENCE
from vistream.engine.spiking.events import Events, gather, occupied
from vistream.engine.spiking.fanout import FanOut
from vistream.engine.spiking.neuron import START, FiringRule
from vistream.ir.formula import Rounding, pre_activation, rounded
from vistream.ir.operations import Neuron, Operation
from vistream.ir.value import Kind, Value

Size = tuple[int, int, int]


class Neurons:
    """A neuron layer: exact integer charge per synapse and a spike count per neuron.

    The membrane is not stored: `V + S` is the pre-activation of the charges, by the one formula, plus 1/2, so that at
    rest the count is the quantised activation bit for bit. The bias is there from the first moment on, once.
    """

    fires = True

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

    def multiplies(self, slot: int) -> bool:
        """Whether what arrives at synapse `slot` meets a weight."""
        return self._layer.synapses[slot].weight is not None

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
        """`V + S` of the neurons at `rows`, from where a spike is due up to its zero."""
        charges = [charge[rows] for charge in self._charges]
        multipliers = [fan_out.multiplier for fan_out in self._fan_outs]
        y = pre_activation(charges, multipliers, self._layer.bias)
        if self._layer.rounding is not Rounding.HALF_UP or self._layer.zero:
            y = rounded(y, self._layer.rounding)  # whole: nothing is left for the threshold to round
        return y + START + self._layer.zero


class Membranes(Neurons):
    """Neurons that never fire: what they hold is read. As sums, they tell others every change, as graded events."""

    fires = False

    def reset(self) -> None:
        super().reset()
        self._sent = torch.zeros(self._counts.shape, dtype=torch.int32)

    @property
    def levels(self) -> Tensor:
        multipliers = [fan_out.multiplier for fan_out in self._fan_outs]
        y = pre_activation(self._charges, multipliers, self._layer.bias)
        return self._layer.activation(y).reshape(self.size)

    def fire(self) -> tuple[Events, int]:
        updates, silent = int(self._touched.sum()), self._layer.gives is Kind.REAL
        self._touched[:] = False
        self.waiting = False
        if silent or not updates:
            return Events(torch.zeros(0, dtype=torch.int64), self._sent[:0]), updates
        before, self._sent = self._sent, self.levels.flatten(0, 1)
        return gather(self._sent - before), updates


class GradedNeurons(Neurons):
    """Neurons whose count is looked up in a table, or counted from another zero: a spike then carries a difference."""

    def reset(self) -> None:
        super().reset()
        self._sent = torch.zeros_like(self._counts)

    @property
    def levels(self) -> Tensor:
        return self._sent.to(torch.int8).reshape(self.size)

    def fire(self) -> tuple[Events, int]:
        rows = occupied(self._touched.view(torch.int8)) if self.waiting else torch.zeros(0, dtype=torch.int64)
        _, updates = super().fire()
        table = self._layer.table
        counts = self._counts[rows]
        now = counts if table is None else table[counts.to(torch.int64) + 128].to(torch.int16)
        events = gather(now - self._sent[rows], rows)
        self._sent[rows] = now
        return events, updates


class Mover:
    """An operation without neurons: it sends the difference between its output now and before, as graded events.

    For max-pooling this is what keeps it exact: the largest of sums of spikes, not a sum of largest spikes. Where an
    operation computes, an event goes to all that it meets; in a product of activations, to the other factor's numbers
    that are not 0.
    """

    def __init__(self, layer: Operation, sources: Sequence[Value], value: Value) -> None:
        self._layer, self._sources, self._value = layer, tuple(sources), value
        self.size: Size = (*value.grid, value.channels)
        self.reset()

    def reset(self) -> None:
        """Nothing taken in, nothing sent."""
        self.waiting = True  # padding, and constants, give an output without any input
        self._inputs = [torch.zeros((*source.grid, source.channels), dtype=torch.int32) for source in self._sources]
        self._sent = torch.zeros(self.size, dtype=torch.int32)

    @property
    def levels(self) -> Tensor:
        """The sum of all events sent: `[H, W, C]`."""
        return self._sent.to(self._value.kind.dtype)

    @property
    def connections(self) -> int:
        return self._layer.used_macs(self._sources, [torch.ones_like(held) > 0 for held in self._inputs])

    def multiplies(self, slot: int) -> bool:
        """Whether what source `slot` sends meets a weight, or another factor."""
        return not self._layer.adds_only

    def receive(self, slot: int, events: Events) -> int:
        """Take in events of source `slot`; returns the operations: each event times what it meets."""
        held = self._inputs[slot]
        held.view(-1, held.shape[2])[events.positions] += events.values
        self.waiting = True
        if not self._layer.computes:
            return 0
        arrived = torch.zeros(held.shape, dtype=torch.bool)
        arrived.view(-1, held.shape[2])[events.positions] = events.values != 0
        occupied = [other != 0 for other in self._inputs]
        return self._layer.used_macs(self._sources, [*occupied[:slot], arrived, *occupied[slot + 1 :]])

    def fire(self) -> tuple[Events, int]:
        """The events that are due, if any; it has no neurons."""
        before = self._sent
        if self.waiting:
            output = REFERENCE[type(self._layer)](self._layer, self._sources, self._inputs)
            self._sent = output.to(torch.int32, copy=True)  # it may be a view of an input
            self.waiting = False
        return gather((self._sent - before).flatten(0, 1)), 0


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


Population = Pixels | Neurons | Mover
