"""`vistream.track`: a video's results, frame by frame, with the options of the command line by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from vistream.detect.choose import Size
from vistream.errors import VistreamError
from vistream.given import real, switch, whole
from vistream.pipeline.blurring import warn_of_unblurred
from vistream.pipeline.run import Run
from vistream.pipeline.settings import Settings
from vistream.pipeline.start import implied_task
from vistream.pipeline.tasks import AUTO
from vistream.pipeline.tracked import TrackedFrame
from vistream.render.style import PLAIN, Style, read_style
from vistream.tracking.life import ANY_CLASS, Conf
from vistream.types import Box

Place = str | Sequence[float | str]
"""A line or a zone: `"x1,y1,x2,y2,name"`, or the same as a list."""
PathLike = str | os.PathLike[str]


def track(
    source: PathLike | int,
    task: str | None = None,
    *,
    model: str = AUTO,
    detections: PathLike | None = None,
    detector: str = "auto",
    detector_size: int | tuple[int, int] | None = None,
    fidelity: str = "exact",
    deadband: int | None = None,
    hysteresis: int | None = None,
    bits: int = 8,
    start: int = 0,
    stride: int = 1,
    max_frames: int | None = None,
    classes: str | Iterable[str] = (),
    init_mask: PathLike | None = None,
    init_box: Sequence[float] | None = None,
    init_poses: PathLike | None = None,
    conf: float | Mapping[str, float] | Conf = ANY_CLASS,
    iou: float | None = None,
    min_hits: int | None = None,
    memory: float | None = None,
    interpolate: int = 0,
    zero_based: bool = False,
    reconnect: bool = True,
    lines: str | Iterable[Place] = (),
    zones: str | Iterable[Place] = (),
    scale: float | str | Sequence[float] | None = None,
    style: str | Style = PLAIN,
    work: bool = False,
    mot_classes: bool = False,
) -> Iterator[TrackedFrame]:
    """Track a video: one `TrackedFrame` a frame, as soon as it is known.

    `source`: a video file, camera index, stream URL, image folder or glob. `task`: mot, mots, pose, vos or sot; left
    out, what is given for the first frame decides, else mot. `classes`: names, or one text with commas. `init_box`:
    x, y, w, h in pixels. `conf`: the least score that may start a track, or one for each class by name. `lines`,
    `zones`: as texts of the command line, or as rows of numbers with a name behind them; what happens there is in the
    results' `events`. `scale`: metres a pixel, or ten numbers as on the command line, for the tracks' `speed`. `style`:
    what `plot` draws. The others are those of `vistream track`.
    Raises VistreamError, at once, for whatever can't be opened or is not known.
    """
    given = {name: value for name, value in locals().items() if name in _FIELDS}
    return _results(Run(_source(source), settings_of(**given)))


_FIELDS = frozenset(field.name for field in fields(Settings))
_OPEN = frozenset(field.name for field in fields(Settings) if field.default is None)


def settings_of(task: str | None = None, **options: Any) -> Settings:  # Any: each is checked where it is used
    """`Settings` from what a caller writes: texts for paths and for classes, lists and arrays for boxes.

    Raises VistreamError for an option that there is not, and for what can't be taken for one.

    >>> settings_of(classes="person, car", init_box=[1, 2, 3, 4]).task, settings_of(classes="person, car").classes
    ('sot', ('person', 'car'))
    """
    unknown = [name for name in options if name not in _FIELDS]
    if unknown:
        raise VistreamError(f"track has no option {unknown[0]!r}: it has {', '.join(sorted(_FIELDS))}")
    for name in options:
        if options[name] is None and name not in _OPEN:
            raise VistreamError(f"{name} is None: leave it out, or give what it is to be")
    for name in _TEXTS:
        if not isinstance(options.get(name, ""), str):
            raise VistreamError(f"{name} is {options[name]!r:.60}: a text is expected")
    for name in _COUNTS:
        if options.get(name) is not None:
            options[name] = whole(name, options[name])
            if options[name] < 0:
                raise VistreamError(f"{name} is {options[name]}: it must not be negative")
    for name in ("memory", "iou"):
        if options.get(name) is not None:
            options[name] = real(name, options[name])
    if options.get("iou") is not None and not 0.0 <= options["iou"] <= 1.0:
        raise VistreamError(f"iou is {options['iou']:g}: it must lie between 0 and 1")
    for name in _SWITCHES:
        if name in options:
            options[name] = switch(name, options[name])
    if options.get("detector_size") is not None:
        options["detector_size"] = _size(options["detector_size"])
    for name in ("detections", "init_mask", "init_poses"):
        if options.get(name) is not None:
            options[name] = _path(name, options[name])
    if options.get("init_box") is not None:
        options["init_box"] = _box(options["init_box"])
    if "conf" in options:
        options["conf"] = Conf.of(options["conf"])
    if "classes" in options:
        options["classes"] = _names(options["classes"])
    if options.get("scale") is not None:
        options["scale"] = ",".join(map(str, _numbers(options["scale"])))
    if not isinstance(options.get("style", PLAIN), str | Style):
        raise VistreamError(f"style is {options['style']!r:.60}: a text is expected, such as labels=off")
    if isinstance(options.get("style"), str):
        options["style"] = read_style(options["style"])
    for name in ("lines", "zones"):
        if name in options:
            options[name] = _places(options[name])
    return Settings(task=implied_task(task, **{name: options.get(name) for name in _FIRST}), **options)


_FIRST = ("init_mask", "init_box", "init_poses")
_TEXTS = ("model", "detector", "fidelity")
_SWITCHES = ("zero_based", "reconnect", "work", "mot_classes")
_COUNTS = ("deadband", "hysteresis", "start", "stride", "max_frames", "interpolate", "min_hits")


def _source(source: PathLike | int) -> str:
    if isinstance(source, int) and not isinstance(source, bool):
        return str(source)
    return str(_path("source", source)) if not isinstance(source, str) else source


def _path(name: str, value: object) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise VistreamError(f"{name} is {type(value).__name__}: a path, or its text, is expected")
    return Path(value)


def _size(value: Any) -> Size:
    """Of a detector: the longer side, or width and height."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return whole("detector_size", value)
    sides = tuple(whole("detector_size", side) for side in value)
    if len(sides) != 2:
        raise VistreamError(f"detector_size is {value!r:.60}: the longer side is expected, or width and height")
    return sides[0], sides[1]


def _names(value: object) -> tuple[str, ...]:
    given: object = value.split(",") if isinstance(value, str) else value
    names: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(name, str) for name in names):
        raise VistreamError("classes are names: a text with commas between them, or a list of texts")
    return tuple(name.strip() for name in names if name.strip())


def _places(value: object) -> tuple[str, ...]:
    """Texts as the command line has them."""
    places: list[Any] = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    if places and all(isinstance(part, int | float) for part in places[:4]):
        places = [places]  # one alone, as numbers
    return tuple(place if isinstance(place, str) else ",".join(map(str, np.ravel(list(place)))) for place in places)


def _numbers(value: object) -> list[object]:
    """As a text, a number, or a list of them has them; what is none is told where it is read."""
    if isinstance(value, str):
        return list(value.split(","))
    return list(np.ravel(np.asarray(value, dtype=object)))


def _box(value: object) -> Box:
    try:
        numbers = np.asarray(value.split(",") if isinstance(value, str) else value, np.float64).ravel()
        x, y, w, h = (float(number) for number in numbers)
    except (TypeError, ValueError):
        raise VistreamError(f"init_box is {value!r}: four numbers are expected, x, y, w, h") from None
    return x, y, w, h


def _results(run: Run) -> Iterator[TrackedFrame]:
    style, labels = run.settings.style, set[str]()
    with closing(run):
        try:
            for frame, result in run:
                labels.update(track.label for track in result.tracks)
                known = {field.name: getattr(result, field.name) for field in fields(result)}
                yield TrackedFrame(**known, picture=frame.image, joints=run.observer.joints, style=style)
        finally:  # also where the caller has seen enough
            warn_of_unblurred(run.source.name, style.blur, labels, run.done)
