"""Scoring finished files of poses: which images, joints and scores belong together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.files.score import evaluate_files
from vistream.evaluate.table import Table
from vistream.media.formats.poses import JOINTS, Person, PoseImage, PoseVideo
from vistream.media.formats.posetrack import write_posetrack


def pose_video(shift: float, joints: tuple[str, ...] = JOINTS, name: str = "{}.jpg") -> PoseVideo:
    points = np.arange(2.0 * len(joints)).reshape(-1, 2) * 10 + 5 + shift
    present: NDArray[np.bool_] = np.array([joint not in ("left_ear", "right_ear") for joint in joints])
    person = Person(1, points, present, np.ones(len(joints)), head=(0.0, 0.0, 30.0, 40.0))
    return PoseVideo(joints, tuple(PoseImage(i, name.format(i), True, (person,)) for i in range(3)))


@pytest.mark.parametrize("name", ["{}.jpg", "other/{}.jpg", "frame{}"], ids=["name", "bare name", "id"])
def test_poses_are_scored_on_the_joints_of_the_ground_truth(tmp_path: Path, name: str) -> None:
    """13 joints under another order and an alias; each 6 pixels off where a head size is 30."""
    joints = ("neck", *(j for j in reversed(JOINTS) if j not in ("head_bottom", "nose", "left_ear", "right_ear")))
    gt = pose_video(0.0, joints)
    order = [JOINTS.index("head_bottom" if j == "neck" else j) for j in joints]
    person = gt.images[0].people[0]
    points = np.zeros((len(JOINTS), 2))
    points[order] = person.joints + np.array([6.0, 0.0])
    guess = Person(9, points, np.isin(np.arange(len(JOINTS)), order), np.ones(len(JOINTS)))
    shift = 0 if name == "frame{}" else 100  # ids agree only where names do not
    frames = [PoseImage(i + shift, name.format(i), True, (guess,)) for i in range(3)]
    pred = PoseVideo(JOINTS, (PoseImage(77, "not annotated", True, (guess,)), *reversed(frames)))
    write_posetrack(tmp_path / "gt.json", gt)
    write_posetrack(tmp_path / "out.json", pred)
    table = evaluate_files("pose", tmp_path / "gt.json", tmp_path / "out.json")
    assert (table.overall["MOTA"], table.overall["AP"], table.overall["IDF1"]) == (1.0, 1.0, 1.0)
    assert table.overall["MOTP"] == pytest.approx(0.8)
    assert set(table.details[0].rows) == {"head_bottom" if j == "neck" else j for j in joints}


def test_pose_files_that_cannot_be_scored_are_named(tmp_path: Path) -> None:
    video = pose_video(0.0)
    person = video.images[0].people[0]
    cases = {
        "has no head box": Person(1, person.joints, person.present, person.scores),
        "has no track_id": Person(None, person.joints, person.present, person.scores, head=person.head),
    }
    for complaint, broken in cases.items():
        write_posetrack(tmp_path / "gt.json", PoseVideo(JOINTS, (PoseImage(0, "0.jpg", True, (broken,)),)))
        write_posetrack(tmp_path / "out.json", video)
        with pytest.raises(VistreamError, match=complaint):
            evaluate_files("pose", tmp_path / "gt.json", tmp_path / "out.json")
    write_posetrack(tmp_path / "gt.json", pose_video(0.0, name="a{}"))
    few = pose_video(0.0, name="b{}").images[:2]
    write_posetrack(tmp_path / "out.json", PoseVideo(JOINTS, tuple(PoseImage(9 + i.id, i.file, True, ()) for i in few)))
    with pytest.raises(VistreamError, match="neither names nor ids correspond"):
        evaluate_files("pose", tmp_path / "gt.json", tmp_path / "out.json")


@pytest.mark.real
def test_real_poses_moved_by_a_tenth_of_a_head_lose_a_tenth_of_motp(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "pose" / "bonn-060470979" / "gt.json"
    moved = json.loads(source.read_text())
    for person in moved["annotations"]:
        x1, y1, x2, y2 = person["head_rect_xyxy"]
        person["keypoints"][::3] = [x + 0.06 * np.hypot(x2 - x1, y2 - y1) for x in person["keypoints"][::3]]
    (tmp_path / "moved.json").write_text(json.dumps(moved))
    row = evaluate_files("pose", source, tmp_path / "moved.json").overall
    assert (row["MOTA"], row["IDSW"]) == (1.0, 0)
    assert row["MOTP"] == pytest.approx(0.9)


def scored(folder: Path, gt: PoseVideo, pred: PoseVideo) -> Table:
    write_posetrack(folder / "true.json", gt)
    write_posetrack(folder / "out.json", pred)
    return evaluate_files("pose", folder / "true.json", folder / "out.json")


def renamed(video: PoseVideo, shift: int, ids: int = 0, name: str = "{}.jpg") -> PoseVideo:
    """The same people, in images whose names and ids are moved on."""
    images = (replace(image, id=image.id + ids, file=name.format(image.id + shift)) for image in video.images)
    return replace(video, images=tuple(images))


@pytest.mark.parametrize("empty", ["gt", "pred"])
def test_a_region_that_is_not_scored_may_lie_where_nobody_is(tmp_path: Path, empty: str) -> None:
    """The middle one of three images has the region, and on one side no person: of the other's, none is scored."""
    video = pose_video(0.0)
    region = np.array([[-1.0, -1], [999, -1], [999, 999], [-1, 999]])
    images = {"gt": list(video.images), "pred": list(video.images)}
    images["gt"][1] = replace(images["gt"][1], ignored=(region,))
    images[empty][1] = replace(images[empty][1], people=())
    row = scored(tmp_path, *(replace(video, images=tuple(images[side])) for side in ("gt", "pred"))).overall
    assert (row["MOTA"], row["Recall"], row["Precision"]) == (1.0, 1.0, 1.0)


def test_names_that_correspond_say_more_than_places(tmp_path: Path) -> None:
    """Of three images two are named in both files, one place apart: the first has no prediction."""
    table = scored(tmp_path, pose_video(0.0), renamed(pose_video(0.0), shift=1, ids=50))
    assert table.overall["Recall"] == pytest.approx(2 / 3)
    assert table.notes == (
        "true: 1 of 3 annotated images have no prediction (0.jpg): their people count as missed",
        "true: 1 predicted images are not in the ground truth (3.jpg): not scored",
    )


@pytest.mark.parametrize(("name", "ids"), [("{}.jpg", 50), ("frame{}", 0)], ids=["by name", "by id"])
@pytest.mark.parametrize("labeled", [True, False])
def test_an_image_without_prediction_is_one_where_nothing_was_found(
    tmp_path: Path, name: str, ids: int, labeled: bool
) -> None:
    gt, pred = pose_video(0.0), renamed(pose_video(0.0), shift=0, ids=ids, name=name)
    gt = replace(gt, images=(gt.images[0], replace(gt.images[1], labeled=labeled), gt.images[2]))
    table = scored(tmp_path, gt, replace(pred, images=pred.images[::2]))
    assert table.overall["Recall"] == pytest.approx(2 / 3 if labeled else 1.0)
    assert len(table.notes) == labeled


def test_ids_of_every_image_say_more_than_some_names(tmp_path: Path) -> None:
    gt = renamed(pose_video(0.0), shift=0, ids=1001)
    images = zip(gt.images, ("1.jpg", "2.jpg", "3.jpg"), strict=True)
    pred = replace(gt, images=tuple(replace(image, file=name) for image, name in images))
    table = scored(tmp_path, gt, pred)
    assert (table.overall["MOTA"], table.notes) == (1.0, ())


def test_ids_that_are_numbers_of_places_say_nothing_of_a_part(tmp_path: Path) -> None:
    """As those of the older form are: which of three images the two are can't be told."""
    pred = renamed(pose_video(0.0), shift=0, name="frame{}")
    with pytest.raises(VistreamError, match="neither names nor ids correspond"):
        scored(tmp_path, pose_video(0.0), replace(pred, images=pred.images[:2]))


def test_images_that_have_nothing_in_common_are_taken_in_order(tmp_path: Path) -> None:
    """Ids that start from another number are no sign of which image is meant."""
    table = scored(tmp_path, pose_video(0.0), renamed(pose_video(0.0), shift=0, ids=1, name="frame{}"))
    assert table.overall["MOTA"] == 1.0
    assert table.notes == ("true: neither names nor ids of images correspond: they are taken in order",)


def test_a_persons_score_ranks_the_joints_that_have_none(tmp_path: Path) -> None:
    """Before each person comes an invention with a lower score."""
    gt = pose_video(0.0)
    true = replace(gt.images[0].people[0], scores=None, score=0.9)
    invented = replace(true, id=2, joints=true.joints + 500, score=0.05)
    pred = replace(gt, images=tuple(replace(image, people=(invented, true)) for image in gt.images))
    assert scored(tmp_path, gt, pred).overall["AP"] == 1.0
    assert "scores" not in (tmp_path / "out.json").read_text()


def test_a_persons_score_in_the_older_form_does_so_too(tmp_path: Path) -> None:
    nose = Person(1, np.array([[10.0, 10.0]]), np.array([True]), None, head=(0.0, 0.0, 30.0, 40.0))
    write_posetrack(tmp_path / "gt.json", PoseVideo(("nose",), (PoseImage(0, "0.jpg", True, (nose,)),)))
    people = [
        {"track_id": [n], "score": [score], "annopoints": [{"point": [{"id": [13], "x": [x], "y": [10]}]}]}
        for n, (x, score) in enumerate(((500, 0.05), (10, 0.9)))
    ]
    (tmp_path / "out.json").write_text(json.dumps({"annolist": [{"image": [{"name": "0.jpg"}], "annorect": people}]}))
    assert evaluate_files("pose", tmp_path / "gt.json", tmp_path / "out.json").overall["AP"] == 1.0


def test_people_without_a_joint_are_no_prediction(tmp_path: Path) -> None:
    gt = pose_video(0.0)
    empty = replace(gt.images[0].people[0], present=np.zeros(len(gt.joints), dtype=np.bool_))
    pred = replace(gt, images=tuple(replace(image, people=(empty,)) for image in gt.images))
    assert scored(tmp_path, gt, pred).notes == ("true: not a single prediction",)
