"""Whitening: features are stretched until what their surroundings share no longer outweighs what tells them apart.

Cosines between the vectors of a network are ruled by the few directions in which nearly all of them vary. Divided by
how much the surroundings vary along each direction, they tell an object from what it stands before.
Source: Hariharan, Malik and Ramanan, "Discriminative decorrelation for clustering and classification", ECCV 2012,
section 2; over channels only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.quantize.whitening import inverse_root


def whitening(vectors: NDArray[np.float32], regularisation: float) -> NDArray[np.float32]:
    """The symmetric matrix `[C, C]` by which rows of `vectors`, `[n, C]` and of mean 0, lose their covariance.

    `regularisation`: what is added to the variance along every direction, where the mean variance is 1; the larger, the
    less changes. Vectors that do not vary at all are left as they are.

    >>> whitening(np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], np.float32), 0.0).round(2)
    array([[0.75, 0.  ],
           [0.  , 2.24]], dtype=float32)
    """
    spread = vectors.astype(np.float64)
    covariance = spread.T @ spread / len(spread)
    mean = float(np.diag(covariance).mean())
    if mean <= 0.0:
        return np.eye(vectors.shape[1], dtype=np.float32)
    added = max(regularisation, float(np.finfo(np.float32).eps))
    return inverse_root(covariance / mean, added).astype(np.float32)
