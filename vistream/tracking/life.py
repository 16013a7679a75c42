"""One track's state and the options that govern its life; no behaviour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.given import whole
from vistream.tracking.kalman import Belief, to_boxes
from vistream.tracking.noise import Recent
from vistream.tracking.similarity import Vectors
from vistream.tracking.sizes import Size

UNKNOWN_FPS = 30.0


@dataclass(frozen=True)
class Conf:
    """The least score of an observation that may start a track: of any class, and of some classes by name.

    None: the task's own, see `TrackerConfig.conf_thres`. Raises VistreamError for a score that is not within 0 and 1.
    """

    any: float | None = None
    classes: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, value: float | Mapping[str, float] | Conf) -> Conf:
        """Of a number for every class, or of one for each by name. Raises VistreamError for anything else."""
        if isinstance(value, Conf):
            return value
        try:
            if isinstance(value, Mapping):
                return cls(None, tuple((str(name), float(score)) for name, score in value.items()))
            return cls(float(value))
        except (TypeError, ValueError):
            raise VistreamError(f"conf is {value!r:.60}: a number is expected, or one for each class by name") from None

    def __post_init__(self) -> None:
        for score in (*(() if self.any is None else (self.any,)), *(score for _, score in self.classes)):
            if not 0.0 <= score <= 1.0:
                raise VistreamError(f"--conf is {score}: it must lie between 0 and 1")


ANY_CLASS = Conf()


@dataclass(frozen=True)
class TrackerConfig:
    """Options that every tracking task shares. docs/association.md has the measurements behind the defaults.

    Scores: only observations of at least `conf_thres` (or what `class_conf` names for their class) start tracks and
    enter the first round; those of at least `low_thres` may still continue a track; weaker ones are left out.

    `newness`: nats by which an observation must rather be a new object than a known one to be no match in the first
    round; `iou_limit`: where overlap alone decides, in the later rounds, the IoU distance up to which two boxes match;
    `weak_limit`: the same for weak observations, of which many are of something else, or of a part.
    `appearance`: weight of appearance among the evidence. `other_class`: nats against a match across class names.

    Times in seconds: a lost track is kept for `track_buffer`, or, if that is longer, for `away` if the camera has moved
    since it was seen, for what a camera turns away from it often turns back to, and for up to `exact_buffer`, the more
    exact boxes are, while it is predicted inside the frame, where it must still be; a track is still reported, where it
    is predicted, for `coast` after its last match (0: never; a mask cannot be predicted), and longer while the
    detection of another object covers it, if it was matched `coast_hits` times before.
    `pause`: while a track is lost, its velocity falls to 1/e in this time.

    `min_hits`: matches that confirm a new track, the first frame's apart. `probation`: how many confirm one whose box
    overlaps another's, where boxes are rough.

    `memory` is the share of the old in the exponential mean of a track's vectors; 0 keeps the current ones only.
    `use_motion`: predict with the Kalman filter; without, a track stays where it was last seen.
    """

    conf_thres: float = 0.5
    class_conf: tuple[tuple[str, float], ...] = ()
    low_thres: float = 0.1
    newness: float = 0.0
    iou_limit: float = 0.5
    weak_limit: float = 0.35
    appearance: float = 1.0
    other_class: float = 3.0
    track_buffer: float = 2.0
    away: float = 5.0
    exact_buffer: float = 15.0
    coast: float = 0.1
    coast_hits: int = 5
    pause: float = 3.0
    min_hits: int = 2
    probation: int = 4
    memory: float = 0.95
    use_motion: bool = True

    def __post_init__(self) -> None:
        for name in ("conf_thres", "low_thres", "iou_limit", "weak_limit"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise VistreamError(f"{name} is {getattr(self, name)}: it must lie between 0 and 1")
        if whole("min_hits", self.min_hits) < 1:
            raise VistreamError(f"min_hits is {self.min_hits}: it must be at least 1")
        if not 0.0 <= self.memory < 1.0:
            raise VistreamError(f"memory is {self.memory}: it must be at least 0 and below 1")
        for name in ("track_buffer", "away", "exact_buffer", "coast", "pause", "appearance", "other_class"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise VistreamError(f"{name} is {getattr(self, name)}: it must be finite and not negative")


class Stage(Enum):
    """Where a track is in its life."""

    NEW = "not confirmed, not reported yet"
    TRACKED = "matched in the last frame"
    LOST = "not matched in the last frame"


@dataclass
class Life:
    """All that is remembered of one track. `belief` holds one object; `vectors` is None without appearance.

    `id` is 0 until the track is confirmed. `size`: that which is reported, where boxes are rough. `votes`: the scores
    of its observations, summed by class name. `seen` is the frame of the last match, `hits` counts matches, of which
    `probation` confirm it; `row` is that of the observation matched in the last frame, None if there was none; `doubt`
    is by how much the noise of the last one was larger than usual, see `crowding.doubt`. `turned`: the camera has moved
    since it was seen. `recent`: measurements from which noise is learned.
    """

    id: int
    stage: Stage
    votes: dict[str, float]
    score: float
    belief: Belief
    size: Size
    vectors: Vectors | None
    seen: int
    hits: int = 1
    probation: int = 2
    row: int | None = None
    doubt: float = 1.0
    turned: bool = False
    recent: Recent = field(default_factory=Recent)

    @property
    def label(self) -> str:
        """The class that most of its observations speak for; the first one of equals."""
        return max(self.votes, key=lambda name: self.votes[name])


def belief_of(lives: Sequence[Life]) -> Belief:
    """What is believed of the objects of some tracks, in their order."""
    return Belief.join([life.belief for life in lives])


def boxes_of(lives: Sequence[Life]) -> NDArray[np.float64]:
    """Where their objects are believed to be, `[N, 4]` as (x, y, w, h)."""
    return to_boxes(belief_of(lives).position)


@dataclass(frozen=True, slots=True)
class Counts:
    """What has come in and gone out since the last reset, so that an empty result can be explained.

    `weak` of the `observations` scored below `conf_thres` and could start no track; `tracks` ids were given.
    """

    frames: int = 0
    observations: int = 0
    weak: int = 0
    tracks: int = 0
