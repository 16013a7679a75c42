"""The table from operation to its reference: whole maps in, the whole map out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from vistream.engine.reference import moves
from vistream.engine.reference.neuron import pre_activations
from vistream.ir.operations import Concat, MaxPool, Neuron, Operation, Upsample
from vistream.ir.value import Value

Reference = Callable[[Any, Sequence[Value], Sequence[Tensor]], Tensor]
"""Of an operation of its own type, what its sources are and hold, `[H, W, C]` each, to what it gives (a neuron layer:
its pre-activations)."""

REFERENCE: dict[type[Operation], Reference] = {
    Neuron: pre_activations,
    MaxPool: moves.max_pool,
    Upsample: moves.upsample,
    Concat: moves.concat,
}
