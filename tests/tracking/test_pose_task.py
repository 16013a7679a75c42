"""Skeletons with ids, and skeletons carried on from one frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.detect.coco import KEYPOINTS
from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.files.pose import pose_table
from vistream.media.formats.poses import PoseVideo
from vistream.media.formats.posetrack import read_poses, write_posetrack
from vistream.media.video.images import read_image
from vistream.pipeline.session import Session
from vistream.render.overlay import Overlay
from vistream.tracking.pose import PoseTracker
from vistream.tracking.skeleton import limbs, skeleton_mask
from vistream.types import FeatureMap, Observations, Result, Track

NOTHING = Observations.none()
TEXTURE = np.random.default_rng(3).standard_normal((30, 40, 24)).astype(np.float32)


def scene(frame: int) -> FeatureMap:
    """A grid of 30 x 40 cells of 8 pixels, whose whole content goes round, one cell a frame."""
    return FeatureMap(np.roll(TEXTURE, frame, axis=1), (8.0, 8.0))


def person(x: float, y: float) -> NDArray[np.float64]:
    """A skeleton `[17, 3]` of a standing person."""
    up = {
        "nose": 0,
        "eye": -4,
        "ear": -4,
        "shoulder": 20,
        "elbow": 40,
        "wrist": 60,
        "hip": 60,
        "knee": 90,
        "ankle": 120,
    }
    out = {"nose": 0, "eye": 3, "ear": 6, "shoulder": 14, "elbow": 18, "wrist": 20, "hip": 9, "knee": 9, "ankle": 9}
    rows = []
    for name in KEYPOINTS:
        side, _, part = name.rpartition("_")
        rows.append((x + (-1 if side == "right" else 1) * out[part], y + up[part], 1.0))
    return np.array(rows)


def test_a_skeleton_covers_its_trunk_and_its_limbs() -> None:
    keypoints = person(100, 40)
    mask = skeleton_mask(keypoints, KEYPOINTS, (200, 220))
    inside = [(100, 80), (118, 80), (109, 130), (91, 150)]  # trunk, elbow, knee, shin
    assert all(mask[y, x] for x, y in inside)
    assert not mask[100, 60] and not mask[150, 100], "beside the arm, between the legs"
    keypoints[KEYPOINTS.index("left_ankle"), 2] = 0.0
    assert not skeleton_mask(keypoints, KEYPOINTS, (200, 220))[158, 109]
    assert not skeleton_mask(0.0 * keypoints, KEYPOINTS, (200, 220)).any()


def test_limbs_are_found_by_name_in_any_order() -> None:
    for joints in (KEYPOINTS, KEYPOINTS[::-1]):
        named = {frozenset((joints[a], joints[b])) for a, b in limbs(joints)}
        assert frozenset(("left_knee", "left_ankle")) in named and len(named) == 16
        assert not any({"left_knee", "right_knee"} == pair for pair in named)


def test_given_skeletons_are_carried_on() -> None:
    tracker = PoseTracker()
    first, second = person(80, 60), person(160, 70)
    second[3, 2] = 0.0
    assert [tracker.add_object(first), tracker.add_object(second)] == [1, 2]
    for frame in range(5):
        tracks = tracker.step(scene(frame), NOTHING)
        assert [track.id for track in tracks] == [1, 2]
        for track, start in zip(tracks, (first, second), strict=True):
            assert track.keypoints is not None
            assert ((track.keypoints[:, 2] > 0) == (start[:, 2] > 0)).all(), "what was not there does not appear"
            there = start[:, 2] > 0
            error = track.keypoints[there, :2] - start[there, :2] - (8 * frame, 0)
            assert np.hypot(*error.T).max() < 4.0
    tracker.remove_object(1)
    assert [track.id for track in tracker.step(scene(5), NOTHING)] == [2]
    with pytest.raises(VistreamError, match="no object 1"):
        tracker.remove_object(1)


def test_observed_skeletons_get_ids() -> None:
    tracker = PoseTracker()

    def seen(*people: NDArray[np.float64]) -> Observations:
        keypoints = np.array(people)
        low, high = keypoints[:, :, :2].min(axis=1), keypoints[:, :, :2].max(axis=1)
        boxes = np.concatenate([low, high - low], axis=1)
        return Observations(boxes, np.full(len(people), 0.9), ("person",) * len(people), keypoints=keypoints)

    first = tracker.step(scene(0), seen(person(80, 60), person(160, 70)))
    later = tracker.step(scene(1), seen(person(168, 70), person(88, 60)))
    assert [t.id for t in first] == [t.id for t in later] == [1, 2]
    assert later[0].keypoints is not None and later[0].keypoints[0, 0] == 88.0
    with pytest.raises(VistreamError, match="needs keypoints"):
        tracker.step(scene(2), Observations(np.ones((1, 4)), np.ones(1), ("person",)))
    with pytest.raises(VistreamError, match="detections have 3 keypoints, and joints name 17"):
        tracker.step(scene(2), Observations(np.ones((1, 4)), np.ones(1), ("person",), keypoints=np.ones((1, 3, 3))))
    with pytest.raises(VistreamError, match="17 keypoints"):
        tracker.add_object(np.ones((3, 3)))


def test_limbs_are_drawn_where_joints_have_names() -> None:
    track = Track(1, (60.0, 30.0, 60.0, 150.0), 1.0, "person", None, person(100, 40))
    blank = np.zeros((220, 200, 3), np.uint8)
    drawn = [Overlay((200, 220), 25, joints).draw(blank, Result(0, 0.0, (track,), 1), "") for joints in ((), KEYPOINTS)]
    shin = (145, 109)
    assert not drawn[0][shin].any() and drawn[1][shin].any()


def test_the_command_carries_skeletons_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    demo, out = Path(__file__).parents[2] / "demo_videos", tmp_path / "out.json"
    video = read_poses(demo / "plaza_static" / "posetrack.json")
    source = ["track", str(demo / "plaza_static.mp4"), "--max-frames", "2"]
    given = ["--init-poses", str(demo / "plaza_static" / "posetrack.json")]
    done = CliRunner().invoke(app, [*source, "--task", "pose", *given, "--posetrack-json", str(out)])
    assert done.exit_code == 0, done.output
    found = read_poses(out)
    assert found.joints == video.joints
    there = {person.id for person in video.images[0].people if person.present.any()}
    for image, truth in zip(found.images, video.images, strict=False):
        assert image.file == truth.file
        known = {person.id: person for person in truth.people}
        assert {person.id for person in image.people} == there
        for mine in image.people:
            person = known[mine.id]
            both = mine.present & person.present
            assert np.median(np.abs(mine.joints[both] - person.joints[both])) < 4.0  # half a cell
    first, *others = video.images
    numbered = [replace(person, id=number) for number, person in enumerate(first.people)]
    write_posetrack(
        tmp_path / "from 0.json", PoseVideo(video.joints, (replace(first, people=tuple(numbered)), *others))
    )
    again = ["--task", "pose", "--init-poses", str(tmp_path / "from 0.json"), "--posetrack-json", str(out)]
    again.append("--overwrite")
    assert CliRunner().invoke(app, [*source, *again]).exit_code == 0
    assert len({person.id for person in read_poses(out).images[0].people}) == len(there)
    outside = [replace(numbered[0], joints=numbered[0].joints - 5000.0), *numbered[1:]]
    write_posetrack(tmp_path / "out.of.frame.json", PoseVideo(video.joints, (replace(first, people=tuple(outside)),)))
    assert (
        CliRunner().invoke(app, [*source, *again[:3], str(tmp_path / "out.of.frame.json"), *again[4:]]).exit_code == 0
    )
    assert len(read_poses(out).images[0].people) == len(there) - 1
    assert "1 of" in caplog.text and "have no joint within the frame: they are left out" in caplog.text
    write_posetrack(tmp_path / "empty.json", PoseVideo(video.joints, ()))
    for arguments, complaint in (
        (["--task", "mot", *given], "--init-poses is for the task pose"),
        (["--task", "pose", *given, "--detector", "movenet-multipose"], "no detections and no detector"),
        (["--task", "pose", "--init-poses", str(tmp_path / "empty.json")], "shows nobody"),
    ):
        failed = CliRunner().invoke(app, [*source, *arguments, "--jsonl", str(tmp_path / "a.jsonl")])
        assert failed.exit_code != 0 and complaint in str(failed.exception)


@pytest.mark.real
def test_real_people_keep_their_ids(real_data: Path, tmp_path: Path) -> None:
    """True skeletons without their ids, in, and out with ids again."""
    clip, out = real_data / "pose" / "bonn-060470979", tmp_path / "out.json"
    arguments = ["--task", "pose", "--detections", str(clip / "gt.json"), "--posetrack-json", str(out)]
    result = CliRunner().invoke(app, ["track", str(clip / "img"), *arguments])
    assert result.exit_code == 0, result.output
    table = pose_table([Pair("bonn", clip / "gt.json", out)])
    assert table.rows["bonn"]["MOTA"] > 0.95


@pytest.mark.real
def test_real_people_are_carried_on(real_data: Path) -> None:
    clip = real_data / "pose" / "bonn-060470979"
    video = read_poses(clip / "gt.json")
    session = Session("pose", joints=video.joints)
    people = video.observations()[0].keypoints
    assert people is not None
    for keypoints in people:
        session.add_object(keypoints)
    for path in sorted((clip / "img").iterdir())[:3]:
        tracks = session.step(read_image(path)).tracks
    assert len(tracks) == len(video.images[2].people)
    for track, truth in zip(tracks, video.images[2].people, strict=True):
        assert track.keypoints is not None
        both = truth.present & (track.keypoints[:, 2] > 0)
        error = np.hypot(*(track.keypoints[both, :2] - truth.joints[both]).T)
        assert np.median(error) < 8.0
