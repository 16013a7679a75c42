"""Lines and zones: who passes, enters and leaves, and for how long; trembling counts once, a way round does not."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.media.formats.jsonl import read_results
from vistream.tracking.counting import Counter
from vistream.tracking.places import Place, read_places, within
from vistream.tracking.tally import Tally
from vistream.types import Event, Result, Track

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"
DETECTIONS = CLIP.parent / "plaza_static" / "det" / "det.txt"
DOOR = Place("door", ((0.0, 100.0), (200.0, 100.0)))
YARD = Place("yard", ((0.0, 0.0), (200.0, 0.0), (200.0, 100.0), (0.0, 100.0)))


def at(x: float, y: float, identity: int = 1, label: str = "person") -> Track:
    """An object 40 high whose feet are at (x, y)."""
    return Track(identity, (x - 10, y - 40, 20.0, 40.0), 0.9, label)


def events(place: Place, way: list[tuple[float, float]]) -> list[str]:
    counter = Counter((place,))
    return [event.what for n, point in enumerate(way) for event in counter.step((at(*point),), n / 10)]


def test_a_line_is_passed_in_both_directions() -> None:
    assert events(DOOR, [(50, 80), (50, 95), (50, 110), (60, 130)]) == ["in"]
    assert events(DOOR, [(50, 130), (50, 90)]) == ["out"]
    assert events(DOOR, [(50, 80), (50, 130), (50, 80), (50, 130)]) == ["in", "out", "in"]
    turned = Place("door", DOOR.points[::-1])
    assert events(turned, [(50, 80), (50, 130)]) == ["out"]


def test_whoever_goes_round_the_end_does_not_pass() -> None:
    assert events(DOOR, [(150, 80), (230, 80), (230, 130), (150, 130)]) == []


def test_whoever_trembles_on_a_line_passes_once() -> None:
    way = [(50, 80), *[(50, 100 + d) for d in (-1.5, 1.5, -1, 1) * 5], (50, 120)]
    assert events(DOOR, [(float(x), float(y)) for x, y in way]) == ["in"]


def test_a_zone_is_entered_and_left_with_its_time() -> None:
    counter = Counter((YARD,))
    found: list[Event] = []
    for n, y in enumerate((150, 120, 90, 60, 90, 150)):
        found += counter.step((at(50, y),), float(n))
    assert [(event.what, event.dwell) for event in found] == [("enter", None), ("leave", 3.0)]


def test_who_is_lost_inside_has_left_when_seen_last() -> None:
    counter = Counter((YARD,))
    first = counter.step((at(50, 50),), 0.0)
    counter.step((at(50, 50),), 1.0)
    assert [event.what for event in first] == ["enter"]
    assert counter.step((), 2.0) == ()
    (left,) = counter.step((), 3.5)
    assert (left.what, left.dwell) == ("leave", 1.0)
    assert counter.known == {}


def test_events_are_added_up_by_class() -> None:
    tally = Tally()
    counter = Counter((DOOR, YARD))
    for n, y in enumerate((80, 130, 80)):
        tracks = (at(50, y, 1), at(150, y, 2, "car"))
        tally.add(Result(n, float(n), tracks, 2, events=counter.step(tracks, float(n))))
    rows = {(place, label): rest for place, label, *rest in tally.rows()}
    assert rows["door", "car"][:2] == [1, 1]
    assert rows["yard", "person"] == [2, 1, 1, 0.5, 1.0]
    assert tally.of("door") == (2, 2)


points = st.tuples(st.floats(-50, 250), st.floats(0, 250))


@given(st.lists(points, min_size=1, max_size=30))
@settings(deadline=None)
def test_ins_and_outs_take_turns_and_zones_are_left_once_entered(way: list[tuple[float, float]]) -> None:
    entered = events(YARD, way)
    assert all(what == ("enter", "leave")[n % 2] for n, what in enumerate(entered))
    endless = Place("door", ((-1e4, 100.0), (1e4, 100.0)))
    passed = events(endless, way)
    assert all(a != b for a, b in itertools.pairwise(passed))


@pytest.mark.parametrize(
    ("lines", "zones", "complaint"),
    [
        (["1,2,3"], [], "--line is '1,2,3': it must be x1,y1,x2,y2"),
        (["1,2,3,4,5,6"], [], "--line is"),
        (["5,5,5,5"], [], "its points are the same"),
        ([], ["0,0,5,5,10,10"], "its points lie on a line, or its sides cross"),
        ([], ["1,2,3,4"], "--zone is"),
        ([], ["1,2,3,4,5,six,yard"], "--zone is"),
        (["0,0,5,5,a"], ["0,0,5,5,9,0,a"], "two lines or zones are called 'a'"),
    ],
)
def test_what_is_no_place_is_refused(lines: list[str], zones: list[str], complaint: str) -> None:
    with pytest.raises(VistreamError, match=complaint):
        read_places(lines, zones)


def test_places_off_the_frame_are_refused() -> None:
    with pytest.raises(VistreamError, match="'line 1' lies outside the frames, which are 640x384"):
        within(read_places(["700,0,800,9"], []), (640, 384))


def test_the_command_counts_people_over_a_line(tmp_path: Path) -> None:
    """Events, JSON lines, the report and the summary tell the same."""
    arguments = ["track", str(CLIP), "--detections", str(DETECTIONS), "--classes", "person", "--max-frames", "60"]
    arguments += ["--line", "0.5,0,0.5,1,middle", "--zone", "0,0,320,0,320,384,0,384,left"]
    files = [
        "--events",
        str(tmp_path / "e.jsonl"),
        "--jsonl",
        str(tmp_path / "o.jsonl"),
        "--report",
        str(tmp_path / "r"),
    ]
    result = CliRunner().invoke(app, [*arguments, *files])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert {line["event"] for line in lines if line["place"] == "middle"} <= {"in", "out"}
    assert any(line["place"] == "left" and line["event"] == "enter" for line in lines)
    again = [event for result in read_results(tmp_path / "o.jsonl") for event in result.events]
    assert [(event.place, event.what, event.id) for event in again] == [
        (e["place"], e["event"], e["id"]) for e in lines
    ]
    page = (tmp_path / "r" / "index.html").read_text()
    assert "Counted" in page
    assert "left" in result.output
    refused = CliRunner().invoke(app, [*arguments[:2], "--events", str(tmp_path / "x.jsonl")])
    assert "give one with --line or --zone" in str(refused.exception)
