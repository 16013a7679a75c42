"""What is exported is read back: by our own readers, and by independent ones where there are some."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vistream.media.formats.coco import CocoWriter
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.read import read_any
from vistream.media.formats.exports.coco_video import CocoVideoWriter
from vistream.media.formats.exports.collected import CollectedWriter, Film
from vistream.media.formats.exports.crops import CropsWriter
from vistream.media.formats.exports.cvat_video import CvatVideoWriter
from vistream.media.formats.exports.label_studio import LabelStudioWriter
from vistream.media.formats.exports.yolo_folder import YoloFolderWriter
from vistream.media.formats.jsonl import JsonlWriter
from vistream.media.formats.mot import MotWriter
from vistream.media.formats.tracks_csv import TracksCsvWriter
from vistream.media.formats.writer import ResultWriter
from vistream.render.heatmap import HeatMap
from vistream.types import Result, Track

FILM = Film("street & square.mp4", (640, 384), 25.0)
FOOTAGE = Footage(6, (640, 384))


def results(predicted: bool = False) -> list[Result]:
    """A person in every frame, a "b<us>" in frames 1, 2 and 4; in frame 3 it may be where it is only predicted."""
    made = []
    for frame in range(6):
        tracks = [Track(3, (100.0 + frame, 60.0, 50.0, 120.0), 0.9, "person")]
        if frame in (1, 2, 4):
            tracks.append(Track(7, (300.0, 200.0, 120.0, 60.0 + frame), 0.8, "b<us>"))
        elif frame == 3 and predicted:
            tracks.append(Track(7, (300.0, 200.0, 120.0, 63.0), 0.8, "b<us>", seen=False))
        made.append(Result(frame, frame / 25, tuple(tracks), len(tracks)))
    return made


@pytest.mark.parametrize(
    ("kind", "name"), [(CvatVideoWriter, "a.xml"), (LabelStudioWriter, "a.json"), (CocoVideoWriter, "a.json")]
)
def test_what_is_exported_is_read_back(kind: type[CollectedWriter], name: str, tmp_path: Path) -> None:
    with kind(tmp_path / name, FILM) as writer:
        for result in results(predicted=True):
            writer.write(result)
    assert_same(tmp_path / name)


@pytest.mark.parametrize(
    ("kind", "name"), [(CvatVideoWriter, "a.xml"), (LabelStudioWriter, "a.json"), (CocoVideoWriter, "a.json")]
)
def test_a_track_is_what_it_was_called_last(kind: type[CollectedWriter], name: str, tmp_path: Path) -> None:
    with kind(tmp_path / name, FILM) as writer:
        for frame, label in enumerate(("dog", "dog", "person")):
            writer.write(Result(frame, 0.0, (Track(3, (100.0, 60.0, 50.0, 120.0), 0.9, label),), 1))
    assert {label for seen in read_any(tmp_path / name, FOOTAGE).values() for label in seen.labels} == {"person"}


def test_yolo_text_is_read_back_with_its_ids(tmp_path: Path) -> None:
    writer = YoloFolderWriter(tmp_path / "yolo", FILM.size)
    for result in results(predicted=True):
        writer.write(result)
    assert_same(tmp_path / "yolo")
    rows = [line.split() for line in (tmp_path / "yolo" / "labels" / "000004.txt").read_text().splitlines()]
    assert [(row[0], row[5]) for row in rows] == [("0", "3"), ("1", "7")]
    assert (tmp_path / "yolo" / "classes.txt").read_text() == "person\nb<us>\n"


OWN: dict[str, Callable[[Path], JsonlWriter | TracksCsvWriter]] = {"a.jsonl": JsonlWriter, "a.csv": TracksCsvWriter}


@pytest.mark.parametrize("name", OWN)
def test_what_was_only_predicted_is_no_detection(name: str, tmp_path: Path) -> None:
    with OWN[name](tmp_path / name) as writer:
        for result in results(predicted=True):
            writer.write(result)
    assert_same(tmp_path / name)
    filled = Track(3, (1.0, 2.0, 3.0, 4.0), 0.0, "person", seen=False)
    with OWN[name](tmp_path / f"filled {name}") as writer:
        writer.write(Result(0, 0.0, (filled,), 0))
    assert read_any(tmp_path / f"filled {name}", FOOTAGE)[0].scores.tolist() == [0]


COVERED: dict[str, Callable[[Path], ResultWriter | JsonlWriter | CollectedWriter]] = {
    "a.txt": MotWriter,
    "b.json": CocoWriter,
    "c.json": partial(CocoVideoWriter, film=FILM),
    "d.json": partial(LabelStudioWriter, film=FILM),
    "e.xml": partial(CvatVideoWriter, film=FILM),
    **OWN,
}


@pytest.mark.parametrize("name", COVERED)
def test_what_is_covered_is_read_back_from_every_form(name: str, tmp_path: Path) -> None:
    covered = Track(7, (300.0, 200.0, 120.0, 60.0), 0.4, "person", seen=False, covered=True)
    with COVERED[name](tmp_path / name) as writer:
        for result in results(predicted=True):
            people = tuple(track for track in result.tracks if track.label == "person")
            writer.write(replace(result, tracks=(*people, covered) if result.frame == 3 else people))
    read = read_any(tmp_path / name, FOOTAGE)
    assert [len(read[frame]) for frame in range(6)] == [1, 1, 1, 2, 1, 1]


def test_an_older_csv_is_read_as_it_was(tmp_path: Path) -> None:
    """Without the column `covered`, which says what of that which was not seen is a detection all the same."""
    rows = ["0,0.0,1,person,0.9,1,2,3,4,1,", "0,0.0,2,person,0.4,1,2,3,4,0,", "1,0.1,1,person,0.9,1,2,3,4,0,"]
    head = "frame,time,id,class,score,x,y,w,h,seen,speed"
    (tmp_path / "old.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    assert {frame: len(seen) for frame, seen in read_any(tmp_path / "old.csv", FOOTAGE).items()} == {0: 1}


def test_what_is_covered_is_occluded_in_cvat_and_coco(tmp_path: Path) -> None:
    covered = Track(3, (100.0, 60.0, 50.0, 120.0), 0.4, "person", seen=False, covered=True)
    with CvatVideoWriter(tmp_path / "a.xml", FILM) as cvat, CocoVideoWriter(tmp_path / "a.json", FILM) as coco:
        for frame, track in enumerate((replace(covered, seen=True, covered=False), covered)):
            for writer in (cvat, coco):
                writer.write(Result(frame, 0.0, (track,), 1))
    boxes = ElementTree.parse(tmp_path / "a.xml").getroot().iter("box")
    assert [box.get("occluded") for box in boxes] == ["0", "1"]
    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["annotations"]
    assert [row["attributes"]["occluded"] for row in rows] == [False, True]


def assert_same(path: Path) -> None:
    read = read_any(path, FOOTAGE)
    for result in results():
        seen = read[result.frame]
        order = np.argsort(seen.boxes[:, 0])
        np.testing.assert_allclose(seen.boxes[order], [track.box for track in result.tracks], atol=0.01)
        assert [seen.labels[i] for i in order] == [track.label for track in result.tracks]


def test_pycocotools_reads_coco_video(tmp_path: Path) -> None:
    with CocoVideoWriter(tmp_path / "a.json", FILM) as writer:
        for result in results():
            writer.write(result)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "a.json"))
    rows = coco.loadAnns(coco.getAnnIds(imgIds=[4]))
    assert [(row["instance_id"], row["bbox"]) for row in rows] == [(3, [104, 60, 50, 120]), (7, [300, 200, 120, 64])]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["person", "b<us>"]


def test_the_two_coco_files_of_a_run_belong_together(tmp_path: Path) -> None:
    """By image and category, so that each box of the results is that of the annotations, as pycocotools scores them."""
    with CocoVideoWriter(tmp_path / "video.json", FILM) as whole, CocoWriter(tmp_path / "results.json") as bare:
        for result in results():
            tracks = tuple(replace(track, label="person" if track.id == 3 else "car") for track in result.tracks)
            for writer in (whole, bare):
                writer.write(replace(result, tracks=tracks))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / "video.json"))
        found = truth.loadRes(str(tmp_path / "results.json"))
        scored = COCOeval(truth, found, "bbox")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    assert scored.stats[0] == pytest.approx(1.0)
    for image in truth.getImgIds():
        boxes = [{(row["category_id"], tuple(row["bbox"])) for row in one.imgToAnns[image]} for one in (truth, found)]
        assert boxes[0] == boxes[1]


def test_a_track_that_is_gone_is_outside_in_cvat(tmp_path: Path) -> None:
    with CvatVideoWriter(tmp_path / "a.xml", FILM) as writer:
        for result in results():
            writer.write(result)
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    bus = next(track for track in root.iter("track") if track.get("id") == "7")
    assert [(box.get("frame"), box.get("outside")) for box in bus] == [
        *[("1", "0"), ("2", "0"), ("3", "1"), ("4", "0"), ("5", "1")]
    ]
    assert root.findtext("meta/task/name") == FILM.name


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), CvatVideoWriter(tmp_path / "a.xml", FILM) as writer:
        writer.write(results()[0])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_best_shot_is_whole_and_large(tmp_path: Path) -> None:
    """Red in the one frame in which it is not cut by the edge; its name has what the track was called last."""
    with CropsWriter(tmp_path / "crops") as writer:
        for frame, (x, label) in enumerate(((-20.0, "dog"), (10.0, "dog"), (80.0, "person"))):
            picture = np.full((60, 100, 3), 90, np.uint8)
            picture[:, :, 0] = 250 if frame == 1 else 0
            writer.write(picture, Result(frame, 0.0, (Track(3, (x, 10.0, 30.0, 40.0), 0.9, label),), 1))
    (path,) = (tmp_path / "crops").iterdir()
    assert path.name == "0003-person.jpg"
    crop = np.asarray(Image.open(path))
    assert crop.shape == (40, 30, 3)
    assert crop[20, 15, 0] > 200


def test_a_heat_map_glows_where_feet_stood(tmp_path: Path) -> None:
    with HeatMap(tmp_path / "heat.png", (100, 60)) as heat:
        for frame in range(5):
            track = Track(1, (20.0, 10.0, 20.0, 30.0), 0.9, "person")
            heat.write(np.full((60, 100, 3), 100, np.uint8), Result(frame, 0.0, (track,), 1))
    picture = np.asarray(Image.open(tmp_path / "heat.png")).astype(int)
    assert picture.shape == (60, 100, 3)
    assert abs(picture[40, 30] - picture[10, 90]).sum() > 100


def test_label_studio_has_times_and_ends(tmp_path: Path) -> None:
    with LabelStudioWriter(tmp_path / "a.json", FILM) as writer:
        for result in results():
            writer.write(result)
    (task,) = json.loads((tmp_path / "a.json").read_text())
    bus = next(r["value"] for r in task["predictions"][0]["result"] if r["value"]["labels"] == ["b<us>"])
    assert [(entry["frame"], entry["enabled"]) for entry in bus["sequence"]] == [(2, True), (3, False), (5, False)]
    assert bus["framesCount"] == 6
