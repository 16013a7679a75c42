"""Where a task's observations come from: a detector, or a file in one of the task's formats; or it needs none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vistream.detect.box_masks import BoxMasks
from vistream.detect.choose import Size, chosen, keypoints_of, make_detector
from vistream.detect.coco import KEYPOINTS, PERSON
from vistream.detect.detector import Detector, Labelled
from vistream.detect.from_file import FileDetector
from vistream.detect.motion import MotionDetector
from vistream.detect.person_masks import people_found
from vistream.detect.selection import Selection
from vistream.detect.streaming import Streaming
from vistream.errors import VistreamError
from vistream.media.formats.coco import read_coco
from vistream.media.formats.detections.footage import LABEL, Footage
from vistream.media.formats.detections.read import read_any
from vistream.media.formats.detections.results import read_run
from vistream.media.formats.poses import PoseImage
from vistream.media.formats.posetrack import read_poses
from vistream.media.formats.text import read_json
from vistream.segment.network import TASKS as SEGMENTING
from vistream.tracking.life import Conf
from vistream.types import Observations

FOLLOWING = ("vos", "sot")
"""The tasks that follow what they are given in the first frame, and look at no observations."""
BLIND = {
    **dict.fromkeys(FOLLOWING, "follows what it is given"),
    **dict.fromkeys(SEGMENTING, "looks at every pixel itself"),
}
"""The tasks without detections, and why."""


@dataclass(frozen=True, slots=True)
class Observer:
    """A task's `detector`; None: it needs none, and follows objects of the classes `given`.

    For poses, `joints` are the names of the keypoints, and `images` those of the file.
    """

    detector: Detector | None = None
    joints: tuple[str, ...] = ()
    images: tuple[PoseImage, ...] = ()
    given: tuple[str, ...] = ()

    @property
    def boxes(self) -> Detector | None:
        """The detector itself, where another one adds masks to its boxes."""
        return self.detector.detector if isinstance(self.detector, BoxMasks) else self.detector

    def labels(self, wanted: Collection[str] = ()) -> frozenset[str] | None:
        """The classes of all that is reported, where that is known beforehand; `wanted`: of these alone, if any."""
        found = self.boxes
        if found is not None and not isinstance(found, Labelled):
            return None
        known = frozenset(self.given if found is None else found.labels)
        if found is not None and not known:  # a file without a detection, which names no class
            return None
        return known.intersection(wanted) if wanted else known

    def describe(self) -> str:
        """One line for the user."""
        return "no detector" if self.detector is None else self.detector.describe()


def check_scored(observer: Observer, conf: Conf) -> None:
    """Raise VistreamError for a score that `--conf` gives a class which the detector does not know."""
    labels = observer.labels()
    if observer.boxes is not None and labels:
        scored = Selection(classes=frozenset(name for name, _ in conf.classes))
        scored.checked(f"--conf: {observer.boxes.name}", sorted(labels))


def make_observer(
    task: str,
    detections: Path | None,
    detector: str,
    classes: tuple[str, ...],
    fps: float,
    footage: Footage,
    poses: Path | None = None,
    detector_size: Size | None = None,
    iou: float | None = None,
    streaming: Streaming | None = None,
) -> Observer:
    """The observations of `task`: of the file `detections`, else of the detector called `detector`.

    For mots, boxes without masks are given some, see `BoxMasks`. `frames`: of the video, where known. `poses`: a
    file of skeletons that the task pose is to carry on from the first frame: then it looks at no observations.
    `detector_size`: of the detector's input, where that is free; `iou`: see `Selection.overlap`, None: the usual;
    `streaming`: how it is streamed, None: not at all.
    Raises VistreamError where the two contradict each other, or a file is of another task or malformed.
    """
    if task in BLIND:
        if detections is not None or detector != "auto":
            raise VistreamError(f"the task {task} {BLIND[task]}, so it takes no detections and no detector")
        return Observer(given=(LABEL,) if task in FOLLOWING else ())
    if poses is not None and task == "pose":
        if detections is not None or detector != "auto":
            raise VistreamError(
                "skeletons are carried on from --init-poses, so no detections and no detector are taken"
            )
        video = read_poses(poses, footage)
        return Observer(None, video.joints, video.images, (PERSON,))
    if detections is not None:
        if detector != "auto":
            raise VistreamError("give either detections (a file) or a detector, not both")
        if detector_size is not None:
            raise VistreamError("detections from a file were made already: leave the detector's size out")
        if iou is not None:
            raise VistreamError("detections from a file are all taken: --iou is for detectors")
        observer = _from_file(task, detections, classes, footage)
        if task == "mots" and isinstance(observer.detector, FileDetector) and not observer.detector.masked:
            return replace(observer, detector=BoxMasks(observer.detector, fps, people_found()))
        return observer
    selection = Selection(classes=frozenset(classes) if classes else None)
    if iou is not None:
        selection = replace(selection, overlap=iou)
    poses_wanted = task == "pose"
    found = make_detector(
        detector,
        fps,
        selection,
        keypoints=poses_wanted,
        masks=task == "mots",
        size=detector_size,
        streaming=streaming,
    )
    observer = Observer(found, keypoints_of(found) if poses_wanted else ())
    if iou is not None and (poses_wanted or isinstance(observer.boxes, MotionDetector)):
        raise VistreamError(f"--iou is for detectors of boxes that may overlap: {found.name} gives none")
    return observer


def resolved_detector(task: str, detector: str, made: bool) -> str:
    """The name of the detector that will be used, so that many sources choose, and fetch, one only once.

    `made`: the observations are there already, in a file.
    """
    return detector if made or task in BLIND else chosen(detector, keypoints=task == "pose")


def _one_class(classes: tuple[str, ...]) -> str:
    """What boxes are whose form does not say it: the one class that the user named, if it is one."""
    return classes[0] if len(classes) == 1 else LABEL


def _from_file(task: str, path: Path, classes: tuple[str, ...], footage: Footage) -> Observer:
    if task in ("mot", "mots"):
        found = FileDetector(path, footage, partial(read_any, label=_one_class(classes)))
        if len(classes) > 1 and found.labels == {LABEL}:
            raise VistreamError(f"{path} does not say what its boxes are: name one class, which all will have, or none")
        return Observer(found)
    if path.suffix.lower() == ".jsonl":
        return Observer(FileDetector(path, footage, lambda path, _: _with_joints(path)), KEYPOINTS)
    if path.suffix.lower() != ".json":
        raise VistreamError(f"{path}: skeletons are read from COCO or PoseTrack JSON, or from vistream's JSON lines")
    value = read_json(path)
    if isinstance(value, list):
        listed = FileDetector(path, footage, lambda path, footage: read_coco(path, footage=footage, value=value))
        _check_joints(path, value)
        return Observer(listed, KEYPOINTS)
    video = read_poses(path, footage)
    return Observer(FileDetector(path, footage, lambda *_: video.observations()), video.joints, video.images)


def _with_joints(path: Path) -> Mapping[int, Observations]:
    """The skeletons of an earlier run, which do not name their joints: they must be COCO's."""
    found = read_run(path)
    for frame, seen in found.items():
        if seen.keypoints is None or seen.keypoints.shape[1] != len(KEYPOINTS):
            raise VistreamError(f"{path}, frame {frame}: every detection needs COCO's {len(KEYPOINTS)} keypoints")
    return found


def _check_joints(path: Path, rows: list[dict[str, Any]]) -> None:
    """A bare list does not name its joints: they must be COCO's. Raises VistreamError with the detection's number."""
    for number, row in enumerate(rows):
        count = len(row.get("keypoints") or ()) // 3
        if count != len(KEYPOINTS):
            raise VistreamError(
                f"{path}, detection {number} has {count or 'no'} keypoints: in a list, COCO's {len(KEYPOINTS)} are "
                "expected; others are read from an object whose categories name them"
            )
