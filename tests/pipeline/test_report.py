"""`track --report`: a page that is whole, says what was done, and asks nothing of the network."""

from __future__ import annotations

import itertools
import re
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from browser import DESKTOP, PHONE, browser, faint, overflow, until, watched

from vistream.cli.main import run
from vistream.energy.estimators import Estimator
from vistream.errors import VistreamError
from vistream.media.formats.mot import read_tracks
from vistream.media.video.source import open_source
from vistream.pipeline.checkpoint import load_checkpoint, pack, write_checkpoint
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.report import RunFacts, RunReport
from vistream.pipeline.run import Run
from vistream.pipeline.settings import Settings
from vistream.render.page import document, plot
from vistream.render.pictures import STRIP
from vistream.render.plots import estimator_bars
from vistream.types import Result, Track

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DEMO = Path(__file__).parents[2] / "demo_videos"
CLIP = str(DEMO / "plaza_static.mp4")
DETECTIONS = str(DEMO / "plaza_static" / "det" / "det.txt")
FACTS = RunFacts("street.mp4", "vistream track street.mp4", "mot", "none", "exact", "motion", 25.0, (64, 48))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report made by the real command."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(
            sys, "argv",
            ["vistream", "track", CLIP, "--detections", DETECTIONS, "--max-frames", "30", "--fidelity", "high",
             "--report", "page", "--mot-txt", "tracks.txt", "--quiet"],
        )  # fmt: skip
        with pytest.raises(SystemExit) as left:
            run()
    assert left.value.code in (0, None)
    return folder / "page"


def test_the_page_says_what_was_done(report: Path) -> None:
    page = (report / "index.html").read_text()
    assert sorted(path.name for path in report.parent.iterdir()) == ["page", "tracks.txt"]  # no default video beside it
    assert f"vistream track {CLIP} --detections {DETECTIONS} --max-frames 30" in page
    for said in (
        "30 frames of 640x384",
        "fidelity high (tau 4",
        "efficientnet-lite0, weights 579344248a93",
        "torch",
        "240 frames",
    ):
        assert said in page, said
    assert re.search(r'<td><a href="../tracks.txt">tracks.txt</a></td><td>[\d.]+ kB</td>', page)
    ids = read_tracks(report.parent / "tracks.txt").ids
    assert f"<b>{len(set(ids.tolist()))}</b><span>tracks" in page
    assert page.count("<figure>") == 3
    rows = re.findall(r'<tr><td><img src="data:image/jpeg[^>]*></td><td>(\d+)</td><td>object</td>', page)
    assert [int(row) for row in rows] == sorted(set(ids.tolist()))
    assert re.search(r"<td>0.0 s</td><td>1.2 s</td><td>1.2 s</td>", page)  # who was there all the time


def test_the_page_has_the_speed_that_the_command_prints(tmp_path: Path) -> None:
    settings = Settings(detections=Path(DETECTIONS), max_frames=5)
    with Recording(CLIP, settings, OutputPaths(), report=tmp_path / "page") as recording:
        for _ in recording:
            pass
    time.sleep(0.2)  # what comes behind the run is no part of it
    assert f"<b>{recording.totals.fps:.1f}</b>" in (tmp_path / "page" / "index.html").read_text()


def test_the_page_needs_nothing_from_outside(report: Path) -> None:
    page = (report / "index.html").read_text()
    addresses = set(re.findall(r"""(?:src|href)=["']([^"'#][^"']{0,40})""", page))
    assert {address.split(",")[0] for address in addresses} == {
        "data:",
        "data:image/jpeg;base64",
        "tracks.mp4",
        "../tracks.txt",
    }
    assert "<script" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_the_video_beside_it_is_what_browsers_play(report: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(report / "tracks.mp4")) as video:
        assert video.streams.video[0].codec_context.name == "h264"
    with open_source(str(report / "tracks.mp4")) as frames:
        assert len(list(frames)) == 30


def test_in_a_browser(report: Path) -> None:
    with browser() as launched:
        for width, dark in itertools.product((PHONE, DESKTOP), (False, True)):
            look(launched, report, width, dark)


def look(launched: Browser, report: Path, width: int, dark: bool) -> None:
    """The page fits, plays, has the colours of the screen, and asks for nothing but its video."""
    with watched(launched, width, dark) as (page, complaints, asked):
        page.goto((report / "index.html").as_uri())
        until(page, "document.querySelector('video').readyState > 0")
        assert page.evaluate("document.querySelector('video').videoWidth") == 640
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill")
        assert (max(map(int, re.findall(r"\d+", paper))) < 60) == dark
        assert (min(map(int, re.findall(r"\d+", ink))) > 100) == dark
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert faint(page) == []
        assert overflow(page) == 0
        assert complaints == []
        own = {address.split("/")[-1] for address in asked if not address.startswith("data:")}
        assert own == {"index.html", "tracks.mp4"}


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_the_words_beside_other_plots_can_be_read(dark: bool, tmp_path: Path) -> None:
    with Recording(str(CLIP), Settings("semseg", max_frames=2), OutputPaths(), report=tmp_path / "page") as made:
        for _ in made:
            pass
    bars = plot("bars", "", estimator_bars([("row", "#8a8a8a", dict.fromkeys(Estimator, 1.0))]))
    (tmp_path / "bars.html").write_text(document("bars", bars), encoding="utf-8")
    with browser() as launched, watched(launched, DESKTOP, dark) as (page, _, _):
        for path in (tmp_path / "page" / "index.html", tmp_path / "bars.html"):
            page.goto(path.as_uri())
            assert page.evaluate("document.querySelectorAll('figure svg text').length") > 4
            assert faint(page) == []


def test_no_password_is_written_down() -> None:
    with closing(Run(CLIP, Settings(detections=Path(DETECTIONS)))) as opened:
        facts = RunFacts.of(opened, ["track", "rtsp://ann:secret@10.0.0.7/street", "--csv", "my tracks.csv"])
    assert facts.command == "vistream track 'rtsp://***@10.0.0.7/street' --csv 'my tracks.csv'"


def pictures(report: RunReport, count: int, first: int = 0) -> None:
    for frame in range(first, count):
        tracks = (Track(1, (4.0, 4.0, 9.0, 9.0), 1.0, "person"),) if frame % 2 else ()
        picture = np.full((48, 64, 3), frame % 250, np.uint8)
        report.add(Result(frame, frame / 25, tracks, 1), picture, picture)


def test_without_pyav_a_strip_of_frames_stands_for_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with RunReport(tmp_path / "page", FACTS) as report:
        pictures(report, 100)
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["index.html"]
    page = (tmp_path / "page" / "index.html").read_text()
    shown = [int(number) for number in re.findall(r'alt="frame (\d+)"', page)]
    assert STRIP // 2 <= len(shown) <= STRIP
    assert len(set(np.diff(shown))) == 1  # evenly spread
    assert shown[-1] > 80
    assert "PyAV is not installed" in caplog.text


def test_a_strip_of_frames_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with RunReport(tmp_path / "whole", FACTS) as whole:
        pictures(whole, 60)
    with RunReport(tmp_path / "parts", FACTS) as first:
        pictures(first, 35)
        write_checkpoint(tmp_path / "kept", *pack(first.memory()))
        pictures(first, 40, 35)  # after the checkpoint: lost
    with RunReport(tmp_path / "parts", replace(FACTS, resumed=35), before=load_checkpoint(tmp_path / "kept")) as second:
        pictures(second, 60, 35)
    pages = [(tmp_path / name / "index.html").read_text() for name in ("whole", "parts")]
    strips = [page[page.index('<div class="strip">') : page.index("<h2>Tracks")] for page in pages]
    assert strips[0] == strips[1]
    assert strips[0].count("<figure>") > STRIP // 2
    assert "<li>resumed: after 35 frames" in pages[1]


def test_ctrl_c_leaves_a_whole_page_and_an_error_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunReport(tmp_path / "kept", FACTS) as report:
        pictures(report, 5)
        raise KeyboardInterrupt
    assert "5 frames of 64x48" in (tmp_path / "kept" / "index.html").read_text()
    assert cv2.VideoCapture(str(tmp_path / "kept" / "tracks.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 5
    with pytest.raises(ZeroDivisionError), RunReport(tmp_path / "dropped", FACTS) as report:
        pictures(report, 5)
        raise ZeroDivisionError
    assert list((tmp_path / "dropped").iterdir()) == []


def test_a_run_without_tracks_says_so(tmp_path: Path) -> None:
    with RunReport(tmp_path / "page", FACTS) as report:
        nothing = np.zeros((48, 64, 3), np.uint8)
        report.add(Result(0, 0.0, (), 0), nothing, nothing)
    assert "Not one track came of this run" in (tmp_path / "page" / "index.html").read_text()


def test_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VistreamError, match="can't be a folder"):
        RunReport(tmp_path / "file", FACTS)
