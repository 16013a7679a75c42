"""The demo clips: their truth can be made again, agrees with itself and with the film, and moves as people do."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import render_demo
from demo import detections, truth
from demo.camera import Camera, Floats
from demo.cast import CLIPS, PLAZA_PAN, PLAZA_STATIC, Clip
from demo.encode import video
from demo.film import Film, owners
from demo.gait import FPS, STANCE, Body, pose
from demo.gait import Path as Way
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from vistream.formats import rle
from vistream.formats.davis import palette, read_labels
from vistream.formats.mot import MotTracks, read_detections, read_tracks
from vistream.formats.mots import IGNORE, MotsRow, read_mots
from vistream.formats.poses import JOINTS
from vistream.formats.posetrack import read_poses
from vistream.formats.seqinfo import read_seqinfo
from vistream.video import open_source

FOLDER = Path(__file__).parents[1] / "demo_videos"
MB = 10**6
both = pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)


@lru_cache(maxsize=2)
def film_of(name: str) -> Film:
    """Painting the place takes seconds: once a clip."""
    return Film(next(clip for clip in CLIPS if clip.name == name))


def lines(clip: Clip, file: str) -> list[str]:
    return (FOLDER / clip.name / file).read_text(encoding="ascii").splitlines()


def of_frame(rows: list[str], frame: int, separator: str) -> list[str]:
    return [row for row in rows if row.split(separator)[0] == str(frame + 1)]


def masks_of(clip: Clip) -> list[NDArray[np.uint8]]:
    return [read_labels(path) for path in sorted((FOLDER / clip.name / "masks").glob("*.png"))]


def tracks_of(clip: Clip) -> MotTracks:
    return read_tracks(FOLDER / clip.name / "gt" / "gt.txt")


@both
def test_the_committed_truth_comes_out_again(clip: Clip) -> None:
    film = film_of(clip.name)
    number = CLIPS.index(clip) + 1
    poses = (FOLDER / clip.name / "posetrack.json").read_text(encoding="ascii")
    for frame in (0, 61, clip.frames - 1):
        take = film.shoot(frame)
        assert truth.mot_lines(take, frame) == of_frame(lines(clip, "gt/gt.txt"), frame, ",")
        assert truth.mots_lines(take, frame) == of_frame(lines(clip, "gt/gt_mots.txt"), frame, " ")
        found = detections.detect(take, clip, film.camera_at(frame), frame)
        assert detections.mot_lines(found, frame) == of_frame(lines(clip, "det/det.txt"), frame, ",")
        np.testing.assert_array_equal(read_labels(FOLDER / clip.name / "masks" / f"{frame:05d}.png"), take.ids)
        record = truth.pose_frame(take, frame, clip, number)
        for line in (record.image, *record.annotations):
            assert f"\n{line}" in poses


@both
def test_the_video_shows_what_is_rendered(clip: Clip) -> None:
    film = film_of(clip.name)
    wanted = (0, 61, clip.frames - 1)
    count = 0
    with open_source(str(FOLDER / f"{clip.name}.mp4")) as source:
        for shown in source:
            assert shown.image.shape == (clip.size[1], clip.size[0], 3)
            if shown.index in wanted:
                error = shown.image.astype(np.float64) - film.shoot(shown.index).image
                assert 10 * np.log10(255**2 / (error**2).mean()) > 30
            count += 1
    assert count == clip.frames


def test_any_frame_can_be_shot_alone() -> None:
    film = film_of("plaza_pan")
    first, other = film.shoot(90), film.shoot(40)
    again = film.shoot(90)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.ids, again.ids)
    assert not np.array_equal(first.image, other.image)


@both
def test_every_file_speaks_of_every_frame(clip: Clip) -> None:
    info = read_seqinfo(FOLDER / clip.name / "seqinfo.ini")
    assert (info.name, info.frames, info.frame_rate) == (clip.name, clip.frames, FPS)
    assert (info.width, info.height) == clip.size
    assert (FOLDER / clip.name / info.image_folder).resolve() == (FOLDER / f"{clip.name}.mp4").resolve()
    every = set(range(clip.frames))
    assert set(tracks_of(clip).frames.tolist()) == every
    assert {row.frame for row in read_mots(FOLDER / clip.name / "gt" / "gt_mots.txt")} == every
    assert len(masks_of(clip)) == len(read_poses(FOLDER / clip.name / "posetrack.json").images) == clip.frames
    assert set(read_detections(FOLDER / clip.name / "det" / "det.txt")) <= every


@both
def test_boxes_hold_the_masks_and_visibility_counts_them(clip: Clip) -> None:
    tracks, masks = tracks_of(clip), masks_of(clip)
    assert tracks.classes is not None and tracks.visibility is not None
    assert set(tracks.classes.tolist()) == {1}
    named = [set(np.unique(mask).tolist()) - {0} for mask in masks]
    for row in range(len(tracks)):
        frame, identity = int(tracks.frames[row]), int(tracks.ids[row])
        left, top, width, height = tracks.boxes[row].astype(int)
        assert 0 <= left < left + width <= clip.size[0] and 0 <= top < top + height <= clip.size[1]
        mask = masks[frame] == identity
        assert mask.sum() == mask[top : top + height, left : left + width].sum()
        assert (tracks.visibility[row] > 0) == (identity in named[frame])
        assert tracks.confidences[row] == (tracks.visibility[row] >= truth.LEAST)
        named[frame].discard(identity)
    assert not any(named), "somebody has pixels but no box"


@both
def test_mots_and_davis_show_the_same_pixels(clip: Clip) -> None:
    rows: dict[int, list[MotsRow]] = {}
    for row in read_mots(FOLDER / clip.name / "gt" / "gt_mots.txt"):
        rows.setdefault(row.frame, []).append(row)
    tracks = tracks_of(clip)
    for frame, mask in list(enumerate(masks_of(clip)))[::3]:
        here = tracks.frames == frame
        scored = set(tracks.ids[here & (tracks.confidences > 0)].tolist())
        assert {row.id - 2000 for row in rows[frame] if row.label != IGNORE} == scored
        painted = np.zeros(mask.shape, int)
        for row in rows[frame]:
            pixels = rle.decode(row.mask)
            painted += pixels
            if row.label == IGNORE:
                assert not np.isin(mask[pixels], list(scored)).any()
            else:
                np.testing.assert_array_equal(pixels, mask == row.id - 2000)
        np.testing.assert_array_equal(painted, mask > 0)  # no overlap, nothing left out


@both
def test_visible_joints_lie_on_their_own_mask(clip: Clip) -> None:
    masks = masks_of(clip)
    with (FOLDER / clip.name / "posetrack.json").open(encoding="ascii") as file:
        people = json.load(file)["annotations"]
    visible = []
    for person in people:
        mask = masks[person["image_id"] % 10**4] == person["track_id"]
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        tight = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
        assert person["bbox"] == tight
        joints = np.array(person["keypoints"]).reshape(17, 3)
        seen = joints[:, 2] == 1
        x, y = np.rint(joints[:, :2]).astype(int).T
        assert (x >= 0).all() and (x < clip.size[0]).all() and (y >= 0).all() and (y < clip.size[1]).all()
        near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert near[y[seen], x[seen]].all()
        left, top, width, height = person["bbox_head"]
        for joint in joints[:5][seen[:5]]:  # nose, neck, crown, ears
            assert left - 2 <= joint[0] <= left + width + 2 and top - 2 <= joint[1] <= top + height + 2
        visible.append(seen)
    share = np.mean(visible, axis=0)
    assert (share > 0.15).all() and (share < 0.98).all()  # every joint is now seen, now hidden


@both
def test_the_project_reads_the_poses(clip: Clip) -> None:
    poses = read_poses(FOLDER / clip.name / "posetrack.json")
    tracks = tracks_of(clip)
    assert poses.joints == JOINTS
    for frame, image in enumerate(poses.images):
        scored = tracks.ids[(tracks.frames == frame) & (tracks.confidences > 0)]
        assert {person.id for person in image.people} == set(scored.tolist())


@both
def test_detections_are_good_but_not_perfect(clip: Clip) -> None:
    tracks = tracks_of(clip)
    found = read_detections(FOLDER / clip.name / "det" / "det.txt")
    hits = detected = scored = clear = 0
    for frame in range(clip.frames):
        boxes = found[frame].boxes if frame in found else np.zeros((0, 4))
        assert frame not in found or ((found[frame].scores > 0) & (found[frame].scores < 1)).all()
        real = tracks.boxes[(tracks.frames == frame) & (tracks.confidences > 0)]
        overlap = iou(boxes, real) > 0.5
        hits += int(overlap.any(1).sum())
        clear += int(overlap.any(0).sum())
        detected, scored = detected + len(boxes), scored + len(real)
    assert 0.85 < clear / scored < 0.99
    assert 0.90 < hits / detected < 0.995


def iou(a: Floats, b: Floats) -> Floats:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.clip(high - low, 0, None).prod(-1)
    return np.asarray(shared / (a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1)[None] - shared), np.float64)


@pytest.mark.parametrize(("clip", "identity"), [(PLAZA_STATIC, 1), (PLAZA_STATIC, 7), (PLAZA_PAN, 5)])
def test_some_leave_and_come_back_under_the_same_id(clip: Clip, identity: int) -> None:
    tracks = tracks_of(clip)
    frames = np.sort(tracks.frames[tracks.ids == identity])
    assert np.diff(frames).max() > 15


def test_the_files_are_small() -> None:
    sizes = {path: path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}
    assert all(size < 3 * MB for path, size in sizes.items() if path.suffix == ".mp4")
    assert sum(sizes.values()) < 8 * MB


def test_the_palette_is_that_of_davis() -> None:
    np.testing.assert_array_equal(np.array(truth.palette()).reshape(256, 3), palette())


def test_the_command_makes_the_first_frames_of_the_clip(tmp_path: Path) -> None:
    stale = tmp_path / "plaza_static" / "masks" / "00007.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of a longer run")
    render_demo.main([str(tmp_path), "--clip", "plaza_static", "--frames", "2"])
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    inside = ("det/det.txt", "gt/gt.txt", "gt/gt_mots.txt", "masks/00000.png", "masks/00001.png")
    names = (*inside, "posetrack.json", "seqinfo.ini")
    assert made == {"plaza_static.mp4", *(f"plaza_static/{name}" for name in names)}
    for file, separator in (("gt/gt.txt", ","), ("gt/gt_mots.txt", " "), ("det/det.txt", ",")):
        first = [row for row in lines(PLAZA_STATIC, file) if int(row.split(separator)[0]) <= 2]
        assert (tmp_path / "plaza_static" / file).read_text(encoding="ascii").splitlines() == first
    with open_source(str(tmp_path / "plaza_static.mp4")) as source:
        assert sum(1 for _ in source) == 2


def test_a_video_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), video(tmp_path / "a.mp4", (64, 48), FPS) as write:
        write(np.zeros((48, 64, 3), np.uint8))
        raise KeyError
    assert not list(tmp_path.iterdir())


@settings(deadline=None)
@given(hnp.arrays(np.uint8, (6, 8), elements=st.integers(0, 3)))
def test_a_pixel_belongs_to_whoever_covers_most_of_it(ids: NDArray[np.uint8]) -> None:
    got = owners(ids)
    for row, column in np.ndindex(got.shape):
        block = ids[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].ravel().tolist()
        counts = {k: block.count(k) for k in (1, 2, 3) if block.count(k) >= 2}
        best = max(counts.values(), default=0)
        assert got[row, column] == min((k for k, n in counts.items() if n == best), default=0)


@settings(deadline=None)
@given(st.floats(-0.3, 0.3), hnp.arrays(np.float64, (3,), elements=st.floats(-1, 1)))
def test_warping_to_the_wide_picture_is_projecting_into_it(yaw: float, offset: Floats) -> None:
    still = Camera(640, 384, 600.0, (320.0, 192.0), (0.0, 0.0, 2.6), 0.14)
    wide = still.widened(np.array([-0.3, 0.3]), 4)
    point = np.array([0.0, 12.0, 1.0]) + offset * np.array([3.0, 5.0, 1.0])
    turned = replace(still, yaw=yaw)
    (seen, depth, _), (mapped, same, _) = turned.project(point), wide.project(point)
    through = turned.warp_from(wide) @ np.array([*seen, 1.0])
    np.testing.assert_allclose(through[:2] / through[2], mapped, atol=1e-6)
    assert depth == pytest.approx(same)
    ray = turned.rays(seen[0], seen[1])
    np.testing.assert_allclose(np.cross(ray, point - np.array(turned.position)), 0, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.floats(1.1, 1.95), st.floats(0.9, 1.6), st.floats(0, 8), st.floats(0, 1))
def test_bones_keep_their_length(height: float, speed: float, time: float, phase: float) -> None:
    joints = pose(Body(height, phase), Way(((0.0, 5.0), (6.0, 7.0), (12.0, 5.0)), speed), time)
    for side in ("left", "right"):
        for a, b, share in (("hip", "knee", 0.245), ("knee", "ankle", 0.246), ("shoulder", "elbow", 0.172)):
            bone = joints[f"{side}_{a}"] - joints[f"{side}_{b}"]
            assert np.sqrt((bone**2).sum()) == pytest.approx(share * height, rel=1e-6)
    assert joints["left_ankle"][2] > 0 and joints["right_ankle"][2] > 0


@pytest.mark.parametrize("speed", [1.0, 1.35, 1.6])
def test_a_standing_foot_does_not_slide(speed: float) -> None:
    body, way = Body(1.75), Way(((0.0, 5.0), (8.0, 5.0), (16.0, 5.0)), speed)
    period = body.stride(speed) / speed
    # Flat on the ground between heel strike (0.13 of a stance) and heel off (0.45 of it).
    times = period * (3 + STANCE * np.linspace(0.14, 0.44, 9))
    ankles = np.array([pose(body, way, float(time))["left_ankle"] for time in times])
    assert np.ptp(ankles, axis=0).max() < 0.01
    walked = speed * (times[-1] - times[0])
    assert walked > 0.15


def test_somebody_who_waits_stands_still_on_both_feet() -> None:
    way = Way(((0.0, 5.0), (8.0, 5.0)), 1.2, ((2.0, 5.0),))
    first, last = (pose(Body(1.7), way, time) for time in (2.5, 4.5))
    for joint in ("left_ankle", "right_ankle"):
        np.testing.assert_allclose(first[joint], last[joint], atol=1e-9)
        assert first[joint][2] == pytest.approx(0.039 * 1.7, abs=0.005)
    assert np.abs(first["left_ankle"][0] - first["right_ankle"][0]) < 0.05
    assert way.travelled(8.0) == pytest.approx(1.2 * (8.0 - 3.0 - 0.6), abs=0.02)


def test_others_only_take_pixels_away() -> None:
    """An independent view: each walker alone on the plaza, against the same walker among the others."""
    film = film_of("plaza_static")
    crowd = film.shoot(190)
    hidden = 0
    for walker in film.clip.walkers:
        lonely = copy(film)
        lonely.clip = replace(film.clip, walkers=(walker,))
        alone = lonely.shoot(190)
        mine, kept = alone.ids == walker.id, crowd.ids == walker.id
        assert not (kept & ~mine).any()
        assert (crowd.ids[mine & ~kept] != walker.id).all()
        hidden += int((mine & ~kept).sum())
        for one, other in zip(alone.seen, (s for s in crowd.seen if s.id == walker.id), strict=True):
            assert one.body == other.body
            np.testing.assert_array_equal(one.keypoints[:, :2], other.keypoints[:, :2])
            assert (one.keypoints[:, 2] >= other.keypoints[:, 2]).all()
            assert other.share == pytest.approx(one.share * kept.sum() / max(mine.sum(), 1))
    assert hidden > 500
