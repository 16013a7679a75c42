"""Detections in the forms that people have: the same two boxes in three frames of 640x384, written in each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
