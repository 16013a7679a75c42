"""The first appearance of an object, its cells weighted by how well they tell it from its surroundings.

A box holds background too. Cells that have their like around the box say little of where the object is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

LEAST = 0.02  # weight, before all are scaled: a cell whose like is around the box still counts a little


def weighted_template(cells: Vectors, surroundings: Vectors) -> Vectors:
    """Unit vectors `cells`, `[n, C]`, times weights that add up to 1: 1 less the largest cosine with `surroundings`.

    `surroundings`: unit vectors `[m, C]` from around the object; without any, all cells weigh the same. The sum of the
    template's products with other unit vectors is their weighted mean cosine.

    >>> cells = np.array([[1, 0], [0, 1]], np.float32)
    >>> weighted_template(cells, np.array([[0.6, 0.8]], np.float32)).round(2)
    array([[0.67, 0.  ],
           [0.  , 0.33]], dtype=float32)
    """
    weights = np.ones(len(cells), np.float32)
    if len(surroundings):
        weights = np.maximum(1 - (cells @ surroundings.T).max(axis=1), np.float32(LEAST))
    return np.asarray(cells * (weights / weights.sum())[:, None], np.float32)
