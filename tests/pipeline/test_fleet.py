"""Several sources: which they are, where their files go, and that a lost worker's video is taken up again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.media.formats.jsonl import read_results
from vistream.media.video.source import open_source
from vistream.pipeline.fleet.jobs import Job, plan, sources_of, stem_of
from vistream.pipeline.fleet.processes import Processes
from vistream.pipeline.fleet.supervise import PATIENCE, Report, supervise
from vistream.pipeline.fleet.worker import Status, work
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.settings import Settings

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"
FRAMES = 50  # enough to be still at it when the kill comes


@pytest.fixture
def videos(tmp_path: Path) -> list[str]:
    (tmp_path / "videos").mkdir()
    return [str(shutil.copy(CLIP, tmp_path / "videos" / f"{name}.mp4")) for name in "ab"]


def test_a_glob_of_videos_is_many_sources_and_one_of_images_is_one(tmp_path: Path, videos: list[str]) -> None:
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    pattern, images = f"{tmp_path}/videos/*.mp4", f"{tmp_path}/*.png"
    assert sources_of([pattern]) == videos
    assert sources_of([images]) == [images]
    assert sources_of([pattern, images, "0", "rtsp://a/*"]) == [*videos, images, "0", "rtsp://a/*"]
    with pytest.raises(VistreamError, match="2 images, one by one: give their folder, or the pattern in quotes"):
        sources_of([str(tmp_path / "1.png"), str(tmp_path / "2.png")])
    with pytest.raises(VistreamError, match="matches nothing"):
        sources_of([f"{tmp_path}/*.avi"])
    with pytest.raises(VistreamError, match="is named twice"):
        sources_of([pattern, videos[0]])


def test_brackets_of_a_folder_mean_themselves_and_a_page_is_no_glob(tmp_path: Path) -> None:
    (tmp_path / "a [1]").mkdir()
    for name in ("b.mp4", "c.mp4"):
        (tmp_path / "a [1]" / name).write_bytes(b"")
    assert sources_of([f"{tmp_path}/a [1]/*.mp4"]) == [f"{tmp_path}/a [1]/{name}" for name in ("b.mp4", "c.mp4")]
    with pytest.raises(VistreamError, match="yt-dlp"):
        sources_of(["youtube.com/watch?v=x"])


def test_every_source_has_files_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "det").mkdir()
    for name in ("a.txt", "a-2.json", "b.txt"):
        (tmp_path / "det" / name).touch()
    settings = Settings(detections=tmp_path / "det")
    paths = OutputPaths(jsonl=tmp_path / "out", csv=tmp_path / "out")
    jobs = plan(["x/a.mp4", "y/a.mp4", "b.mp4"], settings, paths)
    assert [job.name for job in jobs] == ["a", "a-2", "b"]
    assert [job.settings.detections for job in jobs] == [tmp_path / "det" / n for n in ("a.txt", "a-2.json", "b.txt")]
    assert jobs[1].paths == OutputPaths(jsonl=tmp_path / "out" / "a-2.jsonl", csv=tmp_path / "out" / "a-2.csv")
    with pytest.raises(VistreamError, match="holds no file called c"):
        plan(["c.mp4"], settings, paths)
    with pytest.raises(VistreamError, match="name a folder for them"):
        plan(["a.mp4"], Settings(), OutputPaths(jsonl=tmp_path / "all.jsonl"))
    assert stem_of("http://cam:1/x y") == "cam-1-x-y"


def test_a_killed_worker_is_replaced_and_results_are_the_same(tmp_path: Path, videos: list[str]) -> None:
    settings = Settings(detector="motion", max_frames=FRAMES)
    jobs = plan(videos, settings, OutputPaths(jsonl=tmp_path / "out", mot=tmp_path / "out"))
    killed: list[int] = []

    def look(statuses: Sequence[Status]) -> None:
        if not killed and statuses[0].state == "running":
            killed.append(statuses[0].pid)
            os.kill(statuses[0].pid, signal.SIGKILL)

    done = supervise(jobs, Processes(1), 2, False, look, lambda: False)
    assert killed
    assert [(status.state, status.frames) for status in done] == [("done", FRAMES)] * 2
    assert done[0].pid not in killed
    alone = plan(videos[:1], settings, OutputPaths(jsonl=tmp_path / "alone", mot=tmp_path / "alone"))[0]
    assert work(alone, False, lambda _: None, lambda _: None).state == "done"
    for suffix in ("jsonl", "txt"):
        same = {(tmp_path / f).read_bytes() for f in (f"out/a.{suffix}", f"out/b.{suffix}", f"alone/a.{suffix}")}
        assert len(same) == 1
    there = ["a.jsonl", "a.resume", "a.txt", "b.jsonl", "b.resume", "b.txt"]  # one may want more frames
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == there


class Fakes:
    """Workers of this process: each tells what its script says next. What is tested is the supervisor."""

    def __init__(self, scripts: dict[int, list[Status]]) -> None:
        self.scripts = scripts
        self.started: list[tuple[int, bool]] = []
        self.running: list[int] = []
        self.most = 0

    def start(self, number: int, job: Job, resume: bool) -> None:
        self.started.append((number, resume))
        self.running.append(number)
        self.most = max(self.most, len(self.running))

    def reports(self) -> list[Report]:
        said = [Report(number, self.scripts[number].pop(0)) for number in self.running]
        self.running = [r.number for r in said if not r.status.final and r.status.state != "lost"]
        return said

    def stop(self) -> None:
        for number in self.running:
            self.scripts[number] = [Status("stopped", 1)]


def jobs(count: int, jsonl: bool = True) -> list[Job]:
    path = Path("out.jsonl") if jsonl else None
    return [Job(str(number), f"{number}.mp4", Settings(), OutputPaths(jsonl=path)) for number in range(count)]


def test_a_job_that_gets_no_further_is_given_up() -> None:
    fakes = Fakes({0: [Status("running", 5), Status("lost")] * PATIENCE, 1: [Status("done", 9)]})
    done = supervise(jobs(2), fakes, 1, False, lambda _: None, lambda: False)
    assert [status.state for status in done] == ["failed", "done"]
    assert "lost 3 times and got no further" in done[0].error
    assert fakes.started == [(0, False), (1, False), (0, True), (0, True)]
    assert fakes.most == 1


def test_a_job_that_gets_further_each_time_is_seen_through() -> None:
    steps = [Status("running", frames) for frames in range(1, 8)]
    script = [status for step in steps for status in (step, Status("lost"))]
    fakes = Fakes({0: [*script, Status("done", 9)]})
    assert supervise(jobs(1, jsonl=False), fakes, 1, False, lambda _: None, lambda: False)[0].state == "done"
    assert all(not resume for _, resume in fakes.started)  # nothing to resume from


def test_a_stop_reaches_all_and_begins_no_other() -> None:
    fakes = Fakes({0: [Status("running", 1)] * 9, 1: [Status("running", 1)] * 9})
    asked = threading.Event()
    done = supervise(jobs(3), fakes, 2, False, lambda _: asked.set(), asked.is_set)
    assert [status.state for status in done] == ["stopped"] * 3
    assert [number for number, _ in fakes.started] == [0, 1]


def test_the_command_tracks_a_glob_and_one_failure_is_not_all(
    tmp_path: Path, videos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(videos[1]).write_text("no video")
    options = ["--detector", "motion", "--max-frames", "3", "--jsonl", "out", "--jobs", "2"]
    result = CliRunner().invoke(app, ["track", "videos/*.mp4", *options])
    assert isinstance(result.exception, VistreamError)
    assert "1 of 2 sources failed" in str(result.exception)
    assert "failed" in result.stdout
    assert "3 / 3" in result.stdout
    assert [r.frame for r in read_results(tmp_path / "out" / "a.jsonl")] == [0, 1, 2]
    assert not (tmp_path / "out" / "b.jsonl").exists()
    for bad in (["--show"], ["--report", "page"]):
        assert isinstance(CliRunner().invoke(app, ["track", "videos/*.mp4", *bad]).exception, VistreamError)


INTERRUPTED = """
import signal
from vistream.cli.main import run
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    run()
"""


def all_gone(group: int) -> bool:
    """Whether a minute later none of a group of processes is left."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(os.name == "nt", reason="there a test can't press Ctrl-C for a group of processes")
def test_ctrl_c_ends_all_workers_and_they_can_go_on(tmp_path: Path, videos: list[str]) -> None:
    """A terminal sends it to the command and its workers alike."""
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    options = ["--detector", "motion", "--jobs", "2", "--jsonl", str(tmp_path / "out"), "--quiet"]
    command = [sys.executable, str(script), "track", *videos, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        lines = [tmp_path / "out" / f"{name}.jsonl" for name in "ab"]
        while process.poll() is None and not all(path.exists() and path.stat().st_size for path in lines):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert all_gone(process.pid)
    with open_source(videos[0]) as source:
        whole = source.frame_count
    for path in lines:
        frames = [result.frame for result in read_results(path)]
        assert frames == list(range(len(frames)))
        assert path.with_suffix(".resume").is_file() == (len(frames) != whole)  # one may be finished before both began
