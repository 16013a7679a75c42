"""Where a run's results go, and which of them a task can fill."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from vistream.detect.motion import LABEL as MOVING
from vistream.errors import VistreamError
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.detections.footage import LABEL
from vistream.media.formats.panoptic import map_folder
from vistream.media.video.sink import SUFFIXES, video_names
from vistream.pipeline.checkpoint import checkpoint_path
from vistream.segment.network import TASKS as SEGMENTING
from vistream.storage.names import FileName, written

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
