"""What a run can make unrecognisable: a video in which nothing was blurred looks like one in which all was.

So it is checked before the first frame, and what was never there is named after the last one.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from vistream.detect.coco import PERSON
from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import LABEL
from vistream.pipeline.observe import Observer
from vistream.render.style import FACES, blurs

log = logging.getLogger("vistream")


def check_blur(
    blur: Sequence[str], observer: Observer, task: str, detections: Path | None = None, classes: Sequence[str] = ()
) -> None:
    """Raise VistreamError where a part of `--style blur=` could never blur anything, as far as that is known.

    `observer`: of the `task`, from the file `detections`, if there is one; `classes`: those of `--classes`.

    >>> check_blur(("object",), Observer(given=("object",)), "sot")
    """
    labels = observer.labels(classes)
    if labels is None:
        return
    who = f"the task {task}" if observer.boxes is None else f"the detector {observer.boxes.name}"
    who = who if detections is None else str(detections)
    who = f"{who} with --classes {','.join(classes)}" if classes else who
    for name in unblurred(blur, labels):
        raise VistreamError(f"--style blur={name} would blur nothing: {_reason(name, labels, who, detections)}")


def unblurred(blur: Sequence[str], labels: Collection[str]) -> list[str]:
    """The parts of `blur` that conceal objects of none of these classes.

    >>> unblurred(("faces", "car"), ("person", "dog"))
    ['car']
    """
    return [name for name in blur if not any(blurs(name, label) for label in labels)]


def warn_of_unblurred(source: str, blur: Sequence[str], labels: Collection[str], frames: int) -> None:
    """Say what could not be blurred; `labels`: the classes of all that was tracked in the `frames` of `source`."""
    for name in unblurred(blur, labels) if frames else ():
        log.warning(
            "%s: nothing that blur=%s is for was tracked in %d frames, so next to nothing of it can be blurred",
            source,
            name,
            frames,
        )


def _reason(name: str, labels: Collection[str], who: str, detections: Path | None) -> str:
    if not labels:
        return f"{who} gives no objects"
    only = f"{who} gives only {', '.join(sorted(labels))}"
    if detections is not None and set(labels) == {LABEL}:
        only += ": where all its boxes are of one class, name that with --classes"
    if name == FACES:
        return f"faces are those of the class {PERSON}, and {only}"
    close = difflib.get_close_matches(name, [*labels, *([FACES] if PERSON in labels else [])], n=1)
    return f"{who} gives no class {name!r}: did you mean {close[0]}?" if close else only
