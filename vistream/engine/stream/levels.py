"""Between which levels those of a value lie: what kernels have to be ready for."""

from __future__ import annotations

from collections.abc import Sequence

from vistream.engine.stream.plan import LayerPlan
from vistream.ir.operations import Concat, MaxPool, Nearest, Neuron, PickChannels, Slice, Upsample

Ends = tuple[int, int]
WHOLE: Ends = -128, 127


def levels_between(plan: LayerPlan, sources: Sequence[Ends]) -> Ends:
    """The lowest and the highest level of a value, what lies outside included. `sources`: of those it is made of."""
    match plan.layer:
        case Neuron() as neuron if neuron.table is not None:
            found = neuron.table[neuron.lo + 128 : neuron.hi + 129]
            ends = [int(found.min()), int(found.max())]
        case Neuron() as neuron:
            ends = [neuron.lo, neuron.hi]
        case Upsample() | Nearest() | Slice() | PickChannels() | Concat():
            ends = [end for source in sources for end in source]
        case MaxPool() as pool if not pool.window.misses(*plan.sources[0].grid):
            ends = list(sources[0])
        case _:
            return WHOLE
    outside = plan.value.zero or (0,)
    return min(*ends, *outside), max(*ends, *outside)
