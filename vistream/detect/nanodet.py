"""The heads of the NanoDet detectors (RangiLyu, github.com/RangiLyu/nanodet, Apache-2.0).

The networks see letter-boxed BGR pixels, normalised by ImageNet's mean and deviation, and describe a box by four
distances from a cell's anchor point to its sides, each the expectation over a softmax of bins, in strides
(generalised focal loss, Li et al., NeurIPS 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates, best_class
from vistream.detect.coco import CLASSES
from vistream.detect.signature import Array, Decoder, Outputs, Signature, levels
from vistream.kernels.heads import expectations
from vistream.models.nanodet import MEAN, STD

__all__ = ["HEAD_G", "HEAD_PLUS", "MEAN", "STD", "Head", "nanodet_plus"]


@dataclass(frozen=True, slots=True)
class Head:
    """A detection head: `bins` a distance, one level of cells for each of `strides`.

    The anchor point of cell `i` is at `(i + anchor) * stride`: the cell's centre in the first NanoDets, its corner
    in NanoDet-Plus, as each was trained (`get_single_level_center_point`, `..._priors` in their sources).
    """

    bins: int
    strides: tuple[int, ...]
    anchor: float

    def levels(self, width: int, height: int) -> list[tuple[int, int]]:
        """Cells (across, down) of each level, for an input of that size."""
        return levels(width, height, self.strides)

    def decode(self, outputs: Sequence[Array], width: int, height: int, least: float = -np.inf) -> Candidates:
        """A network's outputs, in any order, to candidates with scores above `least`.

        Each level of n cells gives class scores `[1, n, C]` in 0..1, and bins `[1, n, 4 * bins]`.
        """
        arrays = [output.reshape(output.shape[-2], output.shape[-1]) for output in outputs]
        distances = {len(array): array for array in arrays if array.shape[1] == 4 * self.bins}
        classes = {len(array): array for array in arrays if array.shape[1] != 4 * self.bins}
        counts = [across * down for across, down in self.levels(width, height)]
        return self.chosen([classes[n] for n in counts], [distances[n] for n in counts], width, height, least)

    def chosen(
        self, scored: Sequence[Array], bins: Sequence[Array], width: int, height: int, least: float
    ) -> Candidates:
        """Candidates with scores above `least`, from each level's class scores `[n, C]` and bins `[n, 4 * bins]`."""
        cells = [np.flatnonzero(scores.max(1) > least) for scores in scored]
        return self.candidates(
            np.concatenate([scores[some] for scores, some in zip(scored, cells, strict=True)]),
            np.concatenate([level[some] for level, some in zip(bins, cells, strict=True)]),
            cells,
            [across for across, _ in self.levels(width, height)],
        )

    def candidates(
        self, scores: Array, bins: Array, cells: Sequence[NDArray[np.intp]], across: Sequence[int]
    ) -> Candidates:
        """One candidate for each of some cells, see `corners`, with scores `[N, C]` in 0..1."""
        return best_class(self.corners(bins, cells, across), np.asarray(scores, np.float32))

    def corners(self, bins: Array, cells: Sequence[NDArray[np.intp]], across: Sequence[int]) -> NDArray[np.float64]:
        """The boxes `[N, 4]` of some `cells`, by level, numbered row by row, `across` a row: (x1, y1, x2, y2).

        `bins` `[N, 4 * bins]` are those of all levels, one after the other.
        """
        counts = [len(some) for some in cells]
        strides = np.repeat(self.strides, counts)[:, None]
        sides = expectations(np.asarray(bins, np.float32).reshape(-1, self.bins)).reshape(-1, 4) * strides
        rows, columns = np.divmod(np.concatenate(cells), np.repeat(across, counts))
        points = (np.stack([columns, rows], 1) + self.anchor) * strides
        return np.concatenate([points - sides[:, :2], points + sides[:, 2:]], 1)


HEAD_G = Head(bins=11, strides=(8, 16, 32), anchor=0.5)
HEAD_PLUS = Head(bins=8, strides=(8, 16, 32, 64), anchor=0.0)


def nanodet_plus(signature: Signature) -> Decoder | None:
    """NanoDet-Plus: two outputs a level, as OpenCV's model zoo has it, or one `[1, cells, C + 32]` of all levels."""
    head, (width, height) = HEAD_PLUS, (signature.width, signature.height)
    sizes = [across * down for across, down in head.levels(width, height)]
    names = signature.of_rank(3)
    if len(names) == 2 * len(sizes) and {signature.shape(name)[1] for name in names} == set(sizes):
        scored = [signature.shape(name)[2] for name in names if signature.shape(name)[2] != 4 * head.bins]
        return Decoder(
            lambda outputs, least: head.decode([outputs[name] for name in names], width, height, least), scored[0]
        )
    if len(names) != 1 or signature.shape(names[0])[1] != sum(sizes):
        return None
    classes = signature.shape(names[0])[2] - 4 * head.bins
    if classes != (signature.classes or len(CLASSES)) and not (signature.asked and classes > 0):
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        levels = np.split(outputs[names[0]][0], np.cumsum(sizes)[:-1])
        scored, bins = [level[:, :classes] for level in levels], [level[:, classes:] for level in levels]
        return head.chosen(scored, bins, width, height, least)

    return Decoder(decode, classes)
