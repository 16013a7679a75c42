"""Readers of detections in the forms of other programs, with small valid files to start from."""

from __future__ import annotations

import json
from pathlib import Path

from fuzzing.reader import Reader

_BOX = 'xtl="10" ytl="10" xbr="30" ybr="40"'
_PERCENT = {"x": 10.0, "y": 10.0, "width": 20.0, "height": 30.0, "rotation": 0}

SEEDS = {
    "kitti.txt": "0 7 Car 0 0 -1.5 10 10 40 50 1 1 1 0 0 0 0 0.9\n"
    "2 -1 DontCare -1 -1 -10 0 0 9 9 -1 -1 -1 -1 -1 -1 -10 1\n",
    "visdrone.txt": "1,3,10,10,20,30,1,4,0,0\n2,3,11,10,20,30,1,1,0,1\n",
    "headed.csv": "frame,x,y,w,h,class,score\n0,10,10,20,30,car,0.9\n2,11,10,20,30,person,0.8\n",
    "images.xml": '<?xml version="1.0" encoding="utf-8"?><annotations>'
    f'<image id="0" name="a_0.png" width="64" height="48"><box label="car" {_BOX}/></image></annotations>',
    "video.xml": '<annotations><version>1.1</version><track id="0" label="car">'
    f'<box frame="0" outside="0" keyframe="1" {_BOX}/><box frame="2" outside="1" keyframe="1" {_BOX}/>'
    "</track></annotations>",
    "voc.xml": "<annotation><filename>0.png</filename><size><width>64</width><height>48</height><depth>3</depth></size>"
    "<object><name>car</name><bndbox><xmin>10</xmin><ymin>10</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"
    "</annotation>",
    "images.json": json.dumps(
        [
            {
                "data": {"image": "/data/upload/1/ab-frame_0.jpg?d=1"},
                "annotations": [
                    {"result": [{"type": "rectanglelabels", "value": {**_PERCENT, "rectanglelabels": ["car"]}}]}
                ],
            }
        ]
    ),
    "video.json": json.dumps(
        [
            {
                "data": {"video": "/a.mp4"},
                "predictions": [
                    {
                        "result": [
                            {
                                "type": "videorectangle",
                                "value": {"sequence": [{"frame": 1, "enabled": True, **_PERCENT}], "labels": ["car"]},
                            }
                        ]
                    }
                ],
            }
        ]
    ),
}


def _seeds(folder: Path) -> list[Path]:
    for name, text in SEEDS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in SEEDS]


def _folder_seeds(folder: Path) -> list[Path]:
    """Of YOLO, one image."""
    (folder / "frame_000000.txt").write_text(
        "0 0.5 0.5 0.25 0.25\n2 0.25 0.5 0.1 0.2 0.9\n", encoding="utf-8", newline="\n"
    )
    return [folder / "frame_000000.txt"]


def _read(path: Path) -> object:
    from vistream.media.formats.detections.footage import Footage
    from vistream.media.formats.detections.read import read_any

    return dict(read_any(path, Footage(4, size=(64, 48))))


def _read_folder(path: Path) -> object:
    import shutil
    import tempfile

    from vistream.errors import VistreamError

    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(path, Path(scratch) / "frame_000000.txt")
        try:
            return _read(Path(scratch))
        except VistreamError as error:  # that names the copy, in a folder that goes
            raise VistreamError(str(error).replace(scratch, str(path))) from None


DETECTIONS = {"detections": Reader(_seeds, _read), "yolo": Reader(_folder_seeds, _read_folder)}
