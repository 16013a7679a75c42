"""YOLO text as Ultralytics writes it for every task, with scores and ids: the box and the score are the ones meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detectionforms import write

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any

FOOTAGE = Footage(30, (100, 100))
FRAMES = 12
CORNERS = {
    "outlines": ((0.1, 0.2), (0.3, 0.15), (0.4, 0.5), (0.25, 0.45), (0.12, 0.5), (0.2, 0.35)),
    "turned boxes": ((0.1, 0.3), (0.25, 0.15), (0.4, 0.35), (0.25, 0.5)),
    "triangles": ((0.1, 0.5), (0.25, 0.15), (0.4, 0.4)),
}
"""All in the box (0.1, 0.15, 0.3, 0.35), which is moved from frame to frame."""
JOINTS = {"17 joints": (17, 3), "14 joints": (14, 3), "5 joints in 2 columns": (5, 2), "2 joints": (2, 3)}
ENDS = {"bare": ("", 1.0), "score": (" 0.77", 0.77), "id": (" 3", 1.0), "score and id": (" 0.77 1", 0.77)}


def place(frame: int) -> np.ndarray:
    return np.array([0.04 * (frame % 4), 0.05 * (frame // 4)])


def outline(kind: str, frame: int) -> str:
    corners = np.array(CORNERS[kind]) + place(frame)
    if kind == "outlines":  # every contour has another number of corners
        corners = np.concatenate([corners, np.linspace(corners[-1], corners[0], 2 + frame)[1:-1]])
    return " ".join(f"{value:g}" for value in corners.ravel())


def pose(kind: str, frame: int, *, predicted: bool) -> str:
    joints, columns = JOINTS[kind]
    rng = np.random.default_rng(frame)
    centre, size = np.array([0.25, 0.325]) + place(frame), np.array([0.3, 0.35])
    places = centre + size * rng.uniform(-0.5, 0.5, (joints, 2))
    seen = rng.uniform(0.5, 1, joints) if predicted else rng.choice([1, 2], joints)
    values = np.column_stack([places, seen])[:, :columns]
    return " ".join(f"{value:g}" for value in (*centre, *size, *values.ravel()))


def assert_boxes(folder: Path, score: float) -> None:
    read = read_any(folder, FOOTAGE)
    assert sorted(read) == list(range(FRAMES))
    for frame, seen in read.items():
        x, y = 100 * (np.array([0.1, 0.15]) + place(frame))
        np.testing.assert_allclose(seen.boxes, [[x, y, 30, 35]], atol=0.01)
        assert seen.scores.tolist() == [score]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", CORNERS)
def test_outlines_are_read_with_their_scores(kind: str, end: str, tmp_path: Path) -> None:
    behind, score = ENDS[end]
    for frame in range(FRAMES):
        write(tmp_path / f"{frame}.txt", [f"0 {outline(kind, frame)}{behind}"])
    assert_boxes(tmp_path, score)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", JOINTS)
def test_joints_behind_boxes_are_no_corners(kind: str, end: str, tmp_path: Path) -> None:
    behind, score = ENDS[end]
    for frame in range(FRAMES):
        write(
            tmp_path / f"{frame}.txt",
            [f"0 {pose(kind, frame, predicted=end != 'bare' and kind != '2 joints')}{behind}"],
        )
    assert_boxes(tmp_path, score)


@pytest.mark.parametrize("end", ENDS)
def test_one_contour_alone_is_an_outline(end: str, tmp_path: Path) -> None:
    """In the middle, where it could be a box with joints in it; and it may cross itself here and there."""
    behind, score = ENDS[end]
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    round_it = 0.5 + 0.15 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    round_it[[5, 6]] = round_it[[6, 5]]
    line = " ".join(f"{value:g}" for value in round_it.ravel())
    write(tmp_path / "0.txt", [f"0 {line}{behind}"] * (12 if score < 1 else 1))
    seen = read_any(tmp_path, FOOTAGE)[0]
    np.testing.assert_allclose(seen.boxes[0], [35, 35, 30, 30], atol=0.01)
    assert set(seen.scores) == {score}


def test_lines_whose_id_is_not_known_yet_are_read_beside_others(tmp_path: Path) -> None:
    for frame in range(FRAMES):
        write(
            tmp_path / "pose" / f"{frame}.txt",
            [f"0 {pose('17 joints', frame, predicted=True)} 0.5{' 4' * (frame > 2)}"],
        )
        write(tmp_path / "turned" / f"{frame}.txt", [f"0 {outline('turned boxes', frame)} 0.5{' 4' * (frame > 2)}"])
    assert_boxes(tmp_path / "pose", 0.5)
    assert_boxes(tmp_path / "turned", 0.5)


def test_boxes_among_outlines_stay_boxes(tmp_path: Path) -> None:
    for frame in range(FRAMES):
        x, y = np.array([0.25, 0.325]) + place(frame)
        write(tmp_path / f"{frame}.txt", [f"0 {outline('outlines', frame)}" if frame % 2 else f"0 {x} {y} 0.3 0.35"])
    assert_boxes(tmp_path, 1.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.1 0.3 0.2 0.2 0.4 0.4 0.2 0.5 0.8 1", "an id or a corner"),
        ("0 0.5 0.5 0.6 0.6 0.55 0.65 0.5 0.68 0.45 0.66 0.4 0.6 0.42 0.55", "may be outlines, or boxes with"),
    ],
)
def test_what_may_be_two_things_is_refused(line: str, message: str, tmp_path: Path) -> None:
    write(tmp_path / "labels" / "0.txt", [line])
    with pytest.raises(VistreamError, match=message) as error:
        read_any(tmp_path, FOOTAGE)
    assert str(tmp_path / "labels") in str(error.value)
