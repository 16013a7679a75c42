"""What a pose file holds, whichever format it is in: people's joints in the images of one video.

This file reads nothing; `posetrack` and `annolist` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vistream.media.formats.detections.footage import scaled
from vistream.types import Box, Observations

Array = NDArray[np.float64]

_PAIRED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")

JOINTS = (
    *("nose", "head_bottom", "head_top", "left_ear", "right_ear"),
    *(f"{side}_{part}" for part in _PAIRED for side in ("left", "right")),
)
"""The 17 joints of PoseTrack18, in its order; the ears are not annotated."""

_ALIASES = {"neck": "head_bottom", "upper_neck": "head_bottom", "top_head": "head_top"}


HEAD = {"head_bottom": 0.4, "head_top": 1.65}
"""Where they lie on the line from the middle of the shoulders (0) to that of the face (1).

Medians over every second frame of the Bonn clip, MoveNet's joints against the annotated ones; 100 and 90 % lie within
half a head size.
"""
SHOULDERS = ("left_shoulder", "right_shoulder")
FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")


def head_joints(joints: Sequence[str]) -> tuple[str, ...]:
    """Which of `HEAD` are to be derived: none where the joints have a neck or head, or no shoulders or face.

    >>> head_joints(("nose", *SHOULDERS)), head_joints(("nose", *SHOULDERS, "neck"))
    (('head_bottom', 'head_top'), ())
    """
    known = {joint_name(name) for name in joints}
    return () if known & set(HEAD) or not known.issuperset(SHOULDERS) or not known & set(FACE) else tuple(HEAD)


def with_head(joints: Sequence[str], keypoints: Array) -> Array:
    """Keypoints `[K, 3]` (x, y, score) with those of `head_joints` behind them; score 0 where they can't be told.

    >>> points = np.array([[10.0, 10, 0.9], [0, 20, 0.7], [20, 20, 0.8]])
    >>> with_head(("nose", *SHOULDERS), points)[3:].tolist()
    [[10.0, 16.0, 0.7], [10.0, 3.5, 0.7]]
    """
    derived = head_joints(joints)
    if not derived:
        return keypoints
    rows = {joint_name(name): keypoints[number] for number, name in enumerate(joints)}
    shoulders = np.array([rows[name] for name in SHOULDERS])
    face = np.array([rows[name] for name in FACE if name in rows and rows[name][2] > 0])
    if not len(face) or not (shoulders[:, 2] > 0).all():
        return np.concatenate([keypoints, np.zeros((len(derived), 3))])
    low, high = shoulders[:, :2].mean(axis=0), face[:, :2].mean(axis=0)
    score = min(shoulders[:, 2].min(), face[:, 2].max())
    return np.concatenate([keypoints, [(*(low + HEAD[name] * (high - low)), score) for name in derived]])


def joint_name(name: str) -> str:
    """PoseTrack18's name for a joint.

    >>> joint_name("neck"), joint_name("left_knee")
    ('head_bottom', 'left_knee')
    """
    return _ALIASES.get(name, name)


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one image.

    `joints`: `[K, 2]`, (x, y) in pixels as in the file, 0 where absent; `present`: bool `[K]`; `scores`:
    `[K]`, None where the file gives none. `id` is None in files of detections. `head`: (x1, y1, x2, y2).
    """

    id: int | None
    joints: Array
    present: NDArray[np.bool_]
    scores: Array | None
    head: tuple[float, float, float, float] | None = None
    box: Box | None = None
    score: float | None = None

    def joint_scores(self, default: float = 1.0) -> Array:
        """The score of each joint, `[K]`; `default` for all where the file gives none."""
        return np.full(len(self.joints), default) if self.scores is None else self.scores


@dataclass(frozen=True, slots=True)
class PoseImage:
    """One image: `ignored` are polygons `[V, 2]` in which nothing is scored.

    `frame`: of the video, from 0; below 0: the video has no such image; None: its place among the images.
    """

    id: int
    file: str
    labeled: bool
    people: tuple[Person, ...]
    ignored: tuple[Array, ...] = ()
    frame: int | None = None


def images_by_frame(images: Sequence[PoseImage]) -> dict[int, PoseImage]:
    """The images that the video has, by frame, from 0."""
    numbered = ((place if image.frame is None else image.frame, image) for place, image in enumerate(images))
    return {frame: image for frame, image in numbered if frame >= 0}


def scaled_image(image: PoseImage, scale: tuple[float, float]) -> PoseImage:
    """The image with all places multiplied, across and down."""

    def person(one: Person) -> Person:
        box = None if one.box is None else scaled(one.box, scale)
        head = None if one.head is None else scaled(one.head, scale)
        return replace(one, joints=one.joints * scale, box=box, head=head)

    ignored = tuple(region * scale for region in image.ignored)
    return replace(image, people=tuple(map(person, image.people)), ignored=ignored)


@dataclass(frozen=True, slots=True)
class PoseVideo:
    """The images of a video, in order; `joints` names the `K` joints of its people."""

    joints: tuple[str, ...]
    images: tuple[PoseImage, ...]

    def observations(self) -> dict[int, Observations]:
        """What a detector saw, by frame (from 0); people without any joint are left out.

        `keypoints` are (x, y, score), with score 0 where the joint is absent; boxes are the file's, else
        tight around the joints; scores are the file's, else the mean of the joints'.
        """
        return {
            frame: _observe(people)
            for frame, image in images_by_frame(self.images).items()
            if (people := [person for person in image.people if person.present.any()])
        }


def _observe(people: list[Person]) -> Observations:
    keypoints = [np.column_stack([p.joints, np.where(p.present, p.joint_scores(), 0.0)]) for p in people]
    boxes = [p.box if p.box is not None else _around(p.joints[p.present]) for p in people]
    scores = [p.score if p.score is not None else float(p.joint_scores()[p.present].mean()) for p in people]
    return Observations(np.array(boxes), np.array(scores), ("person",) * len(people), keypoints=np.array(keypoints))


def _around(points: Array) -> Box:
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)
