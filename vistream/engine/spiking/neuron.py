"""The neuron: ST-BIF (You et al., CVPR 2025, section 3; You et al., ICML 2024) and plain integrate-and-fire.

A neuron holds a membrane `V`, in levels, which starts at 1/2, and the number `S` of spikes that it has sent, each one
taken back by a negative one. Per step it adds its input charge and fires at most once:

    +1  if V >= 1 + h and S < hi         then V -= 1, S += 1
    -1  if V < -h     and S > lo         then V += 1, S -= 1

`V + S` changes only by charge that comes in ("the law of charge conservation"). So at rest, whatever the order of the
charges was, `S = clip(floor(V + S), lo, hi)`: the quantised activation, at h = 0.

With a hysteresis h > 0 that is no longer so. The neuron fires one spike at a time and stops as soon as it is inside
the band, so `S` comes to rest within 1/2 + h of the clipped pre-activation, but which of those levels it is depends on
the way there; `ir.formula.requantise`, once it leaves a level, goes all the way to the nearest. Both keep the same
bound; they are equal at h = 0 only.

These functions hold no state and know nothing of networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

START = 0.5  # of the membrane: it turns the floor into rounding


@dataclass(frozen=True, slots=True)
class FiringRule:
    """When a neuron fires: only below `hi` upwards, only above `lo` downwards, `hysteresis` levels late."""

    lo: float
    hi: float
    hysteresis: float = 0.0

    def spikes(self, total: Tensor, S: Tensor) -> Tensor:
        """The spikes, int8 in -1..1, of neurons whose `total = V + S`, all of one shape.

        The thresholds are held against `V + S`, so that nothing rounds before they are: with S = -1, a total just
        below 0 is a V below 1 that float32 takes for 1.
        """
        up = (total >= S + (1.0 + self.hysteresis)) & S.lt(self.hi)
        down = (total < S - self.hysteresis) & S.gt(self.lo)
        return up.to(torch.int8) - down.to(torch.int8)


PLAIN_IF = FiringRule(lo=float("inf"), hi=float("inf"))
"""Integrate-and-fire: no spike is ever taken back, and nothing stops it at the top. Not equal to the quantised network:
a spike fired too early stays."""


def step(V: Tensor, S: Tensor, charge: Tensor, rule: FiringRule) -> tuple[Tensor, Tensor, Tensor]:
    """One time step of neurons of any one shape: `(V, S, spike)` after `charge` (in levels) came in.

    >>> V, S = torch.tensor(START), torch.tensor(0)
    >>> for charge in (2.75, -1.5, 0.0):
    ...     V, S, spike = step(V, S, torch.tensor(charge), FiringRule(0, 7))
    ...     print(float(V), int(S), int(spike))
    2.25 1 1
    0.75 1 0
    0.75 1 0
    """
    total = V + S + charge
    spike = rule.spikes(total, S)
    S = S + spike
    return total - S, S, spike
