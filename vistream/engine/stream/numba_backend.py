"""The stream's memory laid out for the numba kernels, and the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream import numba_moves as moves
from vistream.engine.stream import raw
from vistream.engine.stream.backend import Done
from vistream.engine.stream.crew import crew
from vistream.engine.stream.demand import Cells
from vistream.engine.stream.jobs import Memory, allocate, reading_job, workspaces
from vistream.engine.stream.packing import Ints
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.formula import Rounding
from vistream.ir.operations import Concat, Input, MaxPool, Neuron, Upsample
from vistream.ir.value import Kind
from vistream.types import Frame

WORTH_SHARING = 1 << 20  # multiply-accumulates in a chunk; less is not worth a second thread's attention
CHUNKS = 4  # for each thread, so that none waits long for the last
UNIT = 32  # items: chunks are made of whole groups


class NumbaBackend:
    """See `backend.Backend`. Threads share a layer's positions; how many there are does not change any result."""

    name = "numba"

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None:
        self._memory: dict[str, Memory] = {}
        self._fresh: bool | None = None
        self._index = np.zeros(max(plan.height * plan.width for plan in plans) + 8, np.int64)
        for plan in plans:
            self._memory[plan.layer.name] = allocate(plan, self._memory, self._index)
        self._input = self._memory[plans[0].layer.name]
        self._reading = reading_job(self._input)
        self._helpers = max(1, torch.get_num_threads()) - 1
        self._spaces, self._workspaces = workspaces(self._memory.values(), self._helpers + 1)

    @staticmethod
    def lacks(plans: tuple[LayerPlan, ...]) -> str | None:
        lacking = (_lacking(plan) for plan in plans)
        return next((what for what in lacking if what is not None), None)

    def levels(self, name: str) -> Tensor:
        memory = self._memory[name]
        plan = memory.plan
        grid = memory.levels[:-1].reshape(plan.height, plan.width, memory.stride)
        return torch.from_numpy(grid[:, :, : plan.channels])

    def reached(self, name: str) -> Tensor:
        memory = self._memory[name]
        return torch.from_numpy(memory.reached.reshape(memory.plan.height, memory.plan.width) != 0)

    def stale(self, name: str) -> Cells:
        memory = self._memory[name]
        return memory.owed.reshape(memory.plan.height, memory.plan.width)

    def state(self, name: str) -> Mapping[str, NDArray[np.generic]]:
        return {}

    def restore(
        self, name: str, levels: NDArray[np.generic], stale: Cells, state: Mapping[str, NDArray[np.generic]]
    ) -> None:
        self._fresh = False
        memory = self._memory[name]
        memory.levels[:-1, : memory.plan.channels] = levels.reshape(-1, memory.plan.channels)
        memory.owed[:] = stale.reshape(-1)
        memory.owing = bool(memory.owed.any())

    def read(self, frame: Frame, deadband: int) -> int:
        memory = self._input
        self._fresh = self._fresh is None
        channels = frame.shape[2]
        if self._fresh or channels != 3:  # the kernel is for RGB
            held = memory.levels[:-1, :channels].view(np.uint8) ^ 0x80
            pixels = frame.reshape(-1, channels)
            moved = (np.maximum(pixels, held) - np.minimum(pixels, held)).max(1) > deadband
            memory.changed[:] = moved | self._fresh
            np.copyto(memory.levels[:-1, :channels], (pixels ^ 0x80).view(np.int8), where=memory.changed[:, None] != 0)
            count = int(memory.changed.sum())
        else:
            pixels = np.ascontiguousarray(frame)
            self._reading[raw.SOURCE_AT], self._reading[raw.GEOMETRY] = pixels.ctypes.data, deadband
            count = self._run(self._reading, frame.shape[0] * frame.shape[1], 8)
        memory.dirty = count > 0
        for other in self._memory.values():
            if other.touched:
                other.reached[:] = 0
                other.touched = False
        return count

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
        memory = self._memory[plan.layer.name]
        memory.dirty = False
        reached = self._reach(memory)
        if not reached and not memory.owing:
            return Done()
        taken = moves.take(
            memory.owed, memory.owed if needed is None else needed.reshape(-1), memory.reached, self._index
        )
        memory.owing = needed is not None
        if not taken:
            return Done()
        memory.changed[:] = 0
        changes = self._recompute(memory, taken, hysteresis)
        memory.touched = True
        memory.dirty = changes > 0
        return Done(taken, changes, taken * plan.macs)

    def pause(self) -> None:
        self._input.dirty = False

    def _reach(self, memory: Memory) -> bool:
        """Mark the output positions with a changed input as owed; whether there may be any."""
        owed, found = memory.owed, False
        for source, spread in zip(memory.sources, memory.spreads, strict=True):
            if not source.dirty:
                continue
            found = True
            if spread is None:
                owed[:] = 1
            elif spread.rows is not None:
                np.bitwise_or(owed, source.changed[spread.rows], out=owed)
            elif spread.geometry is not None:
                moves.spread(0, memory.plan.height, source.changed, owed, spread.geometry)
            else:
                np.bitwise_or(owed, source.changed, out=owed)
        return found

    def _recompute(self, memory: Memory, count: int, hysteresis: int) -> int:
        layer = memory.plan.layer
        cost = max(memory.plan.macs, memory.stride)
        if isinstance(layer, (Neuron, MaxPool)):
            for source, means in memory.means:
                source.levels.sum(0, dtype=np.int32, out=means)
            for job in memory.jobs:
                job[raw.HYSTERESIS] = 0 if self._fresh else hysteresis
            return self._run(memory.jobs[0], count, cost)
        assert not isinstance(layer, Input)
        changes, first = 0, 0
        for source, spread in zip(memory.sources, memory.spreads, strict=True):
            assert spread is not None
            rows, channels = spread.rows, source.plan.channels
            changes += moves.copy_rows(
                count, self._index, source.levels, rows, first, channels, memory.levels, memory.changed
            )
            first += channels
        return changes

    def _run(self, job: Ints, count: int, cost: int) -> int:
        """A job over `count` items that cost so many multiply-accumulates each."""
        threads = min(self._helpers + 1, count * cost // WORTH_SHARING + 1)
        chunks = min(CHUNKS * threads, count * cost // WORTH_SHARING + 1) if threads > 1 else 1
        size = -(-count // (chunks * UNIT)) * UNIT
        return crew().run(job, count, size, threads - 1, self._workspaces)


def _lacking(plan: LayerPlan) -> str | None:
    """What of an operation there is no kernel for."""
    layer = plan.layer
    if not isinstance(layer, (Input, Neuron, MaxPool, Upsample, Concat)):
        return f"the operation {type(layer).__name__}"
    if any(plan.value.zero):
        return "padding that is not mid grey, or levels whose zero is not 0"
    if isinstance(layer, Neuron):
        plain = layer.table is None and layer.rounding is Rounding.HALF_UP
        if not plain or any(synapse.offset is not None for synapse in layer.synapses):
            return "tables, other roundings or integer offsets of neuron layers"
    if plan.value.kind is not Kind.LEVELS:
        return f"values that are {plan.value.kind.value}"
    return None
