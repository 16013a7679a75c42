"""What the levels of one neuron layer mean: a step for all channels, or one for each.

A channel whose values are small needs smaller steps than the layer's largest: with one step for all, a few channels
that reach far leave the others a handful of levels. Steps by channel cost nothing, as those of a source fold into the
weights that read it (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
2019).

What a channel was seen to reach is less than what it will reach, the more so the quieter it was. So it gets room for
`ROOM` times that, or for the geometric mean of what it and the largest channel reach where that is less: the largest
needs no room that would coarsen it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vistream.quantize.ranges import SMALLEST, Range

SILENT = 1e-6  # a layer that is silent on every calibration frame still needs a scale
LEAST_NEED = 2.0**-12  # of what the largest channel needs: for channels that are always 0
ROOM = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """A neuron layer's levels `lo`..`hi` of `step` each.

    With a `table`, int8 `[256]`, these are what it is looked up by; it gives levels of `gives` each. `zero`: the real
    value of level 0 before the table, as a number of steps to be added. `shares` float64 `[C]`: how large the steps of
    each channel are, as shares of these; None: all channels have the same.
    """

    lo: int
    hi: int
    step: float
    table: Tensor | None = None
    gives: float = 0.0
    shift: float = 0.0
    shares: Tensor | None = None

    @property
    def steps(self) -> float | Tensor:
        """The real value of one level of the layer's sum: of all channels, or of each, float64 `[C]`."""
        return self.step if self.shares is None else self.step * self.shares

    @property
    def real(self) -> float:
        """The real value of one level of the layer's output; of the channel where it is largest."""
        return self._given if self.shares is None else self._given * float(self.shares.max())

    def gains(self, channels: int) -> Tensor:
        """The same by channel, float32 `[C]`."""
        shares = torch.ones(channels, dtype=torch.float64) if self.shares is None else self.shares
        return (self._given * shares).to(torch.float32)

    @property
    def _given(self) -> float:
        return self.step if self.table is None else self.gives


def audible(step: float) -> float:
    """A step, or `SILENT` where it is next to none. Small ones are as good as others: units must not matter."""
    return step if step >= SMALLEST else SILENT


def step_for(low: float, high: float, lo: float, hi: float) -> float:
    """The smallest step with which the levels `lo`..`hi`, numbers of steps from 0, reach from `low` to `high`."""
    return audible(_needed(low, high, lo, hi))


def _needed(low: float, high: float, lo: float, hi: float) -> float:
    """As `step_for`; 0 from 0 to 0."""
    return max(high / hi if hi > 0 else 0.0, low / lo if lo < 0 else 0.0, 0.0)


def shares_of(found: Range, step: float, lo: float, hi: float) -> Tensor | None:
    """The `shares` of a layer with levels as in `step_for`; None where the calibration did not look at channels, or all
    were silent."""
    needed = [_needed(*bounds, lo, hi) / step for bounds in zip(found.lows, found.highs, strict=True)]
    shares = torch.tensor(needed, dtype=torch.float64)
    if not bool((shares > 0.0).any()):
        return None
    shares = shares.clamp_min(LEAST_NEED * float(shares.max()))
    return torch.minimum((shares * shares.max()).sqrt(), ROOM * shares)
