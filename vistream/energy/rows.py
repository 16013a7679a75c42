"""The six ways of computing a frame that a report compares: from counts to operations and bytes.

Bytes follow the access model of Lemaire et al. (ICONIP 2022): every operation fetches its operands, nothing is reused.
A multiply-accumulate reads a value and a weight and sums in a register; a spike's accumulate reads a weight and reads
and writes the neuron's membrane. Real accelerators reuse much of that, dense ones most of all, so this favours none of
the dense rows. Layers that only move values (max-pool, concat, upsample) are charged to no row; updates are
of neurons, so what gives sums as they are (a transposed convolution, a product) has none in any row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vistream.energy.counts import Counts, LayerCounts, LayerSize, SpikeCounts

MEMBRANE = 4  # bytes: the int32 charge
STATE = MEMBRANE + 1  # and the int8 count of spikes sent
EVENT = 4  # bytes: the address of a neuron and a sign
FLOAT = 4


class Row(Enum):
    """The value is what people read."""

    FLOAT = "float network"
    DENSE = "dense QANN"
    SKIPPING = "zero-skipping QANN"
    RESET = "SNN with reset"
    DIFFERENTIAL = "SNN, differential (ViStream)"
    STREAM = "stream"

    @property
    def spiking(self) -> bool:
        return self in (Row.RESET, Row.DIFFERENTIAL)


BASELINES = (Row.FLOAT, Row.DENSE, Row.SKIPPING)


@dataclass(frozen=True, slots=True)
class Access:
    """Bytes `read` from and `written` to a buffer of `size` bytes."""

    size: int
    read: int
    written: int = 0


@dataclass(frozen=True, slots=True)
class Operations:
    """What a layer did for a frame in one row; `floating`: in float32, else int8 with int32 sums."""

    macs: int
    acs: int
    updates: int
    accesses: tuple[Access, ...]
    floating: bool = False


def operations(row: Row, size: LayerSize, counts: LayerCounts) -> Operations:
    """What `row` makes of a layer's counts."""
    match row:
        case Row.FLOAT:
            return _dense(size, FLOAT)
        case Row.DENSE:
            return _dense(size, 1)
        case Row.SKIPPING:
            return _skipping(size, counts)
        case Row.RESET:
            return _spiking(size, counts.reset, fresh=True)
        case Row.DIFFERENTIAL:
            return _spiking(size, counts.differential, fresh=False)
        case Row.STREAM:
            return _stream(size, counts)


def _dense(size: LayerSize, width: int) -> Operations:
    """Everything, of values and weights of `width` bytes; in float what the original network has."""
    floating = width == FLOAT
    macs, weights = (size.float_macs, size.float_weights) if floating else (size.macs, size.weights)
    held = FLOAT * size.values if floating else size.bytes
    accesses = (
        Access(width * weights, width * macs),
        Access(width * size.inputs, width * (macs + size.adds)),
        Access(held, 0, held),
    )
    return Operations(macs, size.adds, size.neurons, accesses, floating=floating)


def _skipping(size: LayerSize, counts: LayerCounts) -> Operations:
    """Every value is read, as one must see that it is 0; the weight and the multiplication are then spared."""
    accesses = (
        Access(size.weights, counts.nonzero_macs),
        Access(size.inputs, size.synapses + size.adds),
        Access(size.bytes, 0, size.bytes),
    )
    return Operations(counts.nonzero_macs, counts.nonzero_adds, size.neurons, accesses)


def _stream(size: LayerSize, counts: LayerCounts) -> Operations:
    """What is recomputed is held against the old level, and written where it differs; so is every pixel."""
    held = size.inputs if size.analog else 0
    accesses = (
        Access(size.weights, counts.stream_macs),
        Access(size.inputs, counts.stream_macs + counts.stream_adds + 2 * held, held),
        Access(size.bytes, size.width * counts.stream_values, size.width * counts.changes),
    )
    updates = counts.stream_values if size.neurons else 0
    return Operations(counts.stream_macs, counts.stream_adds, updates, accesses)


def _spiking(size: LayerSize, counts: SpikeCounts, *, fresh: bool) -> Operations:
    """`fresh`: the state is set back before the frame; else the frame is held, so that the next can be subtracted.

    An accumulate through a shortcut reads its step where others read a weight; a mean over windows has none to read.
    """
    arrivals, state = counts.sops + counts.macs, _state(size)
    cleared = state if fresh else 0
    held = size.inputs if size.analog and not fresh else 0
    pixels = size.inputs if size.analog else 0
    accesses = (
        Access(size.weights, arrivals if size.synapses or size.neurons else 0),
        Access(
            state,
            MEMBRANE * arrivals + STATE * counts.updates,
            MEMBRANE * arrivals + STATE * counts.spikes + cleared,
        ),
        Access(size.neurons, EVENT * counts.spikes * size.readers, EVENT * counts.spikes),
        Access(size.inputs, pixels + held, held),
    )
    return Operations(counts.macs, counts.sops, counts.updates, accesses)


def _state(size: LayerSize) -> int:
    """What a layer of a spiking network holds, in bytes: of a number that no neuron decides, the sum alone."""
    return STATE * size.neurons if size.neurons else MEMBRANE * size.values


def state_bytes(row: Row, counts: Counts) -> int:
    """Bytes that must outlive what computes on them: from frame to frame, or (reset) from time step to time step."""
    spiking = sum(_state(layer) for layer in counts.layers)
    match row:
        case Row.RESET:
            return spiking + counts.moved
        case Row.DIFFERENTIAL:
            return spiking + counts.moved + counts.pixels
        case Row.STREAM:
            return sum(layer.bytes for layer in counts.layers) + counts.moved + counts.pixels
        case _:
            return 0
