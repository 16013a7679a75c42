"""What the user gives a session before the first frame: masks in an image, or a box."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.formats.davis import VOID, read_labels
from vistream.tasks.session import Session
from vistream.types import Box


def add_first_objects(session: Session, mask: Path | None, box: Box | None, size: tuple[int, int]) -> None:
    """Hand the objects of a label map (`mask`), or of a `box`, to a session that follows objects.

    `size`: (width, height) of the frames. In a label map 0 is background, 1 to 254 are objects, which keep their
    numbers, and 255 is void; one that holds only 0 and 255 has one object, 1.
    Raises VistreamError where the task gets nothing to follow or something that it can't use.
    """
    if session.task != "vos" and mask is not None:
        raise VistreamError(f"an initial mask is for the task vos, not {session.task}")
    if session.task != "sot" and box is not None:
        raise VistreamError(f"an initial box is for the task sot, not {session.task}")
    if session.task == "vos":
        if mask is None:
            raise VistreamError("the task vos follows masks: give those of the first frame with --init-mask PNG")
        _add_masks(session, mask, size)
    if session.task == "sot":
        if box is None:
            raise VistreamError("the task sot follows a box: give that of the first frame with --init-box x,y,w,h")
        session.add_object(box)


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
