"""The twins of matrix products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin.sums import centred
from vistream.engine.stream.twin.twin import Twin, at, store
from vistream.ir.operations import MatrixProduct, TokenSum, Transposed


class MatrixProductTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        layer = self.plan.layer
        assert isinstance(layer, MatrixProduct)
        left = centred(at(sources[0], index), self.plan.sources[0]).to(torch.float64)
        right = centred(sources[1].flatten(0, 1), self.plan.sources[1]).to(torch.float64)
        per_head = right.reshape(len(right), layer.heads, -1)
        equation = "nhd,mhd->nhm" if layer.transposed is Transposed.RIGHT else "nhm,mhd->nhd"
        found = torch.einsum(equation, left.reshape(len(left), layer.heads, -1), per_head)
        return found.flatten(1).to(torch.int32)


class TokenSumTwin(Twin):
    """A running sum of outer products: what changed is taken out as it was and put in as it is.

    It keeps its sources as they were summed. Integers, so nothing ever drifts.
    """

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__(plan)
        left, right = plan.sources
        self._left = torch.zeros(left.positions, left.channels, dtype=torch.int64)  # minus their zeros: 0 adds nothing
        self._right = torch.zeros(right.positions, right.channels, dtype=torch.int64)
        self._sum = torch.zeros(plan.width, plan.channels, dtype=torch.int64)

    def update(self, sources: Sequence[Tensor], index: Tensor, output: Tensor, hysteresis: int) -> tuple[Tensor, int]:
        left, right = (
            centred(source.flatten(0, 1), value) for source, value in zip(sources, self.plan.sources, strict=True)
        )
        moved = ((left != self._left).any(1) | (right != self._right).any(1)).nonzero()[:, 0]
        if 2 * len(moved) < len(left):
            self._sum += self._outer(left[moved], right[moved]) - self._outer(self._left[moved], self._right[moved])
            self._left[moved], self._right[moved] = left[moved], right[moved]
        else:
            self._left, self._right, self._sum = left, right, self._outer(left, right)
        self.macs = min(2 * len(moved), len(left)) * self._sum.numel()
        return store(output, index, self._sum.to(torch.int32)[index])

    def _outer(self, left: Tensor, right: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, TokenSum)
        heads = self.plan.layer.heads
        parts = [part.reshape(len(part), heads, part.shape[1] // heads).to(torch.float64) for part in (left, right)]
        return torch.einsum("nhi,nhj->ihj", *parts).flatten(1).to(torch.int64)

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        kept = {"left": self._left, "right": self._right}
        return {name: tensor.to(torch.int32).numpy().copy() for name, tensor in kept.items()}

    def load_state_dict(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        for name, own in (("left", self._left), ("right", self._right)):
            given = torch.from_numpy(np.asarray(state[name], np.int64))
            if given.shape != own.shape:
                raise ValueError(f"{self.plan.layer.name} keeps {list(own.shape)}, not {list(given.shape)}")
            own.copy_(given)
        self._sum = self._outer(self._left, self._right)
