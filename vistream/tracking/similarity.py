"""Reconstruction similarity: how well two objects' feature vectors can be rebuilt from one another.

Source: Wang et al., "Do different tracking tasks require different appearance models?", NeurIPS 2021, section 3.3.
It needs no equal number of vectors, so boxes, masks and skeletons all come here.

Unit vectors are in steps of 1/2048: the sums that a BLAS may reorder are sums of integers that float32 holds exactly,
so that the result is the same bit for bit on any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.reconstruction import reconstruct

Vectors = NDArray[np.float32]

# |a . b| <= |a| |b| ~ 2^22 by Cauchy-Schwarz, below 2^24: exact in float32 in any order of summation.
_UNIT = 2048.0

MOST = 1 << 24
"""Cosines that are held at once: of a crowd of thousands all would be gigabytes."""


def unit_vectors(vectors: Vectors) -> Vectors:
    """L2-normalise rows `[n, C]` and round each value to a step of 1/2048; a zero row stays zero.

    The result is in those steps: integers from -2048 to 2048, as float32.
    """
    length = np.sqrt(np.einsum("nc,nc->n", vectors, vectors, dtype=np.float64))
    scale = np.divide(_UNIT, length, out=np.zeros_like(length), where=length > 0)
    rounded: Vectors = np.rint(vectors * scale[:, None].astype(np.float32))
    return rounded


def whitened(vectors: Vectors, whitening: Vectors | None) -> Vectors:
    """Vectors `[n, C]`, their directions multiplied by a matrix `[C, C]`, see `quantize.whitening`; None: as they are.

    The products are those of whole numbers, of unit vectors and columns that are no longer than 2^12: exact as well.
    """
    return vectors if whitening is None else np.asarray(unit_vectors(vectors) @ whitening)


def _one_way(cosine: Vectors, objects: Sequence[Vectors], sources: Sequence[Vectors]) -> NDArray[np.float64]:
    """Cosine of each object's stacked vectors with their reconstruction from each source: `[objects, sources]`.

    `cosine`: `[vectors of all objects, vectors of all sources]`.
    """
    along, squared = reconstruct(cosine, _bounds(objects), np.concatenate(sources), _bounds(sources))
    length = np.sqrt(squared * np.array([[len(vectors)] for vectors in objects], np.float64)) / _UNIT
    return np.divide(along, length, out=np.zeros_like(along), where=length > 0)


def reconstruction_similarity(tracks: Sequence[Vectors], detections: Sequence[Vectors]) -> NDArray[np.float64]:
    """Similarity `[T, D]`, about 0..1, of every track to every detection.

    Each object is a non-empty float32 `[n, C]` from `unit_vectors`. Each track vector is rebuilt from the vectors of
    one detection, weighted by a softmax that runs over the vectors of *all* detections; likewise each detection
    vector from tracks; the similarity is the mean of the two cosines between an object's stacked vectors and
    their reconstruction.
    """
    if not tracks or not detections:
        return np.zeros((len(tracks), len(detections)))
    if sum(map(len, tracks)) * sum(map(len, detections)) > MOST:
        return (_in_groups(tracks, detections) + _in_groups(detections, tracks).T) / 2
    cosine = _cosines(tracks, detections)
    forward, backward = _one_way(cosine, tracks, detections), _one_way(cosine.T, detections, tracks)
    return (forward + backward.T) / 2


def _cosines(objects: Sequence[Vectors], sources: Sequence[Vectors]) -> Vectors:
    cosine: Vectors = np.concatenate(objects) @ np.concatenate(sources).T / np.float32(_UNIT**2)
    return cosine


def _bounds(objects: Sequence[Vectors]) -> NDArray[np.int64]:
    """Where each object's vectors begin among those of all, and where the last one's end."""
    return np.cumsum([0, *map(len, objects)])


def _in_groups(objects: Sequence[Vectors], sources: Sequence[Vectors]) -> NDArray[np.float64]:
    """`_one_way`, a few objects at a time: the same numbers, in less memory."""
    size = max(1, MOST // (max(map(len, objects)) * sum(map(len, sources))))
    groups = [objects[begin : begin + size] for begin in range(0, len(objects), size)]
    return np.concatenate([_one_way(_cosines(group, sources), group, sources) for group in groups])
