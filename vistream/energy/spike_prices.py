"""What the counts of a Spike2Former cost: the formula of its authors, and three estimators for three methods.

The authors: 0.9 pJ * MAC * fr * T for every layer, where fr is the mean integer of what the layer reads, so that D is
in it already; 4.6 pJ * MAC for the first layer, which reads pixels. A layer that reads sums instead of spikes (the
second 1x1 of SDTv2's separable convolutions) multiplies, so it is priced as the first layer is; the authors count it as
spikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vistream.energy.constants import HOROWITZ
from vistream.energy.estimators import Estimator, energy
from vistream.energy.rows import EVENT, FLOAT, MEMBRANE, Access, Operations
from vistream.energy.spikes import Products, SpikeCounts

MAC = HOROWITZ.float32_multiply + HOROWITZ.float32_add  # 4.6 pJ
AC = HOROWITZ.float32_add  # 0.9 pJ


class Method(Enum):
    """The value is what people read."""

    FLOAT = "float network"
    INTEGER = "integers of 8 bits"
    SPIKES = "D binary steps"


@dataclass(frozen=True, slots=True)
class Prices:
    """Picojoules of a frame."""

    authors: float
    estimates: dict[tuple[Method, Estimator], float]


def priced(counts: SpikeCounts, repeats: int = 1) -> Prices:
    """Of the mean frame. `repeats`: T, copies of the picture, each of which costs the same again."""
    most = max(firing.most for firing in counts.neurons.values())
    layers = [_of_a_frame(layer, counts.frames) for layer in counts.layers.values()]
    authors = sum(AC * layer.sops if layer.spiking else MAC * layer.macs for layer in layers)
    estimates = {
        (method, estimator): repeats * sum(energy(estimator, _operations(method, layer, most)) for layer in layers)
        for method in Method
        for estimator in Estimator
    }
    return Prices(repeats * authors, estimates)


def _of_a_frame(layer: Products, frames: int) -> Products:
    return Products(
        layer.kind, layer.weights, layer.inputs, layer.outputs, round(layer.macs / frames), layer.sops / frames
    )


def _operations(method: Method, layer: Products, most: int) -> Operations:
    if method is not Method.SPIKES:
        width = FLOAT if method is Method.FLOAT else 1
        accesses = (
            Access(width * layer.weights, width * layer.macs),
            Access(width * layer.inputs, width * layer.macs),
            Access(width * layer.outputs, 0, width * layer.outputs),
        )
        return Operations(layer.macs, 0, layer.outputs, accesses, floating=method is Method.FLOAT)
    arrivals = round(layer.sops) if layer.spiking else layer.macs
    moved = MEMBRANE * (arrivals + most * layer.outputs)
    accesses = (
        Access(layer.weights, arrivals),
        Access(MEMBRANE * layer.outputs, moved, moved),
        Access(layer.inputs, EVENT * layer.inputs),
    )
    macs, acs = (0, arrivals) if layer.spiking else (arrivals, 0)
    return Operations(macs, acs, most * layer.outputs, accesses)
