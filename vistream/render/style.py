"""What is drawn into a video, and what is made unrecognisable in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from vistream.detect.coco import PERSON
from vistream.errors import VistreamError
from vistream.types import Box, Frame, Result

SWITCHES = {"on": True, "off": False}
FACES = "faces"
HEAD = (1.5, 0.3)
"""Of a standing person's box: its least height over its width, and the share of the height that holds the face."""
BLOCKS = 8
"""A concealed object keeps so many blocks along its longer side: nobody is recognised in that."""
LEAST = 0.1
"""The score from which a detection is concealed that is no track: far below what begins one."""
MARGIN = 0.08
"""Of a box: what is concealed around it, since boxes are not exact."""


@dataclass(frozen=True, slots=True)
class Style:
    """`line`: width in pixels, None: by the frame's size. `labels`, `trails`, `map` (of what was recomputed):
    whether they are drawn. `sound`: whether the source's is kept. `blur`: classes that are made unrecognisable, and
    `faces`.
    """

    line: int | None = None
    labels: bool = True
    trails: bool = True
    map: bool = True
    sound: bool = True
    blur: tuple[str, ...] = ()


PLAIN = Style()


def read_style(text: str) -> Style:
    """From `line=3,labels=off,blur=faces+car`; raises VistreamError for anything else.

    >>> read_style("line=3,trails=off,blur=faces+car")
    Style(line=3, labels=True, trails=False, map=True, sound=True, blur=('faces', 'car'))
    """
    style, switches = Style(), [field.name for field in fields(Style) if field.name not in ("line", "blur")]
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name == "line" and value.isascii() and value.isdigit() and 1 <= int(value) <= 99:
            style = replace(style, line=int(value))
        elif name == "blur" and all(classes := tuple(map(str.strip, value.split("+")))):
            style = replace(style, blur=classes)
        elif name in switches and value in SWITCHES:
            style = replace(style, **{name: SWITCHES[value]})  # type: ignore[arg-type]  # a name of a switch
        else:
            raise VistreamError(
                f"--style has {part!r}: line=PIXELS, {', '.join(f'{switch}=on|off' for switch in switches)} and "
                "blur=faces or blur=CLASS+CLASS are known"
            )
    return style


def blurs(name: str, label: str) -> bool:
    """Whether `blur=name` conceals objects of the class `label`, or a part of them.

    >>> blurs("faces", "person"), blurs("car", "car"), blurs("faces", "car")
    (True, True, False)
    """
    return label in (name, PERSON if name == FACES else name)


def concealed(frame: Frame, result: Result, blur: tuple[str, ...]) -> Frame:
    """A copy of the frame, uint8 `[H, W, 3]`, in which nobody recognises what is to be blurred; itself if nothing is.

    What is tracked is concealed, also where it is predicted, and what was detected with a score of `LEAST` or more.
    """
    if not blur:
        return frame
    boxes = [found for label, box in _places(result) if (found := _to_conceal(label, box, blur)) is not None]
    if not boxes:
        return frame
    picture = frame.copy()
    for x, y, w, h in boxes:
        left, top = max(0, int(x - MARGIN * w)), max(0, int(y - MARGIN * h))
        part = picture[top : max(0, int(y + h * (1 + MARGIN)) + 1), left : max(0, int(x + w * (1 + MARGIN)) + 1)]
        if part.size:
            height, width = part.shape[:2]
            step = max(1, max(height, width) // BLOCKS)
            coarse = cv2.resize(part, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
            part[...] = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    return picture


def _places(result: Result) -> Iterator[tuple[str, Box]]:
    """Where something is, and of which class: tracks, and detections, of which some are no track yet, or never."""
    yield from ((track.label, track.box) for track in result.tracks)
    if result.seen is None:
        return
    seen = result.seen
    for row in np.flatnonzero((seen.scores >= LEAST) & np.isfinite(seen.boxes).all(axis=1)):
        x, y, w, h = seen.boxes[row].tolist()
        yield seen.labels[row], (x, y, w, h)


def _to_conceal(label: str, box: Box, blur: tuple[str, ...]) -> Box | None:
    """The part of an object that is to be concealed; None: nothing."""
    x, y, w, h = box
    if label in blur:
        return box
    if FACES not in blur or label != PERSON:
        return None
    standing = h >= HEAD[0] * w
    return (x, y, w, HEAD[1] * h) if standing else box  # of who sits or lies, the face may be anywhere
