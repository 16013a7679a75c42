"""JSON lines: what is written is read back, line by line at any moment; what is wrong is named by file and line."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from randomresults import RESULT, results, scratch

from vistream.errors import VistreamError
from vistream.media.formats.jsonl import JsonlWriter, Keep, read_results
from vistream.types import LayerWork, Result, Track, Work


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
    shares = None if result.shares is None else {name: round(share, 6) for name, share in result.shares.items()}
    segments = [
        (s.id, s.label, s.thing, round(s.score, 6), s.area, [round(side, 3) for side in s.box]) for s in result.segments
    ]
    return {**head, "tracks": tracks, "work": result.work, "shares": shares, "segments": segments}


@given(results(rich=True))
@settings(max_examples=60)
def test_json_lines_come_back(written: list[Result]) -> None:
    with scratch() as folder:
        path = Path(folder) / "results.jsonl"
        with JsonlWriter(path, layers=True) as writer:
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
    with JsonlWriter(tmp_path / "a.jsonl", layers=True) as writer:
        writer.write(Result(7, 0.28, (track,), 3, work))
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {
        "frame": 7,
        "time": 0.28,
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


def test_the_work_of_layers_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    work = Work((LayerWork("stem", 5, 10, 500, 1000, 3), LayerWork("block", 1, 10, 100, 1000, 1)))
    moving = Track(1, (1.0, 2.0, 3.0, 4.0), 0.5, "person", speed=1.23456)
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.write(Result(7, 0.28, (moving,), 3, work))
        writer.write(Result(8, 0.32, (), 0))
    first, second = read_results(tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["work"] == {"macs": 600, "macs_dense": 2000}
    assert (first.work.macs, first.work.macs_dense, first.work.share) == (600, 2000, 0.3)
    assert (second.work.macs, second.work.macs_dense) == (0, 0)
    assert first.tracks[0].speed == 1.235


def test_what_another_object_covers_is_marked(tmp_path: Path) -> None:
    behind = Track(1, (1.0, 2.0, 3.0, 4.0), 0.25, "person", seen=False, covered=True)
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.write(Result(7, 0.28, (behind,), 3))
    assert json.loads((tmp_path / "a.jsonl").read_text())["tracks"][0]["covered"] is True
    (read,) = read_results(tmp_path / "a.jsonl")
    assert read.tracks == (behind,)


def test_a_killed_run_goes_on_after_its_last_whole_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    frames = [dataclasses.replace(RESULT, frame=i) for i in range(6)]
    with JsonlWriter(path) as writer:
        for result in frames[:3]:
            writer.write(result)
        whole = writer.flushed()
        writer.write(frames[3])
    os.truncate(path, path.stat().st_size - 20)  # frame 3 broke off
    with caplog.at_level(logging.WARNING, "vistream"):
        assert [r.frame for r in read_results(path)] == [0, 1, 2]
    assert "line 4 is broken off" in caplog.text
    with JsonlWriter(path, keep=Keep(3, whole)) as writer:
        for result in frames[3:]:
            writer.write(result)
    assert [rounded(r) for r in read_results(path)] == [rounded(r) for r in frames]


@pytest.mark.parametrize(("old", "new"), [(b"}\n", b"}\n\n"), (b'{"frame":0', b'{ "frame":0'), (b"}\n", b"} ")])
def test_lines_that_were_edited_are_not_cut_in_two(old: bytes, new: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path) as writer:
        for i in range(4):
            writer.write(dataclasses.replace(RESULT, frame=i))
        kept = Keep(4, writer.flushed())
        writer.write(dataclasses.replace(RESULT, frame=4))
    written = path.read_bytes()
    path.write_bytes(written.replace(old, new, 1))
    before = path.read_bytes()
    with pytest.raises(VistreamError, match=r"a\.jsonl was changed since the run to be resumed wrote it: begin anew"):
        JsonlWriter(path, keep=kept)
    assert path.read_bytes() == before
    path.write_bytes(written[: kept.bytes - 1])
    with pytest.raises(VistreamError, match="holds less than the run to be resumed had written"):
        JsonlWriter(path, keep=kept)


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
        '{"frame":1,"time":NaN,"observations":0,"tracks":[],"work":{"layers":[]}}',
        '{"frame":1,"time":0,"observations":0,"tracks":[{"id":1}],"work":{"layers":[]}}',
        '{"frame":1,"time":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3],"score":1,"class":"a"}],"work":{"layers":[]}}',
        '{"frame":1,"time":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3,1e999],"score":1,"class":"a"}],"work":{"layers":[]}}',
        '{"frame":1,"time":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3,4],"score":1,"class":"a","rle":{"size":[2,2],"counts":"25"}}],"work":{"layers":[]}}',
        '{"frame":1,"time":0,"observations":0,"tracks":[{"id":1,"bbox":[1,2,3,4],"score":1,"class":"a","rle":{"size":[2,2],"counts":3}}],"work":{"layers":[]}}',
        '{"frame":1,"time":0,"observations":0,"tracks":[],"work":{"layers":[["a",1]]}}',
        '{"frame":0,"time":0,"observations":0,"tracks":[],"work":{"layers":[]}}',
    ],
)
def test_a_wrong_json_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"frame":0,"time":0,"observations":0,"tracks":[],"work":{"layers":[]}}\n'
    path.write_text(good + line + "\n")
    with pytest.raises(VistreamError, match=r"a\.jsonl, line 2") as caught:
        list(read_results(path))
    assert "\n" not in str(caught.value)
