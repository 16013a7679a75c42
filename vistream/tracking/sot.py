"""Single object tracking: a box given in some frame is followed through the frames that come after it.

A head finds where the object is in a search window of its present size; then boxes a little wider, narrower, higher and
lower are compared with its template, cell by cell. Windows and boxes are sampled from the feature map of the whole
frame, so the network runs once whatever the number of sizes. What the first window's cells have in common is taken out
of all features (`whitening`); places and cells that move otherwise than the camera count more where a large object
does so (`movement`); an object that is like its template no longer, and does not stand out either, is taken for hidden
(`presence`).

Small objects, of a few cells of the feature map, are found by their colours as well (`likelihood`), for which movement
says nothing of them; what enters the frame grows as it comes in (`entering`); and what has been lost is looked for
farther away (`recovery`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.given import as_array
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
from vistream.tracking.entering import Side, come_in, entered_by, is_outside
from vistream.tracking.extent import best_size, limited
from vistream.tracking.likelihood import ColourLikelihood, Colours, window_colours
from vistream.tracking.movement import Movement, known, mean_in_box, tells
from vistream.tracking.region import frame_size
from vistream.tracking.roi import roi_align
from vistream.tracking.sot_config import SotConfig
from vistream.tracking.sot_target import SotTarget
from vistream.tracking.template import Template
from vistream.tracking.whitening import whitening
from vistream.types import Features, Frame, Observations, Target, Track, Warp

LABEL = "object"
SURE = 0.7  # of the usual likeness: above, an object's colours are learned on
OBJECT = 0.6  # of the size, from the middle: responses nearer than this belong to the peak


class SotTracker:
    """Follows boxes through one video, each by itself, frame by frame."""

    def __init__(self, config: SotConfig | None = None) -> None:
        self.config = config or SotConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything, the objects too; ids start at 1 again."""
        self._targets: dict[int, SotTarget] = {}
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
        numbers = as_array("an object's box", target, np.float64)
        if numbers.shape != (4,) or not np.isfinite(numbers).all() or numbers[2:].min() <= 0:
            raise VistreamError("an object's box must be x, y, w, h in pixels, with w and h above 0")
        identity = self._next if identity is None else identity
        self._next = max(self._next, identity + 1)
        x, y, w, h = numbers.tolist()
        self._targets[identity] = SotTarget((x + w / 2, y + h / 2), (w, h), (w, h))
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
        """Every object's box in the next frame, by id. Windows follow the `camera`; observations are not used.

        `frame`: uint8 `[H, W, 3]`, whose colours tell where small objects are; None: the features alone do.
        A track's score is the weighted mean cosine between the template and what its box shows, 0..1; where the object
        is hidden, the box is predicted, the score 0, and the track not `seen`.
        """
        if features is None:
            raise VistreamError("a box is followed by appearance: the task sot needs a model")
        tracks = []
        for identity, target in sorted(self._targets.items()):
            likeness: float | None = 1.0
            if target.head is None:
                if is_outside(target.box, frame_size(features)):
                    del self._targets[identity]
                    raise VistreamError(f"the box of object {identity} lies outside the frame: nothing to follow")
                if self.config.entering:
                    target.enters = entered_by(target.box, frame_size(features))
                self._begin(features, target, frame)
            else:
                if camera is not None:
                    x, y = (camera[:, :2] @ target.centre + camera[:, 2]).tolist()
                    target.centre = x, y
                    if target.movement is not None:
                        target.movement.carry(camera)
                likeness = self._follow(features, target, target.head, frame)
                if self.config.farther and not target.large and isinstance(target.head, CrossCorrelation):
                    likeness = self._recovered(features, target, target.head, frame, likeness)
            score = min(max(likeness or 0.0, 0.0), 1.0)
            tracks.append(Track(identity, target.box, score, LABEL, seen=likeness is not None))
        return tuple(tracks)

    def _begin(self, features: Features, target: SotTarget, frame: Frame | None) -> None:
        """Take the template of an object where it was given, or has come in."""
        config = self.config
        target.large = tells(target.size, features.stride)
        target.grid, target.whiten = config.grid if target.large else config.small, None
        plain, _ = self._window(features, target, target.grid)
        target.whiten = whitening(plain.reshape(-1, plain.shape[2]), config.whitening)
        window, mean = self._window(features, target, target.grid)
        side = config.object_cells(target.grid), config.object_cells(target.grid)
        around = unit(window)[outside(inside(target.grid, side))]
        target.template = Template.of(self._box_cells(features, target, target.size, mean), around)
        if config.head == "xcorr":
            target.head = CrossCorrelation(target.grid, side)
        else:
            target.head = CorrelationFilter(target.grid, side, config.sigma, config.regularisation, config.rate)
        target.head.learn(window)
        target.movement = Movement() if config.movement and target.large else None
        target.colours = None
        if target.movement is not None:
            self._compare(features, target, target.movement, window, mean)
        elif config.colours and not target.large and frame is not None:
            target.colours = ColourLikelihood.of(self._colours(frame, target, target.grid), side[0])

    def _follow(self, features: Features, target: SotTarget, head: Head, frame: Frame | None) -> float | None:
        """Move a target to where it is now, or is taken to be; returns how like its template it is, None if hidden."""
        (x, y), size, usual = target.centre, target.size, target.presence.usual
        likeness, ratio = self._find(features, target, head, frame)
        if target.presence.hidden(likeness, ratio):
            right, down = target.presence.missed()
            target.centre, target.size = self._in_frame(features, (x + right, y + down)), size
            return None
        target.presence.found(likeness, (target.centre[0] - x, target.centre[1] - y), target.size)
        if target.movement is not None:
            self._weigh(target, head, target.movement.found(np.array(target.box), self.config.cells))
        if target.colours is not None and frame is not None and likeness > SURE * usual:
            target.colours.learn(self._colours(frame, target, target.grid), self.config.object_cells(target.grid))
        if self.config.head == "dcf":
            head.learn(self._window(features, target, target.grid)[0])
        if target.enters is not None:
            self._come_in(features, target, target.enters, frame)
        return likeness

    def _recovered(
        self, features: Features, target: SotTarget, head: CrossCorrelation, frame: Frame | None, here: float | None
    ) -> float | None:
        """Move a target that has been lost to where it is likelier; returns how like it is, by default as `here`."""
        if not target.recovery.due(here or 0.0):
            return here
        grid, cells, before = self.config.farther, self.config.object_cells(target.grid), target.centre
        window, mean = self._window(features, target, grid)
        response = head.on(grid).response(window)
        place = peak(response + self._coloured(target, frame, grid))[:2]
        target.centre = self._in_frame(features, target.displaced(place, cells))
        there = self._likeness(features, target, target.size, mean)
        if not target.recovery.better(here or 0.0, there, sidelobe_ratio(response, place, OBJECT * cells)):
            target.centre = before
            return here
        target.presence.found_anew(there)
        return there

    def _come_in(self, features: Features, target: SotTarget, side: Side, frame: Frame | None) -> None:
        """Begin a target anew with what of it has come into the frame."""
        box, whole = come_in(target.box, frame_size(features), side)
        if whole:
            target.enters = None
        if box != target.box:
            x, y, w, h = box
            target.centre, target.size, target.first = (x + w / 2, y + h / 2), (w, h), (w, h)
            self._begin(features, target, frame)

    def _around(self, target: SotTarget, grid: int) -> NDArray[np.float64]:
        """The box `[1, 4]` of a window of `grid` x `grid` cells around a target."""
        return _around(target.centre, target.size, grid / self.config.object_cells(target.grid))

    def _colours(self, frame: Frame, target: SotTarget, grid: int) -> Colours:
        return window_colours(frame, self._around(target, grid)[0], grid)

    def _window(self, features: Features, target: SotTarget, grid: int) -> tuple[Window, Window]:
        """The features around a target, `[grid, grid, C]`, less their mean and whitened; and that mean, `[C]`."""
        cells = _sample(features, self._around(target, grid), grid)
        mean = cells.mean(axis=0)
        return self._whitened(cells - mean, target).reshape(grid, grid, -1), mean

    def _box_cells(self, features: Features, target: SotTarget, size: tuple[float, float], mean: Window) -> Window:
        """The unit vectors, `[cells * cells, C]`, of a box of `size` around a target's centre."""
        return unit(self._whitened(_sample(features, _around(target.centre, size), self.config.cells) - mean, target))

    def _likeness(self, features: Features, target: SotTarget, size: tuple[float, float], mean: Window) -> float:
        """How like its template a target is where it has this `size`."""
        assert target.template is not None, "the template comes first"
        return float((self._box_cells(features, target, size, mean) * target.template.values).sum())

    @staticmethod
    def _whitened(cells: Window, target: SotTarget) -> Window:
        return cells if target.whiten is None else np.asarray(cells @ target.whiten)

    def _compare(
        self, features: Features, target: SotTarget, movement: Movement, window: Window, mean: Window
    ) -> Window:
        """What movement adds to the response, `[grid, grid]`; the middle comes first."""
        config = self.config
        box = self._around(target, target.grid)[0]
        middle = self._whitened(mean[None], target)[0]
        moved = movement.compare(window, middle, box, known(frame_size(features), features.stride))
        shares = np.fft.ifftshift(mean_in_box(moved, config.object_cells(target.grid)))
        return np.asarray(config.movement * movement.usual * shares, np.float32)

    @staticmethod
    def _weigh(target: SotTarget, head: Head, weights: Window | None) -> None:
        if weights is not None and target.template is not None:
            target.template.weigh(weights.reshape(-1))
            if isinstance(head, CrossCorrelation):
                head.weigh(weights)

    def _find(self, features: Features, target: SotTarget, head: Head, frame: Frame | None) -> tuple[float, float]:
        """Move a target to where the response is highest, fit its size.

        Returns how like its template it is, and the ratio of its peak to the sidelobe.
        """
        config, side = self.config, self.config.object_cells(target.grid)
        window, mean = self._window(features, target, target.grid)
        response = head.response(window)
        pull = config.influence if config.head == "xcorr" else 0.0
        near = np.fft.ifftshift(taper(target.grid)[:, :, 0])
        total = (1 - pull) * response + pull * near
        if target.movement is not None:
            total += self._compare(features, target, target.movement, window, mean)
        place = peak(total + self._coloured(target, frame, target.grid))[:2]
        ratio = sidelobe_ratio(response, place, OBJECT * side)
        target.centre = self._in_frame(features, target.displaced(place, side))
        return self._fit_size(features, target, mean), ratio

    def _coloured(self, target: SotTarget, frame: Frame | None, grid: int) -> Window:
        """What colours add to the response, `[grid, grid]`; the middle comes first."""
        if target.colours is None or frame is None:
            return np.zeros((grid, grid), np.float32)
        likely = target.colours.likelihood(self._colours(frame, target, grid))
        shares = np.fft.ifftshift(mean_in_box(likely, self.config.object_cells(target.grid)))
        return np.asarray(self.config.colours * shares, np.float32)

    @staticmethod
    def _in_frame(features: Features, centre: tuple[float, float]) -> tuple[float, float]:
        width, height = frame_size(features)
        return min(max(centre[0], 0.0), width), min(max(centre[1], 0.0), height)

    def _fit_size(self, features: Features, target: SotTarget, mean: Window) -> float:
        """Give the target the size, of those a step away, at which it is likest its template; returns how like."""
        config = self.config
        known = features.within(_around(target.centre, target.size, config.scale_step ** (config.scales // 2)))

        def likeness(size: tuple[float, float]) -> float:
            return self._likeness(known, target, size, mean)

        steps = config.scales, config.scale_step, config.scale_penalty, config.shape_penalty
        size, like = best_size(target.size, likeness, *steps)
        target.size = limited(size, target.first, config.size_limits, config.shape_limit)
        return like


def _around(centre: tuple[float, float], size: tuple[float, float], factor: float = 1.0) -> NDArray[np.float64]:
    """The box `[1, 4]` of `factor` times the `size` around a centre."""
    width, height = size[0] * factor, size[1] * factor
    return np.array([[centre[0] - width / 2, centre[1] - height / 2, width, height]])


def _sample(features: Features, box: NDArray[np.float64], grid: int) -> Window:
    """The features of a box `[1, 4]` on `grid` x `grid` cells: `[grid * grid, C]`."""
    return np.asarray(roi_align(features.within(box), box, (grid, grid))[0])
