"""The writers of a run's files, each for the output that it fills; the video has its own, see `drawing`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from vistream.media.formats.class_maps import ClassMapWriter, SharesCsvWriter
from vistream.media.formats.coco import CocoWriter
from vistream.media.formats.davis import DavisWriter
from vistream.media.formats.events import EventsWriter
from vistream.media.formats.exports.coco_video import CocoVideoWriter
from vistream.media.formats.exports.collected import CollectedWriter, Film
from vistream.media.formats.exports.cvat_video import CvatVideoWriter
from vistream.media.formats.exports.label_studio import LabelStudioWriter
from vistream.media.formats.exports.yolo_folder import YoloFolderWriter
from vistream.media.formats.mot import MotWriter
from vistream.media.formats.mots import MotsWriter
from vistream.media.formats.panoptic import PanopticWriter
from vistream.media.formats.posetrack import PoseTrackWriter
from vistream.media.formats.tracks_csv import TracksCsvWriter
from vistream.media.formats.writer import ResultWriter
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.run import Run

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


def result_writers(paths: OutputPaths, run: Run) -> Iterator[Writer]:
    """Those that write one file of all results, each made when it is asked for."""
    settings, classes, seen = run.settings, run.session.classes, run.observer
    film = Film(run.source.name, run.source.size, run.fps, run.source.names)
    for which, make in (TEXTS if classes is None else {"csv": SharesCsvWriter}).items():
        path: Path | None = getattr(paths, which)
        if path is not None:
            mot = which == "mot"
            yield MotWriter(path, 0 if settings.zero_based else 1, settings.mot_classes) if mot else make(path)
    for collected, begin in COLLECTED.items():
        target: Path | None = getattr(paths, collected)
        if target is not None:
            yield begin(target, film)
    if paths.posetrack is not None:
        yield PoseTrackWriter(paths.posetrack, seen.joints, seen.images, film.names)
    if paths.panoptic is not None and classes is not None:
        yield PanopticWriter(paths.panoptic, classes, [Path(name).stem for name in film.names])


def map_writers(paths: OutputPaths, size: tuple[int, int]) -> Iterator[DavisWriter | ClassMapWriter | YoloFolderWriter]:
    """Those that write a file for each frame, named as it is."""
    if paths.yolo is not None:
        yield YoloFolderWriter(paths.yolo, size)
    if paths.davis is not None:
        yield DavisWriter(paths.davis, size[::-1])
    if paths.labels is not None:
        yield ClassMapWriter(paths.labels)
    if paths.index is not None:
        yield ClassMapWriter(paths.index, grey=True)
