"""What was counted: a layer's size, and what each way of computing it did for one frame. Integers only, no prices.

Gathered by `tasks.energy_run`; turned into operations and bytes by `rows`, into energy by `estimators`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LayerSize:
    """A layer that computes, at one frame size.

    `values`: numbers that it gives; `neurons`: those that neurons decide, 0 where sums leave as they are.
    `macs`: multiply-accumulates of a dense kernel, which computes with the padding too. `synapses`: pairs of a value
    and a neuron that a weight joins, without padding. `adds`: the same where there is no weight (a shortcut, a mean):
    plain additions. `weights`: int8 weights; `inputs`: values in its sources; `readers`: synapses that read this layer.
    `analog`: whether it reads the frame's pixels; `graded`: these, or anything else that is no single spike.
    `float_macs`, `float_weights`: of the original network, in which a weight of 16 bits is one and not two. `width`:
    bytes of one of its numbers, 1 of a level, 4 of a sum.
    """

    name: str
    values: int
    neurons: int
    macs: int
    synapses: int
    adds: int
    weights: int
    inputs: int
    readers: int
    analog: bool
    graded: bool
    float_macs: int
    float_weights: int
    width: int = 1

    @property
    def bytes(self) -> int:
        """Of all its numbers."""
        return self.values * self.width


@dataclass(frozen=True, slots=True)
class SpikeCounts:
    """What a layer of spiking neurons did for one frame; `sops` and `macs` are exact, borders and all.

    `sops`: accumulates, a spike times its fan-out, or a number that is added as it is. `macs`: multiply-accumulates of
    analog pixels, or differences.
    `updates`: neurons, summed over the time steps, that had charge to act upon.
    """

    positive: int
    negative: int
    sops: int
    macs: int
    updates: int

    @property
    def spikes(self) -> int:
        """Of both signs."""
        return self.positive + self.negative


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """What one layer did for one frame.

    `nonzero_macs`, `nonzero_adds`: those of `synapses` and `adds` whose source value is not 0. `stream_values`:
    activations recomputed; `stream_macs`, `stream_adds`: what that took; `changes`: activations that took a new value.
    """

    nonzero_macs: int
    nonzero_adds: int
    stream_values: int
    stream_macs: int
    stream_adds: int
    changes: int
    reset: SpikeCounts
    differential: SpikeCounts


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a spiking frame ended: `steps` until the last spike, whether it `rested`, and how many of the output's
    values were not those of the quantised network."""

    steps: int
    rested: bool
    differing: int


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """One frame, layer by layer. `differing`: output values in which `stream` was not the dense network (0, always).

    `joules`: measured ones by name of what ran; empty where the machine does not tell.
    """

    frame: int
    layers: tuple[LayerCounts, ...]
    reset: Outcome
    differential: Outcome
    differing: int
    joules: dict[str, float]


@dataclass(frozen=True, slots=True)
class Counts:
    """A whole run. `size`: (width, height) of the frames as the network saw them; `steps`: time steps allowed a frame.

    `pixels`: values in a frame. `moved`: values held by layers that compute nothing (max-pool, concat, upsample).
    """

    source: str
    model: str
    sha256: str
    size: tuple[int, int]
    steps: int
    outputs: int
    pixels: int
    moved: int
    layers: tuple[LayerSize, ...]
    frames: tuple[FrameCounts, ...]
