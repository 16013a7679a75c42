"""Detections in the forms that people have: every one of them gives the same two boxes in three frames."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing.mutate import mutated

from vistream.detect.from_file import FileDetector
from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any
from vistream.types import Observations

FOOTAGE = Footage(10, (640, 384))
PERSON, CAR = (100.0, 60.0, 50.0, 120.0), (300.0, 200.0, 120.0, 60.0)
"""Of frame 0, in pixels from 0; in frame n the person has gone n pixels to the right."""


def objects(frame: int) -> list[tuple[str, tuple[float, float, float, float]]]:
    return [("person", (PERSON[0] + frame, *PERSON[1:])), ("car", CAR)]


def write(path: Path, lines: list[str], head: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def text(folder: Path, line: Callable[[int, str, tuple[float, ...]], str], head: str = "") -> Path:
    lines = [line(frame, name, box) for frame in range(3) for name, box in objects(frame)]
    return write(folder / "det.txt", lines, head)


def mot(separator: str, head: str = "", end: str = "") -> Callable[[Path], Path]:
    def line(frame: int, name: str, box: tuple[float, ...]) -> str:
        x, y, w, h = box
        return separator.join(f"{v:g}" for v in (frame + 1, -1, x + 1, y + 1, w, h, 0.9, -1, -1, -1)) + end

    return lambda folder: text(folder, line, head)


def headed(names: str, values: Callable[[int, str, tuple[float, ...]], str], mark: str = "") -> Callable[[Path], Path]:
    return lambda folder: text(folder, values, f"{mark}{names}\n")


def kitti(folder: Path) -> Path:
    kinds = {"person": "Pedestrian", "car": "Car"}

    def line(frame: int, name: str, box: tuple[float, ...]) -> str:
        x, y, w, h = box
        return f"{frame} 7 {kinds[name]} 0 0 -1.5 {x} {y} {x + w} {y + h} 1 1 1 0 0 0 0 0.9"

    path = text(folder, line)
    path.write_text(path.read_text() + "2 -1 DontCare -1 -1 -10 0 0 9 9 -1 -1 -1 -1000 -1000 -1000 -10 1\n")
    return path


def visdrone(folder: Path) -> Path:
    numbers = {"person": 1, "car": 4}

    def line(frame: int, name: str, box: tuple[float, ...]) -> str:
        return f"{frame + 1},3,{','.join(f'{v:g}' for v in box)},1,{numbers[name]},0,1"

    path = text(folder, line)
    path.write_text(path.read_text() + "2,0,0,0,90,90,0,0,0,0\n")
    return path


def yolo(folder: Path) -> Path:
    for frame in range(3):
        lines = []
        for number, (_, (x, y, w, h)) in enumerate(objects(frame)):
            centre = ((x + w / 2) / 640, (y + h / 2) / 384, w / 640, h / 384)
            lines.append(f"{number} " + " ".join(f"{value:.8f}" for value in centre) + " 0.9")
        write(folder / "run" / "labels" / f"frame_{frame:06d}.txt", lines)
    write(folder / "run" / "classes.txt", ["person", "car"])
    return folder / "run"


def yolo_outlines(folder: Path) -> Path:
    for frame in range(3):
        lines = []
        for number, (_, (x, y, w, h)) in enumerate(objects(frame)):
            corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
            lines.append(f"{number} " + " ".join(f"{a / 640:.8f} {b / 384:.8f}" for a, b in corners))
        write(folder / "run" / f"{frame}.txt", lines)
    (folder / "data.yaml").write_text("nc: 2\nnames:\n  0: person\n  1: car\n")
    return folder / "run"


def voc(folder: Path) -> Path:
    for frame in range(3):
        things = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax>"
            f"<ymax>{y + h}</ymax></bndbox></object>"
            for name, (x, y, w, h) in objects(frame)
        )
        write(folder / "voc" / "Annotations" / f"{frame:06d}.xml", [f"<annotation>{things}</annotation>"])
    return folder / "voc"


def cvat_images(folder: Path) -> Path:
    images = "".join(
        f'<image id="{frame}" name="a{frame}.png">'
        + "".join(
            f'<box label="{name}" xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}" occluded="0"/>'
            for name, (x, y, w, h) in objects(frame)
        )
        + "</image>"
        for frame in range(3)
    )
    return write(folder / "a.xml", [f'<?xml version="1.0" encoding="utf-8"?><annotations>{images}</annotations>'])


def cvat_video(folder: Path) -> Path:
    """Key frames alone: 0 and 2; the car leaves in frame 3."""
    tracks = ""
    for number, (name, _) in enumerate(objects(0)):
        boxes = ""
        for frame in (0, 2, 3):
            x, y, w, h = objects(frame)[number][1]
            boxes += (
                f'<box frame="{frame}" outside="{int(frame == 3)}" keyframe="1" '
                f'xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}"/>'
            )
        tracks += f'<track id="{number}" label="{name}">{boxes}</track>'
    return write(folder / "a.xml", [f"<annotations><version>1.1</version>{tracks}</annotations>"])


def label_studio_images(folder: Path) -> Path:
    tasks = [
        {
            "data": {"image": f"/data/upload/1/ab-frame_{frame}.jpg?d=1"},
            "annotations": [{"result": [_percent(name, box) for name, box in objects(frame)]}],
        }
        for frame in range(3)
    ]
    return write(folder / "a.json", [json.dumps(tasks)])


def _percent(name: str, box: tuple[float, ...]) -> dict[str, Any]:
    x, y, w, h = box
    places = {"x": x / 6.4, "y": y / 3.84, "width": w / 6.4, "height": h / 3.84}
    return {"type": "rectanglelabels", "value": {**places, "rotation": 0, "rectanglelabels": [name]}}


def label_studio_video(folder: Path) -> Path:
    result = []
    for number, (name, _) in enumerate(objects(0)):
        places = {frame: _percent(name, objects(frame)[number][1])["value"] for frame in (0, 2)}
        sequence = [{"frame": frame + 1, "enabled": frame != 2, **place} for frame, place in places.items()]
        result.append({"type": "videorectangle", "value": {"sequence": sequence, "labels": [name]}})
    task = {"data": {"video": "/a.mp4"}, "predictions": [{"result": result}]}
    return write(folder / "a.json", [json.dumps([task])])


def coco_of(**changes: Any) -> dict[str, Any]:
    """A COCO file as an exporter would write it; images are listed last first."""
    first = changes.pop("first", 0)
    name = changes.pop("name", "frame_{:06d}.jpg")
    images = [{"id": n, "file_name": name.format(n), "height": 384, "width": 640} for n in range(first, first + 3)]
    annotations = [
        {"image_id": n + first, "category_id": number + 1, "bbox": list(box), "id": 9, **changes}
        for n in range(3)
        for number, (_, box) in enumerate(objects(n))
    ]
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    return {"images": images[::-1], "annotations": annotations, "categories": categories}


def coco(**changes: Any) -> Callable[[Path], Path]:
    return lambda folder: write(folder / "a.json", [json.dumps(coco_of(**changes))])


def coco_text_ids(folder: Path) -> Path:
    whole = coco_of()
    for image in whole["images"]:
        image["id"] = f"id-{image['id']}"
    for annotation in whole["annotations"]:
        annotation["image_id"] = f"id-{annotation['image_id']}"
    return write(folder / "a.json", [json.dumps(whole)])


def coco_video(folder: Path) -> Path:
    """Ids and names tell nothing, `frame_id` does."""
    whole = coco_of(first=70, name="{:02d}a.jpg")
    for image in whole["images"]:
        image |= {"frame_id": image["id"] - 70, "video_id": 1, "file_name": f"x{90 - image['id']}.jpg"}
    return write(folder / "a.json", [json.dumps(whole)])


FORMS: dict[str, Callable[[Path], Path]] = {
    "MOT": mot(","),
    "MOT, semicolons": mot(";"),
    "MOT, tabs": mot("\t"),
    "MOT, spaces": mot(" "),
    "MOT, a comma at the end": mot(",", end=","),
    "MOT, names over the columns": mot(",", "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z\n"),
    "MOT, BOM and a remark": mot(",", "\ufeff# made by hand\n"),
    "CSV by corners": headed(
        "x_min,y_min,x_max,y_max,class_name,confidence,frame_number",
        lambda n, name, b: f"{b[0]},{b[1]},{b[0] + b[2]},{b[1] + b[3]},{name},0.9,{n}",
    ),
    "CSV of pandas": headed(
        ",frame,time,id,label,score,x,y,w,h", lambda n, name, b: f"0,{n},0,1,{name},0.9,{b[0]},{b[1]},{b[2]},{b[3]}"
    ),
    "CSV of a spreadsheet": headed(
        "Frame;Left;Top;Width;Height;Class",
        lambda n, name, b: f"{n};" + ";".join(f"{v:.2f}".replace(".", ",") for v in b) + f";{name}",
        "\ufeff",
    ),
    "CSV of names": headed(
        "filename,width,height,class,xmin,ymin,xmax,ymax".replace("width,height,", ""),
        lambda n, name, b: f"img_{n}.jpg,{name},{b[0]},{b[1]},{b[0] + b[2]},{b[1] + b[3]}",
    ),
    "KITTI": kitti,
    "VisDrone": visdrone,
    "YOLO": yolo,
    "YOLO outlines": yolo_outlines,
    "VOC": voc,
    "CVAT images": cvat_images,
    "CVAT video": cvat_video,
    "Label Studio images": label_studio_images,
    "Label Studio video": label_studio_video,
    "COCO": coco(),
    "COCO, no mask": coco(segmentation=[]),
    "COCO, empty masks": coco(segmentation=[[]], keypoints=[]),
    "COCO, ids from 1": coco(first=1, name="{:06d}.jpg"),
    "COCO of Roboflow": coco(name="frame_{}_jpg.rf.0a9f3.jpg"),
    "COCO, ids of text": coco_text_ids,
    "COCO of videos": coco_video,
}
UNNAMED = {name for name in FORMS if name.startswith("MOT")}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_boxes(form: str, tmp_path: Path) -> None:
    frames = 3 if form == "COCO, ids from 1" else 10  # the last number then tells where they begin
    read = read_any(FORMS[form](tmp_path), Footage(frames, (640, 384)))
    assert_expected(read, named=form not in UNNAMED)


def assert_expected(read: Mapping[int, Observations], *, named: bool = True) -> None:
    assert sorted(read) == [0, 1, 2]
    for frame, seen in read.items():
        order = np.argsort(seen.boxes[:, 0])
        np.testing.assert_allclose(seen.boxes[order], [box for _, box in objects(frame)], atol=0.01)
        labels = [seen.labels[i] for i in order]
        assert labels == (["person", "car"] if named else ["object", "object"])


def test_a_number_in_a_files_name_is_its_frame(tmp_path: Path) -> None:
    for frame in (4, 7):
        write(tmp_path / "labels" / f"clip2_{frame:05d}.txt", ["0 0.5 0.5 0.25 0.5"])
    seen = read_any(tmp_path, FOOTAGE)
    assert sorted(seen) == [4, 7]
    assert seen[7].labels == ("class 0",)
    assert seen[7].boxes.tolist() == [[240, 96, 160, 192]]


def test_files_named_like_the_images_are_of_these(tmp_path: Path) -> None:
    write(tmp_path / "b.txt", ["0 0.5 0.5 0.25 0.5"])
    write(tmp_path / "elsewhere.txt", ["0 0.5 0.5 0.25 0.5"])
    assert sorted(read_any(tmp_path, Footage(3, (640, 384), ("a.jpg", "b.jpg", "c.jpg")))) == [1]


def test_ids_behind_yolo_boxes_are_no_scores(tmp_path: Path) -> None:
    write(tmp_path / "0.txt", ["0 0.5 0.5 0.25 0.5 7", "0 0.2 0.5 0.25 0.5 12"])
    assert read_any(tmp_path, FOOTAGE)[0].scores.tolist() == [1, 1]


def bare(**changes: Any) -> list[dict[str, Any]]:
    return [{"image_id": n, "category_id": 1, "bbox": [9, 9, 20, 20], "score": 0.9, **changes} for n in (1, 2, 3)]


def test_results_from_1_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.json", [json.dumps(bare())])
    with caplog.at_level(logging.WARNING, "vistream"):
        assert sorted(read_any(path, FOOTAGE)) == [1, 2, 3]
    assert "first frame has no detection, as image_id seems to begin at 1" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "vistream"):
        assert sorted(read_any(path, Footage(3, (640, 384)))) == [0, 1, 2]  # there is no frame 3
    assert "taken as counted from 1" in caplog.text


@pytest.mark.parametrize("identity", ["000002", "frame_000002.jpg", 2])
def test_ids_of_any_type_are_frames(identity: object, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [json.dumps(bare(image_id=identity)[:1])])
    assert sorted(read_any(path, FOOTAGE)) == [2]


@pytest.mark.parametrize("form", ["MOT", "CSV", "COCO"])
def test_boxes_in_0_to_1_are_understood(form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if form == "COCO":
        path = write(tmp_path / "a.json", [json.dumps(bare(image_id=0, bbox=[0.25, 0.25, 0.5, 0.5])[:1])])
    elif form == "CSV":
        path = write(tmp_path / "a.csv", ["frame,x,y,w,h", "0,0.25,0.25,0.5,0.5"])
    else:
        path = write(tmp_path / "a.txt", ["1,-1,0.25,0.25,0.5,0.5,0.9,-1,-1,-1"])
    with caplog.at_level(logging.WARNING, "vistream"):
        assert read_any(path, FOOTAGE)[0].boxes.tolist() == [[160, 96, 320, 192]]
    assert f"{path}: its boxes are fractions" in caplog.text


def test_boxes_off_the_frame_are_refused_or_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inside, outside = "1,-1,10,10,50,50,0.9,-1,-1,-1", "2,-1,1700,900,50,50,0.9,-1,-1,-1"
    with pytest.raises(VistreamError, match="every box lies outside the frame of 640x384"):
        FileDetector(write(tmp_path / "a.txt", [outside]), FOOTAGE)
    with caplog.at_level(logging.WARNING, "vistream"):
        FileDetector(write(tmp_path / "a.txt", [inside, outside]), FOOTAGE)
    assert "1 of 2 boxes lie outside" in caplog.text


REFUSED = {
    "a.xml": ("<a><b/></a>", "its root is <a>"),
    "b.xml": ("<annotations><image", "not XML"),
    "c.xml": ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "defines XML entities"),
    "a.zip": ("PK", "unpack it"),
    "a.csv": ("frame,left,top\n1,2,3\n", "has the columns frame, left, top"),
    "b.csv": ("frame,x,y,w,h\n0,1,2,3,wide\n", "line 2: 'wide' is not a number"),
    "a.txt": ("0 0.5 0.5 0.1 0.1\n", "YOLO text of a single image"),
    "b.txt": ("0 1 Car 0 0 0 10 10 5 5 1 1 1 1 1 1 1\n", "line 1: frames count from 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_one_line_with_the_file(name: str, tmp_path: Path) -> None:
    content, complaint = REFUSED[name]
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(VistreamError, match=complaint) as error:
        read_any(path, FOOTAGE)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_folder_without_detections_is_named(tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match="holds no file of detections"):
        read_any(tmp_path, FOOTAGE)


@pytest.mark.parametrize("form", FORMS)
def test_a_broken_file_is_read_or_refused_in_one_line(form: str, tmp_path: Path) -> None:
    chance = random.Random(form)
    for number in range(15):
        path = FORMS[form](tmp_path / str(number))
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        broken = chance.choice(files)
        data = broken.read_bytes()
        broken.write_bytes(mutated(data, [data], chance))
        try:
            list(read_any(path, FOOTAGE).values())
        except VistreamError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("number", ["1e308", "-1e308", "nan", "inf", "1e20"])
def test_yolo_numbers_that_no_box_has_are_refused(number: str, tmp_path: Path) -> None:
    (tmp_path / "frame_000000.txt").write_text(f"0 0.5 0.5 {number} 0.1\n", encoding="utf-8")
    with pytest.raises(VistreamError, match=r"frame_000000\.txt, line 1"):
        read_any(tmp_path, Footage(4, size=(64, 48)))
