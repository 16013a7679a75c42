"""Score PoseTrack JSON files: images and joints are brought together by name, then `pose` counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.pose import PoseScores, combine_pose, pose_scores
from vistream.evaluate.metrics.pose_frame import PosePair, Skeletons, head_size
from vistream.evaluate.table import Table
from vistream.media.formats.poses import Person, PoseImage, PoseVideo, joint_name
from vistream.media.formats.posetrack import read_poses

UNSCORED = ("left_ear", "right_ear")


def pose_table(pairs: Sequence[Pair]) -> Table:
    """Score every pair of files on the joints that the ground truth has, ears excepted.

    Raises VistreamError where a file is malformed, a person has no track id or no head box, no images
    correspond, sequences have different joints, or nothing is to be scored.
    """
    scores: dict[str, PoseScores] = {}
    notes: list[str] = []
    for pair in pairs:
        gt, pred = read_poses(pair.gt), read_poses(pair.pred)
        joints = tuple(name for name in map(joint_name, gt.joints) if name not in UNSCORED)
        unknown = [name for name in joints if name not in map(joint_name, pred.joints)]
        if unknown:
            notes.append(f"{pair.name}: the prediction knows no {', '.join(unknown)}: counted as missed")
        paired = _same_images(pair, gt.images, pred.images)
        paired = replace(paired, images=paired.images[: pair.most])
        notes += _unpaired_notes(pair.name, paired)
        scores[pair.name] = pose_scores(_frames(pair, gt, pred, paired, joints), joints)
        if not scores[pair.name].objects.sum():
            raise VistreamError(f"{pair.scored} has no joint to score")
        if not any(person.present.any() for image in pred.images for person in image.people):
            notes.append(f"{pair.name}: not a single prediction")
    if len({score.joints for score in scores.values()}) > 1:
        raise VistreamError("the sequences annotate different joints, so they can't be combined: score them apart")
    combined = combine_pose(list(scores.values()))
    rows = {name: score.row() for name, score in scores.items()}
    detail = Table("Joints", combined.by_joint())
    return Table(
        "Pose tracking",
        rows,
        combined.row() if len(scores) > 1 else None,
        notes=tuple(notes),
        details=(detail,),
    )


def _frames(pair: Pair, gt: PoseVideo, pred: PoseVideo, paired: _Paired, joints: Sequence[str]) -> list[PosePair]:
    """The annotated images with their predictions, without what lies in ignored regions."""
    frames = []
    for ground_truth, guess in paired.images:
        if not ground_truth.labeled:
            continue
        people = [p for p in ground_truth.people if p.present.any()]
        heads = [_head(p, f"{pair.gt}, image {ground_truth.file}") for p in people]
        frame = PosePair(
            _skeletons(people, gt.joints, joints, f"{pair.gt}, image {ground_truth.file}"),
            head_size(np.array(heads).reshape(-1, 4)),
            _skeletons(guess.people if guess else (), pred.joints, joints, f"{pair.pred}, image {ground_truth.file}"),
        )
        frames.append(frame.outside(ground_truth.ignored))
    return frames


def _scores(person: Person) -> NDArray[np.float64]:
    """Of each joint; the person's, where joints have none."""
    return person.joint_scores(1.0 if person.score is None else person.score)


@dataclass(frozen=True, slots=True)
class _Paired:
    """Every image of the ground truth with its prediction, None where there is none; predicted images `left` over; and
    what is to be said of it.
    """

    images: list[tuple[PoseImage, PoseImage | None]]
    left: list[PoseImage]
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return all(guess is not None for _, guess in self.images)


def _same_images(pair: Pair, gt: Sequence[PoseImage], pred: Sequence[PoseImage]) -> _Paired:
    """Pairs by file name or bare file name, whichever more have in common, else by id, else, where there are as many,
    in order.

    Ids that are more than numbers of places go before names where they have a partner for every image of the ground
    truth, as names have not; with none for some, all of the predicted ones must be among the ground truth's.
    """
    names = [_by(gt, pred, lambda image: image.file), _by(gt, pred, lambda image: PurePath(image.file).name)]
    best, by_id = min(names, key=lambda paired: len(paired.left)), _by(gt, pred, lambda image: image.id)
    numbered = [image.id for image in pred] == list(range(len(pred)))
    if by_id.complete and not numbered and not best.complete:
        return by_id
    if len(best.left) < len(pred):
        return best
    if by_id.complete or not (by_id.left or numbered):
        return by_id
    if len(gt) == len(pred):
        note = f"{pair.name}: neither names nor ids of images correspond: they are taken in order"
        return _Paired(list(zip(gt, pred, strict=True)), [], (note,))
    raise VistreamError(
        f"{pair.pred} has {len(pred)} images, {pair.gt} has {len(gt)}, and neither names nor ids correspond"
    )


def _by(gt: Sequence[PoseImage], pred: Sequence[PoseImage], key: Callable[[PoseImage], object]) -> _Paired:
    """Pairs by a key; none where it is not that of a single image on each side."""
    known = {key(image): image for image in pred}
    wanted = {key(image) for image in gt}
    if len(known) < len(pred) or len(wanted) < len(gt):
        known = {}
    left = [image for image in pred if key(image) not in wanted or not known]
    return _Paired([(image, known.get(key(image))) for image in gt], left)


def _unpaired_notes(name: str, paired: _Paired) -> list[str]:
    """What is said of annotated images without prediction, and of people predicted where there is no ground truth."""
    annotated = [(image, guess) for image, guess in paired.images if image.labeled]
    missing = [image.file for image, guess in annotated if guess is None]
    left = [image.file for image in paired.left if image.people]
    notes = list(paired.notes)
    if missing:
        notes.append(
            f"{name}: {len(missing)} of {len(annotated)} annotated images have no prediction ({missing[0]}): "
            "their people count as missed"
        )
    if left:
        notes.append(f"{name}: {len(left)} predicted images are not in the ground truth ({left[0]}): not scored")
    return notes


def _head(person: Person, where: str) -> tuple[float, float, float, float]:
    if person.head is None:
        raise VistreamError(f"{where}: track {person.id} has no head box (bbox_head), which sets the scale of PCKh")
    x1, y1, x2, y2 = person.head
    if x1 == x2 and y1 == y2:
        raise VistreamError(f"{where}: the head box of track {person.id} has no size")
    return person.head


def _skeletons(people: Sequence[Person], names: Sequence[str], joints: Sequence[str], where: str) -> Skeletons:
    """People with their joints in the order of `joints`; those without any joint are left out."""
    order = {joint_name(name): column for column, name in enumerate(names)}
    columns = [order.get(name, -1) for name in joints]
    known: NDArray[np.bool_] = np.array([column >= 0 for column in columns], dtype=np.bool_)
    ids = []
    for person in people:
        if person.id is None:
            raise VistreamError(f"{where}: a person has no track_id, so tracking can't be scored")
        ids.append(person.id)
    count, width = len(people), len(joints)
    everybody = Skeletons(
        np.array(ids, dtype=np.int64),
        np.array([p.joints[columns] for p in people]).reshape(count, width, 2),
        np.array([p.present[columns] & known for p in people], dtype=np.bool_).reshape(count, width),
        np.array([_scores(p)[columns] for p in people]).reshape(count, width),
    )
    return everybody.without(np.zeros((count, width), dtype=np.bool_))
