"""Where a dataset's results lie, in the formats that `vistream eval --gt --pred` reads, and which are finished.

DIR/mot-public-exact/SEQ.txt          one folder a task, choice of detections and method
DIR/mot-public-exact/finished/SEQ.json    written last: how the result was made, and at what cost
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from vistream.atomic import replacing
from vistream.evaluate.datasets.clips import Clip
from vistream.evaluate.datasets.ground_truth import object_boxes
from vistream.media.formats.davis import DavisWriter, label_files
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.mot import MotWriter
from vistream.media.formats.mots import MotsWriter
from vistream.media.formats.otb import OtbWriter
from vistream.media.formats.poses import PoseImage
from vistream.media.formats.posetrack import PoseTrackWriter
from vistream.media.formats.text import read_json
from vistream.types import Result


class Writer(Protocol):
    """Takes a clip's results one after another; leaves a whole file, or after an exception none."""

    def write(self, result: Result) -> None: ...

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def result_path(task: str, folder: Path, clip: Clip) -> Path:
    """The file, or for label maps and for boxes object by object the folder, of a clip's result."""
    if task == "vos" or (task == "sot" and clip.kind != "otb"):
        return folder / clip.name
    return folder / f"{clip.name}{'.json' if task == 'pose' else '.txt'}"


def object_path(folder: Path, clip: Clip, number: int) -> Path:
    """The file of one object's boxes."""
    path = result_path("sot", folder, clip)
    return path if clip.kind == "otb" else path / f"{number}.txt"


def open_writer(
    task: str, folder: Path, clip: Clip, size: tuple[int, int], joints: Sequence[str], images: Sequence[PoseImage]
) -> Writer:
    """A writer of a clip's result, in `folder`; what was there is removed. `size`: (width, height) of the frames."""
    path = result_path(task, folder, clip)
    _remove(folder, clip, path)
    folder.mkdir(parents=True, exist_ok=True)
    if task == "mot":
        return MotWriter(path)
    if task == "mots":
        return MotsWriter(path)
    if task == "pose":
        return PoseTrackWriter(path, joints, images)
    return _Maps(path, clip, size) if task == "vos" else _Objects(folder, clip)


def _remove(folder: Path, clip: Clip, path: Path) -> None:
    marker_path(folder, clip).unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


class _Maps(DavisWriter):
    """Label maps under the names of the true ones."""

    def __init__(self, folder: Path, clip: Clip, size: tuple[int, int]) -> None:
        super().__init__(folder, size[::-1])
        self._stems = [file.stem for file in label_files(clip.ground_truth)]

    def write(self, result: Result, stem: str = "") -> None:
        super().write(result, self._stems[result.frame] if result.frame < len(self._stems) else stem)


class _Objects:
    """OTB text, a file an object, from its first frame to its last."""

    def __init__(self, folder: Path, clip: Clip) -> None:
        self._spans = {number: (first, len(boxes)) for number, (first, boxes) in object_boxes(clip).items()}
        paths = {number: object_path(folder, clip, number) for number in self._spans}
        for path in paths.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self._writers = {number: self._stack.enter_context(OtbWriter(path)) for number, path in paths.items()}

    def write(self, result: Result) -> None:
        tracks = {track.id: track for track in result.tracks}
        for number, (first, count) in self._spans.items():
            if first <= result.frame < first + count:
                own = (tracks[number],) if number in tracks else ()
                self._writers[number].write(Result(result.frame - first, result.time, own, 0))

    def __enter__(self) -> _Objects:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(exception, value, trace)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a clip's result was made, in words, and what it cost: seconds of tracking, reading and detecting left out."""

    settings: Mapping[str, str]
    made: Mapping[str, str]
    frames: int
    seconds: float
    macs: int
    macs_dense: int


def marker_path(folder: Path, clip: Clip) -> Path:
    """The file that says that a clip's result is whole."""
    return folder / "finished" / f"{clip.name}.json"


def mark_finished(folder: Path, clip: Clip, finished: Finished) -> None:
    """Say that a clip's result is whole."""
    path = marker_path(folder, clip)
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(asdict(finished), indent=1) + "\n", encoding="utf-8", newline="\n")


def read_finished(folder: Path, clip: Clip) -> Finished | None:
    """What `mark_finished` wrote, or None. Raises VistreamError for a file that it did not write."""
    path = marker_path(folder, clip)
    if not path.is_file():
        return None
    fields = Fields(read_json(path), str(path))
    words = [{str(k): str(v) for k, v in dict(fields.get(name)).items()} for name in ("settings", "made")]
    counts = [fields.whole(name) for name in ("frames", "macs", "macs_dense")]
    return Finished(words[0], words[1], counts[0], fields.number("seconds"), counts[1], counts[2])
