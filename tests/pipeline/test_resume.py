"""A run that was stopped goes on as if it had not been: same bytes, no frame twice, whatever stopped it."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.media.formats.jsonl import read_results
from vistream.media.formats.mot import read_tracks
from vistream.pipeline import recording
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Finished, Recording
from vistream.pipeline.settings import Settings

DEMO = Path(__file__).parents[2] / "demo_videos"
CLIP = DEMO / "plaza_static.mp4"
TRUTH = DEMO / "plaza_static"
MASKS = TRUTH / "gt" / "gt_mots.txt"
FRAMES = 14


def outputs(folder: Path, task: str) -> OutputPaths:
    folder.mkdir(exist_ok=True)
    return OutputPaths(
        video=folder / "out.mp4",
        jsonl=folder / "out.jsonl",
        mot=folder / "mot.txt",
        csv=folder / "out.csv",
        coco=folder / "coco.json" if task in ("mots", "pose") else None,  # whose objects have categories
        mots=folder / "mots.txt" if task in ("mots", "vos") else None,
        davis=folder / "masks" if task in ("mots", "vos") else None,
        posetrack=folder / "pose.json" if task == "pose" else None,
    )


def record(folder: Path, settings: Settings, most: int | None = None, *, resume: bool = False) -> Recording:
    """Track, and stop after `most` frames as the first Ctrl-C does."""
    paths, page = outputs(folder, settings.task), folder / "page"
    with Recording(str(CLIP), settings, paths, resume=resume, report=page) as made:
        for count, _ in enumerate(made, start=1):
            if count == most:
                made.stop()
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """Of all files that must be the same, byte for byte: not of videos, whose pictures state the speed.

    Nor of checkpoints, which hold what was computed so far, and not what was left for later.
    """
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".mp4", ".html", ".resume"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def plots(folder: Path) -> str:
    """Of the report: tracks over time, work per frame, changes by layer."""
    page = (folder / "page" / "index.html").read_text()
    return page[page.index("<h2>What happened") : page.index("<h2>Files")]


CASES = {
    "mot": Settings("mot", detector="motion", start=20, max_frames=FRAMES),
    "dead zones": Settings("mot", detector="motion", fidelity="fast", start=20, stride=2, max_frames=FRAMES),
    "speeds": Settings("mot", detector="motion", start=20, max_frames=FRAMES, scale="0.02"),
    "mots": Settings("mots", detections=MASKS, max_frames=6),
    "vos": Settings("vos", init_mask=TRUTH / "masks" / "00000.png", max_frames=6),
    "sot": Settings("sot", init_box=(250.0, 130.0, 120.0, 120.0), max_frames=6),
    "sot of what enters": Settings("sot", init_box=(0.0, 130.0, 16.0, 90.0), max_frames=6),
    "pose": Settings("pose", detections=TRUTH / "posetrack.json", max_frames=6),
}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_equals_one_that_was_not_interrupted(case: str, tmp_path: Path) -> None:
    settings = CASES[case]
    record(tmp_path / "whole", settings)
    record(tmp_path / "parts", settings, 3)
    assert (tmp_path / "parts" / "out.resume").is_file()
    assert len(list(read_results(tmp_path / "parts" / "out.jsonl"))) == 3
    record(tmp_path / "parts", settings, 1, resume=True)
    last = record(tmp_path / "parts", settings, resume=True)
    assert (last.totals.frames, last.totals.resumed) == (settings.max_frames, 4)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert last.totals.ids
    for name in ("out.mp4", "page/tracks.mp4"):
        assert frames_in(tmp_path / "parts" / name) == settings.max_frames
    assert plots(tmp_path / "parts") == plots(tmp_path / "whole")


LENGTH = 16
COMMAND = ("track", str(CLIP), "--max-frames", str(LENGTH))
EVERYTHING = shlex.split(
    f"--task mots --detections {MASKS} --jsonl out.jsonl --output out.mp4 --mot-txt mot.txt --csv out.csv "
    "--mots-txt mots.txt --davis-dir masks --coco-json coco.json --report page"
)
RUN = f"""
import sys
from vistream.cli.main import run
from vistream.pipeline import recording
recording.INTERVAL = 0.0  # a checkpoint after every frame
sys.argv = ["vistream", *{COMMAND}, *sys.argv[1:]]
run()
"""


def start(folder: Path, *arguments: str, limit: int | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own; `limit`: the largest file, in bytes, that the system lets it write."""

    def before() -> None:
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails as it does on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < count):
        time.sleep(0.01)


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_kill_leaves_valid_files_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    with start(killed, *EVERYTHING) as process:
        wait_for_lines(killed / "out.jsonl", 8, process)
        process.kill()
    lines = list(read_results(killed / "out.jsonl"))
    assert 8 <= len(lines) < LENGTH
    for part in ("out.part.mp4", "page/tracks.part.mp4"):
        assert len(lines) - 2 <= frames_in(killed / part) <= len(lines)
    assert set(read_tracks(killed / "mot.part.txt").frames.tolist()) <= {line.frame for line in lines}
    for folder, more in ((killed, ("--resume",)), (whole, ())):
        monkeypatch.chdir(folder)
        done = CliRunner().invoke(app, [*COMMAND, *EVERYTHING, *more], catch_exceptions=False)
        before = re.search(rf"frames +│ {LENGTH}, (\d+) of them before", done.output)
        assert done.exit_code == 0, done.output
        assert bool(before) == (folder == killed)
        assert before is None or int(before[1]) >= 6
    assert contents(killed) == contents(whole)
    assert plots(killed) == plots(whole)
    assert {path.relative_to(killed) for path in killed.rglob("*")} == {
        path.relative_to(whole) for path in whole.rglob("*")
    }
    assert frames_in(killed / "out.mp4") == frames_in(killed / "page" / "tracks.mp4") == LENGTH


def test_a_full_disk_ends_in_one_line_and_the_run_can_go_on(tmp_path: Path) -> None:
    names = ("--jsonl", "out.jsonl", "--mot-txt", "out.txt")
    with start(tmp_path, "--detector", "motion", *names, limit=6000) as process:
        said = process.communicate()[1]
    assert process.returncode == 2
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    assert "can't be written: File too large" in errors[0]
    assert "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "out.resume"]
    paths = OutputPaths(jsonl=tmp_path / "out.jsonl", mot=tmp_path / "out.txt")
    with Recording(str(CLIP), Settings(detector="motion", max_frames=LENGTH), paths, resume=True) as made:
        list(made)
    assert [line.frame for line in read_results(tmp_path / "out.jsonl")] == list(range(LENGTH))


SIGNALLED = """
import os, signal, sys
from vistream.cli.main import run
from vistream.media.formats.jsonl import JsonlWriter

write, number = JsonlWriter.write, int(sys.argv.pop(1))

def counted(writer, result):
    write(writer, result)
    if result.frame == 4:
        os.kill(os.getpid(), number)

JsonlWriter.write = counted
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
run()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_the_run_after_the_present_frame(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """In a process of its own, which sends the signal to itself once there are five lines."""
    names = ("--jsonl", "out.jsonl", "--output", "out.mp4", "--csv", "out.csv")
    command = [sys.executable, "-c", SIGNALLED, str(int(number)), "track", str(CLIP), "--detector", "motion", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "stopped after 5 frames; what was written so far is kept; go on with --resume" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.jsonl", "out.mp4", "out.resume"]
    assert frames_in(tmp_path / "out.mp4") == len(list(read_results(tmp_path / "out.jsonl"))) == 5


CUT_OFF = """
import os
from vistream.cli.main import run
from vistream.pipeline.outputs import Outputs

Outputs.__exit__ = lambda *_: os._exit(9)
run()
"""


def test_a_run_killed_while_its_files_are_closed_is_not_finished(tmp_path: Path) -> None:
    """Behind the last of the frames that were asked for, with no file whole yet."""
    names = ["--max-frames", "5", "--jsonl", str(tmp_path / "out.jsonl"), "--csv", str(tmp_path / "out.csv")]
    command = ["track", str(CLIP), "--detector", "motion", *names]
    assert subprocess.run([sys.executable, "-c", CUT_OFF, *command], capture_output=True, check=False).returncode == 9
    assert not (tmp_path / "out.csv").exists()
    done = CliRunner().invoke(app, [*command, "--resume"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out.csv").is_file() and len(list(read_results(tmp_path / "out.jsonl"))) == 5


@pytest.mark.skipif(os.name == "nt", reason="open files can't be removed there")
def test_a_folder_that_goes_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    settings = Settings("mot", detector="motion", max_frames=FRAMES)
    with (
        pytest.raises(VistreamError, match="removed while it was being written"),
        Recording(str(CLIP), settings, outputs(folder, "mot")) as made,
    ):
        for count, _ in enumerate(made):
            if count == 2:
                made.outputs.flushed()  # by then the video is open, which is written behind
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()
    assert not folder.exists()


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """As `vistream track ... | head -0` does: the table finds nobody, the files are there all the same."""
    with start(tmp_path, "--detector", "motion", "--csv", "out.csv", "--max-frames", "2") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "Exception" not in said
    assert (tmp_path / "out.csv").is_file()


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "INTERVAL", 0.0)
    settings = Settings("mot", detector="motion", max_frames=3)
    record(tmp_path, settings, 2)
    with pytest.raises(VistreamError, match="of a run with --fidelity exact, not with --fidelity fast: resume it with"):
        record(tmp_path, Settings("mot", detector="motion", fidelity="fast", max_frames=3), resume=True)
    with pytest.raises(VistreamError, match="name them with --jsonl"):
        Recording(str(CLIP), settings, OutputPaths(csv=tmp_path / "a.csv"), resume=True)
    longer = Settings("mot", detector="motion", max_frames=4)
    assert record(tmp_path, longer, resume=True).totals.frames == 4
    with pytest.raises(Finished, match="has the 3 frames that were asked for"):
        record(tmp_path, settings, resume=True)
    (tmp_path / "out.resume").write_bytes(b"PK no archive")
    with pytest.raises(VistreamError, match=r"out\.resume can't be resumed from"):
        record(tmp_path, settings, resume=True)
