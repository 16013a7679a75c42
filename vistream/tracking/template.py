"""The first appearance of an object, its cells weighted by how well they tell it from its surroundings.

A box holds background too. Cells that have their like around the box say little of where the object is, and so do cells
that stay where they are as it moves (`movement`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

LEAST = 0.02  # weight, before all are scaled: a cell whose like is around the box still counts a little


@dataclass(slots=True)
class Template:
    """Unit vectors `cells`, `[n, C]`, and how unlike the surroundings each is, `distinct`, `[n]`.

    `values`, `[n, C]`: the cells times weights that add up to 1. The sum of their products with other unit vectors is
    the weighted mean cosine.
    """

    cells: Vectors
    distinct: Vectors
    values: Vectors

    @staticmethod
    def of(cells: Vectors, surroundings: Vectors) -> Template:
        """Each cell weighs 1 less its largest cosine with `surroundings`, unit vectors `[m, C]` from around the object.

        Without any, all cells weigh the same.

        >>> cells = np.array([[1, 0], [0, 1]], np.float32)
        >>> Template.of(cells, np.array([[0.6, 0.8]], np.float32)).values.round(2)
        array([[0.67, 0.  ],
               [0.  , 0.33]], dtype=float32)
        """
        distinct = np.ones(len(cells), np.float32)
        if len(surroundings):
            distinct = np.maximum(1 - (cells @ surroundings.T).max(axis=1), np.float32(LEAST))
        template = Template(cells, distinct, cells)
        template.weigh(np.ones_like(distinct))
        return template

    def weigh(self, factors: Vectors) -> None:
        """Weigh each cell by its factor, `[n]`, as well."""
        weights = self.distinct * factors
        self.values = np.asarray(self.cells * (weights / weights.sum())[:, None], np.float32)
