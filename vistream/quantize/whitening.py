"""Whitening of feature maps: so many of their channels say the same that a few things count many times.

Vectors are multiplied by the inverse square root of their second moments (Kessy et al., "Optimal whitening and
decorrelation", The American Statistician 2018: ZCA), after which no direction counts more than another; the small ones,
which are mostly noise, less. The matrix is of whole numbers, so that products of whole numbers are exact.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

SHRINKAGE = 0.03  # of the largest eigenvalue, added to all
STEEPEST = 4096  # the length of the longest column
SPARSE = 2
TINY = 1e-9


def moments_of(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The second moments of the directions of a map's vectors, `[h, w, C]`, every other row and column: `[C, C]`.

    >>> moments_of(np.array([[[3.0, 4.0]]], np.float32)).round(2).tolist()
    [[0.36, 0.48], [0.48, 0.64]]
    """
    vectors = values[::SPARSE, ::SPARSE].reshape(-1, values.shape[2]).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), TINY)
    return np.asarray(vectors.T @ vectors / len(vectors))


def inverse_root(moments: NDArray[np.float64], added: float) -> NDArray[np.float64]:
    """The symmetric inverse square root of second moments `[C, C]`, to whose eigenvalues something is added.

    >>> inverse_root(np.diag([3.0, 8.0]), 1.0).round(2)
    array([[0.5 , 0.  ],
           [0.  , 0.33]])
    """
    lengths, directions = np.linalg.eigh(moments)
    return np.asarray((directions / np.sqrt(np.maximum(lengths, 0.0) + added)) @ directions.T)


def whitening_of(moments: NDArray[np.float64]) -> NDArray[np.int16]:
    """Of second moments of unit vectors, `[C, C]`: the matrix `[C, C]` to multiply them by.

    >>> whitening_of(np.diag([0.8, 0.2])).tolist()
    [[2136, 0], [0, 4096]]
    """
    matrix = inverse_root(moments, SHRINKAGE * float(np.linalg.norm(moments, 2)))
    return np.asarray(np.rint(matrix * (STEEPEST / np.linalg.norm(matrix, axis=0).max())), np.int16)


@cache
def shipped_whitening(name: str) -> NDArray[np.float32]:
    """Of a network whose features are whitened, by name: `[C, C]`, whole numbers.

    Made by scripts/calibrate_detector.py and scripts/calibrate_default.py.
    """
    with resources.as_file(resources.files("vistream.quantize") / f"{name}.npy") as path:
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
