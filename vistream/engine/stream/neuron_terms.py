"""Neurons as the kernels' terms: convolutions and identities, each with its multipliers, and what bounds their sum."""

from __future__ import annotations

import ctypes

import numpy as np

from vistream.engine.stream.events import Scratch, add_events, pays
from vistream.engine.stream.memory import IDENTITIES, Memory, term_of, window_of
from vistream.engine.stream.packing import aligned_zeros, filled, pack
from vistream.engine.stream.plan import LayerPlan, SynapsePlan
from vistream.ir.formula import LARGEST_MEMBRANE, Rounding
from vistream.ir.operations import Neuron
from vistream.ir.value import Kind
from vistream.kernels.library import Variant
from vistream.kernels.structs import LayerKind, Term, TermKind


def add_neuron(memory: Memory, neuron: Neuron, scratch: Scratch, variant: Variant) -> None:
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
        term = term_of(memory, source, TermKind.DEPTHWISE if packed.depthwise else TermKind.CONVOLVE)
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
    term = term_of(memory, source, IDENTITIES[source.plan.value.kind])
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
