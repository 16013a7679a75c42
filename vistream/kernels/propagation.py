"""The cells of past frames that are most like those of the present one: short descending lists.

Compiled where the kernels work here, else in numpy; both give the same lists. Ties go to whoever was first.
"""

from __future__ import annotations

from ctypes import byref

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Variant, library, usable
from vistream.kernels.structs import BEYOND, Past

Bytes = NDArray[np.int8]
Ints = NDArray[np.int32]

QUAD = 4  # channels that lie together
ANYWHERE = -1


def in_quads(vectors: Bytes) -> Bytes:
    """Vectors `[h, w, C]` with zeros behind, so that channels come in fours."""
    missing = -vectors.shape[2] % QUAD
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, 0), (0, missing))) if missing else vectors)


def laid_out(vectors: Bytes) -> Bytes:
    """Vectors `[h, w, C]`, in quads, as cells look for their like among them: `[h, C / 4, w + BEYOND, 4]`."""
    height, width, channels = vectors.shape
    past = np.zeros((height, channels // QUAD, width + BEYOND, QUAD), np.int8)
    past[:, :, :width] = vectors.reshape(height, width, -1, QUAD).swapaxes(1, 2)
    return past


class Lists:
    """For each of the cells `asked`, in ascending order, its `top` most similar ones, the best first.

    `vectors`: int8 `[h, w, C]`, in quads, of the present frame. `similarity` are products of vectors, `cell` the
    numbers of the cells, both int32 `[asked, top]`; where fewer have been compared, the smallest similarity there is.
    `chosen`: the kernels; None: the best here. `threads` don't change the lists.
    """

    def __init__(
        self, vectors: Bytes, asked: NDArray[np.intp], top: int, threads: int = 1, chosen: Variant | None = None
    ) -> None:
        self._vectors, self._asked, self._threads = vectors, asked.astype(np.int32), threads
        self._variant = usable(chosen)
        self.similarity: Ints = np.full((len(asked), top), np.iinfo(np.int32).min, np.int32)
        self.cell: Ints = np.zeros((len(asked), top), np.int32)

    def add(self, past: Bytes, base: int, radius: int = ANYWHERE) -> None:
        """Compare with the cells of a past frame, from `laid_out`, within the radius; they are numbered from `base`.

        Raises ValueError where the frames are of different grids.
        """
        height, width, channels = self._vectors.shape
        if past.shape != (height, channels // QUAD, width + BEYOND, QUAD):
            raise ValueError("frames of different grids can't be compared")
        if self._variant is None:
            self._plainly(past, base, radius)
            return
        past = np.ascontiguousarray(past)
        frame = Past(past.ctypes.data, height, width, channels // QUAD, width + BEYOND, radius, base)
        library().vistream_similar(
            self._variant.handle, byref(frame), self._vectors.ctypes.data, self._asked.ctypes.data, len(self._asked),
            self.cell.shape[1], self.similarity.ctypes.data, self.cell.ctypes.data, self._threads,
        )  # fmt: skip

    def _plainly(self, past: Bytes, base: int, radius: int) -> None:
        height, width, channels = self._vectors.shape
        flat = past[:, :, :width].swapaxes(1, 2).reshape(height * width, channels).astype(np.float32)
        r, c = np.divmod(np.arange(height * width), width)
        for number, query in enumerate(self._asked):
            near = np.arange(height * width)
            if radius != ANYWHERE:
                near = np.flatnonzero((r - query // width) ** 2 + (c - query % width) ** 2 <= radius**2)
            # products of bytes: float32 holds their sums exactly
            scores = (flat[near] @ self._vectors.reshape(-1, channels)[query].astype(np.float32)).astype(np.int32)
            values = np.concatenate([self.similarity[number], scores])
            order = np.argsort(-values.astype(np.int64), kind="stable")[: self.cell.shape[1]]
            self.cell[number] = np.concatenate([self.cell[number], (base + near).astype(np.int32)])[order]
            self.similarity[number] = values[order]
