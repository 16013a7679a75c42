"""Which frame a file's name or a number means, when some count from 0 and some from 1."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from vistream.media.formats.detections.footage import Footage
from vistream.media.video.images import natural_key

log = logging.getLogger("vistream")

_AUGMENTED = re.compile(r"(_(jpe?g|png|bmp))?\.rf\.[0-9A-Za-z]+$")
"""What Roboflow appends to the name of an image that it exports."""


def stem_of_name(name: str) -> str:
    """A file's name without folder, ending, and what Roboflow appends.

    >>> stem_of_name("train/frame_7_jpg.rf.ab12.jpg"), stem_of_name("000012.PNG"), stem_of_name("cam.1.000012.txt")
    ('frame_7', '000012', 'cam.1.000012')
    """
    return _AUGMENTED.sub("", PurePosixPath(name.replace("\\", "/")).stem)


def number_in(name: str) -> int | None:
    """The last number in a file's name, or None.

    >>> number_in("clip2_frame_000012.txt"), number_in("classes.txt")
    (12, None)
    """
    digits = re.findall(r"[0-9]+", stem_of_name(name))
    return int(digits[-1]) if digits and len(digits[-1]) < 16 else None


def first_number(numbers: Collection[int], footage: Footage, where: str, what: str) -> int:
    """What the first frame is called, 0 or 1, where a form does not say it. Anything but a plain 0 is logged.

    It is 1 only where that is certain: when the last number is one too high to count from 0. `what` names the number.
    """
    if not numbers or min(numbers) < 1:
        return 0
    if footage.frames is not None and max(numbers) == footage.frames:
        log.warning("%s: %s reaches %d, the number of frames: taken as counted from 1", where, what, footage.frames)
        return 1
    if min(numbers) == 1:
        log.warning(
            "%s: the first frame has no detection, as %s seems to begin at 1: it is counted from 0 here", where, what
        )
    return 0


def frames_of(names: Sequence[str], footage: Footage, where: str) -> dict[str, int]:
    """The frame, from 0, of each file in `names`; files that are of none of the footage's images are left out.

    By the names of the footage's images; else by the numbers in the names; else, where some have none, two are alike or
    all lie beyond the video, by their order.
    """
    known = {stem_of_name(name): index for index, name in enumerate(footage.names)}
    named = {name: known[stem_of_name(name)] for name in names if stem_of_name(name) in known}
    if named:
        if len(named) < len(names):
            log.warning("%s: %d of %d files are of no image of the video", where, len(names) - len(named), len(names))
        return named
    numbers = {name: number for name in names if (number := number_in(name)) is not None}
    distinct = len(set(numbers.values())) == len(names)
    beyond = footage.frames is not None and min(numbers.values(), default=0) > footage.frames >= len(names)
    if not distinct or beyond:
        return {name: index for index, name in enumerate(sorted(names, key=lambda name: natural_key(Path(name))))}
    first = first_number(list(numbers.values()), footage, where, "the number in the files' names")
    return {name: number - first for name, number in numbers.items()}
