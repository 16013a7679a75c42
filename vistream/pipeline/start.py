"""What the user gives a session before the first frame: masks in an image, a box, or skeletons in a file."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.davis import VOID, read_labels
from vistream.media.formats.detections.footage import Footage, in_pixels
from vistream.media.formats.poses import PoseImage, images_by_frame
from vistream.pipeline.session import Session
from vistream.types import Box

log = logging.getLogger("vistream")

IMPLIED = {"init_mask": "vos", "init_box": "sot", "init_poses": "pose"}
"""The task that follows what is given for the first frame."""


def implied_task(task: str | None, **given: object) -> str:
    """`task`, or where none is named the one that what is `given` for the first frame is for; else mot.

    >>> implied_task(None, init_box=(1, 2, 3, 4), init_mask=None), implied_task(None), implied_task("mots")
    ('sot', 'mot', 'mots')
    """
    return task or next((IMPLIED[name] for name, value in given.items() if value is not None), "mot")


@dataclass(frozen=True, slots=True)
class FirstObjects:
    """The objects of the first frame: a label map for vos, a box for sot, PoseTrack JSON for pose; None: not given.

    In a label map 0 is background, 1 to 254 are objects, which keep their numbers, and 255 is void; one that holds only
    0 and 255 has one object, 1. Of a pose file, the first frame with people counts.
    """

    mask: Path | None = None
    box: Box | None = None
    poses: Path | None = None

    def check(self, task: str) -> None:
        """Raise VistreamError where the task gets nothing to follow or something that it can't use."""
        for what, given, wants in (("mask", self.mask, "vos"), ("box", self.box, "sot"), ("poses", self.poses, "pose")):
            if task != wants and given is not None:
                raise VistreamError(f"--init-{what} is for the task {wants}, not {task}")
        if task == "vos" and self.mask is None:
            raise VistreamError("the task vos follows masks: give those of the first frame with --init-mask PNG")
        if task == "sot" and self.box is None:
            raise VistreamError("the task sot follows a box: give that of the first frame with --init-box x,y,w,h")

    def give_to(self, session: Session, size: tuple[int, int], images: Sequence[PoseImage] = ()) -> None:
        """Hand them to a session; `size`: (width, height) of the frames; `images`: those of the file of poses.

        Raises VistreamError as `check` does, and for what does not fit the frames.
        """
        self.check(session.task)
        if self.mask is not None:
            _add_masks(session, self.mask, size)
        if self.box is not None:
            session.add_object(box_in(self.box, size))
        if self.poses is not None:
            _add_poses(session, self.poses, images, size)


def box_in(box: Box, size: tuple[int, int]) -> Box:
    """The box of the object, in pixels of frames of `size` (width, height); fractions of the frame are scaled.

    Raises VistreamError for a box that has no area, or lies outside the frame; one that reaches over its edge is cut.

    >>> box_in((0.25, 0.5, 0.5, 0.25), (640, 384)), box_in((-20.0, 10.0, 60.0, 30.0), (640, 384))
    ((160.0, 192.0, 320.0, 96.0), (0.0, 10.0, 40.0, 30.0))
    """
    width, height = size
    if not all(map(math.isfinite, box)) or box[2] <= 0 or box[3] <= 0:
        raise VistreamError(f"the box {_shown(box)} has no area: width and height must be above 0")
    boxes = in_pixels(np.array([box], np.float64), Footage(size=size), f"the box {_shown(box)}")
    x, y, w, h = boxes[0].tolist()
    left, top, right, bottom = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
    if left >= right or top >= bottom:
        raise VistreamError(f"the box {_shown(box)} lies outside the frames, which are {width}x{height}")
    return left, top, right - left, bottom - top


def _shown(box: Box) -> str:
    return ",".join(f"{number:g}" for number in box)


def _add_poses(session: Session, path: Path, images: Sequence[PoseImage], size: tuple[int, int]) -> None:
    """People keep their numbers where they have one above 0; the others get those that are free above.

    Who has no joint within the frame is left out, which is logged.
    """
    people = next((image.people for _, image in sorted(images_by_frame(images).items()) if image.people), ())
    there = [person for person in people if (person.present & _within(person.joints, size)).any()]
    if not there:
        raise VistreamError(f"{path} shows nobody: no joint lies within frames of {size[0]}x{size[1]}")
    if len(there) < len(people):
        log.warning(
            "%s: %d of %d people have no joint within the frame: they are left out",
            path,
            len(people) - len(there),
            len(people),
        )
    numbers = [person.id if person.id is not None and person.id > 0 else None for person in there]
    # first those who bring a number, which nobody else is to be given
    for person, number in sorted(zip(there, numbers, strict=True), key=lambda pair: pair[1] is None):
        confidences = np.where(person.present, person.joint_scores(), 0.0)
        session.add_object(np.column_stack([person.joints, confidences]), number)


def _within(joints: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(((joints >= 0) & (joints < np.array(size))).all(1), np.bool_)


def _add_masks(session: Session, path: Path, size: tuple[int, int]) -> None:
    labels = read_labels(path)
    if labels.shape != size[::-1]:
        raise VistreamError(
            f"{path} is {labels.shape[1]}x{labels.shape[0]}, the frames are {size[0]}x{size[1]}: they must be alike"
        )
    found = set(np.unique(labels).tolist()) - {0}
    if found == {VOID}:
        session.add_object(labels == VOID, 1)
        return
    if not found - {VOID}:
        raise VistreamError(f"{path} holds no object: every pixel is background")
    for identity in sorted(found - {VOID}):
        session.add_object(labels == identity, identity)
