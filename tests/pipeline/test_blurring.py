"""What is to be blurred is blurred wherever it is shown, and what can't be is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vistream
from vistream.errors import VistreamError
from vistream.pipeline.blurring import check_blur
from vistream.pipeline.fleet.jobs import Job
from vistream.pipeline.fleet.processes import Processes
from vistream.pipeline.fleet.supervise import supervise
from vistream.pipeline.observe import Observer
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.render.style import Style
from vistream.serve.tile import Tile
from vistream.types import Frame, Observations

BOX = (20, 10, 60, 80)


class Knowing:
    """A detector that knows classes of these names."""

    name = "knowing"

    def __init__(self, *labels: str) -> None:
        self.labels = labels

    def describe(self) -> str:
        return self.name

    def detect(self, frame: Frame, index: int) -> Observations:
        return Observations.none()

    def reset(self) -> None:
        pass


def noise(number: int) -> Frame:
    return np.random.default_rng(number).integers(0, 255, (96, 128, 3), dtype=np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number:02d}.png"), noise(number))
    return folder


def detected(path: Path, label: str | None) -> Path:
    """A file of detections: of a class, or without one, or of nothing at all for the class ""."""
    if label is None:
        rows = [",".join(map(str, (frame, -1, *BOX, 0.9, -1, -1, -1))) for frame in (1, 2, 3)]
        file = path / "det.txt"
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return file
    value: dict[str, Any] = {
        "images": [{"id": n, "file_name": f"{n:02d}.png", "width": 128, "height": 96} for n in range(3)],
        "categories": [{"id": 1, "name": label}],
        "annotations": [{"id": n + 1, "image_id": n, "category_id": 1, "bbox": BOX, "area": 4800} for n in range(3)],
    }
    if not label:
        value["annotations"] = []
    file = path / "det.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def recorded(source: Path, paths: OutputPaths, report: Path | None = None, **settings: Any) -> None:
    with Recording(str(source), Settings(**settings), paths, report=report) as recording:
        for _ in recording:
            pass


@pytest.mark.parametrize(
    ("options", "blur", "told"),
    [
        ({"detector": "motion"}, "faces", "class person, and the detector motion gives only moving"),
        ({"detector": "motion"}, "person", "the detector motion gives only moving"),
        ({"task": "semseg"}, "faces", "the task semseg gives no objects"),
        ({"task": "semseg"}, "person", "the task semseg gives no objects"),
        ({"task": "panoptic"}, "person", "the task panoptic gives no objects"),
        ({"task": "sot", "init_box": (1.0, 1.0, 30.0, 30.0)}, "faces", "the task sot gives only object"),
        ({"task": "sot", "init_box": (1.0, 1.0, 30.0, 30.0)}, "person", "the task sot gives only object"),
    ],
)
def test_what_a_task_or_detector_does_not_give_is_refused(
    images: Path, options: dict[str, Any], blur: str, told: str
) -> None:
    with pytest.raises(VistreamError, match=f"--style blur={blur} would blur nothing: .*{told}"):
        recorded(images, OutputPaths(video=images.parent / "a.mp4"), style=Style(blur=(blur,)), **options)
    assert not (images.parent / "a.mp4").exists()
    with pytest.raises(VistreamError, match=told):
        vistream.track(images, style=Style(blur=(blur,)), **options)


@pytest.mark.parametrize(
    ("label", "classes", "blur", "told"),
    [
        (None, (), "person", r"det\.txt gives only object: .* name that with --classes"),
        (None, (), "faces", r"det\.txt gives only object: .* name that with --classes"),
        ("pedestrian", (), "faces", r"the class person, and .*det\.json gives only pedestrian"),
        ("pedestrian", (), "pedestrain", r"no class 'pedestrain': did you mean pedestrian\?"),
        ("person", (), "face", r"no class 'face': did you mean faces\?"),
        ("person", ("car",), "person", r"det\.json with --classes car gives no objects"),
    ],
)
def test_what_a_file_does_not_hold_is_refused(
    images: Path, label: str | None, classes: tuple[str, ...], blur: str, told: str
) -> None:
    file = detected(images.parent, label)
    paths = OutputPaths(video=images.parent / "a.mp4")
    with pytest.raises(VistreamError, match=told):
        recorded(images, paths, detections=file, classes=classes, style=Style(blur=(blur,)))


@pytest.mark.parametrize(("label", "blur"), [("person", "faces"), ("face", "face"), ("faces", "faces")])
def test_what_a_detector_knows_is_taken(label: str, blur: str) -> None:
    check_blur((blur,), Observer(Knowing("car", label)), "mot")
    with pytest.raises(VistreamError, match="the detector knowing"):
        check_blur((blur, "gnu"), Observer(Knowing("car", label)), "mot")
    with pytest.raises(VistreamError, match="the detector knowing with --classes car gives only car"):
        check_blur((blur,), Observer(Knowing("car", label)), "mot", classes=("car",))


def test_where_nothing_of_a_class_was_tracked_that_is_said(
    images: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    style = Style(blur=("faces", "car"))
    recorded(images, OutputPaths(video=tmp_path / "a.mp4"), detections=detected(tmp_path, ""), style=style)
    assert "blur=faces is for was tracked in 3 frames, so next to nothing of it can be blurred" in caplog.text
    assert "blur=car is for" in caplog.text
    caplog.clear()
    there = Style(blur=("faces",))
    recorded(images, OutputPaths(video=tmp_path / "b.mp4"), detections=detected(tmp_path, "person"), style=there)
    assert "blurred" not in caplog.text


def as_file(images: Path, settings: Settings) -> None:
    recorded(images, OutputPaths(video=images.parent / f"{settings.style.blur}.mp4"), **vars_of(settings))


def to_the_end(images: Path, settings: Settings) -> None:
    assert len(list(vistream.track(images, **vars_of(settings)))) == 3


def to_the_third(images: Path, settings: Settings) -> None:
    results = vistream.track(images, **vars_of(settings))
    for _ in range(3):
        next(results)
    results.close()  # type: ignore[attr-defined]  # a generator, as long as it is one


def shown(images: Path, settings: Settings) -> None:
    tile = Tile(str(images), settings)
    tile.run()
    assert tile.as_dict()["unblurred"] == ([] if settings.style.blur == ("faces",) else ["car"])


def one_of_many(images: Path, settings: Settings) -> None:
    outputs = OutputPaths(video=images.parent / f"many-{len(settings.style.blur)}.mp4")
    (done,) = supervise(
        [Job("images", str(images), settings, outputs)], Processes(1), 1, False, lambda _: None, lambda: False
    )
    assert done.state == "done"


def vars_of(settings: Settings) -> dict[str, Any]:
    return {"detections": settings.detections, "style": settings.style}


@pytest.mark.parametrize("way", [as_file, to_the_end, to_the_third, shown, one_of_many])
def test_every_way_says_what_was_not_there_to_be_blurred(
    way: Callable[[Path, Settings], None], images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    people = detected(tmp_path, "person")
    way(images, Settings(detections=people, style=Style(blur=("faces",))))
    assert "blurred" not in caplog.text
    value = json.loads(people.read_text())
    value["categories"].append({"id": 2, "name": "car"})
    value["annotations"].append(value["annotations"][0] | {"id": 9, "category_id": 2, "score": 0.01})
    people.write_text(json.dumps(value))
    way(images, Settings(detections=people, style=Style(blur=("faces", "car"))))
    said = [line for line in caplog.messages if "blurred" in line]
    assert len(said) == 1
    assert re.match(r"\S*images: nothing that blur=car is for was tracked in 3 frames", said[0]), "named once"


def test_best_shots_heat_map_and_report_are_blurred_too(images: Path, tmp_path: Path) -> None:
    """In each of them the neighbours in the box, which are noise, are alike where it is blurred."""

    def rough(blur: tuple[str, ...], folder: Path) -> list[float]:
        paths = OutputPaths(crops=folder / "crops", heat_map=folder / "heat.png")
        file = detected(tmp_path, "person")
        recorded(images, paths, folder / "report", detections=file, style=Style(blur=blur, labels=False, map=False))
        (shot,) = (folder / "crops").glob("*.jpg")
        x, y, w, h = BOX
        video = cv2.VideoCapture(str(folder / "report" / "tracks.mp4"))
        pictures = [cv2.imread(str(folder / "heat.png")), video.read()[1]]
        insides = [picture[y + 8 : y + h - 8, x + 8 : x + w - 8] for picture in map(np.asarray, pictures)]
        insides.append(np.asarray(cv2.imread(str(shot))))
        return [float(np.abs(np.diff(inside.astype(float), axis=1)).mean()) for inside in insides]

    for blurred, plain in zip(rough(("person",), tmp_path / "a"), rough((), tmp_path / "b"), strict=True):
        assert blurred < 0.5 * plain
