"""The table of operations: what an integer network is made of, one file a kind. docs/design.md says how to add one."""

from vistream.ir.operations.concat import Concat
from vistream.ir.operations.input import PIXEL_ZERO, Input
from vistream.ir.operations.max_pool import MaxPool
from vistream.ir.operations.neuron import Neuron, Synapse
from vistream.ir.operations.operation import Operation
from vistream.ir.operations.upsample import Upsample

OPERATIONS: dict[str, type[Operation]] = {
    kind.__name__: kind for kind in (Input, Neuron, MaxPool, Upsample, Concat)
}  # fmt: skip

__all__ = ["OPERATIONS", "PIXEL_ZERO", "Concat", "Input", "MaxPool", "Neuron", "Operation", "Synapse", "Upsample"]
