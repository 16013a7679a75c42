"""What is drawn, and what is made unrecognisable, is what the user asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vistream.errors import VistreamError
from vistream.render.overlay import Overlay
from vistream.render.style import Style, concealed, read_style
from vistream.types import Frame, Observations, Result, Track

SIZE = (320, 240)
PERSON, CAR = Track(1, (40, 40, 40, 120), 0.9, "person"), Track(2, (180, 100, 100, 60), 0.9, "car")


def noise() -> Frame:
    return np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def result(frame: int = 0) -> Result:
    return Result(frame, frame / 25, (PERSON, CAR), 2, activity=np.ones((15, 20), bool))


def varied(frame: Frame, x: int, y: int, w: int, h: int) -> float:
    """How much neighbouring pixels differ: next to nothing where blocks are of one colour."""
    part = frame[y : y + h, x : x + w].astype(float)
    return float(np.abs(np.diff(part, axis=1)).mean())


def test_faces_and_classes_are_concealed() -> None:
    frame = noise()
    faces = concealed(frame, result(), ("faces",))
    assert varied(faces, 40, 40, 40, 34) < 0.3 * varied(frame, 40, 40, 40, 34)
    assert (faces[100:] == frame[100:]).all()  # the body stays, and so does the car
    cars = concealed(frame, result(), ("car",))
    assert varied(cars, 180, 100, 100, 60) < 0.3 * varied(frame, 180, 100, 100, 60)
    assert (cars[:, :150] == frame[:, :150]).all()
    assert (frame == noise()).all()
    assert concealed(frame, result(), ()) is frame
    outside = Result(0, 0.0, (Track(1, (900, -500, 20, 40), 0.9, "car"),), 1)
    assert (concealed(frame, outside, ("car",)) == frame).all()


def test_detections_that_are_no_tracks_are_concealed_too() -> None:
    """Before a track is confirmed, and where it scores too low for one; what hardly scores, or has no place, is not."""
    boxes = np.array([(180, 100, 100, 60), (40, 30, 50, 120), (40, 30, 50, 120), (np.nan, 0, 20, 20)], float)
    seen = Observations(boxes, np.array([0.3, 0.05, 0.9, 0.9]), ("car", "car", "dog", "car"))
    frame = noise()
    cars = concealed(frame, Result(0, 0.0, (), 4, seen=seen), ("car",))
    assert varied(cars, 180, 100, 100, 60) < 0.3 * varied(frame, 180, 100, 100, 60)
    assert (cars[:, :150] == frame[:, :150]).all()


@pytest.mark.parametrize("covered", [False, True])
def test_what_is_only_predicted_stays_concealed(covered: bool) -> None:
    unseen = Result(0, 0.0, tuple(replace(track, seen=False, covered=covered) for track in (PERSON, CAR)), 0)
    both = concealed(noise(), unseen, ("faces", "car"))
    assert varied(both, 40, 40, 40, 34) < 0.3 * varied(noise(), 40, 40, 40, 34)
    assert varied(both, 180, 100, 100, 60) < 0.3 * varied(noise(), 180, 100, 100, 60)


def test_what_is_off_is_not_drawn() -> None:
    blank = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    everything = Overlay(SIZE, 25).draw(blank, result(), "")
    bare = Overlay(SIZE, 25, style=Style(labels=False, map=False)).draw(blank, result(), "")
    assert (everything[180:, 250:] != 90).any()
    assert (bare[180:, 250:] == 90).all()  # no map of what was recomputed
    assert (everything[25:38, 40:80] != 90).any()
    assert (bare[25:38, 40:80] == 90).all()  # no label over the person
    thick = Overlay(SIZE, 25, style=Style(line=9, labels=False, map=False)).draw(blank, result(), "")
    assert (thick != 90).sum() > 2 * (bare != 90).sum()


@pytest.mark.parametrize(
    "text", ["line=0", "line=x", "labels=maybe", "blur=", "blur=car+", "blur=+", "colour=red", "labels"]
)
def test_what_is_no_style_is_refused(text: str) -> None:
    with pytest.raises(VistreamError, match="--style has"):
        read_style(text)
