"""Files that say of how large pictures they are: what was made for another size is scaled, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from detectionforms import write

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any
from vistream.media.formats.posetrack import read_poses

FOOTAGE = Footage(3, (640, 384))
LARGE, SQUARE, NONE = (1280, 768), (640, 640), (0, 0)
BOX = (100, 60, 40, 120)
CORNERS = 'xtl="100" ytl="60" xbr="140" ybr="180"'

Form = Callable[[Path, int, int], Path]


def coco(folder: Path, width: int, height: int) -> Path:
    points = [100, 60, 2, 140, 180, 2]
    outline = [[100, 60, 140, 60, 140, 180]]
    whole = {
        "images": [{"id": 1, "frame_id": 0, "file_name": "0.jpg", "width": width, "height": height}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": BOX, "keypoints": points}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_knee"]}],
    }
    if width:
        whole["annotations"][0]["segmentation"] = outline
    return write(folder / "a.json", [json.dumps(whole)])


def cvat_images(folder: Path, width: int, height: int) -> Path:
    image = f'<image id="0" name="0.png" width="{width}" height="{height}"><box label="a" {CORNERS}/></image>'
    return write(folder / "a.xml", [f"<annotations>{image}</annotations>"])


def cvat_video(folder: Path, width: int, height: int) -> Path:
    size = f"<original_size><width>{width}</width><height>{height}</height></original_size>"
    track = f'<track id="0" label="a"><box frame="0" outside="0" keyframe="0" {CORNERS}/></track>'
    return write(folder / "a.xml", [f"<annotations><meta><task>{size}</task></meta>{track}</annotations>"])


def voc(folder: Path, width: int, height: int) -> Path:
    box = "<bndbox><xmin>101</xmin><ymin>61</ymin><xmax>140</xmax><ymax>180</ymax></bndbox>"
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    write(folder / "voc" / "0.xml", [f"<annotation>{size}<object><name>a</name>{box}</object></annotation>"])
    return folder / "voc"


def labelme(folder: Path, width: int, height: int) -> Path:
    shape = {"label": "a", "shape_type": "rectangle", "points": [[100, 60], [140, 180]]}
    whole = {"shapes": [shape], "imagePath": "0.jpg", "imageWidth": width, "imageHeight": height}
    return write(folder / "0.json", [json.dumps(whole)])


FORMS: dict[str, Form] = {
    "COCO": coco,
    "CVAT, images": cvat_images,
    "CVAT, video": cvat_video,
    "VOC": voc,
    "LabelMe": labelme,
}


@pytest.mark.parametrize("form", FORMS)
def test_boxes_in_pictures_of_another_size_are_scaled(
    form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = read_any(FORMS[form](tmp_path, *LARGE), FOOTAGE)[0]
    assert seen.boxes.tolist() == [[50, 30, 20, 60]] and seen.masks is None
    assert "it is of pictures of 1280x768, the frames are 640x384: its boxes are scaled" in caplog.text
    with pytest.raises(VistreamError, match="it is of pictures of 640x640, the frames are 640x384, of another shape"):
        read_any(FORMS[form](tmp_path, *SQUARE), FOOTAGE)


@pytest.mark.parametrize("size", [FOOTAGE.size, NONE])
@pytest.mark.parametrize("form", FORMS)
def test_boxes_in_pictures_of_the_same_size_stay(
    form: str, size: tuple[int, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_any(FORMS[form](tmp_path, *size), FOOTAGE)[0].boxes.tolist() == [list(BOX)]
    assert "are scaled" not in caplog.text


def test_joints_are_scaled_with_their_boxes(tmp_path: Path) -> None:
    keypoints = read_any(coco(tmp_path, *LARGE), FOOTAGE)[0].keypoints
    assert keypoints is not None and keypoints.tolist() == [[[50, 30, 2], [70, 90, 2]]]
    seen = read_poses(coco(tmp_path, *LARGE), FOOTAGE).observations()[0]
    assert seen.keypoints is not None and seen.keypoints[0, :, :2].tolist() == [[50, 30], [70, 90]]
    assert seen.boxes.tolist() == [[50, 30, 20, 60]]
