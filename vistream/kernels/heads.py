"""What a detector's head says of its cells: the best class of each, and distances from their distributions.

Compiled where the kernels work here, else in NumPy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Unusable, brief

Floats = NDArray[np.float32]


def best_of_rows(
    values: Floats, columns: int, best: Floats, column: NDArray[np.int32], where: NDArray[np.bool_] | None = None
) -> None:
    """The largest of the first `columns` numbers of each row, to `best` `[rows]`, and the first column that has it.

    `values`: `[rows, at least as many columns]`, none of them NaN. `where`: bool `[rows]`, the rows that are looked at;
    None: all.
    """
    try:
        kernels = brief()
    except Unusable:
        rows = np.arange(len(values)) if where is None else np.flatnonzero(where)
        column[rows] = values[rows, :columns].argmax(1)
        best[rows] = values[rows, column[rows]]
        return
    if values.strides[1] != values.itemsize or values.strides[0] % values.itemsize:
        values = np.ascontiguousarray(values)
    marks = None if where is None else np.ascontiguousarray(where)
    kernels.vistream_best_of_rows(
        values.ctypes.data, len(values), values.strides[0] // values.itemsize, columns,
        None if marks is None else marks.ctypes.data, best.ctypes.data, column.ctypes.data,
    )  # fmt: skip


def expectations(logits: Floats) -> NDArray[np.float64]:
    """Of 0, 1, ... bins - 1 over the softmax of each row of `[rows, bins]`: `[rows]`, 0..bins - 1."""
    try:
        kernels = brief()
    except Unusable:
        weights = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True, initial=-np.inf))
        return np.asarray((weights * np.arange(logits.shape[1])).sum(1) / weights.sum(1))
    logits, out = np.ascontiguousarray(logits, np.float32), np.empty(len(logits))
    kernels.vistream_expectations(logits.ctypes.data, *logits.shape, out.ctypes.data)
    return out
