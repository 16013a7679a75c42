"""The best sources of label propagation: short descending lists of the most similar cells.

Compiled where the kernels work here, else in numpy; both give the same lists. Ties go to whoever was first.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Unusable, library
from vistream.kernels.structs import Place

Scores = NDArray[np.float32]
Cells = NDArray[np.intp]
Where = tuple[int, int, int, int, int, int]


@functools.cache
def _compiled() -> Any:
    try:
        return library()
    except Unusable:
        return None


def best_of_all(scores: Scores, base: int, similarity: Scores, cell: Cells) -> None:
    """Merge `scores` `[queries, cells]`, the cells numbered from `base` on, into the lists `[queries, top]`."""
    kernels = _compiled()
    if kernels is None:
        for query, line in enumerate(scores):
            _merge(line, base + np.arange(len(line)), similarity[query], cell[query])
        return
    scores = np.ascontiguousarray(scores)
    queries, cells = scores.shape
    kernels.vistream_best_of_all(
        scores.ctypes.data, queries, cells, base, similarity.ctypes.data, cell.ctypes.data, similarity.shape[1]
    )


def best_in_window(scores: Scores, place: Where, similarity: Scores, cell: Cells) -> None:
    """Merge those of `scores` `[query rows, query columns, rows, frames, columns]` that lie within the radius.

    `place`: row and column of the first query among the sources, the radius, the number of the first source, and by how
    much that of the next row and that of the next frame are larger. The lists are `[query rows, query columns, top]`,
    and may be a part of larger ones.
    """
    kernels = _compiled()
    if kernels is None:
        _in_window(scores, place, similarity, cell)
        return
    scores = np.ascontiguousarray(scores)
    top = similarity.shape[2]
    at = Place(*place, *scores.shape, similarity.strides[0] // (top * similarity.itemsize))
    kernels.vistream_best_in_window(scores.ctypes.data, at, similarity.ctypes.data, cell.ctypes.data, top)


def _in_window(scores: Scores, place: Where, similarity: Scores, cell: Cells) -> None:
    top, left, radius, base, next_row, next_frame = place
    rows, frames, columns = scores.shape[2:]
    r, c = np.arange(rows)[:, None, None], np.arange(columns)
    numbers = base + np.arange(frames)[None, :, None] * next_frame + r * next_row + c
    for y, x in np.ndindex(*scores.shape[:2]):
        inside = (r - top - y) ** 2 + (c - left - x) ** 2 <= radius**2
        inside = np.broadcast_to(inside, numbers.shape)
        _merge(scores[y, x][inside], numbers[inside], similarity[y, x], cell[y, x])


def _merge(values: Scores, numbers: Cells, similarity: Scores, cell: Cells) -> None:
    """A stable sort keeps whoever was first in front."""
    values, numbers = np.concatenate([similarity, values]), np.concatenate([cell, numbers])
    order = np.argsort(-values, kind="stable")[: len(similarity)]
    similarity[:], cell[:] = values[order], numbers[order]
