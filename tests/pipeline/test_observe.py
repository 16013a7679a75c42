"""Observations from files: of which frames skeletons are, with which joints; masks; pixels from 0; and names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vistream.detect.coco import KEYPOINTS
from vistream.errors import VistreamError
from vistream.media.formats.coco import read_coco
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.jsonl import JsonlWriter
from vistream.media.formats.posetrack import image_id, read_poses
from vistream.pipeline.observe import Observer, make_observer
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.types import Frame, Result, Track

FOOTAGE = Footage(10, (64, 48))
BLANK: Frame = np.zeros((48, 64, 3), np.uint8)
JOINTS = ("nose", "left_knee", "right_knee")


def person(image: int, x: float, joints: int = len(JOINTS), **more: Any) -> dict[str, Any]:
    points = [number for joint in range(joints) for number in (x, 8.0 + joint, 1)]
    return {"image_id": image, "category_id": 1, "bbox": [x, 6, 10, 20], "score": 0.9, "keypoints": points, **more}


def poses(images: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A person in each image, at the x of its id."""
    category = {"id": 1, "name": "person", "keypoints": list(JOINTS)}
    rows = [person(image["id"], float(image["id"] % 10**10)) for image in images]
    return {"images": images, "annotations": rows, "categories": [category], **more}


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


def observed(path: Path, footage: Footage = FOOTAGE) -> Observer:
    return make_observer("pose", path, "auto", (), 25.0, footage)


def seen_at(path: Path, footage: Footage = FOOTAGE) -> dict[int, float]:
    """The x of the person in each frame that has one."""
    detector = observed(path, footage).detector
    assert detector is not None
    found = {frame: detector.detect(BLANK, frame) for frame in range(10)}
    return {frame: seen.boxes[0, 0] for frame, seen in found.items() if len(seen)}


NAMED = Footage(10, (64, 48), tuple(f"street_{n}.png" for n in range(20, 30)))


@pytest.mark.parametrize(
    ("images", "footage", "frames"),
    [
        ([{"id": n, "frame_id": n, "file_name": "x"} for n in (2, 7)], FOOTAGE, {2: 2, 7: 7}),
        ([{"id": n, "frame_id": n, "file_name": "x"} for n in (7, 2, 5)], FOOTAGE, {2: 2, 5: 5, 7: 7}),
        ([{"id": n, "file_name": f"img/{n + 1:06d}.jpg"} for n in (4, 9)], FOOTAGE, {4: 4, 9: 9}),
        ([{"id": n, "file_name": f"a/street_{29 - n}.png"} for n in (3, 4)], NAMED, {6: 3, 5: 4}),
    ],
    ids=["some frames", "in another order", "numbers from 1", "names of the images"],
)
def test_skeletons_are_of_the_frames_that_boxes_are_of(
    images: list[dict[str, Any]], footage: Footage, frames: dict[int, int], tmp_path: Path
) -> None:
    path = written(tmp_path / "a.json", poses(images))
    assert seen_at(path, footage) == frames
    boxes = read_coco(path, footage=footage)
    assert {frame: seen.boxes[0, 0] for frame, seen in boxes.items()} == frames


def test_numbers_of_posetrack_are_no_frames(tmp_path: Path) -> None:
    images = [{"id": i, "frame_id": i, "file_name": f"{n:06d}.jpg"} for n in (3, 8) for i in (image_id(0, n),)]
    path = written(tmp_path / "a.json", poses(images))
    assert seen_at(path) == {3: 3, 8: 8}
    assert sorted(read_coco(path, footage=FOOTAGE)) == [3, 8]


def test_the_older_form_is_read_by_the_names_of_images(tmp_path: Path) -> None:
    point = {"id": [13], "x": [4], "y": [5]}
    rect = {"track_id": [1], "x1": [0], "y1": [1], "x2": [2], "y2": [3], "annopoints": [{"point": [point]}]}
    images = [{"image": [{"name": f"a/{n:08d}.jpg"}], "is_labeled": [1], "annorect": [rect]} for n in (9, 3)]
    assert sorted(seen_at(written(tmp_path / "a.json", {"annolist": images}))) == [3, 9]


def test_the_category_that_has_joints_is_taken(tmp_path: Path) -> None:
    """As in files of several classes, of which people alone have joints."""
    whole = poses([{"id": 2, "frame_id": 2, "file_name": "x"}])
    whole["categories"].insert(0, {"id": 3, "name": "car", "keypoints": []})
    whole["annotations"].append({"image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 4]})
    observer = observed(written(tmp_path / "a.json", whole))
    assert observer.joints == JOINTS and seen_at(tmp_path / "a.json") == {2: 2}
    whole["categories"][0]["keypoints"] = ["wheel"]
    with pytest.raises(VistreamError, match="2 of its 2 categories have keypoints: one is expected"):
        observed(written(tmp_path / "b.json", whole))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((14, 14), "a.json, detection 0 has 14 keypoints: in a list, COCO's 17 are expected"),
        ((17, 26), "a.json, detection 1 has 26 keypoints"),
        ((17, 0), "a.json, detection 1 has no keypoints"),
    ],
)
def test_a_list_of_other_joints_is_refused(counts: tuple[int, int], message: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", [person(frame, 5.0, count) for frame, count in enumerate(counts)])
    with pytest.raises(VistreamError, match=message):
        observed(path)


def test_skeletons_of_an_earlier_run_are_read(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        for frame in range(3):
            points = np.full((len(KEYPOINTS), 3), (frame, 8.0, 0.5))
            writer.write(Result(frame, 0.0, (Track(1, (frame, 6, 10, 20), 0.9, "person", None, points),), 1))
    observer = observed(tmp_path / "a.jsonl")
    assert seen_at(tmp_path / "a.jsonl") == {0: 0, 1: 1, 2: 2} and observer.joints == KEYPOINTS
    with JsonlWriter(tmp_path / "b.jsonl") as writer:
        writer.write(Result(0, 0.0, (Track(1, (0, 6, 10, 20), 0.9, "person"),), 1))
    with pytest.raises(VistreamError, match=r"b\.jsonl, frame 0: every detection needs COCO's 17 keypoints"):
        observed(tmp_path / "b.jsonl")


@pytest.mark.parametrize("masked", [True, False])
def test_masks_of_a_file_are_not_said_to_be_guessed(masked: bool, tmp_path: Path) -> None:
    mask = np.zeros((48, 64), np.bool_)
    mask[6:26, 5:15] = True
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.write(Result(0, 0.0, (Track(1, (5, 6, 10, 20), 0.9, "car", mask if masked else None),), 1))
    observer = make_observer("mots", tmp_path / "a.jsonl", "auto", (), 25.0, FOOTAGE)
    assert ("guessed" in observer.describe()) is not masked
    assert observer.detector is not None
    masks = observer.detector.detect(BLANK, 0).masks
    assert masks is not None and (not masked or (masks[0] == mask).all())


@pytest.mark.parametrize("zero_based", [True, False])
def test_mot_text_is_read_as_it_was_written(zero_based: bool, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(BLANK).save(tmp_path / "in" / "0.png")
    given = written(tmp_path / "a.json", [{"image_id": 0, "category_id": 1, "bbox": [5, 6, 10, 20], "score": 0.9}])
    settings = Settings(detections=given, zero_based=zero_based, min_hits=1)
    for name in ("a.txt", "b.txt"):
        with Recording(str(tmp_path / "in"), settings, OutputPaths(mot=tmp_path / name)) as recording:
            assert [result.tracks[0].box for _, result in recording] == [(5, 6, 10, 20)]
        settings = replace(settings, detections=tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text()


def test_skeletons_to_begin_with_are_those_of_the_first_frame_in_its_size(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(2):
        Image.fromarray(BLANK).save(tmp_path / "in" / f"{number}.png")
    large = {"width": 128, "height": 96, "file_name": "x"}
    path = written(
        tmp_path / "a.json", poses([{"id": n, "frame_id": frame, **large} for n, frame in ((50, 1), (20, 0))])
    )
    with Recording(str(tmp_path / "in"), Settings("pose", init_poses=path), OutputPaths()) as recording:
        points = [track.keypoints for track in next(iter(recording))[1].tracks]
    assert [found[:, :2].tolist() for found in points if found is not None] == [[[10, 4], [10, 4.5], [10, 5]]]


def test_written_images_are_named_as_the_sources_are(tmp_path: Path) -> None:
    """Whatever comes of the frames is paired with other files by these names."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.fromarray(BLANK).save(tmp_path / "in" / f"street_{number + 1:06d}.png")
    path = written(tmp_path / "a.json", [person(frame, 5.0, len(KEYPOINTS)) for frame in range(3)])
    outputs = OutputPaths(posetrack=tmp_path / "out.json", coco_video=tmp_path / "video.json")
    with Recording(str(tmp_path / "in"), Settings("pose", detections=path), outputs) as recording:
        for _ in recording:
            pass
    names = [f"street_{number + 1:06d}.png" for number in range(3)]
    assert [image.file for image in read_poses(tmp_path / "out.json").images] == names
    assert [image["file_name"] for image in json.loads((tmp_path / "video.json").read_text())["images"]] == names
