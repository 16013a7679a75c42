"""The twins of matrix products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.gemm import int_mm
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin.sums import centred
from vistream.engine.stream.twin.twin import Twin, at, differing_rows, store
from vistream.ir.operations import MatrixProduct, TokenSum, Transposed
from vistream.ir.value import Kind, Value

EXACT = 2**24  # float32 holds every integer up to here


class MatrixProductTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        layer = self.plan.layer
        assert isinstance(layer, MatrixProduct)
        left, right = at(sources[0], index), sources[1].flatten(0, 1)
        if layer.heads == 1 and layer.transposed is Transposed.RIGHT and self._is_of_levels:
            return int_mm(left, right.t().contiguous())
        left, right = (
            _real(part, value, self.plan) for part, value in zip((left, right), self.plan.sources, strict=True)
        )
        per_head = right.reshape(len(right), layer.heads, -1)
        equation = "nhd,mhd->nhm" if layer.transposed is Transposed.RIGHT else "nhm,mhd->nhd"
        found = torch.einsum(equation, left.reshape(len(left), layer.heads, -1), per_head)
        return found.flatten(1).to(torch.int32)

    @property
    def _is_of_levels(self) -> bool:
        """Of levels whose zero is 0."""
        return all(value.kind is Kind.LEVELS and not value.zero for value in self.plan.sources)


def _real(numbers: Tensor, value: Value, plan: LayerPlan) -> Tensor:
    """Minus their zero, in a float type in which no sum of their products is rounded."""
    exact = torch.float32 if plan.value.peak < EXACT else torch.float64
    return numbers.to(exact) if not value.zero else centred(numbers, value).to(exact)


class TokenSumTwin(Twin):
    """A running sum of outer products: what changed is taken out as it was and put in as it is.

    It keeps its sources as they were summed. Integers, so nothing ever drifts.
    """

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__(plan)
        left, right = plan.sources
        self._left = torch.zeros(left.positions, left.channels, dtype=_held(left))  # minus their zeros: 0 adds nothing
        self._right = torch.zeros(right.positions, right.channels, dtype=_held(right))
        self._sum = torch.zeros(plan.width, plan.channels, dtype=torch.int32)

    def update(self, sources: Sequence[Tensor], index: Tensor, output: Tensor, hysteresis: int) -> tuple[Tensor, int]:
        left, right = (
            centred(source.flatten(0, 1), value) if value.zero else source.flatten(0, 1)
            for source, value in zip(sources, self.plan.sources, strict=True)
        )
        moved = (differing_rows(left, self._left) | differing_rows(right, self._right)).nonzero()[:, 0]
        if 2 * len(moved) < len(left):
            self._add(self._left, self._right, moved, -1)
            self._left[moved], self._right[moved] = left[moved], right[moved]
            self._add(left, right, moved, 1)
        else:
            self._left.copy_(left)
            self._right.copy_(right)
            self._sum.zero_()
            self._add(left, right, None, 1)
        self.macs = min(2 * len(moved), len(left)) * self._sum.numel()
        return store(output, index, self._sum[index])

    def _add(self, left: Tensor, right: Tensor, tokens: Tensor | None, sign: int) -> None:
        """Add the outer products of some tokens (None: all), times `sign`, to the sum."""
        if tokens is not None:
            left, right = left.index_select(0, tokens), right.index_select(0, tokens)
        self._sum += sign * self._products(left, right).transpose(0, 1).flatten(1)

    def _products(self, left: Tensor, right: Tensor) -> Tensor:
        """Of every head, `left^T right`: int32 `[heads, I, J]`."""
        assert isinstance(self.plan.layer, TokenSum)
        heads, (rows, columns) = self.plan.layer.heads, (self.plan.width, self.plan.channels // self.plan.layer.heads)
        bytes_alone = left.dtype == right.dtype == torch.int8
        if bytes_alone and min(rows, columns) > 1:  # a single row or column is misread where it is transposed
            parts = zip(torch.split(left, rows, 1), torch.split(right, columns, 1), strict=True)
            return torch.stack([int_mm(first.t(), second) for first, second in parts])
        exact = torch.float32 if self.plan.value.peak < EXACT else torch.float64
        first, second = (
            part.to(exact).reshape(len(part), heads, part.shape[1] // heads).transpose(0, 1) for part in (left, right)
        )
        return (first.transpose(1, 2) @ second).to(torch.int32)

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        kept = {"left": self._left, "right": self._right}
        return {name: tensor.to(torch.int32).numpy().copy() for name, tensor in kept.items()}

    def load_state_dict(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        for name, own in (("left", self._left), ("right", self._right)):
            given = torch.from_numpy(np.asarray(state[name], np.int64))
            if given.shape != own.shape:
                raise ValueError(f"{self.plan.layer.name} keeps {list(own.shape)}, not {list(given.shape)}")
            own.copy_(given)
        self._sum.zero_()
        self._add(self._left, self._right, None, 1)


def _held(value: Value) -> torch.dtype:
    """What holds its numbers minus their zero."""
    return torch.int8 if value.kind is Kind.LEVELS and not value.zero else torch.int64
