"""The memory of a stream for the compiled kernels: every value, and the structs that say how it is computed."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.blending import blended
from vistream.engine.stream.blocks import UNIT
from vistream.engine.stream.events import Scratch, add_events, pays
from vistream.engine.stream.levels import WHOLE, levels_between
from vistream.engine.stream.native import make_native
from vistream.engine.stream.packing import Rows, aligned_zeros, filled, pack, rounded_up
from vistream.engine.stream.plan import LayerPlan, SynapsePlan
from vistream.engine.stream.product import Weights, add_weights, is_convolution
from vistream.engine.stream.sum_terms import add_product, add_transposed
from vistream.engine.stream.twin import Twin, make_twin
from vistream.ir.footprint import Axes, Place
from vistream.ir.formula import LARGEST_MEMBRANE, Rounding
from vistream.ir.operations import (
    AveragePool,
    Bilinear,
    Concat,
    Input,
    MatrixProduct,
    MaxPool,
    Nearest,
    Neuron,
    PickChannels,
    Product,
    Slice,
    TransposedConvolution,
    Upsample,
)
from vistream.ir.value import Kind
from vistream.kernels.library import Variant
from vistream.kernels.structs import GROUP, PANEL, Events, Layer, LayerKind, Term, TermKind, Window

EPILOGUE = 24  # about how many multiply-accumulates requantising one channel costs
NUMPY = {Kind.LEVELS: np.int8, Kind.SUMS: np.int32, Kind.REAL: np.float32}
IDENTITIES = {Kind.LEVELS: TermKind.IDENTITY, Kind.SUMS: TermKind.SUMS, Kind.REAL: TermKind.REALS}


@dataclass(slots=True, eq=False)
class Memory:
    """One operation: its value `[H * W + 1, stride]` (the last row is what lies outside), its marks, and its struct.

    `holds`: whether hysteresis holds its levels. `twin`: computes it where no kernel does. `weights`: of a product that
    is a convolution. `events`: of the convolutions that keep their sums. `levels`: the lowest and the highest that it
    may have, what lies outside included. `kept`: what the struct points to.
    """

    plan: LayerPlan
    values: NDArray[Any]
    changed: NDArray[np.uint8]
    reached: NDArray[np.uint8]
    stale: NDArray[np.uint8]
    layer: Layer
    holds: bool
    sources: list[Memory] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    twin: Twin | None = None
    weights: Weights | None = None
    events: list[Events] = field(default_factory=list)
    levels: tuple[int, int] = WHOLE
    kept: list[Any] = field(default_factory=list)

    @property
    def stride(self) -> int:
        return int(self.values.shape[1])

    @property
    def row_bytes(self) -> int:
        return int(self.values.strides[0])

    @property
    def grid(self) -> Tensor:
        """The value, `[H, W, C]`."""
        rows = self.values[:-1].reshape(*self.plan.value.grid, self.stride)
        return torch.from_numpy(rows[:, :, : self.plan.channels])

    @property
    def rows(self) -> Rows:
        """What convolutions of it have to know."""
        return Rows(self.plan.channels, self.row_bytes, *self.levels)

    def at(self, array: NDArray[Any]) -> int:
        """Where an array begins, which is kept for as long as this memory."""
        self.kept.append(array)
        return array.ctypes.data


def allocate(
    plan: LayerPlan, before: dict[str, Memory], index: NDArray[np.int32], scratch: Scratch, variant: Variant
) -> Memory:
    """The memory of an operation whose sources have theirs; kernels put the positions of a call into `index`."""
    area = plan.value.positions
    stride = rounded_up(plan.channels, 4 if isinstance(plan.layer, Input) else UNIT)
    values = aligned_zeros((area + 1) * stride, NUMPY[plan.value.kind]).reshape(area + 1, stride)
    values[-1, : plan.channels] = plan.value.zeros.numpy()
    changed, reached, stale = (aligned_zeros(area, np.uint8) for _ in range(3))
    holds = not isinstance(plan.layer, Neuron) or plan.layer.holds
    memory = Memory(plan, values, changed, reached, stale, Layer(), holds)
    memory.stale[:] = 1
    memory.sources = [] if isinstance(plan.layer, Input) else [before[name] for name in plan.layer.sources]
    memory.levels = levels_between(plan, [source.levels for source in memory.sources])
    layer = memory.layer
    layer.stride, layer.area, layer.may_be_stale = stride, area, 1
    layer.cost = plan.macs + EPILOGUE * stride
    layer.changed, layer.reached, layer.stale = (mark.ctypes.data for mark in (changed, reached, stale))
    layer.index = index.ctypes.data
    setattr(layer, {Kind.LEVELS: "levels", Kind.SUMS: "sums", Kind.REAL: "real"}[plan.value.kind], values.ctypes.data)
    if isinstance(plan.layer, Input):
        memory.reached = memory.changed
    elif not _add_terms(memory, scratch, variant):
        memory.twin = make_native(plan, variant)
    if memory.twin is None:
        _fill_beyond(memory)
    if memory.terms:
        together = (Term * len(memory.terms))(*memory.terms)
        memory.kept.append(together)
        layer.terms, layer.count = ctypes.addressof(together), len(memory.terms)
    return memory


def _fill_beyond(memory: Memory) -> None:
    """What kernels give in the channels that only fill rows up, which never change: else they would count as changes
    when they are computed for the first time."""
    layer, channels = memory.plan.layer, memory.plan.channels
    beyond = torch.from_numpy(memory.values[:-1, channels:])
    if isinstance(layer, Neuron) and channels < memory.stride:
        beyond[:] = layer.activation(torch.zeros(1))
    if isinstance(layer, MaxPool) and channels < memory.stride:
        source = memory.sources[0]
        rows = torch.from_numpy(source.values[:-1]).reshape(*source.plan.value.grid, source.stride)
        beyond[:] = make_twin(memory.plan).rows([rows[:, :, channels:]], torch.arange(memory.plan.value.positions))


def _add_terms(memory: Memory, scratch: Scratch, variant: Variant) -> bool:
    """Describe the operation to the kernels; False where they do not have it."""
    plan, layer = memory.plan, memory.layer
    match plan.layer:
        case Neuron() as neuron if not _averages_sums(memory):
            _add_neuron(memory, neuron, scratch, variant)
        case MaxPool() if plan.place is not None and memory.sources[0].stride == memory.stride:  # not of the frame
            layer.kind = LayerKind.MAX_POOL
            term = _term(memory, memory.sources[0], TermKind.IDENTITY)
            term.window = window_of(plan.place)
            memory.terms.append(term)
        case Upsample() | Nearest() | Slice() if plan.value.kind is Kind.LEVELS:
            _add_copy(memory, memory.sources[0], rows=_nearest_rows(plan))
        case PickChannels() as pick if plan.value.kind is Kind.LEVELS:
            _add_copy(memory, memory.sources[0], channels=np.array(pick.channels, np.int32))
        case Concat() if plan.value.kind is Kind.LEVELS:
            first = 0
            for source in memory.sources:
                _add_copy(memory, source, first)
                first += source.plan.channels
        case MatrixProduct() if is_convolution(plan):
            add_weights(memory, _term(memory, memory.sources[0], TermKind.CONVOLVE), variant)
        case Bilinear() | AveragePool() if (taps := blended(plan)) is not None:
            _add_blend(memory, *taps)
        case Product():
            add_product(
                memory, [_term(memory, source, IDENTITIES[source.plan.value.kind]) for source in memory.sources]
            )
        case TransposedConvolution() if plan.channels <= GROUP * PANEL:
            add_transposed(memory, _term(memory, memory.sources[0], TermKind.IDENTITY))
        case _:
            return False
    return True


def _nearest_rows(plan: LayerPlan) -> NDArray[np.int32]:
    """The row of the source for each position."""
    axes = plan.footprints[0]
    assert isinstance(axes, Axes)
    return np.ascontiguousarray((axes.rows[0][:, None] * axes.width + axes.columns[0]).reshape(-1), np.int32)


def _averages_sums(memory: Memory) -> bool:
    """Whether it takes the mean of anything but levels: its charge may need more than 32 bits."""
    pairs = zip(memory.plan.synapses, memory.plan.sources, strict=True)
    return any(synapse.place is None and source.kind is not Kind.LEVELS for synapse, source in pairs)


def _term(memory: Memory, source: Memory, kind: int) -> Term:
    """What every term has, over its source position by position."""
    term = Term(kind=kind, source=source.values.ctypes.data, row_bytes=source.row_bytes)
    term.changed = source.changed.ctypes.data
    term.moved = ctypes.addressof(source.layer) + Layer.changes.offset
    grid = source.plan.value
    term.window = Window(grid.height, grid.width, grid.height, grid.width, 1, 1, 1, 1, 1, 1, 0, 0)
    term.is_signed = source.rows.signed
    memory.kept.append(source)
    return term


def window_of(place: Place) -> Window:
    window, placed = place.window, place.placed
    return Window(
        place.height, place.width, placed.height, placed.width, *window.kernel, *window.stride, *window.dilation,
        placed.top, placed.left,
    )  # fmt: skip


def _add_copy(
    memory: Memory,
    source: Memory,
    first: int = 0,
    rows: NDArray[np.int32] | None = None,
    channels: NDArray[np.int32] | None = None,
) -> None:
    memory.layer.kind = LayerKind.COPY
    term = _term(memory, source, TermKind.IDENTITY)
    term.channels, term.first_channel = source.plan.channels if channels is None else len(channels), first
    if rows is not None:
        term.map = memory.at(rows)
    if channels is not None:
        term.begin = memory.at(channels)
    memory.terms.append(term)


def _add_blend(memory: Memory, rows: NDArray[np.int32], weights: NDArray[np.int32]) -> None:
    memory.layer.kind = LayerKind.BLEND
    term = _term(memory, memory.sources[0], TermKind.IDENTITY)
    term.channels, term.quads = memory.plan.channels, rows.shape[1]
    term.map, term.begin = memory.at(rows), memory.at(weights)
    memory.terms.append(term)


def _add_neuron(memory: Memory, neuron: Neuron, scratch: Scratch, variant: Variant) -> None:
    plan, stride, layer = memory.plan, memory.stride, memory.layer
    bias = filled(neuron.bias.numpy(), stride)
    layer.kind, layer.bias = LayerKind.NEURON, memory.at(bias)
    layer.lo, layer.hi = neuron.lo, neuron.hi
    layer.zero = neuron.zero if neuron.gives is Kind.LEVELS else 0
    layer.half_even = neuron.rounding is Rounding.HALF_EVEN
    layer.bound = _bound(plan, neuron)
    if neuron.table is not None:
        layer.table = memory.at(neuron.table.numpy())
    for synapse, source in zip(plan.synapses, memory.sources, strict=True):
        if synapse.weight is None:
            memory.terms.append(_identity(memory, synapse, source))
            continue
        assert synapse.place is not None
        packed = pack(synapse, source.rows, stride, bias, variant)
        term = _term(memory, source, TermKind.DEPTHWISE if packed.depthwise else TermKind.CONVOLVE)
        term.window, term.quads = window_of(synapse.place), packed.quads
        term.is_signed = packed.is_signed
        term.weight, term.multiplier = memory.at(packed.weight), memory.at(packed.multiplier)
        if packed.begin.any():
            term.begin = memory.at(packed.begin)
        if packed.rests is not None:
            term.pairs = ctypes.addressof(pairs := packed.rests.struct())
            memory.kept += [packed.rests, pairs]
        if pays(synapse, source, variant):
            add_events(memory, term, source, synapse, scratch, variant)
        memory.terms.append(term)


def _identity(memory: Memory, synapse: SynapsePlan, source: Memory) -> Term:
    """The source as it is, or, without a place, the sum of all its rows."""
    term = _term(memory, source, IDENTITIES[source.plan.value.kind])
    if synapse.place is None:
        sums = aligned_zeros(memory.stride, np.int32)
        term.kind, term.row_bytes, term.everywhere = TermKind.SUMS, 0, 1
        term.source, term.summed = memory.at(sums), source.values.ctypes.data
        term.summed_rows, term.summed_stride = source.plan.value.positions, source.stride
    term.multiplier = memory.at(filled(synapse.multiplier.numpy(), memory.stride))
    if synapse.offset is not None:
        term.begin = memory.at(filled(synapse.offset.numpy(), memory.stride))
    return term


def _bound(plan: LayerPlan, neuron: Neuron) -> bool:
    """Whether no pre-activation can leave what float32 holds exactly."""
    most = float(neuron.bias.abs().max())
    for synapse, source in zip(plan.synapses, plan.sources, strict=True):
        if source.kind is Kind.REAL:
            return False
        largest = max(source.peak, 128)
        if synapse.weight is not None:
            largest *= int(np.abs(synapse.weight.numpy().astype(np.int64)).sum(-2).max())
        elif synapse.place is None:
            largest *= source.positions
        if synapse.offset is not None:
            largest += int(np.abs(synapse.offset.numpy().astype(np.int64)).max())
        most += largest * float(synapse.multiplier.abs().max())
    return most < LARGEST_MEMBRANE / 2
