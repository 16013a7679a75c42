"""The demo clips: their truth can be made again, and agrees with itself and with the film."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import render_demo
from demo import detections, truth
from demo.camera import Floats
from demo.cast import CLIPS, PLAZA_PAN, PLAZA_STATIC, Clip
from demo.gait import FPS
from demo.labels import COLOURS, Shown
from demofilm import film_of
from numpy.typing import NDArray

from vistream.media.formats import rle
from vistream.media.formats.davis import palette, read_labels
from vistream.media.formats.mot import MotTracks, read_detections, read_tracks
from vistream.media.formats.mots import IGNORE, MotsRow, read_mots
from vistream.media.formats.poses import JOINTS
from vistream.media.formats.posetrack import read_poses
from vistream.media.formats.seqinfo import read_seqinfo
from vistream.media.video import open_source
from vistream.models.classes import class_set

FOLDER = Path(__file__).parents[2] / "demo_videos"

MB = 10**6

both = pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)


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
def test_the_label_maps_come_out_again_and_agree_with_the_masks(clip: Clip) -> None:
    folder = FOLDER / clip.name
    maps = sorted((folder / "semantic").glob("*.png"))
    assert [int(path.stem) for path in maps] == list(range(0, clip.frames, render_demo.LABELLED))
    film, seen = film_of(clip.name), set()
    for path in maps:
        labels = read_labels(path)
        np.testing.assert_array_equal(labels == Shown.PERSON, read_labels(folder / "masks" / path.name) > 0)
        seen |= set(np.unique(labels).tolist())
    np.testing.assert_array_equal(film.shoot(120).labels, read_labels(folder / "semantic" / "00120.png"))
    assert seen >= set(Shown) - {Shown.SKY}  # plaza_static shows none


def test_the_classes_are_those_of_the_package() -> None:
    plaza = class_set("plaza")
    assert plaza.names == tuple(shown.name.lower() for shown in Shown)
    assert plaza.palette.tobytes() == bytes.fromhex("".join(COLOURS))


def test_labels_are_where_things_stand() -> None:
    """By hand, from looking at the first frame of plaza_static: name, (x, y) of a pixel that shows it."""
    labels = film_of("plaza_static").shoot(0).labels
    wanted = {"BUILDING": (230, 60), "PAVEMENT": (300, 360), "VEGETATION": (70, 25), "FURNITURE": (170, 300)}
    wanted |= {"POLE": (405, 100)}
    assert {name: Shown(labels[y, x]).name for name, (x, y) in wanted.items()} == {name: name for name in wanted}


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
    inside = ("det/det.txt", "gt/gt.txt", "gt/gt_mots.txt", "masks/00000.png", "masks/00001.png", "semantic/00000.png")
    names = (*inside, "posetrack.json", "seqinfo.ini")
    assert made == {"plaza_static.mp4", *(f"plaza_static/{name}" for name in names)}
    for file, separator in (("gt/gt.txt", ","), ("gt/gt_mots.txt", " "), ("det/det.txt", ",")):
        first = [row for row in lines(PLAZA_STATIC, file) if int(row.split(separator)[0]) <= 2]
        assert (tmp_path / "plaza_static" / file).read_text(encoding="ascii").splitlines() == first
    with open_source(str(tmp_path / "plaza_static.mp4")) as source:
        assert sum(1 for _ in source) == 2
