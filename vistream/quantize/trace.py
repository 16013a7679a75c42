"""From a float torch module to a float *program*: which sums of linear maps end in which neuron.

The graph comes from torch.fx. Convolutions, batch norms and additions are gathered into one pending sum; the sum
settles into a neuron layer where an activation follows, where it is needed more than once, or where something that is
not linear reads it. An operation that cannot be taken is refused by name.
"""

from __future__ import annotations

from torch import fx, nn

from vistream.errors import VistreamError
from vistream.quantize.operations import Builder
from vistream.quantize.program import Program


class _Tracer(fx.Tracer):
    """Torch's own layers and subclasses of them (such as `SameConv2d`) are taken whole."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d) or super().is_leaf_module(m, module_qualified_name)


def trace(model: nn.Module, channels: int = 3) -> Program:
    """Read the graph of `model`, which takes one `[B, channels, H, W]` tensor and returns one tensor.

    Raises VistreamError for an operation outside the list in DESIGN, naming it and where it stands.
    """
    try:
        graph = _Tracer().trace(model.eval())
    except Exception as error:  # fx raises anything the model's own code does with a proxy
        reason = str(error).splitlines()[0]
        raise VistreamError(
            f"{type(model).__name__}: its forward pass cannot be traced ({reason}); "
            "write it without branches on tensor values or shapes"
        ) from error
    module = fx.GraphModule(model, graph)
    builder = Builder(module, channels)
    for node in graph.nodes:
        builder.take(node)
    return Program(module, tuple(builder.layers), builder.channels)
