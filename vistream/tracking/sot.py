"""Single object tracking: a box given in some frame is followed through the frames that come after it.

The search window is sampled from the feature map of the whole frame, so the network runs once whatever the scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vistream.errors import VistreamError
from vistream.tracking.correlation import CorrelationFilter, CrossCorrelation, Head, Window, peak, taper
from vistream.tracking.roi import roi_align
from vistream.types import Box, Features, Frame, Observations, Target, Track, Warp

HEADS = ("dcf", "xcorr")
LABEL = "object"


@dataclass(frozen=True)
class SotConfig:
    """Options of `SotTracker`; docs/tasks.md has the measurements behind the defaults.

    `head`: "dcf" (correlation filter) or "xcorr" (cross-correlation). The search window is `1 + padding` times the box,
    sampled on `grid` x `grid` cells, at `scales` sizes of ratio `scale_step`, each step away from the present size
    costing the factor `scale_penalty`. `sigma` (in boxes), `regularisation`, `rate`: of the correlation filter.
    `influence`: the share of a cosine window in the response of cross-correlation. `size_limits`: shares of the first
    size.
    """

    head: str = "xcorr"
    padding: float = 3.5
    grid: int = 65
    scales: int = 3
    scale_step: float = 1.0275
    scale_penalty: float = 0.985
    sigma: float = 0.1
    regularisation: float = 1e-4
    rate: float = 0.01
    influence: float = 0.176
    size_limits: tuple[float, float] = (0.2, 5.0)

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise VistreamError(f"no head is called {self.head!r}: it is one of {', '.join(HEADS)}")
        if self.grid < 3 or self.grid % 2 == 0 or self.scales < 1 or self.scales % 2 == 0 or self.padding <= 0:
            raise VistreamError("grid (from 3) and scales must be odd, and the padding above 0")


@dataclass(slots=True)
class _Target:
    """An object: its centre and size now, its size at first (all in pixels), and what finds it (None: not seen yet)."""

    centre: tuple[float, float]
    size: tuple[float, float]
    first: tuple[float, float]
    head: Head | None = None

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

        A track's score is the height of the response, 0..1.
        """
        if features is None:
            raise VistreamError("a box is followed by appearance: the task sot needs a model")
        tracks = []
        for identity, target in sorted(self._targets.items()):
            if camera is not None and target.head is not None:
                x, y = (camera[:, :2] @ target.centre + camera[:, 2]).tolist()
                target.centre = x, y
            if target.head is None:
                target.head = self._make_head()
                score = 1.0
            else:
                score = self._find(features, target, target.head)
            target.head.learn(self._window(features, target, 1.0))
            tracks.append(Track(identity, target.box, min(max(score, 0.0), 1.0), LABEL))
        return tuple(tracks)

    def _make_head(self) -> Head:
        config = self.config
        side = config.grid / (1.0 + config.padding)
        if config.head == "xcorr":
            return CrossCorrelation(config.grid, (side, side))
        return CorrelationFilter(config.grid, (side, side), config.sigma, config.regularisation, config.rate)

    def _window(self, features: Features, target: _Target, scale: float) -> Window:
        """The features around a target, `[grid, grid, C]`, less their mean; `scale` times the usual size."""
        grid, factor = self.config.grid, scale * (1.0 + self.config.padding)
        w, h = target.size[0] * factor, target.size[1] * factor
        around = np.array([[target.centre[0] - w / 2, target.centre[1] - h / 2, w, h]])
        window = roi_align(features.within(around), around, (grid, grid))[0]
        return np.asarray(window - window.mean(axis=0)).reshape(grid, grid, -1)

    def _find(self, features: Features, target: _Target, head: Head) -> float:
        """Move and scale the target to where the response is highest; returns its height."""
        config = self.config
        found = []
        for step in range(-(config.scales // 2), config.scales // 2 + 1):
            scale = config.scale_step**step
            response = head.response(self._window(features, target, scale))
            if config.head == "xcorr":
                near = np.fft.ifftshift(taper(config.grid)[:, :, 0])
                response = (1 - config.influence) * response + config.influence * near
            row, column, height = peak(response)
            found.append((height * config.scale_penalty ** abs(step), scale, row, column))
        score, scale, row, column = max(found)
        factor = scale * (1.0 + config.padding) / config.grid
        width, height = features.shape[1] * features.stride[0], features.shape[0] * features.stride[1]
        x = target.centre[0] + column * factor * target.size[0]
        y = target.centre[1] + row * factor * target.size[1]
        target.centre = min(max(x, 0.0), width), min(max(y, 0.0), height)
        least, most = config.size_limits
        target.size = (
            min(max(target.size[0] * scale, least * target.first[0]), most * target.first[0]),
            min(max(target.size[1] * scale, least * target.first[1]), most * target.first[1]),
        )
        return score
