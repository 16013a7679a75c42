"""Allocates the memory of operations, and describes them to the compiled kernels."""

from __future__ import annotations

import ctypes

import numpy as np
import torch
from numpy.typing import NDArray

from vistream.engine.stream.blending import blended
from vistream.engine.stream.blocks import UNIT
from vistream.engine.stream.copy_terms import add_blend, add_copies, add_copy, add_maxima, nearest_rows
from vistream.engine.stream.events import Scratch
from vistream.engine.stream.levels import levels_between
from vistream.engine.stream.memory import Memory
from vistream.engine.stream.native import make_native
from vistream.engine.stream.neuron_terms import add_neuron
from vistream.engine.stream.packing import aligned_zeros, rounded_up
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.product import is_convolution
from vistream.engine.stream.sum_terms import add_product, add_transposed, add_weights
from vistream.engine.stream.twin import make_twin
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
from vistream.kernels.structs import GROUP, PANEL, Layer, Term

EPILOGUE = 24  # about how many multiply-accumulates requantising one channel costs
NUMPY = {Kind.LEVELS: np.int8, Kind.SUMS: np.int32, Kind.REAL: np.float32}


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
    plan = memory.plan
    moves = plan.value.kind is Kind.LEVELS
    match plan.layer:
        case Neuron() if not _averages_sums(memory):
            add_neuron(memory, plan.layer, scratch, variant)
        case MaxPool() if plan.place is not None and memory.sources[0].stride == memory.stride:  # not of the frame
            add_maxima(memory, plan.place)
        case Upsample() | Nearest() | Slice() if moves:
            add_copy(memory, memory.sources[0], rows=nearest_rows(plan))
        case PickChannels() if moves:
            add_copy(memory, memory.sources[0], channels=np.array(plan.layer.channels, np.int32))
        case Concat() if moves:
            add_copies(memory)
        case MatrixProduct() if is_convolution(plan):
            add_weights(memory, variant)
        case Bilinear() | AveragePool() if (taps := blended(plan)) is not None:
            add_blend(memory, *taps)
        case Product():
            add_product(memory)
        case TransposedConvolution() if plan.channels <= GROUP * PANEL:
            add_transposed(memory)
        case _:
            return False
    return True


def _averages_sums(memory: Memory) -> bool:
    """Whether it takes the mean of anything but levels: its charge may need more than 32 bits."""
    pairs = zip(memory.plan.synapses, memory.plan.sources, strict=True)
    return any(synapse.place is None and source.kind is not Kind.LEVELS for synapse, source in pairs)
