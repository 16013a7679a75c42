"""What the numba kernels work on: the memory of every layer, and the jobs that bring it up to date."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream import numba_kernels as kernels
from vistream.engine.stream import raw
from vistream.engine.stream.crew_kernels import PIECE
from vistream.engine.stream.packing import (
    STEP,
    Ints,
    Source,
    aligned_zeros,
    geometry_of,
    pack_synapse,
    repeating,
    rounded_up,
)
from vistream.engine.stream.pixels import read_pixels
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.tiles import GROUP
from vistream.engine.stream.vector import LANES, TILE_ROWS
from vistream.ir.operations import Concat, Input, MaxPool, Neuron, Upsample

KERNELS = {
    "convolve": kernels.convolve,
    "tiles": kernels.convolve_tiles,
    "depthwise": kernels.convolve_depthwise,
    "pass": kernels.pass_on,
}
BEHIND = 2048  # bytes behind a row that a kernel may read or ask for: it goes by 64, and by 12 x 64 in a chunk


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How changes of a source reach a layer: through a window, from given rows, or (neither) position by position."""

    geometry: Ints | None = None
    rows: Ints | None = None


@dataclass(slots=True, eq=False)
class Memory:
    """One layer: its levels, which positions changed in this pass, were recomputed in this frame or are owed, and how.

    `spreads`: one for each source; None where every change reaches everything. `means`: sources that are summed up
    before the jobs run, and where to. `kept`: what the jobs point to.
    """

    plan: LayerPlan
    levels: NDArray[np.int8]  # [H * W + 1, stride]; the last row is what lies outside the frame
    changed: NDArray[np.uint8]
    reached: NDArray[np.uint8]
    owed: NDArray[np.uint8]
    limits: NDArray[np.float32]  # lo, hi
    dirty: bool = False
    touched: bool = False  # whether there are marks to be wiped out before the next frame
    owing: bool = True  # whether anything may be owed
    sources: list[Memory] = field(default_factory=list)
    spreads: list[Spread | None] = field(default_factory=list)
    means: list[tuple[Memory, NDArray[np.int32]]] = field(default_factory=list)
    jobs: list[Ints] = field(default_factory=list)
    kept: list[NDArray[Any]] = field(default_factory=list)

    @property
    def stride(self) -> int:
        return int(self.levels.shape[1])


def allocate(plan: LayerPlan, before: dict[str, Memory], index: Ints) -> Memory:
    """The memory of a layer whose sources have theirs; its jobs work on the positions in `index`."""
    layer, area = plan.layer, plan.height * plan.width
    stride = rounded_up(plan.channels, 4 if isinstance(layer, Input) else LANES)
    changed, reached, owed = np.zeros(area, np.uint8), np.zeros(area, np.uint8), np.ones(area, np.uint8)
    memory = Memory(plan, _levels(area, stride), changed, reached, owed, np.zeros(2, np.float32))
    if isinstance(layer, Input):
        memory.reached = memory.changed
        return memory
    memory.sources = [before[name] for name in layer.sources]
    if isinstance(layer, Neuron):
        memory.limits[:] = layer.lo, layer.hi
        _add_neuron(memory, layer, before, index)
    elif isinstance(layer, MaxPool):
        assert plan.place is not None
        geometry = geometry_of(plan.place, memory.sources[0].stride, 0, False, stride)
        memory.spreads = [Spread(geometry)]
        memory.jobs = [_job(memory, kernels.max_pool.address, index, memory.sources[0].levels, geometry)]
    elif isinstance(layer, Upsample):
        y, x = np.divmod(np.arange(area), plan.width)
        rows = (y // layer.factor[0]) * memory.sources[0].plan.width + x // layer.factor[1]
        memory.spreads = [Spread(rows=rows)]
    elif isinstance(layer, Concat):
        memory.spreads = [Spread(rows=np.arange(area)) for _ in layer.sources]
    return memory


def _levels(area: int, stride: int) -> NDArray[np.int8]:
    """Zeros `[area + 1, stride]`, with some bytes behind them that whole registers of a row may reach into."""
    size = (area + 1) * stride
    return aligned_zeros(size + GROUP * stride + BEHIND, np.int8)[:size].reshape(area + 1, stride)


def _job(memory: Memory, kernel_at: int, index: Ints, source: NDArray[Any], geometry: Ints) -> Ints:
    job = np.zeros(raw.JOB_WORDS, np.int64)
    job[raw.KERNEL_AT] = kernel_at
    job[raw.GEOMETRY :] = geometry
    at = {raw.INDEX_AT: index, raw.SOURCE_AT: source, raw.OUT_AT: memory.levels, raw.CHANGED_AT: memory.changed}
    _point(memory, job, at | {raw.LIMITS_AT: memory.limits})
    return job


def _point(memory: Memory, job: Ints, arrays: dict[int, NDArray[Any]]) -> None:
    """Write addresses into a job, and keep what they point to."""
    for word, array in arrays.items():
        job[word] = array.ctypes.data
        memory.kept.append(array)


def _add_neuron(memory: Memory, neuron: Neuron, before: dict[str, Memory], index: Ints) -> None:
    """One job a synapse, each leading to the next; the last one settles. An identity before it rides along with it."""
    plan, stride = memory.plan, memory.stride
    bias = repeating(neuron.bias.numpy(), stride)
    identity: tuple[NDArray[np.int8], NDArray[np.float32]] | None = None
    for position, synapse in enumerate(plan.synapses):
        source = before[synapse.source]
        described = Source(source.plan.channels, source.stride, _signed(source, before))
        packed = pack_synapse(synapse, described, stride, bias)
        last = position == len(plan.synapses) - 1
        if synapse.place is None:
            memory.spreads.append(None)
            means = np.zeros(source.stride, np.int32)
            memory.means.append((source, means))
            levels: NDArray[Any] = means
        else:
            memory.spreads.append(Spread(None if synapse.place.window.pointwise else packed.geometry))
            levels = source.levels
        rides = position == len(plan.synapses) - 2 and synapse.place is not None and source.stride == stride
        if packed.kind == "pass" and rides:
            identity = (source.levels, packed.multiplier)
            continue
        job = _job(memory, KERNELS[packed.kind].address, index, levels, packed.geometry)
        pointers = {raw.WEIGHT_AT: packed.weight, raw.BESIDE_AT: packed.beside, raw.MULTIPLIER_AT: packed.multiplier}
        _point(memory, job, pointers | {raw.START_AT: bias})
        if last and identity is not None:
            _point(memory, job, {raw.IDENTITY_AT: identity[0], raw.GAIN_AT: identity[1]})
        if memory.jobs:
            job[raw.RESUMES] = 1
            _point(memory, memory.jobs[-1], {raw.NEXT_AT: job})
        memory.jobs.append(job)


def _signed(memory: Memory, before: dict[str, Memory]) -> bool:
    layer = memory.plan.layer
    if isinstance(layer, Input):
        return True
    if isinstance(layer, Neuron):
        return layer.lo < 0
    if isinstance(layer, MaxPool) and layer.window.padding != (0, 0):
        return True  # a window that lies in the padding altogether gives -128
    return any(_signed(before[source], before) for source in layer.sources)


def reading_job(memory: Memory) -> Ints:
    """Reads a frame into the input layer: whoever runs it says where the frame is, and what the dead-band."""
    job = np.zeros(raw.JOB_WORDS, np.int64)
    job[raw.KERNEL_AT] = read_pixels.address
    job[raw.OUT_AT], job[raw.CHANGED_AT] = memory.levels.ctypes.data, memory.changed.ctypes.data
    return job


def workspaces(memories: Collection[Memory], threads: int) -> tuple[list[NDArray[Any]], Ints]:
    """What each thread needs: room for addresses of a window's rows, inputs of a group of positions, their sums, and
    what is pending.

    Returns the arrays, to be kept, and their addresses `[threads, 4]`.
    """
    jobs = [job for memory in memories for job in memory.jobs]
    taps = max((int(job[raw.GEOMETRY + 4] * job[raw.GEOMETRY + 5]) for job in jobs), default=1)
    tiles_at = kernels.convolve_tiles.address
    steps = max((int(job[raw.GEOMETRY + 13]) for job in jobs if job[raw.KERNEL_AT] == tiles_at), default=0)
    chained = max((int(job[raw.GEOMETRY + 15]) for job in jobs if job[raw.RESUMES]), default=0)
    kept: list[NDArray[Any]] = []
    addresses = np.zeros((threads, raw.WORKSPACE_WORDS), np.int64)
    for thread in range(threads):
        kept.append(aligned_zeros((taps + 4) * TILE_ROWS, np.int64))
        kept.append(aligned_zeros(GROUP * STEP * steps + BEHIND, np.int8))
        kept.append(aligned_zeros(kernels.SUMS, np.int32))
        kept.append(aligned_zeros(PIECE * chained + 4 * LANES, np.float32))
        addresses[thread] = [array.ctypes.data for array in kept[-raw.WORKSPACE_WORDS :]]
    return kept, addresses
