"""What travels between the parts of the program: observations in, tracks and work counts out.

Boxes are `(x, y, w, h)` in pixels of the source frame, `(x, y)` the top-left corner, 0-based.
Frames are `H x W x 3` uint8, RGB, and are numbered from 0 in the order in which the source gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.given import as_array
from vistream.values import ByValue

Frame = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Target = NDArray[np.bool_] | NDArray[np.float64] | Box
"""An object to be followed, as a task is given it: a mask `[H, W]`, keypoints `[K, 3]`, or a box."""


Warp = NDArray[np.float64]
"""The camera's motion since the last frame, float64 `[2, 3]`: its point `(x, y)` lies at `warp @ (x, y, 1)` now."""


def _check_shape(name: str, value: Any, shape: tuple[int | None, ...]) -> None:
    """Of an array, where None stands for any length; nothing at all may have any shape."""
    if value is None or (value.size == 0 and shape[0] == 0):
        return
    fits = value.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, value.shape, strict=True))
    if not fits:
        wanted = ", ".join("N" if n is None else str(n) for n in shape)
        raise VistreamError(f"{name} have the shape {list(value.shape)}: [{wanted}] is expected")


@dataclass(frozen=True, slots=True, eq=False)
class Observations(ByValue):
    """What a detector saw in one frame; row `i` of every array is one object.

    `boxes`: float64 `[N, 4]`; `scores`: float64 `[N]` in 0..1; `labels`: N class names, or one for all.
    `masks`: bool `[N, H, W]`, or None; `keypoints`: float64 `[N, K, 3]` as (x, y, confidence), or None.
    Lists, tuples, tensors and arrays of other types are taken as such arrays. Raises VistreamError for what can't be.

    >>> Observations([[1, 2, 3, 4]], [0.5], ["car"]).boxes.dtype, len(Observations([], [], []))
    (dtype('float64'), 0)
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: tuple[str, ...]
    masks: NDArray[np.bool_] | None = None
    keypoints: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        boxes = as_array("boxes", self.boxes, np.float64)
        count = len(boxes) if boxes.size and boxes.ndim else 0
        given: Any = self.labels
        if not isinstance(given, Iterable):
            raise VistreamError(f"labels are {given!r:.60}: a name for each box is expected, or one for all")
        labels = (given,) * count if isinstance(given, str) else tuple(map(str, given))
        whole = {
            "boxes": boxes if boxes.size else np.zeros((0, 4)),
            "scores": as_array("scores", self.scores, np.float64),
            "labels": labels,
            "masks": None if self.masks is None else as_array("masks", self.masks, np.bool_),
            "keypoints": None if self.keypoints is None else as_array("keypoints", self.keypoints, np.float64),
        }
        dimensions = {
            "boxes": (None, 4),
            "scores": (count,),
            "masks": (count, None, None),
            "keypoints": (count, None, 3),
        }
        for name, shape in dimensions.items():
            _check_shape(name, whole[name], shape)
        if len(labels) != count:
            raise VistreamError(f"{len(labels)} labels for {count} boxes: each box has one")
        for name, value in whole.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.boxes)

    @staticmethod
    def none() -> Observations:
        """No object at all."""
        return Observations(np.zeros((0, 4)), np.zeros(0), ())

    def pick(self, keep: NDArray[np.bool_] | NDArray[np.intp] | list[int]) -> Observations:
        """The rows that `keep` (a boolean mask, or indices) selects, in that order."""
        rows = np.arange(len(self))[keep]
        return Observations(
            self.boxes[rows],
            self.scores[rows],
            tuple(self.labels[i] for i in rows),
            None if self.masks is None else self.masks[rows],
            None if self.keypoints is None else self.keypoints[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Track(ByValue):
    """One object in one frame: the same `id` (from 1) means the same object in every frame.

    `seen`: false where the box was only predicted, or filled in between two frames in which the object was seen.
    `covered`: true where it was predicted behind the detection of another object, which may show both.
    `speed`: over the ground, in metres a second; None where it is not asked for, or not known yet.
    """

    id: int
    box: Box
    score: float
    label: str
    mask: NDArray[np.bool_] | None = None
    keypoints: NDArray[np.float64] | None = None
    seen: bool = True
    speed: float | None = None
    covered: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in one frame at a line or zone, `place`.

    `what`: "in" or "out" over a line, "enter" or "leave" of a zone; `at`: (x, y), where the object `id` stood, in
    pixels; `dwell`: with "leave", for how many seconds it had been inside.
    """

    place: str
    what: str
    id: int
    label: str
    at: tuple[float, float]
    dwell: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One region of a panoptic map, in one frame: a thing (an object), or all of one kind of stuff.

    `id`: of its pixels in `ClassMap.ids`; `area` in pixels; `box` holds them all.
    """

    id: int
    label: str
    thing: bool
    score: float
    area: int
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap(ByValue):
    """What the pixels of one frame show. `labels`: uint8 `[H, W]`, indices of `names`, 255 where it is none of them.

    `palette`: uint8 `[N, 3]`, a colour for each name. `ids`: int32 `[H, W]`, the ids of segments, 0 for none; None
    where there are classes only.
    """

    names: tuple[str, ...]
    palette: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    ids: NDArray[np.int32] | None = None

    def shares(self) -> dict[str, float]:
        """The share of the pixels, 0..1, of each class that occurs, by name, in the order of `names`; to a millionth.

        >>> ClassMap(("road", "sky"), np.zeros((2, 3), np.uint8), np.array([[0, 0, 255, 1]], np.uint8)).shares()
        {'road': 0.5, 'sky': 0.25}
        """
        counts = np.bincount(self.labels.ravel(), minlength=len(self.names))[: len(self.names)]
        return {name: round(n / self.labels.size, 6) for name, n in zip(self.names, counts.tolist(), strict=True) if n}


@dataclass(frozen=True, slots=True)
class LayerWork:
    """What one layer of the network did for one frame.

    `pixels` of `pixels_total` output positions were recomputed (all channels of each), costing `macs`
    of the `macs_dense` multiply-accumulates of a whole frame; `changes` activations took a new value.
    """

    name: str
    pixels: int
    pixels_total: int
    macs: int
    macs_dense: int
    changes: int


@dataclass(frozen=True, slots=True)
class Work:
    """What the network did for one frame, layer by layer."""

    layers: tuple[LayerWork, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates done."""
        return sum(layer.macs for layer in self.layers)

    @property
    def macs_dense(self) -> int:
        """Multiply-accumulates that a whole frame costs."""
        return sum(layer.macs_dense for layer in self.layers)

    @property
    def share(self) -> float:
        """Done by dense, 0..1; 0 where there is no network, or none that multiplies."""
        return self.macs / self.macs_dense if self.macs_dense else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Result(ByValue):
    """One frame's answer. `time` is in seconds from the start of the source.

    `activity`: bool `[h, w]` over the frame, true where features, or the costliest layer of a streamed detector, were
    recomputed; None without a network.
    `camera`: its motion since the result before; None where it stood still, or was not looked at.
    `events`: what happened at lines and zones, if there are any.
    `seen`: what the frame was given, tracked or not; None where the result was read from a file.
    Of the tasks semseg and panoptic: `class_map`, `shares` of the classes by name, 0..1, and `segments` (panoptic).
    """

    frame: int
    time: float
    tracks: tuple[Track, ...]
    observations: int
    work: Work = field(default_factory=Work)
    activity: NDArray[np.bool_] | None = None
    events: tuple[Event, ...] = ()
    class_map: ClassMap | None = None
    shares: Mapping[str, float] | None = None
    segments: tuple[Segment, ...] = ()
    camera: Warp | None = None
    seen: Observations | None = field(default=None, compare=False, repr=False)


class Features(Protocol):
    """Appearance features of one frame, computed where they are asked for.

    `shape`: rows and columns of their grid; `stride`: (x, y), in source pixels a cell.
    """

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def stride(self) -> tuple[float, float]: ...

    def within(self, boxes: NDArray[np.float64] | None = None) -> FeatureMap:
        """The features, right wherever bilinear sampling inside `boxes`, `[N, 4]`, looks (None: everywhere)."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap(ByValue):
    """Appearance features of one frame on a grid.

    `values`: float32 `[h, w, C]`. Cell `(i, j)` is centred on point `((j + 1/2) * stride[0], (i + 1/2) * stride[1])`
    of the frame, from its top-left corner; `stride` is (x, y), in source pixels a cell. `whitening`, `[C, C]`: what
    sampled vectors are multiplied by, see `tracking.similarity.whitened`; None: they tell objects apart as they are.
    """

    values: NDArray[np.float32]
    stride: tuple[float, float]
    whitening: NDArray[np.float32] | None = field(default=None, kw_only=True)

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]

    def within(self, boxes: NDArray[np.float64] | None = None) -> FeatureMap:
        """Itself: a map is there as a whole."""
        return self
