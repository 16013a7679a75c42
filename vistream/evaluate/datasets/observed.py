"""`--detections`: what the tracker of a dataset run gets to see. Ground truth is possible, and always called so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vistream.detect.box_masks import BoxMasks
from vistream.detect.person_masks import people_found
from vistream.detect.streaming import Streaming
from vistream.engine.fidelity import DeadZones
from vistream.errors import VistreamError
from vistream.evaluate.datasets.clips import Clip
from vistream.evaluate.datasets.ground_truth import true_observations
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.posetrack import read_poses
from vistream.media.video.frames import Source
from vistream.pipeline.observe import FOLLOWING, Observer, make_observer
from vistream.pipeline.run import samples_of
from vistream.types import Frame, Observations

TRUTH, PUBLIC, FIRST = "gt", "public", "first"
TRUE_BOXES = "gt-boxes"
CHOICES = {
    "mot": (TRUTH, PUBLIC),
    "mots": (TRUTH, TRUE_BOXES, PUBLIC),
    "pose": (TRUTH, FIRST),
    "vos": (FIRST,),
    "sot": (FIRST,),
}
"""By task, the choices beside the detectors' names; vos and sot have no other."""
DEFAULTS = {"mot": PUBLIC, "mots": TRUTH, "pose": TRUTH, "vos": FIRST, "sot": FIRST}

PERSON = "person"
UNNAMED = ("object", "moving")
"""Labels of detections without a class: the ground truth of MOT and MOTS is of people, so these are, too."""


def check_detections(task: str, choice: str) -> None:
    """Raise VistreamError for a choice that the task can't use."""
    if task in FOLLOWING and choice != FIRST:
        raise VistreamError(f"the task {task} follows what the ground truth shows first: it takes no detections")
    special = {name for names in CHOICES.values() for name in names}
    if choice in special - set(CHOICES[task]):
        raise VistreamError(f"the task {task} has no detections {choice!r}: {', '.join(CHOICES[task])}, or a detector")


def make_evaluation_observer(
    clip: Clip,
    task: str,
    choice: str,
    source: Source,
    classes: tuple[str, ...],
    zones: DeadZones | None = None,
) -> Observer:
    """The observations of one clip; `zones`: a detector that can be is streamed with these, None: it runs in float.

    Raises VistreamError where the clip has none of this kind.
    """
    fps = clip.fps or source.fps or 30.0
    poses = read_poses(clip.ground_truth) if task == "pose" else None
    images = poses.images if poses else ()
    exact = source.frame_count if source.counted else None
    if poses and exact is not None and exact != len(images):
        raise VistreamError(f"{clip.ground_truth} names {len(images)} images, {clip.footage} has {exact}")
    joints = poses.joints if poses else ()
    if choice == FIRST:
        return Observer(None, joints, images)
    if choice == TRUTH:
        seen = true_observations(task, clip)
        return Observer(_Given("gt (ground truth, its ids forgotten)", seen), joints, images)
    if choice == TRUE_BOXES:
        true = true_observations(task, clip)
        boxes = {n: wanted(task, classes, replace(of, masks=None)) for n, of in true.items()}
        return Observer(BoxMasks(_Given("gt-boxes (around the ground truth's masks)", boxes), fps, people_found()))
    footage = Footage(exact, source.size, source.names)
    if choice == PUBLIC:
        if clip.public is None:
            raise VistreamError(f"{clip.name} has no public detections (det/det.txt): choose other --detections")
        count = exact if clip.frames is None else None  # of a clip that was cut they are too many
        return make_observer(task, clip.public, "auto", classes or (PERSON,), fps, replace(footage, frames=count))
    streaming = None if zones is None else Streaming(zones, samples_of(str(clip.footage)))
    found = make_observer(task, None, choice, classes, fps, footage, streaming=streaming)
    return Observer(found.detector, found.joints, images)


def described(choice: str, observer: Observer) -> str:
    """What the tracker sees, in words that are true of every clip."""
    if choice == FIRST:
        return "none: it follows what the first frame's ground truth shows"
    return "public detections of each sequence" if choice == PUBLIC else observer.describe()


def wanted(task: str, classes: tuple[str, ...], seen: Observations) -> Observations:
    """The observations of `classes`; where none are named, for mot those of people. What has no class is people."""
    if task not in ("mot", "mots"):
        return seen
    named = replace(seen, labels=tuple(PERSON if label in UNNAMED else label for label in seen.labels))
    labels = classes or ((PERSON,) if task == "mot" else ())
    return named.pick([i for i, label in enumerate(named.labels) if label in labels]) if labels else named


@dataclass(frozen=True, slots=True)
class _Given:
    """A detector that knows the answers."""

    name: str
    frames: Mapping[int, Observations]

    def describe(self) -> str:
        return self.name

    def detect(self, frame: Frame, index: int) -> Observations:
        return self.frames[index] if index in self.frames else Observations.none()

    def reset(self) -> None:
        """Nothing is remembered."""
