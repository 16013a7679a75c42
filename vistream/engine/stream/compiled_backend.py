"""The stream by the compiled kernels, operation by operation; the torch twin computes what they do not have."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.allocate import allocate
from vistream.engine.stream.backend import NOTHING, Done
from vistream.engine.stream.demand import Cells
from vistream.engine.stream.events import Scratch
from vistream.engine.stream.memory import Memory
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.spread import spread
from vistream.engine.stream.workspaces import workspaces
from vistream.ir.operations import PIXEL_ZERO
from vistream.kernels.library import Variant, library, variant
from vistream.types import Frame


class CompiledBackend:
    """See `backend.Backend`. Threads share an operation's positions; how many there are does not change any result."""

    name = "compiled"
    kernels: Variant | None = None  # another variant than the best, for those who compare them

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None:
        self.plans = plans
        self._library, self._variant = library(), self.kernels or variant()
        self._fresh: bool | None = None
        self._threads = max(1, torch.get_num_threads())
        self._index = np.zeros(max(plan.value.positions for plan in plans) + 8, np.int32)
        self._scratch = Scratch()
        self._memory: dict[str, Memory] = {}
        for plan in plans:
            self._memory[plan.layer.name] = allocate(plan, self._memory, self._index, self._scratch, self._variant)
        self._scratch.place()
        self._input, *others = self._memory.values()
        self._runs = [_Run(list(run)) for _, run in groupby(others, key=_together)]
        self._behind = _pointers(others)
        self._workspaces, self._kept = workspaces(self._memory.values(), self._threads)

    def levels(self, name: str) -> Tensor:
        return self._memory[name].grid

    def reached(self, name: str) -> Tensor:
        memory = self._memory[name]
        return torch.from_numpy(memory.reached.reshape(memory.plan.value.grid) != 0)

    def stale(self, name: str) -> Cells:
        memory = self._memory[name]
        return memory.stale.reshape(memory.plan.value.grid)

    def state(self, name: str) -> Mapping[str, NDArray[np.generic]]:
        twin = self._memory[name].twin
        return {} if twin is None else twin.state_dict()

    def restore(
        self, name: str, levels: NDArray[np.generic], stale: Cells, state: Mapping[str, NDArray[np.generic]]
    ) -> None:
        self._fresh = False
        memory = self._memory[name]
        memory.values[:-1, : memory.plan.channels] = levels.reshape(-1, memory.plan.channels)
        memory.stale[:] = stale.reshape(-1)
        memory.layer.may_be_stale = bool(memory.stale.any())
        for events in memory.events:
            events.follows = 0
        if memory.twin is not None:
            memory.twin.load_state_dict(state)

    def read(self, frame: Frame, deadband: int) -> int:
        memory = self._input
        self._fresh = self._fresh is None
        channels = frame.shape[2]
        if self._fresh or channels != 3:  # the kernel is for RGB
            moved = self._read_any(frame, deadband)
        else:
            pixels = np.ascontiguousarray(frame)
            moved = self._library.vistream_read(
                self._variant.handle, pixels.ctypes.data, memory.values.ctypes.data, memory.changed.ctypes.data,
                memory.plan.value.positions, deadband, self._threads,
            )  # fmt: skip
        memory.layer.changes = moved
        self._library.vistream_next_frame(self._behind, len(self._behind))
        return int(moved)

    def _read_any(self, frame: Frame, deadband: int) -> int:
        memory, channels = self._input, frame.shape[2]
        held = memory.values[:-1, :channels].astype(np.int16)
        levels = frame.reshape(-1, channels).astype(np.int16) - PIXEL_ZERO
        memory.changed[:] = (np.abs(levels - held).max(1) > deadband) | bool(self._fresh)
        np.copyto(memory.values[:-1, :channels], levels.astype(np.int8), where=memory.changed[:, None] != 0)
        return int(memory.changed.sum())

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
        run = _Run([self._memory[plan.layer.name]])
        return self._update(run, [hysteresis], {} if needed is None else {plan.layer.name: needed})[0]

    def update_all(self, hysteresis: Sequence[int], needed: Mapping[str, Cells]) -> list[Done]:
        done: list[Done] = []
        for run in self._runs:
            done += self._update(run, hysteresis[len(done) : len(done) + len(run.memories)], needed)
        return done

    def _update(self, run: _Run, hysteresis: Sequence[int], needed: Mapping[str, Cells]) -> list[Done]:
        for memory, its in zip(run.memories, hysteresis, strict=True):
            layer, cells = memory.layer, needed.get(memory.plan.layer.name)
            allowed = 0 if self._fresh else its
            if memory.twin is not None:
                return [self._by_twin(memory, allowed, cells)]
            if memory.weights is not None:
                memory.weights.refresh()
                if memory.sources[1].layer.changes:
                    memory.stale[:] = layer.may_be_stale = 1
            layer.hysteresis = allowed if memory.holds else 0
            layer.needed = None if cells is None else cells.ctypes.data
        self._library.vistream_update(
            self._variant.handle, run.pointers, len(run.memories), self._workspaces, self._threads
        )
        return [_done(memory) for memory in run.memories]

    def _by_twin(self, memory: Memory, hysteresis: int, needed: Cells | None) -> Done:
        """As `vistream_update`, in plain torch on the same memory."""
        plan, layer = memory.plan, memory.layer
        layer.changes = 0
        stale = torch.from_numpy(memory.stale).reshape(plan.value.grid)
        for source, footprint in zip(memory.sources, plan.footprints, strict=True):
            if source.layer.changes:
                mask = torch.from_numpy(source.changed).reshape(source.plan.value.grid) != 0
                stale |= spread(mask, footprint)
                layer.may_be_stale = 1
        if not layer.may_be_stale:
            return NOTHING
        taken = stale if needed is None else stale & torch.from_numpy(needed)
        if plan.layer.whole and bool(taken.any()):
            taken = torch.ones_like(stale)
        index = taken.reshape(-1).nonzero()[:, 0]
        layer.may_be_stale = needed is not None
        if not len(index):
            return NOTHING
        layer.touched = 1
        taken_at = slice(None) if len(index) == plan.value.positions else index.numpy()
        memory.stale[taken_at] = 0
        memory.reached[taken_at] = 1
        assert memory.twin is not None
        changed, changes = memory.twin.update(
            [source.grid for source in memory.sources], index, memory.grid, hysteresis
        )
        memory.changed[:] = 0
        memory.changed[taken_at] = changed.numpy()
        layer.changes = changes
        return Done(len(index), changes, memory.twin.macs)

    def pause(self) -> None:
        self._input.layer.changes = 0


class _Run:
    """Operations that the kernels compute in one call, or one that needs something from here first."""

    def __init__(self, memories: list[Memory]) -> None:
        self.memories, self.pointers = memories, _pointers(memories)


def _pointers(memories: Sequence[Memory]) -> ctypes.Array[ctypes.c_void_p]:
    """To their structs, for the kernels."""
    return (ctypes.c_void_p * len(memories))(*(ctypes.addressof(memory.layer) for memory in memories))


def _together(memory: Memory) -> int:
    """The same for those that one call may compute: what it is of the others is their own."""
    return 0 if memory.twin is None and memory.weights is None else id(memory)


def _done(memory: Memory) -> Done:
    taken = memory.layer.taken
    return Done(taken, memory.layer.changes, taken * memory.plan.macs) if taken else NOTHING
