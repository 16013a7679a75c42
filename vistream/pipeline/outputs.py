"""The files that a run writes: annotated video, tracks and class maps. All of them, or none half-written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from types import TracebackType

from vistream.detect.motion import LABEL as MOVING
from vistream.errors import VistreamError
from vistream.media.formats.class_maps import SharesCsvWriter
from vistream.media.formats.coco import CocoWriter
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.detections.footage import LABEL
from vistream.media.formats.events import EventsWriter
from vistream.media.formats.exports.coco_video import CocoVideoWriter
from vistream.media.formats.exports.collected import CollectedWriter, Film
from vistream.media.formats.exports.crops import CropsWriter
from vistream.media.formats.exports.cvat_video import CvatVideoWriter
from vistream.media.formats.exports.label_studio import LabelStudioWriter
from vistream.media.formats.jsonl import JsonlWriter, read_results, recorded
from vistream.media.formats.mot import MotWriter
from vistream.media.formats.mots import MotsWriter
from vistream.media.formats.panoptic import PanopticWriter, map_folder
from vistream.media.formats.poses import PoseImage
from vistream.media.formats.posetrack import PoseTrackWriter
from vistream.media.formats.tracks_csv import TracksCsvWriter
from vistream.media.formats.writer import ResultWriter
from vistream.media.video.frames import SourceFrame
from vistream.media.video.sink import SUFFIXES, VideoSink, video_names
from vistream.media.video.sound import Sound
from vistream.models.classes import ClassSet
from vistream.pipeline.checkpoint import checkpoint_path
from vistream.pipeline.drawing import Drawing, Drawn
from vistream.pipeline.gaps import GapFiller
from vistream.pipeline.map_outputs import map_writers
from vistream.render.heatmap import HeatMap
from vistream.render.overlay import Overlay
from vistream.render.style import PLAIN, Style, concealed
from vistream.segment.network import TASKS as SEGMENTING
from vistream.stages import Stages
from vistream.storage.names import FileName, written
from vistream.tracking.places import Place
from vistream.types import Frame, Result

Writer = ResultWriter | PoseTrackWriter | CollectedWriter
COLLECTED: dict[str, Callable[[Path, Film], CollectedWriter]] = {
    "cvat": CvatVideoWriter,
    "label_studio": LabelStudioWriter,
    "coco_video": CocoVideoWriter,
}
TEXTS: dict[str, Callable[[Path], ResultWriter]] = {
    "mot": MotWriter,
    "mots": MotsWriter,
    "csv": TracksCsvWriter,
    "coco": CocoWriter,
    "events": EventsWriter,
}
NEEDS = {
    **{"mots": ("vos", "mots"), "davis": ("vos", "mots"), "posetrack": ("pose",)},
    **{"labels": SEGMENTING, "index": SEGMENTING, "panoptic": ("panoptic",)},
    **dict.fromkeys(("mot", "coco"), ("mot", "mots", "pose", "vos", "sot")),
}
"""Outputs that only some tasks can fill."""
NAMELESS = ("vos", "sot")
"""Tasks whose objects are of no known class."""
OPTIONS = {
    **{"video": "--output", "mot": "--mot-txt", "mots": "--mots-txt"},
    **{"coco": "--coco-json", "posetrack": "--posetrack-json", "davis": "--davis-dir"},
    **{"cvat": "--cvat-xml", "label_studio": "--label-studio", "coco_video": "--coco-video"},
    **{"yolo": "--yolo-dir", "crops": "--crops-dir", "heat_map": "--heat-map"},
    **{"labels": "--labels-dir", "index": "--index-dir", "panoptic": "--panoptic-json"},
}
"""The options of the command line that name them, where these are called otherwise."""
FOLDERS = ("davis", "labels", "index", "yolo", "crops")
"""Outputs that are folders, filled by the run."""


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Where results go; None: not wanted."""

    video: Path | None = None
    mot: Path | None = None
    mots: Path | None = None
    jsonl: Path | None = None
    csv: Path | None = None
    coco: Path | None = None
    posetrack: Path | None = None
    davis: Path | None = None
    events: Path | None = None
    cvat: Path | None = None
    label_studio: Path | None = None
    coco_video: Path | None = None
    yolo: Path | None = None
    crops: Path | None = None
    heat_map: Path | None = None
    labels: Path | None = None
    index: Path | None = None
    panoptic: Path | None = None

    def given(self) -> list[Path]:
        """Those that are wanted."""
        return [path for path in (getattr(self, field.name) for field in fields(self)) if path is not None]

    def names(self) -> list[FileName]:
        """All that is written for them: also what is there only while a run goes on, or to resume it."""
        found: list[FileName] = []
        for field in fields(self):
            path: Path | None = getattr(self, field.name)
            if path is None:
                continue
            option = OPTIONS.get(field.name, f"--{field.name}")
            if field.name in FOLDERS:
                found.append(FileName(option, path, written=True, folder=True))
            elif field.name == "panoptic":
                pictures = FileName(f"the pictures of {option}", map_folder(path), written=True, folder=True)
                found += [*written(option, path), pictures]
            elif field.name == "jsonl":  # written in place
                found += [FileName(option, path, written=True), *written("its checkpoint", checkpoint_path(path))]
            else:
                found += video_names(option, path) if field.name == "video" else written(option, path)
        return found

    def check(self, task: str, detector: str = "auto", numbered: bool = False) -> None:
        """Raise VistreamError if an output is wanted that can't be filled, or a video of no known kind.

        `numbered`: the MOT text is to have the classes' numbers.
        """
        if self.video is not None and self.video.suffix.lower() not in SUFFIXES:
            raise VistreamError(f"{self.video}: a video is written as one of {', '.join(SUFFIXES)}")
        for name, tasks in NEEDS.items():
            if getattr(self, name) is not None and task not in tasks:
                raise VistreamError(f"the {name} output is for the task {' or '.join(tasks)}, not {task}")
        if detector == "motion":
            self.check_labels({MOVING}, numbered)
        if task in NAMELESS:
            self.check_labels({LABEL}, numbered)

    def check_labels(self, labels: Collection[str] | None, numbered: bool = False) -> None:
        """Raise VistreamError if an output is wanted that can't hold objects of these classes; None: not known yet."""
        unknown = sorted(set(labels or ()) - set(CATEGORIES.values()))
        if unknown and (self.coco is not None or (numbered and self.mot is not None)):
            raise VistreamError(
                f'COCO has no category "{unknown[0]}": write JSON lines or CSV instead, or plain MOT text'
            )


@dataclass(frozen=True, slots=True)
class Keep:
    """What an interrupted run had written: `frames`, and the `bytes` that they fill in its JSON lines."""

    frames: int
    bytes: int


class Outputs:
    """Writes every result to every file that is wanted. `fps`, `size` (width, height): of the video.

    `joints`, `images`: of the poses, for the posetrack output. `places`: lines and zones, to be drawn.
    `classes`: of the tasks that say what pixels show. `name`: of the source, for the forms that say it.
    What `style` is to blur is blurred in all pictures. Frames are drawn if a video is written or `draw` is set, and
    given to `drawn`, see `Drawing`. As a context manager: files get their names when the block ends well or by Ctrl-C,
    and are removed after any other exception; then with JSON lines among them, these and the part of the video stay,
    since that is what a resumption needs.
    `keep`: go on after so many frames, which fill so many bytes of the JSON lines: everything else is written again
    from those, and their results are handed to `before`.
    `interpolate`: in the text files, gaps of up to so many frames are filled afterwards; JSON lines, video and masks
    show what was known at the time. `zero_based`: pixels of the MOT text count from 0; `mot_classes`: it has classes.
    `layers`: the JSON lines have the work of each. `style`: of the pictures; `sound`: of the video.
    """

    def __init__(
        self,
        paths: OutputPaths,
        fps: float,
        size: tuple[int, int],
        draw: bool = False,
        *,
        joints: Sequence[str] = (),
        images: Sequence[PoseImage] = (),
        interpolate: int = 0,
        zero_based: bool = False,
        mot_classes: bool = False,
        layers: bool = False,
        style: Style = PLAIN,
        sound: Sound | None = None,
        places: Sequence[Place] = (),
        name: str = "",
        classes: ClassSet | None = None,
        keep: Keep | None = None,
        before: Callable[[Result], None] = lambda _: None,
        drawn: Drawn | None = None,
        stages: Stages | None = None,
    ) -> None:
        self.files = paths.given()
        self._blur = style.blur
        self._drawing: Drawing | None = None
        self._overlay = Overlay(size, fps, joints, places, style) if draw or paths.video is not None else None
        self._stack = ExitStack()
        with ExitStack() as opening:
            self._writers: list[Writer] = []
            self._gaps = GapFiller(interpolate) if interpolate else None
            self._lines: JsonlWriter | None = None
            if paths.jsonl is not None:
                lines = JsonlWriter(paths.jsonl, keep=keep.bytes if keep else 0, layers=layers)
                self._lines = opening.enter_context(lines)
            for which, make in (TEXTS if classes is None else {"csv": SharesCsvWriter}).items():
                path: Path | None = getattr(paths, which)
                if path is not None:
                    first = 0 if zero_based else 1
                    writer = MotWriter(path, first, mot_classes) if which == "mot" else make(path)
                    self._writers.append(opening.enter_context(writer))
            film = Film(name, size, fps)
            for collected, begin in COLLECTED.items():
                target: Path | None = getattr(paths, collected)
                if target is not None:
                    self._writers.append(opening.enter_context(begin(target, film)))
            if paths.posetrack is not None:
                self._writers.append(opening.enter_context(PoseTrackWriter(paths.posetrack, joints, images)))
            self._crops = None if paths.crops is None else opening.enter_context(CropsWriter(paths.crops))
            self._heat = None if paths.heat_map is None else opening.enter_context(HeatMap(paths.heat_map, size))
            if keep is not None and paths.crops is not None:
                raise VistreamError("best shots can't be gone on with: resume without --crops-dir, or begin anew")
            if paths.panoptic is not None and classes is not None:
                self._writers.append(opening.enter_context(PanopticWriter(paths.panoptic, classes)))
            self._maps = list(map_writers(paths, size))  # whole after every frame: there is nothing to close
            if keep is not None and paths.jsonl is not None:
                self._write_again(paths.jsonl, keep.frames, before)
            sink: VideoSink | None = None
            if paths.video is not None:
                frames, resumable = 0 if keep is None else keep.frames, paths.jsonl is not None
                sink = VideoSink(paths.video, fps, size, keep=frames, resumable=resumable, sound=sound)
            if self._overlay is not None:
                self._drawing = opening.enter_context(Drawing(self._overlay, sink, drawn, stages or Stages()))
            self._stack = opening.pop_all()

    def _write_again(self, path: Path, frames: int, before: Callable[[Result], None]) -> None:
        for result in islice(read_results(path), frames):
            self._write_texts(result)
            if self._overlay is not None:
                self._overlay.follow(result)
            if self._heat is not None:
                self._heat.follow(result)
            before(result)

    @property
    def picture(self) -> Frame | None:
        """The last annotated frame, if any was drawn yet."""
        return None if self._drawing is None else self._drawing.picture

    def flushed(self) -> int:
        """Bytes of the JSON lines, all of them on the disk, and every picture drawn.

        Raises VistreamError if they have gone, or never were.
        """
        if self._lines is None:
            raise VistreamError("a run without JSON lines can't be resumed")
        if self._drawing is not None:
            self._drawing.flush()
        return self._lines.flushed()

    def write(self, frame: SourceFrame, result: Result, status: str) -> None:
        """Add one frame, its result, and a line of text for the picture."""
        image = concealed(frame.image, result, self._blur)
        if self._drawing is not None:
            self._drawing.draw(image, result, status)
        result = recorded(result)
        for writer in self._writers:
            writer.check()
        self._write_texts(result)
        if self._lines is not None:
            self._lines.check()
            self._lines.write(result)
        name = Path(frame.name)  # an image's file name; of a video only a number
        for of_pictures in (self._crops, self._heat):
            if of_pictures is not None:
                of_pictures.write(image, result)
        for maps in self._maps:
            maps.write(result, name.stem if name.suffix else "")

    def _write_texts(self, result: Result) -> None:
        for complete in [result] if self._gaps is None else self._gaps.add(result):
            for writer in self._writers:
                writer.write(complete)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._gaps is not None and (exception is None or exception is KeyboardInterrupt):
            for complete in self._gaps.rest():
                for writer in self._writers:
                    writer.write(complete)
        self._stack.__exit__(exception, value, trace)
