"""vistream's own JSON lines: one frame a line, flushed, valid line by line at any moment.

    {"frame": 7, "time": 0.28, "observations": 3,
     "tracks": [{"id": 1, "bbox": [x, y, w, h], "score": 0.9, "class": "object",
                 "rle"?, "keypoints"?, "seen"?, "covered"?, "speed"?}],
     "camera"?: [[a, b, x], [c, d, y]],
     "work": {"macs": 120, "macs_dense": 4000, "layers"?: [[name, pixels, pixels_total, macs, macs_dense, changes]]},
     "classes"?: {"road": 0.41, "sky": 0.2}, "segments"?: [{"id", "class", "thing", "score", "area", "bbox"}]}

`classes` and `segments` are those of the tasks semseg and panoptic: the share of the pixels that show each class, and
the regions. A frame in which something happened at a line or zone has "events", see `events`. Frames count from 0,
boxes are in pixels. `rle` is a COCO run-length mask, `keypoints` a list of [x, y, confidence]. `seen` is there, and
false, where a box was not seen but predicted; `covered` is there, and true, where that was behind the detection of
another object. `speed`, where it is known, is in metres a second. `camera`, where it
moved, takes points (x, y, 1) of the frame before to this one. JSON is strict: no NaN, no infinity. Activity maps and
class maps are not stored. This file alone is written in place, not renamed when complete, because a run that was killed
goes on from it.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats import rle
from vistream.media.formats.events import event_as_dict, event_of
from vistream.types import LayerWork, Result, Segment, Track, Work

log = logging.getLogger("vistream")

CAMERA_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Keep:
    """What an interrupted run had written: `frames`, each in a line, and the `bytes` that the lines fill."""

    frames: int
    bytes: int


class JsonlWriter:
    """Writes frames to `path`. Nothing is touched before the first one, so a run that fails early clobbers nothing.

    `keep`: go on after that part of an existing file; the rest is removed.
    `layers`: the work is given layer by layer too, which makes up most of a line.
    Raises `VistreamError` at once where the path can't be written, or does not begin with what is to be kept.
    """

    def __init__(self, path: Path | str, *, keep: Keep | None = None, layers: bool = False) -> None:
        self.path = Path(path)
        self._layers = layers
        self._keep = 0 if keep is None else keep.bytes
        self._file: BinaryIO | None
        target = self.path if self.path.exists() else self.path.parent
        if self.path.is_dir():
            raise VistreamError(f"{self.path} is a folder: give a file name to write to")
        if not self.path.parent.is_dir():
            raise VistreamError(f"{self.path}: the folder {self.path.parent} does not exist: create it first")
        if not os.access(target, os.W_OK):
            raise VistreamError(f"{self.path} can't be written: no permission")
        if keep is not None:
            self._check(keep)
        self._file = self._open() if self._keep else None

    def write(self, result: Result) -> None:
        """Append one frame as one line."""
        line = json.dumps(as_dict(result, self._layers), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        try:
            self._file = self._file or self._open()
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise VistreamError(f"{self.path} can't be written: {error.strerror}") from None

    def _check(self, keep: Keep) -> None:
        """Raise VistreamError unless the file begins with the lines of an earlier run."""
        if not self.path.is_file() or self.path.stat().st_size < keep.bytes:
            raise VistreamError(f"{self.path} holds less than the run to be resumed had written: begin anew")
        with self.path.open("rb") as file:
            filled = sum(len(line) for line in islice(file, keep.frames) if line.endswith(b"\n"))
        if filled != keep.bytes:
            raise VistreamError(f"{self.path} was changed since the run to be resumed wrote it: begin anew")

    def _open(self) -> BinaryIO:
        if not self._keep:
            return self.path.open("wb")
        file = self.path.open("r+b")
        file.truncate(self._keep)
        file.seek(self._keep)
        return file

    def flushed(self) -> int:
        """Bytes written, all of them on the disk when this returns. Raises VistreamError if the file has gone."""
        if self._file is None:
            return self._keep
        self.check()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def check(self) -> None:
        """Raise VistreamError if the file has gone, with its folder perhaps, since it was begun."""
        if self._file is not None and not self.path.exists():
            raise VistreamError(f"{self.path} was removed while it was being written")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> JsonlWriter:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_results(path: Path | str) -> Iterator[Result]:
    """The frames of a file, one by one. A last line without its newline (a killed run) is left out, and logged.

    Raises `VistreamError` with file and line where a line is no such frame, or frames don't increase.
    """
    path = Path(path)
    before = -1
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    log.warning("%s, line %d is broken off and left out", path, number)
                    return
                result = _parse(line, f"{path}, line {number}")
                if result.frame <= before:
                    raise VistreamError(f"{path}, line {number}: frame {result.frame} comes after {before}")
                before = result.frame
                yield result
    except OSError as error:
        raise VistreamError(f"{path} can't be read: {error.strerror}") from None


def recorded(result: Result) -> Result:
    """The result with the numbers that a file of JSON lines gives back: to a thousandth of a pixel, a millionth of a
    second and of the score. What is written of this can be written again from the file, to the byte.
    """
    return replace(
        result,
        time=round(result.time, 6),
        tracks=tuple(map(_recorded_track, result.tracks)),
        camera=None if result.camera is None else np.round(result.camera, CAMERA_DECIMALS),
        shares=None if result.shares is None else {name: round(share, 6) for name, share in result.shares.items()},
        segments=tuple(replace(segment, score=round(segment.score, 6)) for segment in result.segments),
    )


def _recorded_track(track: Track) -> Track:
    x, y, w, h = (round(float(number), 3) for number in track.box)
    keypoints = None if track.keypoints is None else np.round(track.keypoints, 3)
    w, h = (max(side, 0.001) if exact > 0 else side for side, exact in zip((w, h), track.box[2:], strict=True))
    speed = None if track.speed is None else round(track.speed, 3)
    return replace(track, box=(x, y, w, h), score=round(float(track.score), 6), keypoints=keypoints, speed=speed)


def as_dict(result: Result, layers: bool = False) -> dict[str, Any]:  # Any: JSON
    """One frame as JSON values; boxes and key points to a thousandth of a pixel. `layers`: with the work of each."""
    work: dict[str, Any] = {"macs": result.work.macs, "macs_dense": result.work.macs_dense}
    if layers:
        work["layers"] = [
            [n.name, n.pixels, n.pixels_total, n.macs, n.macs_dense, n.changes] for n in result.work.layers
        ]
    entry: dict[str, Any] = {
        "frame": result.frame,
        "time": round(result.time, 6),
        "observations": result.observations,
        "tracks": [_track_as_dict(track) for track in result.tracks],
        "work": work,
    }
    if result.camera is not None:
        entry["camera"] = np.round(result.camera, CAMERA_DECIMALS).tolist()
    if result.events:
        entry["events"] = [event_as_dict(event) for event in result.events]
    if result.shares is not None:
        entry["classes"] = {name: round(share, 6) for name, share in result.shares.items()}
    if result.segments:
        entry["segments"] = [_segment_as_dict(segment) for segment in result.segments]
    return entry


def _segment_as_dict(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "class": segment.label,
        "thing": segment.thing,
        "score": round(segment.score, 6),
        "area": segment.area,
        "bbox": [round(float(number), 3) for number in segment.box],
    }


def _track_as_dict(track: Track) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": track.id,
        "bbox": [round(float(number), 3) for number in track.box],
        "score": round(float(track.score), 6),
        "class": track.label,
    }
    if track.mask is not None:
        code = rle.encode(track.mask)
        entry["rle"] = {"size": code["size"], "counts": code["counts"].decode("ascii")}
    if track.keypoints is not None:
        entry["keypoints"] = np.round(track.keypoints, 3).tolist()
    if not track.seen:
        entry["seen"] = False
    if track.covered:
        entry["covered"] = True
    if track.speed is not None:
        entry["speed"] = round(track.speed, 3)
    return entry


def _parse(line: bytes, where: str) -> Result:
    try:
        entry = json.loads(line, parse_constant=_refuse)
        work = _work(entry["work"])
        tracks = tuple(_track(track) for track in entry["tracks"])
        camera = np.array(entry["camera"], dtype=np.float64).reshape(2, 3) if "camera" in entry else None
        if camera is not None and not np.isfinite(camera).all():
            raise ValueError("the camera's motion holds a number that is not finite")
        events = tuple(event_of(event) for event in entry.get("events", ()))
        shares = {str(name): _share(share) for name, share in entry["classes"].items()} if "classes" in entry else None
        segments = tuple(map(_segment, entry.get("segments", ())))
        return Result(
            *(int(entry["frame"]), float(entry["time"]), tracks, int(entry["observations"]), work),
            camera=camera,
            shares=shares,
            segments=segments,
            events=events,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else repr(error)
        raise VistreamError(f"{where} is not a frame as vistream writes it: {what}") from None


def _work(entry: dict[str, Any]) -> Work:
    """Layer by layer; where they were left out, as one nameless layer that did it all."""
    if "layers" in entry:
        return Work(tuple(LayerWork(str(name), *map(int, counts)) for name, *counts in entry["layers"]))
    macs, macs_dense = int(entry["macs"]), int(entry["macs_dense"])
    return Work((LayerWork("", 0, 0, macs, macs_dense, 0),) if macs_dense else ())


def _share(value: Any) -> float:
    if not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"{value} is no share of a picture")
    return float(value)


def _segment(entry: dict[str, Any]) -> Segment:
    x, y, w, h, score = map(float, (*entry["bbox"], entry["score"]))
    if not all(map(math.isfinite, (x, y, w, h, score))):
        raise ValueError(f"segment {entry['id']} holds a number that is not finite")
    area, thing = int(entry["area"]), bool(entry["thing"])
    return Segment(int(entry["id"]), str(entry["class"]), thing, score, area, (x, y, w, h))


def _track(entry: dict[str, Any]) -> Track:
    x, y, w, h, score = map(float, (*entry["bbox"], entry["score"]))
    if not all(map(math.isfinite, (x, y, w, h, score))):  # JSON has no infinity, but 1e999 becomes one
        raise ValueError(f"track {entry['id']} holds a number that is not finite")
    mask = keypoints = None
    if "rle" in entry:
        height, width = entry["rle"]["size"]
        mask = rle.decode({"size": [height, width], "counts": entry["rle"]["counts"].encode("ascii")})
    if "keypoints" in entry:
        keypoints = np.array(entry["keypoints"], dtype=np.float64).reshape(-1, 3)
    speed = _speed(entry["speed"]) if "speed" in entry else None
    seen, covered = bool(entry.get("seen", True)), bool(entry.get("covered", False))
    return Track(int(entry["id"]), (x, y, w, h), score, str(entry["class"]), mask, keypoints, seen, speed, covered)


def _speed(value: Any) -> float:
    if not 0.0 <= float(value) < math.inf:
        raise ValueError(f"{value} is no speed")
    return float(value)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")
