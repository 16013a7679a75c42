"""PoseTrack18: one JSON a video, with people's joints and ids, as ground truth or as predictions.

`images` (id, file_name, is_labeled, ignore_regions_x and _y), `annotations` (image_id, track_id, bbox,
bbox_head, keypoints as x, y, visibility for each joint; predictions add `scores`), and the joints' names in
`categories`. A joint at (0, 0) with visibility 0 is absent. Source: Andriluka et al., "PoseTrack", CVPR
2018, and its format of 2018. `read_poses` takes the older `annolist` form as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from vistream.atomic import PendingFile, replacing
from vistream.errors import VistreamError
from vistream.media.formats.annolist import from_annolist
from vistream.media.formats.cocoimages import frames_of_names, images_by_id, name_of_frame
from vistream.media.formats.detections.footage import Footage, scales_of, stated_size
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.poses import (
    JOINTS,
    Array,
    Person,
    PoseImage,
    PoseVideo,
    head_joints,
    images_by_frame,
    scaled_image,
    with_head,
)
from vistream.media.formats.text import read_json
from vistream.types import Result, Track


def image_id(video: int, frame: int, kind: int = 1) -> int:
    """PoseTrack18's number of an image; `kind` is 1 for its own videos, 2 for those of MPII.

    >>> image_id(1001, 7)
    10010010007
    """
    return kind * 10**10 + video * 10**4 + frame


def read_poses(path: Path | str, footage: Footage | None = None) -> PoseVideo:
    """A pose file of either format. Raises VistreamError, naming image or annotation, for whatever is wrong
    with it.

    `footage`: the video whose frames the images are, told as `images_by_id` does, and to whose size they are scaled;
    None: they are all of its frames, in order.
    """
    value = Fields(read_json(path), str(path))
    if "annolist" in value:
        video = from_annolist(value)
        return video if footage is None else _older_placed(video, footage, value.where)
    if "images" not in value:
        raise VistreamError(f'{path} has neither "images" nor "annolist": it is no PoseTrack file')
    video = _from_posetrack(value)
    return video if footage is None else _placed(video, value, footage)


def _older_placed(video: PoseVideo, footage: Footage, where: str) -> PoseVideo:
    frames = frames_of_names([image.file for image in video.images], footage, where)
    return replace(video, images=tuple(map(_at, video.images, frames)))


def _placed(video: PoseVideo, value: Fields, footage: Footage) -> PoseVideo:
    known = images_by_id(value, footage)
    sizes = {name: stated_size(width, height) for name, (height, width) in known.sizes.items()}
    scales = scales_of(sizes.values(), footage, value.where)
    images = (_at(image, known.frames[str(image.id)]) for image in video.images)
    in_frame = (scaled_image(image, scales.get(sizes.get(str(image.id)), (1.0, 1.0))) for image in images)
    return replace(video, images=tuple(in_frame))


def _at(image: PoseImage, frame: int | None) -> PoseImage:
    return replace(image, frame=-1 if frame is None else frame)


def write_posetrack(path: Path | str, video: PoseVideo) -> None:
    """Write a video in the format of 2018, with `scores` where it has them."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_as_json(video), allow_nan=False), encoding="utf-8", newline="\n")


class PoseTrackWriter:
    """Gathers tracks with keypoints (x, y, score) and writes them when closed, every frame an image.

    `joints` names the keypoints of the tracks; to COCO's, the neck and the top of the head are added, see
    `poses.with_head`. `images`: those of the file that the observations or the ground truth came from, so that
    predictions carry the same ids and names; frames without one are numbered as of video 0, and have the name that
    `names` has for them, else one by number. As a context manager it keeps what was gathered on Ctrl-C, and leaves
    nothing after any other exception.
    """

    def __init__(
        self,
        path: Path | str,
        joints: Sequence[str] = JOINTS,
        images: Sequence[PoseImage] = (),
        names: Sequence[str] = (),
    ) -> None:
        self._pending = PendingFile(path)
        self._joints = tuple(joints)
        self._known = images_by_frame(images)
        self._names = tuple(names)
        self._images: list[PoseImage] = []

    def write(self, result: Result) -> None:
        """Append one frame; frames that were skipped become images without people."""
        if result.frame < len(self._images):
            raise ValueError(f"frame {result.frame} comes after frame {len(self._images) - 1}")
        while len(self._images) < result.frame:
            self._images.append(self._image(len(self._images), ()))
        people = tuple(_person(track, result.frame, self._joints) for track in result.tracks)
        self._images.append(self._image(result.frame, people))

    def check(self) -> None:
        """Raise VistreamError if the file has gone since it was begun."""
        self._pending.check()

    def close(self) -> None:
        """Write the file and give it its name."""
        self._finish(None)

    def _image(self, frame: int, people: tuple[Person, ...]) -> PoseImage:
        if frame in self._known:
            known = self._known[frame]
            return PoseImage(known.id, known.file, True, people)
        return PoseImage(image_id(0, frame), name_of_frame(self._names, frame), True, people)

    def _finish(self, exception: type[BaseException] | None) -> None:
        self._pending.finish(exception, self._content)

    def _content(self) -> bytes:
        video = PoseVideo((*self._joints, *head_joints(self._joints)), tuple(self._images))
        return json.dumps(_as_json(video), allow_nan=False).encode()

    def __enter__(self) -> PoseTrackWriter:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(exception)


def _person(track: Track, frame: int, joints: Sequence[str]) -> Person:
    if track.keypoints is None or track.keypoints.shape != (len(joints), 3):
        raise ValueError(f"track {track.id} of frame {frame} has no {len(joints)} keypoints (x, y, score)")
    points, scores = np.split(with_head(joints, track.keypoints), [2], axis=1)
    scores = scores[:, 0]
    present = scores > 0
    joints_xy = np.where(present[:, None], points, 0.0)
    return Person(track.id, joints_xy, present, scores, box=track.box, score=track.score)


def _from_posetrack(value: Fields) -> PoseVideo:
    category, joints = _joint_names(value)
    images: dict[int, PoseImage] = {}
    for number, item in enumerate(value.items("images")):
        image = _read_image(Fields(item, f"{value.where}, image {number}"))
        if image.id in images:
            raise VistreamError(f"{value.where}, image {number}: id {image.id} occurs twice")
        images[image.id] = image
    people: dict[int, list[Person]] = {name: [] for name in images}
    for number, item in enumerate(value.items("annotations") if "annotations" in value else []):
        fields = Fields(item, f"{value.where}, annotation {number}")
        if category is not None and fields.identity("category_id") != category:
            continue
        name = fields.whole("image_id")
        if name not in people:
            raise VistreamError(f"{fields.where}: there is no image {name}")
        person = _read_person(fields, len(joints))
        if person.id is not None and any(person.id == other.id for other in people[name]):
            raise VistreamError(f"{fields.where}: track {person.id} occurs twice in image {name}")
        people[name].append(person)
    return PoseVideo(
        joints,
        tuple(PoseImage(i.id, i.file, i.labeled, tuple(people[i.id]), i.ignored) for i in images.values()),
    )


def _joint_names(value: Fields) -> tuple[str | None, tuple[str, ...]]:
    """The joints, and the id of the category that has them where it is one of several."""
    if "categories" not in value:
        return None, JOINTS
    every = [Fields(item, f"{value.where}, category {n}") for n, item in enumerate(value.items("categories"))]
    jointed = every if len(every) == 1 else [fields for fields in every if fields.holds("keypoints")]
    if len(jointed) != 1:
        raise VistreamError(
            f"{value.where}: {len(jointed)} of its {len(every)} categories have keypoints: one is expected, person"
        )
    names = tuple(str(name) for name in jointed[0].items("keypoints"))
    return (jointed[0].identity("id") if len(every) > 1 else None), names


def _read_image(fields: Fields) -> PoseImage:
    regions: list[Array] = []
    if "ignore_regions_x" in fields:
        across, down = fields.items("ignore_regions_x"), fields.items("ignore_regions_y")
        for number, (x, y) in enumerate(zip(across, down, strict=False)):
            region = Fields({"x": x, "y": y}, f"{fields.where}, ignored region {number}")
            xs = region.numbers("x")
            regions.append(np.column_stack([xs, region.numbers("y", len(xs))]))
        if len(across) != len(down):
            raise VistreamError(f"{fields.where}: ignored regions have {len(across)} x lists and {len(down)} y lists")
    labeled = bool(fields.get("is_labeled")) if "is_labeled" in fields else True
    return PoseImage(fields.whole("id"), fields.text("file_name"), labeled, (), tuple(regions))


def _read_person(fields: Fields, joints: int) -> Person:
    points = np.array(fields.numbers("keypoints", 3 * joints)).reshape(joints, 3)
    scores = fields.numbers("scores", joints) if "scores" in fields and fields.items("scores") else None
    head: tuple[float, float, float, float] | None = None
    if "bbox_head" in fields and fields.items("bbox_head"):  # an empty list stands for none, too
        x, y, w, h = fields.numbers("bbox_head", 4)
        head = (x, y, x + w, y + h)
    elif "head_rect_xyxy" in fields:
        x, y, w, h = fields.numbers("head_rect_xyxy", 4)
        head = (x, y, w, h)
    box = fields.numbers("bbox", 4) if "bbox" in fields and fields.items("bbox") else None
    return Person(
        id=fields.whole("track_id") if "track_id" in fields else None,
        joints=points[:, :2],
        present=np.asarray(points.any(axis=1)),
        scores=None if scores is None else np.array(scores),
        head=head,
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        score=fields.number("score") if "score" in fields else None,
    )


def _as_json(video: PoseVideo) -> dict[str, Any]:
    images, annotations = [], []
    for image in video.images:
        entry: dict[str, Any] = {"id": image.id, "file_name": image.file, "frame_id": image.id}
        entry["is_labeled"] = image.labeled
        if image.ignored:
            entry["ignore_regions_x"] = [region[:, 0].tolist() for region in image.ignored]
            entry["ignore_regions_y"] = [region[:, 1].tolist() for region in image.ignored]
        images.append(entry)
        annotations += [
            {"id": image.id * 100 + number, "image_id": image.id, "category_id": 1, **_person_json(person)}
            for number, person in enumerate(image.people)
        ]
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(video.joints)}
    return {"images": images, "annotations": annotations, "categories": [category]}


def _person_json(person: Person) -> dict[str, Any]:
    entry: dict[str, Any] = {} if person.id is None else {"track_id": person.id}
    visible = person.present.astype(np.float64)
    entry["keypoints"] = np.column_stack([person.joints * visible[:, None], visible]).ravel().tolist()
    if person.scores is not None:
        entry["scores"] = person.scores.tolist()
    if person.head is not None:
        x1, y1, x2, y2 = person.head
        entry["bbox_head"] = [x1, y1, x2 - x1, y2 - y1]
    if person.box is not None:
        entry["bbox"] = list(person.box)
    if person.score is not None:
        entry["score"] = person.score
    return entry
