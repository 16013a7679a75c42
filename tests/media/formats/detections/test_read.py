"""Detections in the forms that people have: every one of them gives the same two boxes in three frames."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detectionforms import FORMS, objects, write
from fuzzing.mutate import mutated

from vistream.detect.from_file import FileDetector
from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any
from vistream.types import Observations

FOOTAGE = Footage(10, (640, 384))
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
