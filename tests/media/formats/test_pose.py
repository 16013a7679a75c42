"""PoseTrack JSON, both forms: what is written is read back; what is wrong is named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistream.detect.coco import KEYPOINTS
from vistream.errors import VistreamError
from vistream.media.formats.annolist import ORDER
from vistream.media.formats.poses import FACE, JOINTS, Person, PoseImage, PoseVideo
from vistream.media.formats.posetrack import PoseTrackWriter, image_id, read_poses, write_posetrack
from vistream.types import Result, Track

number = st.floats(-1e4, 1e4).map(lambda v: round(v, 4))
quarter = st.integers(-4000, 4000).map(lambda v: v / 4)  # head corners whose differences are exact


@st.composite
def people(draw: st.DrawFn, joints: int, identity: int) -> Person:
    present = np.array(draw(st.lists(st.booleans(), min_size=joints, max_size=joints)))
    points = np.array([[draw(number), draw(number)] for _ in range(joints)]) * present[:, None]
    corners = draw(st.none() | st.tuples(quarter, quarter, quarter, quarter))
    return Person(
        id=identity,
        joints=points,
        present=present,
        scores=np.array(draw(st.lists(st.floats(0, 1), min_size=joints, max_size=joints))),
        head=corners,
        box=draw(st.none() | st.tuples(number, number, number, number)),
        score=draw(st.none() | st.floats(0, 1)),
    )


@st.composite
def videos(draw: st.DrawFn) -> PoseVideo:
    joints = draw(st.sampled_from([JOINTS, ("nose", "left_knee")]))
    images = []
    for name in sorted(draw(st.sets(st.integers(0, 10**11), max_size=3))):
        ids = sorted(draw(st.sets(st.integers(0, 50), max_size=2)))
        corners = draw(st.lists(st.lists(st.tuples(number, number), min_size=3, max_size=4), max_size=2))
        ignored = tuple(np.array(polygon) for polygon in corners)
        persons = tuple(draw(people(len(joints), i)) for i in ids)
        images.append(PoseImage(name, draw(st.text(max_size=5)), draw(st.booleans()), persons, ignored))
    return PoseVideo(joints, tuple(images))


def plain(value: object) -> object:
    """Nested tuples of plain values, for comparison."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, Person | PoseImage | PoseVideo):
        return tuple(plain(getattr(value, name)) for name in value.__slots__)
    return value


@given(videos())
@settings(deadline=None, max_examples=50)
def test_videos_come_back(video: PoseVideo) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.json"
        write_posetrack(path, video)
        assert plain(read_poses(path)) == plain(video)
        assert [file.name for file in Path(folder).iterdir()] == ["video.json"]


def test_tracks_come_back_as_observations(tmp_path: Path) -> None:
    """Frame 1 is skipped and becomes an image without people; a joint with score 0 is absent."""
    keypoints = np.array([[3.0, 4, 0.5], [9, 9, 0]])
    tracks = (Track(7, (1.0, 2.0, 3.0, 4.0), 0.9, "person", keypoints=keypoints),)
    path = tmp_path / "out.json"
    with PoseTrackWriter(path, ("nose", "left_knee")) as writer:
        writer.write(Result(0, 0.0, tracks, 1))
        writer.write(Result(2, 0.0, tracks, 1))
    video = read_poses(path)
    assert [image.id for image in video.images] == [image_id(0, 0), image_id(0, 1), image_id(0, 2)]
    assert [[person.id for person in image.people] for image in video.images] == [[7], [], [7]]
    seen = video.observations()
    assert sorted(seen) == [0, 2]
    assert seen[0].boxes.tolist() == [[1, 2, 3, 4]]
    assert seen[0].scores.tolist() == [0.9]
    assert seen[0].keypoints is not None
    assert seen[0].keypoints.tolist() == [[[3, 4, 0.5], [0, 0, 0]]]


def test_predictions_carry_the_ids_of_the_images_they_were_made_on(tmp_path: Path) -> None:
    known = (PoseImage(image_id(1001, 3), "clip/000003.jpg", True, ()),)
    with PoseTrackWriter(tmp_path / "out.json", images=known) as writer:
        writer.write(Result(0, 0.0, (), 0))
    image = read_poses(tmp_path / "out.json").images[0]
    assert (image.id, image.file) == (10010010003, "clip/000003.jpg")


def test_without_box_and_score_observations_take_the_joints(tmp_path: Path) -> None:
    person = Person(None, np.array([[1.0, 2], [5, 8], [0, 0]]), np.array([True, True, False]), np.ones(3))
    video = PoseVideo(("a", "b", "c"), (PoseImage(1, "x", True, (person,)),))
    seen = video.observations()[0]
    assert (seen.boxes.tolist(), seen.scores.tolist()) == ([[1, 2, 4, 6]], [1.0])


def annolist() -> dict[str, Any]:
    """One image of the older form, every value in a list of one."""
    points = [{"id": [13], "x": [1.5], "y": [2], "score": [0.25]}, {"id": [0], "x": [3], "y": [4]}]
    person = {"track_id": [5], "x1": [0], "y1": [1], "x2": [2], "y2": [3], "annopoints": [{"point": points}]}
    corners = [{"x": [0], "y": [0]}, {"x": [9], "y": [0]}, {"x": [9], "y": [9]}]
    image = {"image": [{"name": "a/1.jpg"}], "is_labeled": [1], "annorect": [person, {"track_id": [6]}]}
    return {"annolist": [{**image, "ignore_regions": [{"point": corners}]}]}


def test_empty_boxes_stand_for_none(tmp_path: Path) -> None:
    """As in some annotations of PoseTrack18."""
    write_posetrack(tmp_path / "a.json", PoseVideo(("nose",), (PoseImage(1, "x", True, (_somebody(),)),)))
    value = json.loads((tmp_path / "a.json").read_text())
    value["annotations"][0] |= {"bbox_head": [], "bbox": []}
    (tmp_path / "a.json").write_text(json.dumps(value))
    person = read_poses(tmp_path / "a.json").images[0].people[0]
    assert (person.head, person.box) == (None, None)


def _somebody() -> Person:
    return Person(1, np.array([[1.0, 2.0]]), np.array([True]), np.ones(1), (0.0, 0.0, 3.0, 3.0), (0.0, 0.0, 9.0, 9.0))


def test_the_older_form_reads(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(annolist()))
    video = read_poses(path)
    image = video.images[0]
    person = image.people[0]
    nose, ankle = ORDER.index("nose"), ORDER.index("right_ankle")
    assert video.joints == ORDER
    assert (image.file, image.labeled, image.ignored[0].tolist()) == ("a/1.jpg", True, [[0, 0], [9, 0], [9, 9]])
    assert (person.id, person.head) == (5, (0, 1, 2, 3))
    assert np.flatnonzero(person.present).tolist() == [ankle, nose]
    assert person.joints[nose].tolist() == [1.5, 2]
    assert (person.joint_scores()[nose], person.joint_scores()[ankle]) == (0.25, 1.0)
    assert not image.people[1].present.any()


def valid() -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"image_id": 1, "track_id": 0, "keypoints": [1, 2, 1]}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"]}],
    }


def change(key: str, value: object) -> dict[str, Any]:
    made = valid()
    made["annotations"][0][key] = value
    return made


BROKEN_OLD = annolist()
BROKEN_OLD["annolist"][0]["annorect"][0]["annopoints"][0]["point"][0]["id"] = [15]

BAD = [
    pytest.param([], "a JSON object is expected", id="a list"),
    pytest.param({}, 'neither "images" nor "annolist"', id="another file"),
    pytest.param(change("keypoints", [1, 2]), r'annotation 0: "keypoints" has 2 numbers, 3 are', id="short"),
    pytest.param(change("keypoints", [1, 2, None]), "annotation 0.*holds None", id="null"),
    pytest.param(change("image_id", 9), "annotation 0: there is no image 9", id="image unknown"),
    pytest.param(change("track_id", "a"), "annotation 0.*not a whole number", id="id no number"),
    pytest.param(change("bbox", [1, 2, 3]), r'annotation 0: "bbox" has 3 numbers', id="box"),
    pytest.param({**valid(), "annotations": valid()["annotations"] * 2}, "track 0 occurs twice", id="id twice"),
    pytest.param({**valid(), "images": valid()["images"] * 2}, "image 1: id 1 occurs twice", id="image twice"),
    pytest.param(
        {**valid(), "categories": []}, "0 of its 0 categories have keypoints: one is expected", id="no category"
    ),
    pytest.param(BROKEN_OLD, "image 0, person 0, point 0: joint id 15", id="joint unknown"),
]


@pytest.mark.parametrize(("value", "complaint"), BAD)
def test_malformed_files_are_named(tmp_path: Path, value: object, complaint: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(value))
    with pytest.raises(VistreamError, match=complaint) as error:
        read_poses(path)
    assert str(error.value).startswith(str(path))


def test_broken_json_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"images": [\n{"id": 1,}]}')
    with pytest.raises(VistreamError, match=r"bad\.json, line 2: not JSON"):
        read_poses(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VistreamError, match="not a text file"):
        read_poses(path)
    with pytest.raises(VistreamError, match="No such file"):
        read_poses(tmp_path / "none.json")


@pytest.mark.real
def test_the_real_pose_file_reads_and_comes_back(real_data: Path, tmp_path: Path) -> None:
    video = read_poses(real_data / "pose" / "bonn-060470979" / "gt.json")
    assert (len(video.images), len(video.joints)) == (20, 14)
    assert all({p.id for p in image.people} == {0, 1, 2, 3} for image in video.images)
    assert all(p.present.all() and p.head is not None for image in video.images for p in image.people)
    write_posetrack(tmp_path / "again.json", video)
    again = read_poses(tmp_path / "again.json")
    for before, after in zip(video.images, again.images, strict=True):
        for a, b in zip(before.people, after.people, strict=True):
            assert (a.id, a.box, a.joints.tolist()) == (b.id, b.box, b.joints.tolist())
            assert a.head == pytest.approx(b.head)  # corners become a corner and a size


def test_the_head_is_derived_where_a_detector_knows_none(tmp_path: Path) -> None:
    """Of COCO's joints, from shoulders and face; of nobody whose shoulder is hidden."""
    points = np.tile([50.0, 50.0, 0.9], (2, len(KEYPOINTS), 1))
    points[:, [KEYPOINTS.index(name) for name in FACE], 1] = 30
    points[1, KEYPOINTS.index("left_shoulder"), 2] = 0
    tracks = tuple(Track(n, (0, 0, 9, 9), 0.9, "person", None, of) for n, of in enumerate(points, start=1))
    with PoseTrackWriter(tmp_path / "out.json", KEYPOINTS) as writer:
        writer.write(Result(0, 0.0, tracks, 2))
    found = read_poses(tmp_path / "out.json")
    assert found.joints == (*KEYPOINTS, "head_bottom", "head_top")
    seen, hidden = found.images[0].people
    assert seen.joints[-2:].tolist() == [[50.0, 42.0], [50.0, 17.0]] and seen.present[-2:].all()
    assert not hidden.present[-2:].any() and hidden.present[:4].all()
