"""What the user gives a session before the first frame: masks in an image, a box, or skeletons in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats.davis import VOID, read_labels
from vistream.media.formats.posetrack import read_poses
from vistream.pipeline.session import Session
from vistream.types import Box


@dataclass(frozen=True, slots=True)
class FirstObjects:
    """The objects of the first frame: a label map for vos, a box for sot, PoseTrack JSON for pose; None: not given.

    In a label map 0 is background, 1 to 254 are objects, which keep their numbers, and 255 is void; one that holds only
    0 and 255 has one object, 1. Of a pose file, the first image with people counts.
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

    def give_to(self, session: Session, size: tuple[int, int]) -> None:
        """Hand them to a session; `size`: (width, height) of the frames.

        Raises VistreamError as `check` does, and for what does not fit the frames.
        """
        self.check(session.task)
        if self.mask is not None:
            _add_masks(session, self.mask, size)
        if self.box is not None:
            session.add_object(self.box)
        if self.poses is not None:
            _add_poses(session, self.poses)


def _add_poses(session: Session, path: Path) -> None:
    """People keep their numbers where they have one above 0."""
    people = next((image.people for image in read_poses(path).images if image.people), ())
    there = [person for person in people if person.present.any()]
    if not there:
        raise VistreamError(f"{path} shows nobody: no image has a joint")
    for person in there:
        confidences = np.where(person.present, person.scores, 0.0)
        session.add_object(np.column_stack([person.joints, confidences]), person.id or None)


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
