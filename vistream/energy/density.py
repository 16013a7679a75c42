"""How dense the spikes are, beside the densities at which the literature says that spiking stops paying."""

from __future__ import annotations

from vistream.energy.counts import Counts, FrameCounts
from vistream.energy.rows import Row

DAMPFHOFFER = (0.15, 1.38)
"""Spikes per synapse and inference at which a spiking network breaks even with a quantised one, by the reuse that the
hardware allows. Dampfhoffer et al., "Are SNNs Really More Energy-Efficient Than ANNs?", IEEE TETCI 2023."""

YAN = 0.06
"""Spikes per neuron and time step below which a spiking network wins (T of 5 to 10; 5.7 to 6.4 % by the paper's
version). Yan et al., "Reconsidering the Energy Efficiency of Spiking Neural Networks", arXiv 2409.08290."""


def spikes_per_synapse(row: Row, counts: Counts, frame: FrameCounts) -> float:
    """Accumulates over synapses, of all layers that single spikes alone reach; 0 where there are none.

    `row` is one of the spiking ones.
    """
    sops = synapses = 0
    for size, layer in zip(counts.layers, frame.layers, strict=True):
        if not size.graded:
            sops += (layer.reset if row is Row.RESET else layer.differential).sops
            synapses += size.synapses + size.adds
    return sops / synapses if synapses else 0.0


def layer_spikes_per_synapse(row: Row, counts: Counts, frame: FrameCounts) -> list[float]:
    """The same, layer by layer, in order; NaN for a layer that reads pixels, or anything else but single spikes."""
    found = []
    for size, layer in zip(counts.layers, frame.layers, strict=True):
        spiking = layer.reset if row is Row.RESET else layer.differential
        found.append(float("nan") if size.graded else spiking.sops / (size.synapses + size.adds))
    return found


def spike_rate(row: Row, counts: Counts, frame: FrameCounts) -> float:
    """Spikes per neuron and time step that was run; 0 for a frame without any spike."""
    outcome = frame.reset if row is Row.RESET else frame.differential
    spikes = sum((layer.reset if row is Row.RESET else layer.differential).spikes for layer in frame.layers)
    neurons = sum(size.neurons for size in counts.layers)
    return spikes / (neurons * outcome.steps) if outcome.steps else 0.0


def place(value: float) -> str:
    """Where a number of spikes per synapse lies, in words.

    >>> place(0.1), place(0.5), place(3.0)
    ('below the band', 'inside the band', 'above the band')
    """
    low, high = DAMPFHOFFER
    return "below the band" if value < low else "above the band" if value > high else "inside the band"
