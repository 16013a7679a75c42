"""How each operation of an fx graph is taken: one small method an operation, refused by name where there is none."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from vistream.errors import VistreamError
from vistream.ir.same import SameConv2d
from vistream.ir.window import Pair, Window
from vistream.quantize.program import (
    FloatInput,
    FloatLayer,
    FloatMove,
    FloatNeuron,
    Sum,
    Term,
    fold_batch_norm,
)

INFINITY = float("inf")


class Builder:
    """Walks the nodes in order. A node's value is the name of a settled layer, or a pending `Sum`."""

    def __init__(self, module: fx.GraphModule, channels: int) -> None:
        self.module = module
        self.input_channels = channels
        self.layers: list[FloatLayer] = []
        self.channels: dict[str, int] = {}
        self._values: dict[fx.Node, str | Sum] = {}

    def take(self, node: fx.Node) -> None:
        """Add one node; raises VistreamError if it is of no kind that is known."""
        if node.op == "placeholder":
            if self.layers:
                raise self._refused(node, "a second input")
            self._add(FloatInput(node.name, self.input_channels, node), self.input_channels)
            self._values[node] = node.name
        elif node.op == "output":
            self._output(node)
        else:
            value = self._operation(node)
            if isinstance(value, Sum) and len(node.users) > 1:
                value = self._settle(node, value)
            self._values[node] = value

    def _operation(self, node: fx.Node) -> str | Sum:
        if node.op == "call_module":
            module = self.module.get_submodule(str(node.target))
            for kind, take in MODULES.items():
                if isinstance(module, kind):
                    return take(self, node, module)
            raise self._refused(node, f"{type(module).__name__} (module {node.target})")
        if node.op in ("call_function", "call_method"):
            taken = FUNCTIONS.get(node.target)
            if taken is not None:
                return taken(self, node)
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", node.target)
        raise self._refused(node, f"{name} (node {node.name})")

    # ---- values ----

    def _add(self, layer: FloatLayer, channels: int) -> str:
        self.layers.append(layer)
        self.channels[layer.name] = channels
        return layer.name

    def value(self, argument: Any, node: fx.Node) -> str | Sum:
        """The value of an argument of `node`, settled or pending."""
        if not isinstance(argument, fx.Node):
            raise self._refused(node, f"{node.name} with the constant {argument!r}")
        return self._values[argument]

    def settled(self, argument: Any, node: fx.Node) -> str:
        """The same, as a settled layer's name."""
        value = self.value(argument, node)
        if isinstance(value, str):
            return value
        self._values[argument] = name = self._settle(argument, value)
        return name

    def pending(self, argument: Any, node: fx.Node) -> Sum:
        """The same, as a sum: a settled value becomes the sum of itself alone."""
        value = self.value(argument, node)
        if isinstance(value, Sum):
            return value
        channels = self.channels[value]
        return Sum((Term(value, None, torch.ones(channels)),), torch.zeros(channels))

    def _settle(
        self, node: fx.Node, pending: Sum, clip: tuple[float, float] | None = None, activation: str = ""
    ) -> str:
        title = next((term.title for term in pending.terms if term.title), node.name)
        name = title if title not in self.channels else f"{title}:{node.name}"
        return self._add(FloatNeuron(name, pending, clip, activation, node), pending.channels)

    def clipped(self, node: fx.Node, lo: float, hi: float) -> str:
        """An activation that clips: here a sum always settles."""
        if not lo <= 0.0 <= hi:
            raise self._refused(node, f"a clip to {lo} .. {hi}, which leaves out 0, at {node.name}")
        activation = str(node.target) if node.op == "call_module" else node.name
        return self._settle(node, self.pending(node.args[0], node), (lo, hi), activation)

    def linear(self, node: fx.Node, weight: Tensor, bias: Tensor | None, window: Window, groups: int = 1) -> Sum:
        """The sum of one convolution."""
        source = self.settled(node.args[0], node)
        outputs, inputs = len(weight), weight.shape[1] * groups
        if inputs != self.channels[source]:
            raise self._refused(
                node, f"{inputs} inputs where {self.channels[source]} channels arrive (node {node.name})"
            )
        title = str(node.target) if node.op == "call_module" else node.name
        term = Term(source, weight.detach(), torch.ones(outputs), window, groups, title)
        return Sum((term,), torch.zeros(outputs) if bias is None else bias.detach())

    def _output(self, node: fx.Node) -> None:
        if not isinstance(node.args[0], fx.Node):
            raise self._refused(node, "a model that returns something other than one tensor")
        last = self.settled(node.args[0], node)
        if last != self.layers[-1].name:
            raise self._refused(node, f"layers that the output does not need, such as {self.layers[-1].name}")

    def _refused(self, node: fx.Node, what: str) -> VistreamError:
        return VistreamError(
            f"the model uses {what}, which the integer network cannot take; it takes convolution, batch norm, add, "
            "ReLU, ReLU6, clip, max-pool, average-pool, linear, concat and nearest up-sampling"
        )

    # ---- operations ----

    def convolution(self, node: fx.Node, conv: nn.Conv2d) -> Sum:
        kernel, stride, dilation = _pair(conv.kernel_size), _pair(conv.stride), _pair(conv.dilation)
        if conv.padding_mode != "zeros":
            raise self._refused(node, f"padding with {conv.padding_mode!r} (module {node.target})")
        if isinstance(conv, SameConv2d):
            window = Window(kernel, stride, dilation, None)
        elif conv.padding == "same":
            totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
            before = (totals[0] // 2, totals[1] // 2)
            window = Window(kernel, stride, dilation, before, (totals[0] - before[0], totals[1] - before[1]))
        else:
            window = Window(kernel, stride, dilation, (0, 0) if conv.padding == "valid" else _pair(conv.padding))
        return self.linear(node, conv.weight, conv.bias, window, conv.groups)

    def batch_norm(self, node: fx.Node, bn: nn.BatchNorm2d) -> Sum:
        if bn.running_mean is None:
            raise self._refused(node, f"a batch norm without running statistics (module {node.target})")
        return fold_batch_norm(self.pending(node.args[0], node), bn)

    def fully_connected(self, node: fx.Node, linear: nn.Linear) -> Sum:
        return self.linear(node, linear.weight[:, :, None, None], linear.bias, Window())

    def add(self, node: fx.Node, *_: object) -> Sum:
        if node.kwargs:
            raise self._refused(node, f"add with {sorted(node.kwargs)} (node {node.name})")
        left, right = (self.pending(argument, node) for argument in node.args[:2])
        if left.channels != right.channels:
            raise self._refused(node, f"an addition that broadcasts channels (node {node.name})")
        return Sum(left.terms + right.terms, left.bias + right.bias)

    def concat(self, node: fx.Node) -> str:
        arguments = node.args[0]
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if dim != 1 or not isinstance(arguments, (list, tuple)):
            raise self._refused(node, f"concat along dimension {dim} (node {node.name})")
        names = tuple(self._own_scale(self.settled(argument, node), node) for argument in arguments)
        return self._add(FloatMove(node.name, names), sum(self.channels[name] for name in names))

    def _own_scale(self, name: str, node: fx.Node) -> str:
        """The frame's scale is given, so it can't be shared: a neuron of its own repeats it."""
        source = self.layers[0]
        if name != source.name or not isinstance(source, FloatInput):
            return name
        channels = source.channels
        copy = Sum((Term(name, None, torch.ones(channels)),), torch.zeros(channels))
        return self._settle(source.node, copy)

    def max_pool(self, node: fx.Node, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: Any) -> str:
        if ceil:
            raise self._refused(node, f"max-pool with ceil_mode (node {node.name})")
        source = self.settled(node.args[0], node)
        window = Window(_pair(kernel), _pair(stride or kernel), _pair(dilation), _pair(padding))
        return self._add(FloatMove(node.name, (source,), window), self.channels[source])

    def average_pool(self, node: fx.Node, kernel: Any, stride: Any, padding: Any, plain: bool) -> Sum:
        if not plain:
            raise self._refused(
                node, f"average-pool with ceil_mode, divisor_override or uncounted padding (node {node.name})"
            )
        source = self.settled(node.args[0], node)
        channels, size = self.channels[source], _pair(kernel)
        window = Window(size, _pair(stride or kernel), (1, 1), _pair(padding))
        weight = torch.full((channels, 1, *size), 1.0 / (size[0] * size[1]))
        term = Term(source, weight, torch.ones(channels), window, channels)
        return Sum((term,), torch.zeros(channels))

    def global_average(self, node: fx.Node, size: Any) -> Sum:
        if _pair(size) != (1, 1):
            raise self._refused(node, f"adaptive average-pool to {size} (node {node.name})")
        source = self.settled(node.args[0], node)
        channels = self.channels[source]
        return Sum((Term(source, None, torch.ones(channels), None),), torch.zeros(channels))

    def upsample(self, node: fx.Node, factor: Any, mode: Any) -> str:
        whole = factor is not None and all(float(f).is_integer() and f >= 1 for f in _floats(factor))
        if mode != "nearest" or not whole:
            raise self._refused(node, f"up-sampling other than nearest by a whole factor (node {node.name})")
        source = self.settled(node.args[0], node)
        rows, columns = (int(f) for f in _floats(factor))
        return self._add(FloatMove(node.name, (source,), factor=(rows, columns)), self.channels[source])

    def same(self, node: fx.Node, *_: object) -> str | Sum:
        """Dropout, identity, flatten after a global pool: nothing changes."""
        return self.value(node.args[0], node)


def _pair(value: Any) -> Pair:
    if isinstance(value, (tuple, list)):
        return (int(value[0]), int(value[-1]))
    return (int(value), int(value))


def _floats(value: Any) -> tuple[float, float]:
    return (float(value[0]), float(value[-1])) if isinstance(value, (tuple, list)) else (value, value)


def _argument(node: fx.Node, position: int, name: str, default: Any) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def _clamp(builder: Builder, node: fx.Node) -> str:
    lo = _argument(node, 1, "min", _argument(node, 1, "min_val", None))
    hi = _argument(node, 2, "max", _argument(node, 2, "max_val", None))
    return builder.clipped(node, -INFINITY if lo is None else float(lo), INFINITY if hi is None else float(hi))


def _max_pool(builder: Builder, node: fx.Node) -> str:
    names = (("kernel_size", None), ("stride", None), ("padding", 0), ("dilation", 1), ("ceil_mode", False))
    return builder.max_pool(node, *(_argument(node, i + 1, name, d) for i, (name, d) in enumerate(names)))


def _average_pool(builder: Builder, node: fx.Node) -> Sum:
    kernel, stride = _argument(node, 1, "kernel_size", None), _argument(node, 2, "stride", None)
    padding = _argument(node, 3, "padding", 0)
    counted = _pair(padding) == (0, 0) or _argument(node, 5, "count_include_pad", True)
    plain = counted and not _argument(node, 4, "ceil_mode", False) and not _argument(node, 6, "divisor_override", None)
    return builder.average_pool(node, kernel, stride, padding, bool(plain))


def _average_module(builder: Builder, node: fx.Node, pool: nn.AvgPool2d) -> Sum:
    counted = _pair(pool.padding) == (0, 0) or pool.count_include_pad
    plain = counted and not pool.ceil_mode and not pool.divisor_override
    return builder.average_pool(node, pool.kernel_size, pool.stride, pool.padding, plain)


MODULES: dict[type[nn.Module], Callable[[Builder, fx.Node, Any], str | Sum]] = {
    nn.Conv2d: Builder.convolution,
    nn.BatchNorm2d: Builder.batch_norm,
    nn.Linear: Builder.fully_connected,
    nn.ReLU6: lambda b, n, m: b.clipped(n, 0.0, 6.0),
    nn.ReLU: lambda b, n, m: b.clipped(n, 0.0, INFINITY),
    nn.Hardtanh: lambda b, n, m: b.clipped(n, float(m.min_val), float(m.max_val)),
    nn.MaxPool2d: lambda b, n, m: b.max_pool(n, m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode),
    nn.AvgPool2d: _average_module,
    nn.AdaptiveAvgPool2d: lambda b, n, m: b.global_average(n, m.output_size),
    nn.Upsample: lambda b, n, m: b.upsample(n, m.scale_factor, m.mode),
    nn.Dropout: Builder.same,
    nn.Dropout2d: Builder.same,
    nn.Identity: Builder.same,
    nn.Flatten: Builder.same,
}

FUNCTIONS: dict[Any, Callable[[Builder, fx.Node], str | Sum]] = {
    **dict.fromkeys((operator.add, operator.iadd, torch.add, "add", "add_"), Builder.add),
    **dict.fromkeys((F.relu, torch.relu, "relu", "relu_"), lambda b, n: b.clipped(n, 0.0, INFINITY)),
    F.relu6: lambda b, n: b.clipped(n, 0.0, 6.0),
    **dict.fromkeys((torch.clamp, torch.clip, F.hardtanh, "clamp", "clip"), _clamp),
    **dict.fromkeys((torch.cat, torch.concat), Builder.concat),
    F.max_pool2d: _max_pool,
    torch.max_pool2d: _max_pool,
    F.avg_pool2d: _average_pool,
    F.adaptive_avg_pool2d: lambda b, n: b.global_average(n, _argument(n, 1, "output_size", None)),
    F.interpolate: lambda b, n: b.upsample(
        n, _argument(n, 2, "scale_factor", None), _argument(n, 3, "mode", "nearest")
    ),
    **dict.fromkeys((torch.flatten, "flatten", F.dropout, "contiguous"), Builder.same),
}
