"""Files of people who annotate: how long a track lasts, which shapes have a box, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from detectionforms import write

from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any

FOOTAGE = Footage(12, (200, 100))
BOX = 'xtl="10" ytl="20" xbr="40" ybr="60"'


def cvat(folder: Path, inside: str, meta: str = "") -> Path:
    return write(folder / "a.xml", [f"<annotations>{meta}{inside}</annotations>"])


def track(*shapes: str) -> str:
    return f'<track id="0" label="car">{"".join(shapes)}</track>'


def label_studio(folder: Path, *results: dict[str, Any]) -> Path:
    return write(folder / "a.json", [json.dumps([{"data": {"video": "v.mp4"}, "annotations": [{"result": results}]}])])


def sequence(*entries: tuple[int, bool], **more: Any) -> dict[str, Any]:
    place = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
    value = {"sequence": [{"frame": frame, "enabled": on, **place} for frame, on in entries], "labels": ["car"]}
    return {"type": "videorectangle", "value": {**value, **more}}


@pytest.mark.parametrize(
    ("result", "frames"),
    [
        (sequence((1, True)), range(12)),
        (sequence((1, True), framesCount=9), range(9)),
        (sequence((1, True), framesCount=90), range(12)),
        (sequence((3, True), (5, False)), range(2, 5)),
        (sequence((3, True), (5, True)), range(2, 12)),
        (sequence((3, False), (7, True), framesCount=9), (2, 6, 7, 8)),
    ],
)
def test_a_track_of_label_studio_lasts_while_it_is_on(result: dict[str, Any], frames: Any, tmp_path: Path) -> None:
    assert sorted(read_any(label_studio(tmp_path, result), FOOTAGE)) == list(frames)


SIZE = "<meta><task><size>9</size></task></meta>"
STOP = "<meta><job><stop_frame>7</stop_frame><size>90</size></job></meta>"
KEY = [f'<box frame="{n}" keyframe="1" outside="{int(n == 5)}" {BOX}/>' for n in range(12)]
EVERY = [f'<box frame="{n}" keyframe="{int(n == 2)}" outside="0" {BOX}/>' for n in range(2, 5)]


@pytest.mark.parametrize(
    ("shapes", "meta", "frames"),
    [
        ([KEY[0]], SIZE, range(9)),
        ([KEY[0], KEY[5]], SIZE, range(5)),
        ([KEY[0], KEY[5], KEY[6]], STOP, (*range(5), 6, 7)),
        ([KEY[3]], "", range(3, 12)),
        (EVERY, SIZE, range(2, 5)),
    ],
    ids=["one key frame", "one that leaves", "one that comes back", "no size", "every frame"],
)
def test_a_track_of_cvat_lasts_until_it_is_outside(shapes: list[str], meta: str, frames: Any, tmp_path: Path) -> None:
    assert sorted(read_any(cvat(tmp_path, track(*shapes), meta), FOOTAGE)) == list(frames)


def skeleton(frame: int, *, outside: bool) -> str:
    joints = [f'<points label="{n}" outside="{outside:d}" points="{10 + n},{20 + n}"/>' for n in (0, 30)]
    return f'<skeleton frame="{frame}" label="p" keyframe="1">{"".join(joints)}</skeleton>'


def test_a_skeleton_whose_joints_are_all_outside_is_outside(tmp_path: Path) -> None:
    path = cvat(tmp_path, track(skeleton(0, outside=False), skeleton(3, outside=True)))
    assert sorted(read_any(path, FOOTAGE)) == [0, 1, 2]
    path = cvat(tmp_path, f'<image id="1" name="1.png">{skeleton(1, outside=True)}{skeleton(1, outside=False)}</image>')
    assert read_any(path, FOOTAGE)[1].boxes.tolist() == [[10, 20, 30, 30]]


CUBOID = " ".join(
    f'x{corner}{face}="{x + 10 * face}" y{corner}{face}="{y}"'
    for face in (1, 2)
    for corner, x, y in (("tl", 20, 30), ("bl", 20, 70), ("tr", 60, 30), ("br", 60, 70))
)


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ('<ellipse cx="50" cy="40" rx="30" ry="10" rotation="90"/>', [40, 10, 20, 60]),
        ('<ellipse cx="50" cy="40" rx="30" ry="10"/>', [20, 30, 60, 20]),
        ('<points points="10,20;30,25;15,60"/>', [10, 20, 20, 40]),
        (f"<cuboid {CUBOID}/>", [30, 30, 50, 40]),
    ],
)
def test_what_has_a_box_is_read_from_cvat(shape: str, box: list[float], tmp_path: Path) -> None:
    path = cvat(tmp_path, f'<image id="0" name="0.png">{shape}</image>')
    assert read_any(path, FOOTAGE)[0].boxes[0].tolist() == pytest.approx(box)


def test_an_ellipse_of_label_studio_is_read(tmp_path: Path) -> None:
    value = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "rotation": 90, "ellipselabels": ["plate"]}
    seen = read_any(label_studio(tmp_path, {"type": "ellipselabels", "value": value}), FOOTAGE)[0]
    assert seen.boxes[0].tolist() == pytest.approx([95, 30, 10, 40]) and seen.labels == ("plate",)


def test_points_of_labelme_are_read_where_there_are_several(tmp_path: Path) -> None:
    shapes = [{"label": "a", "shape_type": "points", "points": points} for points in ([[1, 2]], [[1, 2], [5, 9]])]
    path = write(tmp_path / "0.json", [json.dumps({"shapes": shapes, "imagePath": "0.jpg"})])
    assert read_any(path, FOOTAGE)[0].boxes.tolist() == [[1, 2, 4, 7]]


def test_what_has_no_box_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = '<points label="a" points="5,6"/>'
    path = cvat(tmp_path, f'<image id="0" name="0.png"><box label="a" {BOX}/>{one}{one}<tag label="b"/></image>')
    assert len(read_any(path, FOOTAGE)[0]) == 1
    assert f"{path}: shapes that have no box are left out: 2 of points" in caplog.text
    brush = {"type": "brushlabels", "value": {"format": "rle", "rle": [0, 1], "brushlabels": ["a"]}}
    key = {"type": "keypointlabels", "value": {"x": 5, "y": 5, "width": 1, "keypointlabels": ["a"]}}
    path = label_studio(tmp_path, brush, key, sequence((1, False)))
    assert sorted(read_any(path, FOOTAGE)) == [0]
    assert "left out: 1 of brushlabels, 1 of keypointlabels" in caplog.text
