"""Convolutions of neurons with few levels by events: int32 sums are kept, to which only levels that changed are added.

Such neurons absorb most of a change value by value, though seldom at all channels of a position. See kind/events.h.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.blocks import blocks_of, dealt_order
from vistream.engine.stream.memory import Memory
from vistream.engine.stream.packing import Bytes, aligned, aligned_zeros
from vistream.engine.stream.plan import SynapsePlan
from vistream.ir.operations import Neuron
from vistream.ir.value import Kind
from vistream.kernels.library import Variant
from vistream.kernels.structs import SEGMENT, Events, Term

FEW = 15
"""The largest level of a neuron that counts as one of few levels."""
ENOUGH = 1024
"""Inputs of a window of several taps; with fewer, listing what changed and moving sums cost what the products cost."""


@dataclass(slots=True)
class Scratch:
    """The changes of the layer that is being computed, which all layers of a stream share: it grows while they are made
    and is allocated by `place` behind the last."""

    users: list[tuple[Events, int, int]] = field(default_factory=list)
    arrays: list[NDArray[np.generic]] = field(default_factory=list)

    def place(self) -> None:
        """Give everybody the same memory, as large as the largest asks for."""
        if not self.users:
            return
        size = max(positions * row_bytes for _, positions, row_bytes in self.users)
        counts = max(2 * positions * events.segments for events, positions, _ in self.users)
        self.arrays = [aligned_zeros(size, np.uint8), aligned_zeros(size, np.int8), aligned_zeros(counts, np.int16)]
        for events, _, _ in self.users:
            events.channels, events.deltas, events.counts = (array.ctypes.data for array in self.arrays)


def pays(synapse: SynapsePlan, source: Memory, variant: Variant) -> bool:
    """Whether a convolution is worth keeping sums for; tile registers compute anew faster."""
    neuron, weight = source.plan.layer, synapse.weight
    if variant.tiles or weight is None or synapse.depthwise or synapse.groups > 1 or not isinstance(neuron, Neuron):
        return False
    few = neuron.gives is Kind.LEVELS and neuron.table is None and 0 <= neuron.lo <= neuron.hi <= FEW
    return few and len(weight) >= max(ENOUGH, 2 * source.plan.channels)


def add_events(
    memory: Memory, term: Term, source: Memory, synapse: SynapsePlan, scratch: Scratch, variant: Variant
) -> None:
    """Let a convolution keep its sums."""
    area, positions = memory.plan.value.positions, source.plan.value.positions
    assert synapse.weight is not None
    segments = -(-source.row_bytes // SEGMENT)
    events = Events(inner=len(synapse.weight), inputs=source.plan.channels, segments=segments)
    events.sums = memory.at(aligned_zeros(area * memory.stride, np.int32))
    events.valid = memory.at(aligned_zeros(area, np.uint8))
    events.seen = memory.at(aligned_zeros(positions * source.row_bytes, np.int8))
    events.weight = memory.at(rows_of(synapse, memory.stride, variant))
    scratch.users.append((events, positions, source.row_bytes))
    memory.events.append(events)
    term.events = ctypes.addressof(events)


def rows_of(synapse: SynapsePlan, stride: int, variant: Variant) -> Bytes:
    """The weights as job.h describes them: `[block][row][channel]`, flat."""
    assert synapse.weight is not None
    weight = synapse.weight.numpy()
    rows = np.zeros((len(weight), stride), np.int8)
    rows[:, : weight.shape[1]] = weight
    order = dealt_order(stride, variant.vector_bytes)
    dealt = np.empty_like(rows)
    dealt[:, order] = rows
    if variant.flips:
        dealt ^= np.int8(-128)
    parts = [dealt[:, first : first + width].reshape(-1) for first, width in blocks_of(stride, variant.vector_bytes)]
    return aligned(np.concatenate(parts))
