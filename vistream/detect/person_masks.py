"""Which pixels of a box are a person's: MediaPipe's selfie segmentation (Google, Apache-2.0), in torch.

The network was made for somebody close to a camera. Shown a square picture around a box, enlarged or shrunk to its
input, it finds people of any size; whose pixels they are, where people overlap, it can't tell.
Model card: "MediaPipe Selfie Segmentation", Google, 2021: RGB in 0..1, 256 x 256; a probability a pixel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.letterbox import stretch
from vistream.models.store import located
from vistream.types import Box, Frame

if TYPE_CHECKING:
    from torch import Tensor

Plane = NDArray[np.float64]

NAME = "selfie"
SIDE = 256  # pixels of the network's input
UNSURE = 0.02  # the network's probabilities are taken to be at least so far from 0 and 1
MARGIN = 0.05  # of the longer side of a box, beside it: the network sees that much more


class PersonMasks:
    """The network; `path`: of its graph. Nothing is carried from frame to frame."""

    name = NAME

    def __init__(self, path: Path) -> None:
        from vistream.models.tfjs import load_tfjs

        self._graph = load_tfjs(path)

    def share(self, frame: Frame, box: Box, first: tuple[int, int], size: tuple[int, int]) -> Plane:
        """The probability, 0..1, that a pixel is a person's, for the part of the frame from (x, y) `first` on.

        `size`: (rows, columns) of that part. The network sees the square around the middle of what `box` has of the
        frame, a little larger than its longer side, and nothing outside it is a person's; beyond the frame, the
        picture's edge goes on. It sees the square mirrored as well; the mean is of the logarithms of both odds.
        """
        import torch

        left, top, side = square_around(box, frame.shape[:2])
        rows = np.clip(np.arange(top, top + side), 0, frame.shape[0] - 1)
        columns = np.clip(np.arange(left, left + side), 0, frame.shape[1] - 1)
        picture, _ = stretch(frame[rows][:, columns], SIDE, SIDE)
        shown = torch.from_numpy(picture[None]).float() / 255
        odds = [torch.logit(self._seen(image), UNSURE) for image in (shown, shown.flip(2))]
        found = torch.sigmoid((odds[0] + odds[1].flip(1)) / 2)
        square = cv2.resize(found.numpy(), (side, side))
        moved = np.array([[1.0, 0, left - first[0]], [0, 1.0, top - first[1]]])
        return np.asarray(cv2.warpAffine(square, moved, size[::-1], flags=cv2.INTER_NEAREST), np.float64)

    def _seen(self, image: Tensor) -> Tensor:
        """The probabilities, float64 `[256, 256]`, of one picture `[1, 256, 256, 3]`."""
        (found,) = self._graph(image).values()
        return found[0, :, :, 0].double()


def square_around(box: Box, size: tuple[int, int]) -> tuple[int, int, int]:
    """(left, top, side), in pixels, of what is shown of a frame of `size` (rows, columns) for `box`.

    >>> square_around((10.0, 10.0, 20.0, 40.0), (90, 120)), square_around((110.0, 0.0, 1e9, 1e9), (90, 120))
    ((-2, 8, 44), (66, -4, 99))
    """
    x, y = np.clip((box[0], box[0] + box[2]), 0, size[1]), np.clip((box[1], box[1] + box[3]), 0, size[0])
    side = max(2, round(float(max(np.ptp(x), np.ptp(y))) * (1 + 2 * MARGIN)))
    return round(float(x.mean()) - side / 2), round(float(y.mean()) - side / 2), side


def people_found() -> PersonMasks | None:
    """The network, where its weights are here."""
    path = located(NAME)
    return None if path is None else PersonMasks(path)
