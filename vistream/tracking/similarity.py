"""Reconstruction similarity: how well two objects' feature vectors can be rebuilt from one another.

Source: Wang et al., "Do different tracking tasks require different appearance models?", NeurIPS 2021, section 3.3.
It needs no equal number of vectors, so boxes, masks and skeletons all come here.

Every sum that a BLAS may reorder is a sum of integers that float32 holds exactly (unit vectors in steps of 1/2048,
weights in steps of 2^-13), so that the result is the same bit for bit on any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

SHARPNESS = 100.0
# |a . b| <= |a| |b| ~ 2^22 by Cauchy-Schwarz, below 2^24: exact in float32 in any order of summation.
_UNIT = 2048.0
# A row of weights sums to at most 2^13, a cosine is at most 2^10: their sums of products stay below 2^24 too.
_WEIGHT = 2.0**13
_COSINE = 2.0**10

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


def _weights(cosine: Vectors) -> Vectors:
    """Softmax of the rows, in steps of 2^-13, rounded down."""
    exponent = cosine - cosine.max(axis=1, keepdims=True)
    exponent *= SHARPNESS
    np.maximum(exponent, -30.0, out=exponent)  # rounds to nothing all the same, and spares exp its slow subnormals
    weight: Vectors = np.exp(exponent, out=exponent)
    weight *= _WEIGHT / weight.sum(axis=1, keepdims=True)
    np.floor(weight, out=weight)
    return weight


def _one_way(cosine: Vectors, starts: NDArray[np.intp], sources: Sequence[Vectors]) -> NDArray[np.float64]:
    """Cosine of each object's stacked vectors with their reconstruction from each source: `[objects, sources]`.

    `cosine`: `[vectors of all objects, vectors of all sources]`; `starts`: where each object's vectors begin.
    With W the weights, F the sources' unit vectors and G = F F', the product of an object with its reconstruction
    W F needs only W and the cosines, the length of W F only W and G: the reconstructions are never built.
    """
    weight = _weights(cosine)
    counts = np.diff(np.append(starts, len(cosine)))
    result = np.zeros((len(starts), len(sources)))
    begin = 0
    for s, source in enumerate(sources):
        end = begin + len(source)
        part = weight[:, begin:end]
        gram = np.rint(source @ source.T * (_COSINE / _UNIT**2))
        along = np.einsum("ij,ij->i", part, cosine[:, begin:end])
        squared = np.einsum("ij,ij->i", part @ gram, part)
        along, squared = (np.add.reduceat(rows, starts, dtype=np.float64) for rows in (along, squared))
        length = np.sqrt(np.maximum(squared / _COSINE, 0.0) * counts)
        np.divide(along, length, out=result[:, s], where=length > 0)
        begin = end
    return result


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
    forward = _one_way(cosine, _starts(tracks), detections)
    backward = _one_way(np.ascontiguousarray(cosine.T), _starts(detections), tracks)
    return (forward + backward.T) / 2


def _cosines(objects: Sequence[Vectors], sources: Sequence[Vectors]) -> Vectors:
    cosine: Vectors = np.concatenate(objects) @ np.concatenate(sources).T / np.float32(_UNIT**2)
    return cosine


def _starts(objects: Sequence[Vectors]) -> NDArray[np.intp]:
    """Where each object's vectors begin among those of all."""
    return np.cumsum([0] + [len(vectors) for vectors in objects[:-1]])


def _in_groups(objects: Sequence[Vectors], sources: Sequence[Vectors]) -> NDArray[np.float64]:
    """`_one_way`, a few objects at a time: the same numbers, in less memory."""
    size = max(1, MOST // (max(map(len, objects)) * sum(map(len, sources))))
    groups = [objects[begin : begin + size] for begin in range(0, len(objects), size)]
    return np.concatenate([_one_way(_cosines(group, sources), _starts(group), sources) for group in groups])
