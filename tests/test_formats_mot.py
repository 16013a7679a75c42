"""MOT text, JSON lines and CSV: what is written is read back; what is wrong is named by file and line."""

from __future__ import annotations

import csv
import dataclasses
import json
import logging
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistream.errors import VistreamError
from vistream.formats.jsonl import JsonlWriter, read_results
from vistream.formats.mot import MotWriter, read_detections, read_tracks
from vistream.formats.tracks_csv import TracksCsvWriter
from vistream.types import LayerWork, Result, Track, Work

coordinate = st.floats(-1e5, 1e5)
extent = st.floats(1e-9, 1e5)
labels = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
masks = st.binary(min_size=12, max_size=12).map(lambda b: np.array([c & 1 for c in b], dtype=bool).reshape(3, 4))
keypoints = st.lists(st.tuples(coordinate, coordinate, st.floats(0, 1)), min_size=1, max_size=4).map(np.array)


@st.composite
def results(draw: st.DrawFn, rich: bool = False) -> list[Result]:
    """Frames in order, some left out, some without tracks; ids differ within a frame."""
    frames = []
    for frame in sorted(draw(st.sets(st.integers(0, 10**6), max_size=6))):
        tracks = tuple(
            Track(
                identity,
                (draw(coordinate), draw(coordinate), draw(extent), draw(extent)),
                draw(st.floats(0, 1)),
                draw(labels) if rich else "object",
                draw(st.none() | masks) if rich else None,
                draw(st.none() | keypoints) if rich else None,
            )
            for identity in draw(st.sets(st.integers(1, 10**9), max_size=4))
        )
        layer = LayerWork(draw(labels), *draw(st.tuples(*[st.integers(0, 2**40)] * 5)))
        work = Work((layer,) * draw(st.integers(0, 2))) if rich else Work()
        frames.append(Result(frame, draw(st.floats(0, 1e5)), tracks, draw(st.integers(0, 99)), work))
    return frames


def scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@given(results())
def test_mot_results_come_back(written: list[Result]) -> None:
    with scratch() as folder:
        path = Path(folder) / "tracks.txt"
        with MotWriter(path) as writer:
            for result in written:
                writer.write(result)
        read = read_tracks(path)
    rows = [(result.frame, track) for result in written for track in result.tracks]
    assert read.frames.tolist() == [frame for frame, _ in rows]
    assert read.ids.tolist() == [track.id for _, track in rows]
    np.testing.assert_allclose(read.boxes, np.reshape([t.box for _, t in rows], (-1, 4)), rtol=0, atol=1.001e-3)
    np.testing.assert_allclose(read.confidences, [t.score for _, t in rows], rtol=0, atol=1e-6)
    assert read.classes is None


@given(results())
def test_a_result_read_as_detections_holds_the_same_boxes(written: list[Result]) -> None:
    with scratch() as folder:
        path = Path(folder) / "tracks.txt"
        with MotWriter(path) as writer:
            for result in reversed(written):  # frames need not be in order
                writer.write(result)
        tracks, detections = read_tracks(path), read_detections(path)
    assert sorted(detections) == sorted({r.frame for r in written if r.tracks})
    for frame, observations in detections.items():
        here = tracks.frames == frame
        assert np.array_equal(observations.boxes, tracks.boxes[here])
        assert np.array_equal(observations.scores, tracks.confidences[here])
        assert observations.labels == ("object",) * int(here.sum())


def test_conventions_by_hand(tmp_path: Path) -> None:
    """Frames and pixels count from 1 in the file, from 0 here."""
    path = tmp_path / "gt.txt"
    path.write_text("1, 7, 1, 1, 20, 40, 1\n\n  3,7,11.5,21.25,20,40,0.5\r\n")
    tracks = read_tracks(path)
    assert (tracks.frames.tolist(), tracks.ids.tolist()) == ([0, 2], [7, 7])
    assert tracks.boxes.tolist() == [[0, 0, 20, 40], [10.5, 20.25, 20, 40]]
    path.write_text("1,2,10,20,30,40,0,8,0.25\n")
    gt = read_tracks(path)
    assert gt.classes is not None
    assert gt.visibility is not None
    assert (gt.confidences.tolist(), gt.classes.tolist(), gt.visibility.tolist()) == ([0], [8], [0.25])
    path.write_text("2,-1,10,20,30,40,-0.7,-1,-1,-1\n")  # DPM scores can be negative
    assert read_detections(path)[1].scores.tolist() == [-0.7]
    with MotWriter(tmp_path / "out.txt") as writer:
        writer.write(Result(0, 0.0, (Track(3, (0.0, 9.0, 5.0, 6.5), 0.5, "object"),), 1))
    assert (tmp_path / "out.txt").read_text() == "1,3,1.000,10.000,5.000,6.500,0.500000,-1,-1,-1\n"


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text("\n")
    assert read_detections(path) == {}
    assert len(read_tracks(path)) == 0
    assert read_tracks(path).boxes.shape == (0, 4)


GOOD = "1,1,10,20,30,40,1,-1,-1,-1\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2,1,10,20,30,40\n", "has 6 comma-separated columns"),
        ("2 1 10 20 30 40 1\n", "has 1 comma-separated columns"),
        ("2,1,10,20,30,40,1,-1,-1,-1,5\n", "has 11 comma-separated columns"),
        ("2,1,10,20,30,40,1\n", "has 7 columns, the first has 10"),
        ("2,1,10,twenty,30,40,1,-1,-1,-1\n", "twenty"),
        ("2,1,10,nan,30,40,1,-1,-1,-1\n", "finite"),
        ("2,1,10,20,30,40,inf,-1,-1,-1\n", "finite"),
        ("2,1,10,20,0,40,1,-1,-1,-1\n", "must be positive"),
        ("2,1,10,20,30,-4,1,-1,-1,-1\n", "must be positive"),
        ("0,1,10,20,30,40,1,-1,-1,-1\n", "frames are whole numbers from 1"),
        ("1.5,1,10,20,30,40,1,-1,-1,-1\n", "frames are whole numbers from 1"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text(GOOD + "\n" + line)
    for read in (read_detections, read_tracks):
        with pytest.raises(VistreamError, match=rf"det\.txt, line 3.*{message}") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_detections_are_no_tracks(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text(GOOD + GOOD.replace("1,1,", "1,-1,", 1))
    with pytest.raises(VistreamError, match="line 2: the id is -1"):
        read_tracks(path)
    path.write_text(GOOD + GOOD)
    with pytest.raises(VistreamError, match="line 2: id 1 occurs twice in frame 1"):
        read_tracks(path)
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(VistreamError, match=r"det\.txt is not a text file"):
        read_detections(path)
    with pytest.raises(VistreamError, match=r"absent\.txt can't be read"):
        read_detections(tmp_path / "absent.txt")


@pytest.mark.real
def test_real_files_are_read(real_data: Path) -> None:
    folder = real_data / "mot" / "PETS09-S2L1"
    gt = read_tracks(folder / "gt" / "gt.txt")
    assert len(np.unique(gt.ids)) == 8
    assert gt.boxes[0].tolist() == [498, 157, 31.03, 75.17]
    detections = read_detections(folder / "det" / "det_sort.txt")
    assert detections[0].boxes[0].tolist() == pytest.approx([648.441, 230.502, 44.417, 86.13])


# --- writing, interrupted --------------------------------------------------------------------------

RESULT = Result(4, 0.16, (Track(1, (1.0, 2.0, 3.0, 4.0), 0.5, "a car, red"),), 2)


@pytest.mark.parametrize("kind", [MotWriter, TracksCsvWriter])
def test_text_is_whole_or_absent(kind: type[MotWriter | TracksCsvWriter], tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("from an earlier run")
    with pytest.raises(RuntimeError), kind(path) as writer:
        writer.write(RESULT)
        assert path.read_text() == "from an earlier run"
        assert "3.000" in (tmp_path / "out.part.txt").read_text()  # flushed: a kill would leave this
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["out.txt"]
    assert path.read_text() == "from an earlier run"
    with pytest.raises(KeyboardInterrupt), kind(path) as writer:
        writer.write(RESULT)
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["out.txt"]
    assert "3.000" in path.read_text()
    with pytest.raises(VistreamError, match="absent does not exist"):
        kind(tmp_path / "absent" / "out.txt")
    with pytest.raises(VistreamError, match="is a folder"):
        kind(tmp_path)


def test_csv_has_a_header_and_quotes_labels(tmp_path: Path) -> None:
    with TracksCsvWriter(tmp_path / "tracks.csv") as writer:
        writer.write(RESULT)
    with (tmp_path / "tracks.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["frame", "time", "id", "label", "score", "x", "y", "w", "h"]
    assert (row["frame"], row["label"], float(row["time"]), float(row["h"])) == ("4", "a car, red", 0.16, 4.0)


def test_no_writer_lets_a_broken_number_through(tmp_path: Path) -> None:
    broken = dataclasses.replace(RESULT, tracks=(Track(1, (float("nan"), 2.0, 3.0, 4.0), 0.5, "object"),))
    for kind in (MotWriter, JsonlWriter):
        with pytest.raises(ValueError, match=r"no box|not JSON compliant"), kind(tmp_path / "out") as writer:
            writer.write(broken)
    assert list(tmp_path.iterdir()) == []


# --- JSON lines ------------------------------------------------------------------------------------


def rounded(result: Result) -> dict[str, object]:
    """What must survive, with arrays as lists and numbers rounded as the file rounds them."""
    tracks = [
        (
            track.id,
            [round(number, 3) for number in track.box],
            round(track.score, 6),
            track.label,
            None if track.mask is None else track.mask.tolist(),
            None if track.keypoints is None else np.round(track.keypoints, 3).tolist(),
        )
        for track in result.tracks
    ]
    head = {"frame": result.frame, "time": round(result.time, 6), "observations": result.observations}
    return {**head, "tracks": tracks, "work": result.work}


@given(results(rich=True))
@settings(max_examples=60)
def test_json_lines_come_back(written: list[Result]) -> None:
    with scratch() as folder:
        path = Path(folder) / "results.jsonl"
        with JsonlWriter(path) as writer:
            for number, result in enumerate(written, start=1):
                writer.write(result)
                assert len(list(read_results(path))) == number  # valid line by line, at any moment
        if written:
            assert [rounded(r) for r in read_results(path)] == [rounded(r) for r in written]
        else:
            assert not path.exists()


def test_the_json_is_the_documented_one(tmp_path: Path) -> None:
    mask = np.array([[0, 1], [0, 1]], dtype=bool)
    track = Track(1, (1.0, 2.0, 3.0, 4.0), 0.5, "person", mask, np.array([[1.0, 2.0, 0.75]]))
    work = Work((LayerWork("stem", 5, 10, 500, 1000, 3), LayerWork("block", 1, 10, 100, 1000, 1)))
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.write(Result(7, 0.28, (track,), 3, work))
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {
        "frame": 7,
        "t": 0.28,
        "observations": 3,
        "tracks": [
            {
                "id": 1,
                "bbox": [1.0, 2.0, 3.0, 4.0],
                "score": 0.5,
                "class": "person",
                "rle": {"size": [2, 2], "counts": "22"},
                "keypoints": [[1.0, 2.0, 0.75]],
            }
        ],
        "work": {
            "macs": 600,
            "macs_dense": 2000,
            "layers": [["stem", 5, 10, 500, 1000, 3], ["block", 1, 10, 100, 1000, 1]],
        },
    }


def test_a_killed_run_goes_on_after_its_last_whole_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    frames = [dataclasses.replace(RESULT, frame=i) for i in range(6)]
    with JsonlWriter(path) as writer:
        for result in frames[:3]:
            writer.write(result)
        whole = writer.settled()
        writer.write(frames[3])
    os.truncate(path, path.stat().st_size - 20)  # frame 3 broke off
    with caplog.at_level(logging.WARNING, "vistream"):
        assert [r.frame for r in read_results(path)] == [0, 1, 2]
    assert "line 4 is broken off" in caplog.text
    with JsonlWriter(path, keep=whole) as writer:
        for result in frames[3:]:
            writer.write(result)
    assert [rounded(r) for r in read_results(path)] == [rounded(r) for r in frames]


def test_nothing_is_clobbered_before_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious\n")
    with JsonlWriter(path):
        pass
    assert path.read_text() == "precious\n"
    with pytest.raises(VistreamError, match="absent does not exist"):
        JsonlWriter(tmp_path / "absent" / "a.jsonl")
    with pytest.raises(VistreamError, match="is a folder"):
        JsonlWriter(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "7",
        "not json",
        '{"frame":1,"t":NaN,"observations":0,"tracks":[],"work":{"layers":[]}}',
        '{"frame":1,"t":0,"observations":0,"tracks":[{"id":1}],"work":{"layers":[]}}',
        '{"frame":1,"t":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3],"score":1,"class":"a"}],"work":{"layers":[]}}',
        '{"frame":1,"t":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3,1e999],"score":1,"class":"a"}],"work":{"layers":[]}}',
        '{"frame":1,"t":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3,4],"score":1,"class":"a","rle":{"size":[2,2],"counts":"25"}}],"work":{"layers":[]}}',
        '{"frame":1,"t":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3,4],"score":1,"class":"a","rle":{"size":[2,2],"counts":3}}],"work":{"layers":[]}}',
        '{"frame":1,"t":0,"observations":0,"tracks":[],"work":{"layers":[["a",1]]}}',
        '{"frame":0,"t":0,"observations":0,"tracks":[],"work":{"layers":[]}}',
    ],
)
def test_a_wrong_json_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"frame":0,"t":0,"observations":0,"tracks":[],"work":{"layers":[]}}\n'
    path.write_text(good + line + "\n")
    with pytest.raises(VistreamError, match=r"a\.jsonl, line 2") as caught:
        list(read_results(path))
    assert "\n" not in str(caught.value)
