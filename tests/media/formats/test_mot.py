"""MOT text and CSV: what is written is read back; what is wrong is named by file and line."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from randomresults import RESULT, results, scratch

from vistream.errors import VistreamError
from vistream.media.formats.jsonl import JsonlWriter
from vistream.media.formats.mot import MotWriter, read_detections, read_tracks
from vistream.media.formats.tracks_csv import TracksCsvWriter
from vistream.pipeline.output_paths import OutputPaths
from vistream.types import Result, Track


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


def test_what_was_only_predicted_is_not_written_unless_another_object_covers_it(tmp_path: Path) -> None:
    predicted = Track(1, (0.0, 0.0, 5.0, 6.0), 0.5, "object", seen=False)
    behind = dataclasses.replace(predicted, id=2, covered=True)
    with MotWriter(tmp_path / "out.txt") as writer:
        writer.write(Result(0, 0.0, (predicted, behind), 1))
    assert (tmp_path / "out.txt").read_text() == "1,2,1.000,1.000,5.000,6.000,0.500000,-1,-1,-1\n"


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
        ("2,1,10,20,30,40\n", "has 6 columns, the first has 10"),
        ("2,1,10,20,30\n", "has 5 comma-separated columns"),
        ("2 1 10 20 30 40 1\n", "has 1 comma-separated columns"),
        ("2,1,10,20,30,40,1,-1,-1,-1,5\n", "has 11 comma-separated columns"),
        ("2,1,10,20,30,40,1\n", "has 7 columns, the first has 10"),
        ("2,1,10,twenty,30,40,1,-1,-1,-1\n", "twenty"),
        ("2,1,10,nan,30,40,1,-1,-1,-1\n", "finite"),
        ("2,1,10,20,30,40,inf,-1,-1,-1\n", "finite"),
        ("2,1,10,20,0,40,1,-1,-1,-1\n", "must be positive"),
        ("2,1,10,20,30,-4,1,-1,-1,-1\n", "must be positive"),
        ("-1,1,10,20,30,40,1,-1,-1,-1\n", "frames are whole numbers from"),
        ("1.5,1,10,20,30,40,1,-1,-1,-1\n", "frames are whole numbers from"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text(GOOD + "\n" + line)
    for read in (read_detections, read_tracks):
        with pytest.raises(VistreamError, match=rf"det\.txt, line 3.*{message}") as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("separator", [";", "\t", "; "])
def test_numbers_may_have_decimal_commas_where_columns_are_not_separated_by_them(
    separator: str, tmp_path: Path
) -> None:
    """What spreadsheets write in half of the world, here without a line of names."""
    path = tmp_path / "a.txt"
    rows = [("1", "7", "10,5", "20,5", "30,25", "40,75", "0,9"), ("2", "7", "11", "20,5", "30", "40", "1")]
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    tracks = read_tracks(path)
    np.testing.assert_array_equal(tracks.boxes, [[9.5, 19.5, 30.25, 40.75], [10, 19.5, 30, 40]])
    assert tracks.confidences.tolist() == [0.9, 1]
    assert read_detections(path)[0].boxes.tolist() == [[9.5, 19.5, 30.25, 40.75]]


def test_one_line_that_is_no_object_is_no_empty_result(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("no results: the run was stopped\n")
    with pytest.raises(VistreamError, match=r"a\.txt holds no line of MOT text"):
        read_tracks(path)
    path.write_text("frame,id,x,y,w,h\n")
    assert len(read_tracks(path)) == 0


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("frame,id,x1,y1,x2,y2,score", "column 5 is x2, where MOT text has w"),
        ("id,frame,x,y,w,h,score", "column 1 is id, where MOT text has frame"),
        ("frame,time,id,x,y,w,h", "column 3 is id, where MOT text has x"),
    ],
)
def test_names_of_other_columns_are_refused(names: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{names}\n1,2,10,20,30,40,1\n")
    with pytest.raises(VistreamError, match=complaint):
        read_tracks(path)
    path.write_text("FrameId,Id,bb_left,bb_top,Width,Height,Confidence\n1,2,10,20,30,40,1\n")
    assert read_tracks(path).boxes.tolist() == [[9, 19, 30, 40]]
    for text in ('{"frame": 0}\n', '{"frame": 0, "tracks": [1, 2]}\n', "<annotations>\n"):
        path.write_text(text)
        with pytest.raises(VistreamError, match="is JSON or XML, not MOT text"):
            read_tracks(path)


def test_detections_with_a_frame_0_count_from_0(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "det.txt"
    path.write_text("0,-1,10,20,30,40,1\n1,-1,11,20,30,40,1\n", encoding="utf-8")
    seen = read_detections(path)
    assert {frame: one.boxes.tolist() for frame, one in seen.items()} == {0: [[10, 20, 30, 40]], 1: [[11, 20, 30, 40]]}
    assert "there is a frame 0" in caplog.text
    with pytest.raises(VistreamError, match="line 1: the frame is 0: frames are whole numbers from 1"):
        read_tracks(path)


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


def test_the_class_is_a_number_of_coco_where_it_is_asked_for(tmp_path: Path) -> None:
    named = Result(0, 0.0, (Track(1, (1, 2, 3, 4), 0.5, "car"), Track(2, (1, 2, 3, 4), 0.5, "person")), 2)
    with MotWriter(tmp_path / "a.txt", classes=True) as writer:
        writer.write(named)
    assert [line.split(",")[7:] for line in (tmp_path / "a.txt").read_text().splitlines()] == [
        ["3", "-1", "-1"],
        ["1", "-1", "-1"],
    ]
    assert read_tracks(tmp_path / "a.txt").ids.tolist() == [1, 2]
    with (
        pytest.raises(VistreamError, match='COCO has no category "kiosk"'),
        MotWriter(tmp_path / "b", 1, True) as writer,
    ):
        writer.write(Result(0, 0.0, (Track(1, (1, 2, 3, 4), 0.5, "kiosk"),), 1))
    assert not (tmp_path / "b").exists()
    with pytest.raises(VistreamError, match='COCO has no category "moving"'):
        OutputPaths(mot=tmp_path / "c.txt").check("mot", "motion", numbered=True)


def test_csv_has_a_header_and_quotes_labels(tmp_path: Path) -> None:
    with TracksCsvWriter(tmp_path / "tracks.csv") as writer:
        writer.write(RESULT)
    with (tmp_path / "tracks.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["frame", "time", "id", "class", "score", "x", "y", "w", "h", "seen", "speed", "covered"]
    assert (row["frame"], row["class"], float(row["time"]), float(row["h"])) == ("4", "a car, red", 0.16, 4.0)


def test_no_writer_lets_a_broken_number_through(tmp_path: Path) -> None:
    broken = dataclasses.replace(RESULT, tracks=(Track(1, (float("nan"), 2.0, 3.0, 4.0), 0.5, "object"),))
    for kind in (MotWriter, JsonlWriter):
        with pytest.raises(ValueError, match=r"no box|not JSON compliant"), kind(tmp_path / "out") as writer:
            writer.write(broken)
    assert list(tmp_path.iterdir()) == []
