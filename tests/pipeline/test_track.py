"""`vistream.track` as callers use it: texts, lists, arrays; results as pictures, tables, supervision's detections."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vistream
from vistream.errors import VistreamError
from vistream.pipeline.settings import Settings
from vistream.pipeline.track import settings_of

ROOT = Path(__file__).parents[2] / "demo_videos"
CLIP, DETECTIONS = ROOT / "plaza_static.mp4", ROOT / "plaza_static" / "det" / "det.txt"


def test_the_options_are_those_of_a_run_in_its_order() -> None:
    signature = list(inspect.signature(vistream.track).parameters)[1:]
    assert signature == [field.name for field in fields(Settings)]


def test_texts_stand_for_paths_and_classes() -> None:
    results = list(vistream.track(CLIP, detections=str(DETECTIONS), classes="person", max_frames=3))
    assert len(results) == 3
    assert {track.label for result in results for track in result.tracks} == {"person"}
    picture = results[2].picture
    assert picture.shape == (384, 640, 3)
    drawn = results[2].plot()
    assert drawn.shape == picture.shape
    assert (drawn != picture).any()
    table = results[2].to_pandas()
    assert table.columns.tolist() == [
        "frame",
        "time",
        "id",
        "class",
        "score",
        "x",
        "y",
        "w",
        "h",
        "seen",
        "speed",
        "covered",
    ]
    assert table["id"].tolist() == [track.id for track in results[2].tracks]


@pytest.mark.parametrize("box", [[300, 150, 40, 90], "300,150,40,90", np.array([300.0, 150, 40, 90])])
def test_a_box_means_sot(box: object) -> None:
    settings = settings_of(init_box=box)
    assert (settings.task, settings.init_box) == ("sot", (300, 150, 40, 90))
    assert settings_of(init_mask="a.png").task == "vos"
    assert settings_of("mots", init_mask="a.png").task == "mots"  # which is refused, as contradictory, later


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"detection": "a.txt"}, "no option 'detection'"),
        ({"detections": 3}, "detections is int"),
        ({"init_box": [1, 2, 3]}, "four numbers"),
        ({"init_box": "a,b,c,d"}, "four numbers"),
        ({"classes": [1]}, "classes are names"),
        ({"memory": "long"}, "memory is 'long': a number"),
        ({"iou": "much"}, "iou is 'much': a number"),
        ({"iou": 2}, "iou is 2: it must lie between 0 and 1"),
        ({"interpolate": -1}, "interpolate is -1: it must not be negative"),
        ({"detector_size": "a"}, "detector_size is 'a': a whole number"),
        ({"detector_size": (640, "b")}, "detector_size is 'b': a whole number"),
        ({"detector_size": (640, 384, 3)}, "the longer side is expected, or width and height"),
        ({"style": 5}, "style is 5: a text"),
        ({"reconnect": "no"}, "reconnect is 'no': True or False"),
        ({"zero_based": "x"}, "zero_based is 'x': True or False"),
        ({"conf": {"person": "high"}}, "conf is"),
        ({"start": None}, "start is None: leave it out"),
        ({"stride": None}, "stride is None: leave it out"),
        ({"lines": None}, "lines is None: leave it out"),
    ],
)
def test_what_is_wrong_is_one_clear_error(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(VistreamError, match=complaint):
        settings_of(**options)


def test_a_memory_of_less_than_nothing_is_called_by_its_name() -> None:
    with pytest.raises(VistreamError, match=r"^memory is -1 seconds: it must not be negative"):
        vistream.Session(model=None, memory=-1)


def test_no_name_is_not_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset variable of a shell must not track what happens to lie there."""
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VistreamError, match="the source has no name"):
        vistream.track("")


def test_numbers_may_be_texts() -> None:
    settings = settings_of(memory="2", iou="0.5", detector_size="640", conf="0.5")
    assert (settings.memory, settings.iou, settings.detector_size, settings.conf.any) == (2.0, 0.5, 640, 0.5)


def test_a_tracker_says_what_it_takes() -> None:
    with pytest.raises(VistreamError, match="fps is 'fast': a number"):
        vistream.Tracker(fps="fast")  # type: ignore[arg-type]
    tracker = vistream.Tracker()
    for wrong in (None, [[1, 2, 3, 4]], SimpleNamespace(xyxy=[[1, 2, 3, 4]], conf=[0.9])):
        with pytest.raises(VistreamError, match=r"detections are \w+: give supervision\.Detections"):
            tracker.update(wrong)


def test_supervision_reads_our_tracks_and_we_track_its_detections() -> None:
    sv = pytest.importorskip("supervision")
    results = list(vistream.track(CLIP, detections=DETECTIONS, classes=["person"], max_frames=4))
    last = results[-1].to_supervision()
    assert last.tracker_id.tolist() == [track.id for track in results[-1].tracks]
    assert set(last.data["class_name"]) == {"person"}
    scene = sv.BoxAnnotator().annotate(results[-1].picture.copy(), last)
    assert (scene != results[-1].picture).any()
    tracker = vistream.Tracker(fps=25)
    for result in results:
        seen = result.to_supervision()
        seen.tracker_id = None
        tracked = tracker.update_with_detections(seen)
    assert 0 < len(tracked) <= len(results[-1].tracks)
    assert sorted(tracked.tracker_id) == sorted(set(tracked.tracker_id))
    assert len(tracker.update(sv.Detections.empty())) == 0


def test_detections_with_masks_are_tracked_by_their_boxes() -> None:
    sv = pytest.importorskip("supervision")
    tracker, masks = vistream.Tracker(fps=25), np.zeros((1, 300, 500), bool)
    masks[0, 20:80, 10:40] = True
    for _ in range(3):
        seen = tracker.update(sv.Detections(np.array([[10.0, 20, 40, 80]]), mask=masks, confidence=np.array([0.9])))
    assert seen.tracker_id.tolist() == [1]
    seen.xyxy[0, 1] = np.nan
    with pytest.raises(VistreamError, match="no finite numbers"):
        tracker.update(seen)
    with pytest.raises(VistreamError, match="corners in reverse: x1, y1, x2, y2"):
        tracker.update(sv.Detections(np.array([[40.0, 20, 10, 80]]), confidence=np.array([0.9])))


def test_masks_reach_supervision() -> None:
    pytest.importorskip("supervision")
    mask = ROOT / "plaza_static" / "masks" / "00000.png"
    result = next(iter(vistream.track(CLIP, init_mask=mask, max_frames=1)))
    seen = result.to_supervision()
    assert seen.mask.shape == (len(result.tracks), 384, 640)
