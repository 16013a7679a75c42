"""Vectors rebuilt from those of other objects, weighted by a softmax; see `tracking/similarity.py` for what it is for.

Compiled where the kernels work here, else in NumPy; both give the same sums.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Unusable, library

Floats: TypeAlias = NDArray[np.float32]
Bounds: TypeAlias = NDArray[np.int64]
Sums: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]

SHARPNESS, LEAST = np.float32(100), -16  # of the exponents: what is less has no weight
WEIGHT = 2.0**13


def reconstruct(cosine: Floats, objects: Bounds, vectors: Floats, sources: Bounds) -> Sums:
    """Every vector of some objects, rebuilt from the vectors of each source.

    `cosine`: `[vectors of all objects, vectors of all sources]`, -1..1. `vectors`: those of the sources, `[n, C]`,
    whole numbers of a length of 2^11. Object `i` has the rows from `objects[i]` to `objects[i + 1]`, and so have the
    sources. The weights of a row are the softmax over all its columns of 100 times the cosine, those below e^-16 of the
    largest left out, in steps of 2^-13, rounded down.

    Gives, both `[objects, sources]`, the cosines times these weights, in their steps, and the squared length of what
    was rebuilt, in their steps and those of the vectors.
    """
    try:
        kernels = library()
    except Unusable:
        return _plainly(cosine, objects, vectors, sources)
    cosine, vectors = np.ascontiguousarray(cosine), np.ascontiguousarray(vectors)
    objects, sources = np.ascontiguousarray(objects, np.int64), np.ascontiguousarray(sources, np.int64)
    shape = len(objects) - 1, len(sources) - 1
    along, squared = np.zeros(shape), np.zeros(shape)
    cells, weights = np.empty(len(vectors), np.int32), np.empty(len(vectors))
    rebuilt = np.empty(vectors.shape[1], np.int32)
    kernels.vistream_reconstruct(
        cosine.ctypes.data, objects.ctypes.data, shape[0], vectors.ctypes.data, vectors.shape[1], sources.ctypes.data,
        shape[1], along.ctypes.data, squared.ctypes.data, cells.ctypes.data, weights.ctypes.data, rebuilt.ctypes.data,
    )  # fmt: skip
    return along, squared


def _plainly(cosine: Floats, objects: Bounds, vectors: Floats, sources: Bounds) -> Sums:
    exponent = (cosine - cosine.max(1, keepdims=True)) * SHARPNESS
    weight = np.where(exponent < LEAST, 0.0, np.exp(exponent.astype(np.float64)))
    weight = np.floor(weight * (WEIGHT / weight.sum(1, keepdims=True)))
    along, squared = [], []
    for begin, end in pairwise(sources):
        part = weight[:, begin:end]
        rebuilt = (part @ vectors[begin:end].astype(np.float64)).astype(np.int64)
        along.append(np.add.reduceat((part * cosine[:, begin:end]).sum(1), objects[:-1]))
        squared.append(np.add.reduceat((rebuilt**2).sum(1), objects[:-1], dtype=np.float64))
    return np.stack(along, 1), np.stack(squared, 1)
