"""The stream's memory laid out for the numba kernels, and the order in which they run."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.quantize.layers import Concat, Input, MaxPool, Neuron, Upsample
from vistream.stream import numba_kernels as kernels
from vistream.stream import numba_moves as moves
from vistream.stream.packing import STEP, Packed, Source, aligned_zeros, geometry_of, pack_synapse, repeating, rounded_up
from vistream.stream.pixels import read_pixels
from vistream.stream.plan import LayerPlan, Place
from vistream.stream.tiles import GROUP
from vistream.stream.vector import LANES, TILE_ROWS
from vistream.types import Frame

KERNELS = {
    "convolve": kernels.convolve,
    "tiles": kernels.convolve_tiles,
    "depthwise": kernels.convolve_depthwise,
    "pass": kernels.pass_on,
}
WORTH_SPLITTING = 1 << 21  # multiply-accumulates; waking a thread costs about as much as this many
BEHIND = 1024  # bytes behind a row that a kernel may read at most: it goes by 64, and by 12 x 64 in a chunk
NO_LEVELS = np.zeros((0, LANES), np.int8)
NO_REALS = np.zeros(0, np.float32)


@dataclass(slots=True, eq=False)
class Memory:
    """One layer: its levels and which positions changed and were recomputed in this frame."""

    plan: LayerPlan
    levels: NDArray[np.int8]  # [H * W + 1, stride]; the last row is what lies outside the frame
    changed: NDArray[np.uint8]
    reached: NDArray[np.uint8]
    dirty: bool = False
    synapses: list[Packed] = field(default_factory=list)
    bias: NDArray[np.float32] = field(default_factory=lambda: NO_REALS)
    geometry: NDArray[np.int64] = field(default_factory=lambda: np.zeros(16, np.int64))
    rows: list[NDArray[np.int64]] = field(default_factory=list)  # where the rows of an up-sampling or concat are from

    @property
    def stride(self) -> int:
        return int(self.levels.shape[1])


class NumbaBackend:
    """See `backend.Backend`. Threads share a layer's positions; how many there are does not change any result."""

    name = "numba"

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None:
        self._memory: dict[str, Memory] = {}
        for plan in plans:
            self._memory[plan.layer.name] = _allocate(plan, self._memory)
        first = plans[0]
        self._fresh: bool | None = None
        largest = max(plan.height * plan.width for plan in plans)
        self._index = np.zeros(largest + 8, np.int64)
        self._workers = max(1, torch.get_num_threads())
        packed = [packed for memory in self._memory.values() for packed in memory.synapses]
        self._workspaces = [_workspace(packed) for _ in range(self._workers)]
        self._pending: dict[str, NDArray[np.float32]] = {}

    def levels(self, name: str) -> Tensor:
        memory = self._memory[name]
        plan = memory.plan
        grid = memory.levels[:-1].reshape(plan.height, plan.width, memory.stride)
        return torch.from_numpy(grid[:, :, : plan.channels])

    def hold(self, pixels: Frame) -> None:
        self._held[:] = pixels

    def reached(self, name: str) -> Tensor:
        memory = self._memory[name]
        return torch.from_numpy(memory.reached.reshape(memory.plan.height, memory.plan.width) != 0)

    def read(self, frame: Frame, deadband: int) -> int:
        memory = next(iter(self._memory.values()))
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
            pixels = np.require(frame, requirements=["C", "W"]).reshape(-1, 3)
            count = self._shared(read_pixels, len(pixels), 3, (pixels, memory.levels, memory.changed, deadband))
        memory.reached = memory.changed
        memory.dirty = count > 0
        return count

    def update(self, plan: LayerPlan, hysteresis: float) -> tuple[int, int]:
        memory = self._memory[plan.layer.name]
        if not self._sources_dirty(plan):
            if memory.dirty or memory.reached.any():
                memory.changed[:] = 0
                memory.reached[:] = 0
                memory.dirty = False
            return 0, 0
        self._reach(memory)
        count = moves.compact(memory.reached, self._index)
        memory.changed[:] = 0
        changes = self._recompute(memory, count, hysteresis)
        if self._fresh:
            memory.changed[:] = 1
        memory.dirty = bool(self._fresh) or changes > 0
        return count, changes

    def _sources_dirty(self, plan: LayerPlan) -> bool:
        layer = plan.layer
        return not isinstance(layer, Input) and any(self._memory[source].dirty for source in layer.sources)

    def _reach(self, memory: Memory) -> None:
        """Mark the output positions with a changed input."""
        reached, plan = memory.reached, memory.plan
        if self._fresh:
            reached[:] = 1
            return
        reached[:] = 0
        layer = plan.layer
        if isinstance(layer, Neuron):
            for synapse, packed in zip(plan.synapses, memory.synapses, strict=True):
                source = self._memory[synapse.source]
                if not source.dirty:
                    continue
                if synapse.place is None:
                    reached[:] = 1
                elif synapse.place.window.pointwise:
                    np.bitwise_or(reached, source.changed, out=reached)
                else:
                    moves.spread(0, plan.height, source.changed, reached, packed.geometry)
        elif isinstance(layer, MaxPool):
            moves.spread(0, plan.height, self._memory[layer.source].changed, reached, memory.geometry)
        elif isinstance(layer, (Upsample, Concat)):
            for source_name, rows in zip(layer.sources, memory.rows, strict=True):
                np.bitwise_or(reached, self._memory[source_name].changed[rows], out=reached)

    def _recompute(self, memory: Memory, count: int, hysteresis: float) -> int:
        layer = memory.plan.layer
        cost = max(memory.plan.macs, memory.stride)
        if isinstance(layer, Neuron):
            return self._neuron(memory, layer, count, hysteresis, cost)
        if isinstance(layer, MaxPool):
            source = self._memory[layer.source].levels
            work = (self._index, source, memory.geometry, memory.levels, memory.changed)
            return self._shared(moves.max_pool, count, cost, work)
        assert isinstance(layer, (Concat, Upsample))
        changes, first = 0, 0
        for name, rows in zip(layer.sources, memory.rows, strict=True):
            source_memory = self._memory[name]
            channels = source_memory.plan.channels
            part = (self._index, source_memory.levels, rows, first, channels, memory.levels, memory.changed)
            changes += self._shared(moves.copy_rows, count, cost, part)
            first += channels
        return changes

    def _neuron(self, memory: Memory, neuron: Neuron, count: int, hysteresis: float, cost: int) -> int:
        """One kernel a synapse; the last one settles. An identity before the last rides along with it."""
        band = 0.5 + hysteresis if hysteresis > 0.0 and not self._fresh else 0.0
        limits = np.array([neuron.lo, neuron.hi, band], np.float32)
        pairs = list(zip(memory.plan.synapses, memory.synapses, strict=True))
        start, step = memory.bias, 0
        identity, gain = NO_LEVELS, NO_REALS
        changes = 0
        for position, (synapse, packed) in enumerate(pairs):
            source = self._source(synapse.source, synapse.place)
            last = position == len(pairs) - 1
            rides = position == len(pairs) - 2 and synapse.place is not None and source.shape[1] == memory.stride
            if packed.kind == "pass" and rides:
                identity, gain = source, packed.multiplier
                continue
            y = NO_REALS if last else self._sum_space(memory, position)
            shared = (
                self._index, source, packed.geometry, packed.weight, packed.beside, packed.multiplier, start, step,
                identity, gain, memory.levels, memory.changed, y, limits,
            )  # fmt: skip
            changes = self._shared(KERNELS[packed.kind], count, cost, shared, scratch=True)
            start, step = y, memory.stride
        return changes

    def _source(self, name: str, place: Place | None) -> NDArray[Any]:
        levels = self._memory[name].levels
        return levels if place is not None else levels.sum(0, dtype=np.int32)[None]

    def _sum_space(self, memory: Memory, position: int) -> NDArray[np.float32]:
        """Room for the pending sums of a layer; two take turns, since one is read while the next is written."""
        size = (len(memory.levels) - 1) * memory.stride
        name = f"{position % 2}"
        if len(self._pending.get(name, NO_REALS)) < size:
            self._pending[name] = np.zeros(size, np.float32)
        return self._pending[name]

    def _shared(
        self, kernel: Callable[..., int], count: int, cost: int, arguments: tuple[Any, ...], scratch: bool = False
    ) -> int:
        """Run a kernel over `count` items, by several threads where that is worth while; the sum of its answers.

        `scratch`: the kernel also takes a worker's own workspace.
        """
        workers = max(1, min(self._workers, count * cost // WORTH_SPLITTING + 1, count))
        bounds = [count * i // workers for i in range(workers + 1)]
        own = [self._workspaces[i] if scratch else () for i in range(workers)]
        others = [_pool().submit(kernel, bounds[i], bounds[i + 1], *arguments, *own[i]) for i in range(1, workers)]
        total = int(kernel(bounds[0], bounds[1], *arguments, *own[0]))
        return total + sum(int(other.result()) for other in others)


_threads: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    """Threads of this process; a forked child makes its own."""
    process = os.getpid()
    if process not in _threads:
        _threads.clear()
        _threads[process] = ThreadPoolExecutor(os.cpu_count() or 1, "vistream-kernels")
    return _threads[process]


Workspace = tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int32]]


def _workspace(synapses: list[Packed]) -> Workspace:
    """What one thread needs: addresses of a window's rows, inputs of a group of positions side by side, their sums."""
    taps = max((int(packed.geometry[4] * packed.geometry[5]) for packed in synapses), default=1)
    steps = max((int(packed.geometry[13]) for packed in synapses if packed.kind == "tiles"), default=0)
    return (
        np.zeros((taps + 4) * TILE_ROWS, np.int64),
        aligned_zeros(GROUP * STEP * steps + BEHIND, np.int8),
        aligned_zeros(kernels.SUMS, np.int32),
    )


def _levels(area: int, stride: int) -> NDArray[np.int8]:
    """Zeros `[area + 1, stride]`, with some bytes behind them that whole registers of a row may reach into."""
    size = (area + 1) * stride
    return aligned_zeros(size + GROUP * stride + BEHIND, np.int8)[:size].reshape(area + 1, stride)


def _allocate(plan: LayerPlan, before: dict[str, Memory]) -> Memory:
    layer, area = plan.layer, plan.height * plan.width
    stride = rounded_up(plan.channels, 4 if isinstance(layer, Input) else LANES)
    memory = Memory(plan, _levels(area, stride), np.zeros(area, np.uint8), np.zeros(area, np.uint8))
    if isinstance(layer, Neuron):
        memory.bias = repeating(layer.bias.numpy(), stride)
        for synapse in plan.synapses:
            read = before[synapse.source]
            source = Source(read.plan.channels, read.stride, _signed(read, before))
            memory.synapses.append(pack_synapse(synapse, source, stride, memory.bias))
    elif isinstance(layer, MaxPool):
        assert plan.place is not None
        memory.geometry = geometry_of(plan.place, before[layer.source].stride, 0, False, stride)
    elif isinstance(layer, Upsample):
        source_plan = before[layer.source].plan
        y, x = np.divmod(np.arange(area), plan.width)
        memory.rows = [(y // layer.factor[0]) * source_plan.width + x // layer.factor[1]]
    elif isinstance(layer, Concat):
        memory.rows = [np.arange(area)] * len(layer.sources)
    return memory


def _signed(memory: Memory, before: dict[str, Memory]) -> bool:
    layer = memory.plan.layer
    if isinstance(layer, Input):
        return True
    if isinstance(layer, Neuron):
        return layer.lo < 0
    if isinstance(layer, MaxPool) and layer.window.padding != (0, 0):
        return True  # a window that lies in the padding altogether gives -128
    return any(_signed(before[source], before) for source in layer.sources)
