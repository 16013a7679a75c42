"""A random network that grows operation by operation, for tests."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vistream.ir import operations as ops
from vistream.ir.formula import Rounding
from vistream.ir.value import Kind, Value
from vistream.ir.window import POINTWISE, Window

SMALL = 600  # numbers in a value, at most: larger ones are not built upon


@dataclass
class Graph:
    """A network that grows. `values` by name; `random` draws what hypothesis need not shrink."""

    height: int
    width: int
    random: np.random.Generator
    layers: list[ops.Operation] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)

    def add(self, layer: ops.Operation) -> str:
        """Add a layer, if it can be laid over its sources; raises ValueError where not."""
        layer.check()
        if isinstance(layer, ops.Input):
            value = layer.frame(self.height, self.width)
        else:
            value = layer.lay([self.values[name] for name in layer.sources])
        if value.size > SMALL:
            raise ValueError("too large to go on with")
        self.layers.append(layer)
        self.values[layer.name] = value
        return layer.name

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.layers)}"

    def pick(self, *kinds: Kind, grid: tuple[int, int] | None = None, channels: int | None = None) -> str:
        """Any value so far of these kinds, mostly a late one; raises ValueError where there is none."""
        found = [
            name
            for name, value in self.values.items()
            if value.kind in (kinds or (Kind.LEVELS,))
            and grid in (None, value.grid)
            and channels in (None, value.channels)
        ]
        if not found:
            raise ValueError("there is no such value yet")
        return found[-1 - min(int(self.random.geometric(0.4)) - 1, len(found) - 1)]

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def integer(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.random.integers(low, high + 1))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.integer(low, high), self.integer(low, high)

    def any_of(self, options: type) -> object:
        """A member of an Enum."""
        members = list(options)  # type: ignore[call-overload]  # an Enum's class
        return members[self.integer(0, len(members) - 1)]

    def weights(self, *shape: int) -> Tensor:
        return torch.from_numpy(self.random.integers(-128, 128, shape, dtype=np.int8))

    def window(self, largest: int = 3) -> Window:
        padding = (None, (0, 0), self.pair(0, 2))[self.integer(0, 2)]
        after = self.pair(0, 2) if padding and self.chance(0.3) else None
        ceil = padding is not None and self.chance(0.3)
        return Window(self.pair(1, largest), self.pair(1, 2), self.pair(1, 2), padding, after, ceil)

    def step(self, typical: float) -> float:
        """A multiplier that brings a typical charge to a handful of levels: mostly a power of two, for its ties."""
        step = 2.0 ** round(math.log2(8 / max(typical, 1.0)))
        return step if self.chance(0.7) else step * float(self.random.uniform(0.5, 2))

    # ---- the neuron layer, which is the only one that brings sums and real numbers back to levels ----

    def synapse(self, source: str, outputs: int | None = None) -> tuple[ops.Synapse, int]:
        """A convolution, and how many outputs it has."""
        value = self.values[source]
        groups = [g for g in range(1, value.channels + 1) if math.gcd(value.channels, outputs or g) % g == 0]
        count = groups[self.integer(0, len(groups) - 1)]
        channels = count * self.integer(1, 3) if outputs is None else outputs
        window = self.window()
        weight = self.weights(channels, value.channels // count, *window.kernel)
        typical = 70 * math.sqrt(weight[0].numel()) * value.peak / 3
        offset = torch.from_numpy(self.random.integers(-900, 900, channels, dtype=np.int32))
        steps = torch.tensor([self.step(typical) for _ in range(channels)])
        kept = offset if self.chance(0.2) else None
        return ops.Synapse(source, weight, steps, window, count, kept), channels

    def term(self, source: str, window: Window | None = POINTWISE) -> ops.Synapse:
        """An identity, or a mean."""
        value = self.values[source]
        peak = 8.0 if value.kind is Kind.REAL else value.peak / value.divisor / (8 if window is None else 2)
        return ops.Synapse(source, None, torch.full((value.channels,), self.step(peak)), window)

    def neuron(self, kind: str, *synapses: ops.Synapse, gives: Kind = Kind.LEVELS) -> str:
        outputs = len(synapses[0].multiplier)
        lo, hi = ((0, 7), (-7, 7), (-5, 3), (0, 1), (-128, 127))[self.integer(0, 4)]
        table = self.weights(256) // 12 if self.chance(0.3) else None
        rounding = Rounding.HALF_EVEN if self.chance(0.3) else Rounding.HALF_UP
        zero = self.integer(lo, hi) if self.chance(0.2) and table is None else 0
        bias = torch.from_numpy(self.random.integers(-8, 9, outputs).astype(np.float32)) / 2
        name = self.name(kind)
        return self.add(ops.Neuron(name, synapses, bias, lo, hi, 0.25, table, rounding, zero, gives))
