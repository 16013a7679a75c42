"""What a run can make unrecognisable: checked before its first frame, since a video that was not blurred looks well."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from vistream.detect.coco import PERSON
from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import LABEL
from vistream.pipeline.observe import Observer
from vistream.render.style import FACES, blurs


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
