"""The NanoDet detectors (RangiLyu, github.com/RangiLyu/nanodet, Apache-2.0): input, head, and NanoDet-g in torch.

They see letter-boxed BGR pixels, normalised by ImageNet's mean and deviation, and describe a box by four
distances from a cell's anchor point to its sides, each the expectation over a softmax of bins, in strides
(generalised focal loss, Li et al., NeurIPS 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates, best_class, in_frame
from vistream.detect.coco import CLASSES
from vistream.detect.letterbox import Placement, letterbox
from vistream.detect.selection import Selection
from vistream.detect.signature import Array, Decoder, Outputs, Signature, levels
from vistream.types import Frame, Observations

MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # B, G, R
STD = np.array([57.375, 57.12, 58.395], np.float32)
FILL = 114


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
        corners = []
        for stride, (across, down) in zip(self.strides, self.levels(width, height), strict=True):
            bins = distances[across * down].reshape(-1, 4, self.bins).astype(np.float64)
            weights = np.exp(bins - bins.max(2, keepdims=True))
            sides = weights @ np.arange(self.bins) / weights.sum(2) * stride
            rows, columns = np.divmod(np.arange(across * down), across)
            points = (np.stack([columns, rows], 1) + self.anchor) * stride
            corners.append(np.concatenate([points - sides[:, :2], points + sides[:, 2:]], 1))
        scores = [classes[across * down] for across, down in self.levels(width, height)]
        return best_class(np.concatenate(corners), np.concatenate(scores), least)


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
    columns = signature.shape(names[0])[2]
    if columns != 4 * head.bins + (signature.classes or len(CLASSES)):
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        rows = np.split(outputs[names[0]][0], np.cumsum(sizes)[:-1])
        parts = [part for level in rows for part in np.split(level, [columns - 4 * head.bins], 1)]
        return head.decode(parts, width, height, least)

    return Decoder(decode, columns - 4 * head.bins)


def prepared(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    """A frame as the networks want it, `[1, 3, height, width]`, and where the frame lies in it."""
    image, placement = letterbox(frame, width, height, FILL, centred=True)
    normal = (image[..., ::-1] - MEAN) / STD
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None]), placement


class NanodetG:
    """NanoDet-g, 416 x 416, COCO's 80 classes, from its tfjs graph model. COCO mAP 22.9 by its authors' count."""

    name = "nanodet-g"

    def __init__(self, path: Path, selection: Selection) -> None:
        from vistream.models.tfjs import load_tfjs

        self._selection = selection.checked(self.name, CLASSES)
        self._graph = load_tfjs(path)

    def describe(self) -> str:
        return f"{self.name}: NanoDet-g at 416 x 416, {self._selection}"

    def detect(self, frame: Frame, index: int) -> Observations:
        import torch

        image, placement = prepared(frame, 416, 416)
        outputs = [output.numpy() for output in self._graph(torch.from_numpy(image)).values()]
        candidates = HEAD_G.decode(outputs, 416, 416, self._selection.least())
        return in_frame(self._selection.chosen(candidates, CLASSES), CLASSES, placement)

    def reset(self) -> None:
        """Nothing is carried from frame to frame."""
