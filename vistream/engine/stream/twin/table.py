"""The table of twins."""

from __future__ import annotations

from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin.moves import ConcatTwin, LinesTwin, MaxPoolTwin
from vistream.engine.stream.twin.neuron import NeuronTwin
from vistream.engine.stream.twin.twin import Twin
from vistream.ir.operations import Concat, MaxPool, Neuron, Operation, Upsample

TWINS: dict[type[Operation], type[Twin]] = {
    Neuron: NeuronTwin,
    MaxPool: MaxPoolTwin,
    Upsample: LinesTwin,
    Concat: ConcatTwin,
}


def make_twin(plan: LayerPlan) -> Twin:
    """The twin of a plan's operation."""
    return TWINS[type(plan.layer)](plan)
