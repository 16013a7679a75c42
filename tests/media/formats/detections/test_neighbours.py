"""Detections as other programs write them: neighbours of the forms in `test_read.py`, with the same two boxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vistream.detect.from_file import FileDetector
from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any

FOOTAGE = Footage(10, (640, 384))
BOXES = {"person": (100, 60, 50, 120), "car": (300, 200, 120, 60)}
"""Of frame 0, in pixels from 0; in frame n the person has gone n pixels to the right."""
FRAMES = range(3)


def boxes(frame: int) -> list[tuple[str, int, int, int, int]]:
    """Name, left, top, width and height."""
    (x, *rest), car = BOXES["person"], BOXES["car"]
    return [("person", x + frame, *rest), ("car", *car)]  # type: ignore[list-item]


def corners(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x1": x, "y1": y, "x2": x + w, "y2": y + h}


def rows(line: Callable[[int, str, int, int, int, int], str], head: str = "", encoding: str = "utf-8") -> bytes:
    return (head + "".join(line(frame, *box) + "\n" for frame in FRAMES for box in boxes(frame))).encode(encoding)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def supervision() -> list[dict[str, Any]]:
    return [
        {"x_min": str(x), "y_min": str(y), "x_max": str(x + w), "y_max": str(y + h), "class_id": "0",
         "confidence": "0.9", "tracker_id": "", "frame_number": frame, "class_name": name}
        for frame in FRAMES for name, x, y, w, h in boxes(frame)
    ]  # fmt: skip


def ultralytics() -> list[list[dict[str, Any]]]:
    return [
        [{"name": name, "class": 0, "confidence": 0.9, "box": corners(*box)} for name, *box in boxes(frame)]
        for frame in FRAMES
    ]


def bdd() -> list[dict[str, Any]]:
    return [
        {"name": f"a-{frame + 1:07d}.jpg", "frameIndex": frame,
         "labels": [{"id": "1", "category": name, "box2d": corners(*box)} for name, *box in boxes(frame)]}
        for frame in FRAMES
    ]  # fmt: skip


def darknet() -> list[dict[str, Any]]:
    def place(x: int, y: int, w: int, h: int) -> dict[str, float]:
        return {
            "center_x": (x + w / 2) / 640,
            "center_y": (y + h / 2) / 384,
            "width": w / 640,
            "height": h / 384,
        }

    return [
        {"frame_id": frame, "filename": "", "objects": [
            {"class_id": 0, "name": name, "relative_coordinates": place(*box), "confidence": 0.9}
            for name, *box in boxes(frame)]}
        for frame in FRAMES
    ]  # fmt: skip


def roboflow() -> list[dict[str, Any]]:
    return [
        {"predictions": [
            {"x": x + w / 2, "y": y + h / 2, "width": w, "height": h, "class": name, "confidence": 0.9}
            for name, x, y, w, h in boxes(frame)]}
        for frame in FRAMES
    ]  # fmt: skip


def labelme(frame: int) -> bytes:
    shapes = [
        {"label": name, "points": [[x + w, y + h], [x, y]], "shape_type": "rectangle"}
        for name, x, y, w, h in boxes(frame)
    ]
    return as_json({"shapes": shapes, "imagePath": f"{frame}.jpg"})


def cvat_skeletons() -> bytes:
    images = "".join(
        f'<image id="{frame}" name="{frame}.png">'
        + "".join(
            f'<skeleton label="{name}"><points label="a" points="{x},{y}" outside="0"/><points label="b" '
            f'points="{x + w},{y + h}" outside="0"/><points label="c" points="0,0" outside="1"/></skeleton>'
            for name, x, y, w, h in boxes(frame)
        )
        + "</image>"
        for frame in FRAMES
    )
    return f"<annotations>{images}</annotations>".encode()


def label_studio_polygons() -> bytes:
    def points(x: int, y: int, w: int, h: int) -> list[list[float]]:
        return [[a / 6.4, b / 3.84] for a, b in ((x, y), (x + w, y), (x + w, y + h), (x, y + h))]

    tasks = [
        {"data": {"image": f"/frame_{frame}.jpg"}, "annotations": [{"result": [
            {"type": "polygonlabels", "value": {"points": points(*box), "polygonlabels": [name]}}
            for name, *box in boxes(frame)]}]}
        for frame in FRAMES
    ]  # fmt: skip
    return as_json(tasks)


MOT = rows(lambda n, _, x, y, w, h: f"{n + 1}, -1, {x + 1}, {y + 1}, {w}, {h}, 0.9, -1, -1, -1")
FILES: dict[str, dict[str, bytes]] = {
    "an image's size beside the corners": {
        "a.csv": rows(
            lambda n, name, x, y, w, h: f"img_{n}.jpg,640,384,{name},{x},{y},{x + w},{y + h}",
            "filename,width,height,class,xmin,ymin,xmax,ymax\n",
        )
    },
    "names of columns as people write them": {
        "a.csv": rows(
            lambda n, name, x, y, w, h: f"{n}, {x}, {y}, {x + w}, {y + h}, {name}",
            "Frame Number, X Min, Y Min, X-Max, Y-Max, Class Name\n",
        )
    },
    "Open Images": {
        "a.csv": rows(
            lambda n, name, x, y, w, h: f"{n:06d}a,{name},1,{x / 640},{(x + w) / 640},{y / 384},{(y + h) / 384}",
            "ImageID,LabelName,Confidence,XMin,XMax,YMin,YMax\n",
        )
    },
    "frames without an object": {
        "a.csv": rows(lambda n, name, *box: f"{n},{','.join(map(str, box))},{name}", "frame,x,y,w,h,class\n7,,,,,\n")
    },
    "UTF-16": {
        "a.csv": rows(lambda n, name, *box: f"{n};{';'.join(map(str, box))};{name}", "frame;x;y;w;h;class\n", "utf-16")
    },
    "a sequence of MOTChallenge": {"seq/det/det.txt": MOT, "seq/seqinfo.ini": b"[Sequence]\nname=a\n"},
    "a folder that CVAT exports": {"a/annotations/instances_default.json": as_json([]), "a/images/x.txt": b""},
    "supervision, JSON": {"a.json": as_json(supervision())},
    "Ultralytics, JSON": {"a.json": as_json(ultralytics())},
    "BDD100K": {"a.json": as_json(bdd())},
    "Darknet, JSON": {"a.json": as_json(darknet())},
    "Roboflow": {"a.json": as_json(roboflow())},
    "LabelMe": {f"a/frame_{frame}.json": labelme(frame) for frame in FRAMES},
    "CVAT, skeletons": {"a.xml": cvat_skeletons()},
    "Label Studio, polygons": {"a.json": label_studio_polygons()},
}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    """Write them, and give what a user would name: the file, or the folder that holds all."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / next(iter(files)).split("/")[0]


@pytest.mark.parametrize("form", [form for form in FILES if "CVAT exports" not in form])
def test_every_form_gives_the_same_boxes(form: str, tmp_path: Path) -> None:
    read = read_any(put(tmp_path, FILES[form]), FOOTAGE)
    assert sorted(read) == [0, 1, 2]
    for frame, seen in read.items():
        expected = [tuple(map(pytest.approx, box)) for _, *box in boxes(frame)]
        assert [tuple(box) for box in seen.boxes.tolist()] == expected
        assert seen.labels == (("object", "object") if "MOTChallenge" in form else ("person", "car"))


def test_the_one_file_in_an_exported_folder_is_read(tmp_path: Path) -> None:
    assert read_any(put(tmp_path, FILES["a folder that CVAT exports"]), FOOTAGE) == {}


def test_turned_boxes_are_the_boxes_around_them(tmp_path: Path) -> None:
    cvat = (
        '<annotations><image id="0" name="0.png"><box label="a" xtl="300" ytl="200" xbr="420" ybr="260" rotation="90"/>'
    )
    path = put(tmp_path, {"a.xml": f"{cvat}</image></annotations>".encode()})
    assert read_any(path, FOOTAGE)[0].boxes.tolist() == [pytest.approx([330, 170, 60, 120])]
    value = {"x": 50, "y": 50, "width": 25, "height": 12.5, "rotation": 90, "rectanglelabels": ["a"]}
    task = {"data": {"image": "0.jpg"}, "annotations": [{"result": [{"type": "rectanglelabels", "value": value}]}]}
    path = put(tmp_path, {"a.json": as_json([task])})
    assert read_any(path, FOOTAGE)[0].boxes.tolist() == [pytest.approx([272, 192, 48, 160])]


def test_text_of_a_spreadsheet_on_windows_is_read_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(tmp_path, {"a.csv": "frame,x,y,w,h,class\n0,1,2,30,40,Fußgänger\n".encode("cp1252")})
    assert read_any(path, FOOTAGE)[0].labels == ("Fußgänger",)
    assert f"{path} is not UTF-8: read as Windows-1252" in caplog.text


@pytest.mark.parametrize("form", ["MOT", "COCO"])
def test_corners_in_place_of_sizes_are_warned_about(
    form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = [300, 200, 420, 260]
    if form == "MOT":
        path = put(tmp_path, {"a.txt": f"1,-1,{','.join(map(str, box))},0.9\n".encode()})
    else:
        path = put(tmp_path, {"a.json": as_json([{"image_id": 0, "category_id": 1, "bbox": box, "score": 0.9}])})
    FileDetector(path, FOOTAGE)
    assert "would fit in it as corners" in caplog.text


REFUSED = {
    "a.xlsx": (b"PK\x03\x04", "is a spreadsheet: save it as CSV"),
    "a.parquet": (b"PAR1", "is a binary table"),
    "a.npy": (b"\x93NUMPY", "holds bare arrays"),
    "a.pkl": (b"\x80\x04", "is pickled Python"),
    "a.json.gz": (b"\x1f\x8b", "is packed: unpack it"),
    "a.jsonl": (b'{"frame": 0, "boxes": []}\n', "line 1 is not a frame as vistream writes it: there is no 'work'"),
    "a.json": (b'[{"id": 3}]', "has the columns id: frame, x, y, w, h"),
    "b.json": (b"[[5]]", "an object with a box is expected, not 5"),
    "a/0.txt": (b"0 125 120 50 120\n", "is neither YOLO text of one image"),
    "a/0.json": (b'{"a": 1}', "is not LabelMe's JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_says_what_to_do(name: str, tmp_path: Path) -> None:
    content, complaint = REFUSED[name]
    with pytest.raises(VistreamError, match=complaint) as error:
        read_any(put(tmp_path, {name: content}), FOOTAGE)
    assert "\n" not in str(error.value)
