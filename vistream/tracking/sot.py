"""Single object tracking: a box given in some frame is followed through the frames that come after it.

A head finds where the object is in a search window of its present size; then boxes a little wider, narrower, higher and
lower are compared with its template, cell by cell. Windows and boxes are sampled from the feature map of the whole
frame, so the network runs once whatever the number of sizes. What the first window's cells have in common is taken out
of all features (`whitening`); places and cells that move otherwise than the camera count more where a large object
does so (`movement`); an object that is like its template no longer, and does not stand out either, is taken for hidden
(`presence`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.correlation import (
    CorrelationFilter,
    CrossCorrelation,
    Head,
    Window,
    inside,
    outside,
    peak,
    sidelobe_ratio,
    taper,
    unit,
)
from vistream.tracking.movement import Movement, known, mean_in_box, tells
from vistream.tracking.presence import Presence
from vistream.tracking.region import frame_size
from vistream.tracking.roi import roi_align
from vistream.tracking.template import Template
from vistream.tracking.whitening import whitening
from vistream.types import Box, Features, Frame, Observations, Target, Track, Warp

HEADS = ("dcf", "xcorr")
LABEL = "object"
OBJECT = 0.6  # of the size, from the middle: responses nearer than this belong to the peak


@dataclass(frozen=True)
class SotConfig:
    """Options of `SotTracker`; docs/tasks.md has the measurements behind the defaults.

    `head`: "xcorr" (cross-correlation) or "dcf" (correlation filter). The search window is `1 + padding` times the box,
    sampled on `grid` x `grid` cells; `influence`: the share of a cosine window in the response of cross-correlation.
    `movement`: what is added to the response where all of a large box moves, if all of it usually does; 0: movement
    says nothing.
    `whitening`: the regularisation of that of the features. Boxes are compared on `cells` x `cells` cells, at `scales`
    widths and as many heights of ratio `scale_step`; a step of both at once takes the factor `scale_penalty`, a step of
    one beyond the other `shape_penalty`. `size_limits`: shares of the first size; `shape_limit`: how many times wider
    or narrower than at first, by its height, the box may become.
    `sigma` (in boxes), `regularisation`, `rate`: of the correlation filter.
    """

    head: str = "xcorr"
    padding: float = 3.5
    grid: int = 65
    influence: float = 0.176
    movement: float = 0.4
    whitening: float = 0.3
    cells: int = 8
    scales: int = 3
    scale_step: float = 1.03
    scale_penalty: float = 0.985
    shape_penalty: float = 0.95
    size_limits: tuple[float, float] = (0.2, 5.0)
    shape_limit: float = 2.5
    sigma: float = 0.1
    regularisation: float = 1e-4
    rate: float = 0.01

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise VistreamError(f"no head is called {self.head!r}: it is one of {', '.join(HEADS)}")
        if self.grid < 3 or self.grid % 2 == 0 or self.scales < 1 or self.scales % 2 == 0 or self.padding <= 0:
            raise VistreamError("grid (from 3) and scales must be odd, and the padding above 0")


@dataclass(slots=True)
class _Target:
    """An object: its centre and size now, its size at first (all in pixels), and what finds it (None: not seen yet).

    `whiten`: what its features are multiplied by, `[C, C]`; `template`: of its box.
    `movement`: None where it says nothing.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    first: tuple[float, float]
    head: Head | None = None
    whiten: Window | None = None
    template: Template | None = None
    presence: Presence = field(default_factory=Presence)
    movement: Movement | None = None

    @property
    def box(self) -> Box:
        return self.centre[0] - self.size[0] / 2, self.centre[1] - self.size[1] / 2, *self.size


class SotTracker:
    """Follows boxes through one video, each by itself, frame by frame."""

    def __init__(self, config: SotConfig | None = None) -> None:
        self.config = config or SotConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything, the objects too; ids start at 1 again."""
        self._targets: dict[int, _Target] = {}
        self._next = 1

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video."""
        return {"targets": self._targets, "next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a tracker with the same options was. The state is taken over, not copied."""
        self._targets, self._next = dict(state["targets"]), int(state["next"])

    def add_object(self, target: Target, identity: int | None = None) -> int:
        """Follow one more object from the next frame on, where it fills the box `target`, (x, y, w, h); returns its id.

        Raises VistreamError for something that is no box.
        """
        numbers = np.asarray(target, dtype=np.float64)
        if numbers.shape != (4,) or not np.isfinite(numbers).all() or numbers[2:].min() <= 0:
            raise VistreamError("an object's box must be x, y, w, h in pixels, with w and h above 0")
        identity = self._next if identity is None else identity
        self._next = max(self._next, identity + 1)
        x, y, w, h = numbers.tolist()
        self._targets[identity] = _Target((x + w / 2, y + h / 2), (w, h), (w, h))
        return identity

    def remove_object(self, identity: int) -> None:
        """Follow an object no longer. Raises VistreamError where there is no such object."""
        if identity not in self._targets:
            raise VistreamError(f"there is no object {identity} to be removed")
        del self._targets[identity]

    def step(
        self,
        features: Features | None,
        observations: Observations,
        camera: Warp | None = None,
        frame: Frame | None = None,
    ) -> tuple[Track, ...]:
        """Every object's box in the next frame, by id. Windows follow the `camera`; nothing else is used.

        A track's score is the weighted mean cosine between the template and what its box shows, 0..1; where the object
        is hidden, the box is predicted, the score 0, and the track not `seen`.
        """
        if features is None:
            raise VistreamError("a box is followed by appearance: the task sot needs a model")
        tracks = []
        for identity, target in sorted(self._targets.items()):
            likeness: float | None = 1.0
            if target.head is None:
                self._begin(features, target)
            else:
                if camera is not None:
                    x, y = (camera[:, :2] @ target.centre + camera[:, 2]).tolist()
                    target.centre = x, y
                    if target.movement is not None:
                        target.movement.carry(camera)
                likeness = self._follow(features, target, target.head)
            score = min(max(likeness or 0.0, 0.0), 1.0)
            tracks.append(Track(identity, target.box, score, LABEL, seen=likeness is not None))
        return tuple(tracks)

    def _begin(self, features: Features, target: _Target) -> None:
        """Take the template of an object where it was given."""
        config = self.config
        plain, _ = self._window(features, target)
        target.whiten = whitening(plain.reshape(-1, plain.shape[2]), config.whitening)
        window, mean = self._window(features, target)
        side = config.grid / (1.0 + config.padding), config.grid / (1.0 + config.padding)
        around = unit(window)[outside(inside(config.grid, side))]
        target.template = Template.of(self._box_cells(features, target, target.size, mean), around)
        if config.head == "xcorr":
            target.head = CrossCorrelation(config.grid, side)
        else:
            target.head = CorrelationFilter(config.grid, side, config.sigma, config.regularisation, config.rate)
        target.head.learn(window)
        if config.movement and tells(target.size, features.stride):
            target.movement = Movement()
            self._compare(features, target, target.movement, window, mean)

    def _follow(self, features: Features, target: _Target, head: Head) -> float | None:
        """Move a target to where it is now, or is taken to be; returns how like its template it is, None if hidden."""
        (x, y), size = target.centre, target.size
        likeness, ratio = self._find(features, target, head)
        if target.presence.hidden(likeness, ratio):
            right, down = target.presence.missed()
            target.centre, target.size = self._in_frame(features, (x + right, y + down)), size
            return None
        target.presence.found(likeness, (target.centre[0] - x, target.centre[1] - y), target.size)
        if target.movement is not None:
            self._weigh(target, head, target.movement.found(np.array(target.box), self.config.cells))
        if self.config.head == "dcf":
            head.learn(self._window(features, target)[0])
        return likeness

    def _window(self, features: Features, target: _Target) -> tuple[Window, Window]:
        """The features around a target, `[grid, grid, C]`, less their mean and whitened; and that mean, `[C]`."""
        grid = self.config.grid
        cells = _sample(features, _around(target.centre, target.size, 1.0 + self.config.padding), grid)
        mean = cells.mean(axis=0)
        return self._whitened(cells - mean, target).reshape(grid, grid, -1), mean

    def _box_cells(self, features: Features, target: _Target, size: tuple[float, float], mean: Window) -> Window:
        """The unit vectors, `[cells * cells, C]`, of a box of `size` around a target's centre."""
        return unit(self._whitened(_sample(features, _around(target.centre, size), self.config.cells) - mean, target))

    @staticmethod
    def _whitened(cells: Window, target: _Target) -> Window:
        return cells if target.whiten is None else np.asarray(cells @ target.whiten)

    def _compare(self, features: Features, target: _Target, movement: Movement, window: Window, mean: Window) -> Window:
        """What movement adds to the response, `[grid, grid]`; the middle comes first."""
        config = self.config
        box = _around(target.centre, target.size, 1.0 + config.padding)[0]
        middle = self._whitened(mean[None], target)[0]
        moved = movement.compare(window, middle, box, known(frame_size(features), features.stride))
        shares = np.fft.ifftshift(mean_in_box(moved, config.grid / (1.0 + config.padding)))
        return np.asarray(config.movement * movement.usual * shares, np.float32)

    @staticmethod
    def _weigh(target: _Target, head: Head, weights: Window | None) -> None:
        if weights is not None and target.template is not None:
            target.template.weigh(weights.reshape(-1))
            if isinstance(head, CrossCorrelation):
                head.weigh(weights)

    def _find(self, features: Features, target: _Target, head: Head) -> tuple[float, float]:
        """Move a target to where the response is highest, fit its size.

        Returns how like its template it is, and the ratio of its peak to the sidelobe.
        """
        config = self.config
        window, mean = self._window(features, target)
        response = head.response(window)
        pull = config.influence if config.head == "xcorr" else 0.0
        near = np.fft.ifftshift(taper(config.grid)[:, :, 0])
        total = (1 - pull) * response + pull * near
        if target.movement is not None:
            total += self._compare(features, target, target.movement, window, mean)
        row, column, _ = peak(total)
        ratio = sidelobe_ratio(response, (row, column), OBJECT * config.grid / (1.0 + config.padding))
        factor = (1.0 + config.padding) / config.grid
        x = target.centre[0] + column * factor * target.size[0]
        y = target.centre[1] + row * factor * target.size[1]
        target.centre = self._in_frame(features, (x, y))
        return self._fit_size(features, target, mean), ratio

    @staticmethod
    def _in_frame(features: Features, centre: tuple[float, float]) -> tuple[float, float]:
        width, height = frame_size(features)
        return min(max(centre[0], 0.0), width), min(max(centre[1], 0.0), height)

    def _fit_size(self, features: Features, target: _Target, mean: Window) -> float:
        """Give the target the size, of those a step away, at which it is likest its template; returns how like."""
        assert target.template is not None, "the template comes first"
        config = self.config
        most = config.scales // 2
        steps = range(-most, most + 1)
        known = features.within(_around(target.centre, target.size, config.scale_step**most))
        found = []
        for wider, higher in product(steps, steps):
            size = target.size[0] * config.scale_step**wider, target.size[1] * config.scale_step**higher
            like = float((self._box_cells(known, target, size, mean) * target.template.values).sum())
            kept = config.scale_penalty ** (abs(wider + higher) / 2) * config.shape_penalty ** abs(wider - higher)
            found.append((like - (1 - kept) * abs(like), size, like))
        _, size, like = max(found)
        target.size = self._limited(size, target.first)
        return like

    def _limited(self, size: tuple[float, float], first: tuple[float, float]) -> tuple[float, float]:
        """A size within the limits that the size at `first` sets."""
        (least, most), shape = self.config.size_limits, self.config.shape_limit
        wide, high = (min(max(now / then, least), most) for now, then in zip(size, first, strict=True))
        return min(wide, shape * high) * first[0], min(high, shape * wide) * first[1]


def _around(centre: tuple[float, float], size: tuple[float, float], factor: float = 1.0) -> NDArray[np.float64]:
    """The box `[1, 4]` of `factor` times the `size` around a centre."""
    width, height = size[0] * factor, size[1] * factor
    return np.array([[centre[0] - width / 2, centre[1] - height / 2, width, height]])


def _sample(features: Features, box: NDArray[np.float64], grid: int) -> Window:
    """The features of a box `[1, 4]` on `grid` x `grid` cells: `[grid * grid, C]`."""
    return np.asarray(roi_align(features.within(box), box, (grid, grid))[0])
