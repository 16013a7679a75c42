"""What draws the demo clips: cameras project, people walk as people do, and each pixel has one owner."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demo.camera import Camera, Floats
from demo.encode import video
from demo.film import owners
from demo.gait import FPS, STANCE, Body, pose
from demo.gait import Path as Way
from demofilm import film_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray


def test_any_frame_can_be_shot_alone() -> None:
    film = film_of("plaza_pan")
    first, other = film.shoot(90), film.shoot(40)
    again = film.shoot(90)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.ids, again.ids)
    assert not np.array_equal(first.image, other.image)


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
