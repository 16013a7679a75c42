"""What tells a detector file's layout: the outputs of a dry run, and what the file says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates

Array = NDArray[np.generic]
Outputs = Mapping[str, Array]

STRIDES = (
    *((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (4, 8, 16, 32, 64), (8, 16, 32, 64, 128)),
    *((16, 32), (8, 16)),
)
"""Of the levels of a head, the usual ones first: P3 to P5, P6, P2, both, P7, the small YOLOs."""

SLACK = 0.01  # by which scores may leave 0..1
FINE = 4  # pixels a cell: no layout's boxes come in maps so fine alone
PERSON = (17, 3)  # COCO's keypoints, each (x, y, confidence)


@dataclass(frozen=True, slots=True)
class Decoder:
    """How to read a run's outputs: `decode(outputs, least)` gives the candidates with scores above `least`, or raises
    VistreamError, with no more than the reason, where they must mean something else.

    `classes`: how many are scored, None where the network only says which class it is; `keypoints`: of each candidate;
    `masks`: whether candidates have them; `queries`: boxes are (centre x, centre y, w, h) in shares of the input.
    """

    decode: Callable[[Outputs, float], Candidates]
    classes: int | None = None
    keypoints: int = 0
    masks: bool = False
    queries: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """`outputs`: of a run on a black image of `width` x `height`, in the file's order.

    `classes`: how many there are, and `keypoints`: (how many, numbers for each), if the file says so; `task` and `head`
    as Ultralytics names them (detect, segment, pose, obb; RTDETRDecoder), else empty. `to_size`: the file takes the
    size of the frame to which it brings its boxes. `asked`: the user names the layout, so that shapes need not prove
    it. `fixed`: the shapes of outputs that the file itself fixes.
    """

    outputs: Outputs
    width: int
    height: int
    classes: int | None = None
    keypoints: tuple[int, int] | None = None
    task: str = ""
    head: str = ""
    to_size: bool = False
    asked: bool = False
    fixed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def of_rank(self, *ranks: int) -> list[str]:
        """The names of the outputs with so many dimensions."""
        return [name for name, output in self.outputs.items() if output.ndim in ranks]

    def shape(self, name: str) -> tuple[int, ...]:
        return self.outputs[name].shape

    def prototypes(self) -> str | None:
        """The output `[1, M, h, w]` of mask prototypes, if there is one: finer than a head's levels."""
        found = [n for n in self.of_rank(4) if self.shape(n)[0] == 1 and 2 <= self.width / self.shape(n)[3] <= 4]
        return found[0] if len(found) == 1 else None

    def per_mask(self) -> int:
        """Numbers that a row has for its mask."""
        name = self.prototypes()
        return 0 if name is None else self.shape(name)[1]

    def of_one_person(self) -> bool:
        """Whether the outputs are maps of keypoints, finer than any head's, or profiles of them along x and along y
        (SimCC, Li et al., ECCV 2022), as networks give that look at one person."""
        shapes = [self.outputs[name].shape for name in self.of_rank(3, 4)]
        if len(shapes) != len(self.outputs):
            return False
        if [len(shape) for shape in shapes] == [3, 3]:
            return shapes[0][:2] == shapes[1][:2] and not (shapes[0][2] % self.width or shapes[1][2] % self.height)
        return [len(shape) for shape in shapes] == [4] and self.width <= FINE * shapes[0][3]


def levels(width: int, height: int, strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Cells (across, down) of each level of a head."""
    return [(-(-width // stride), -(-height // stride)) for stride in strides]


def cells_of(width: int, height: int, strides: tuple[int, ...]) -> int:
    """Cells of all levels of a head.

    >>> cells_of(640, 640, (8, 16, 32))
    8400
    """
    return sum(across * down for across, down in levels(width, height, strides))
