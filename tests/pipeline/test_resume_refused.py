"""What a run can't go on with is refused in one line: other options, other files, what is no checkpoint."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.pipeline.checkpoint import FORMAT, load_checkpoint, pack, write_checkpoint
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.render.style import read_style
from vistream.tracking.life import Conf

DEMO = Path(__file__).parents[2] / "demo_videos"
CLIP, TRUTH = DEMO / "plaza_static.mp4", DEMO / "plaza_static"


def begun(source: Path, settings: Settings, folder: Path) -> OutputPaths:
    """The outputs of a run that was stopped after a frame."""
    paths = OutputPaths(jsonl=folder / "out.jsonl", mot=folder / "out.txt", video=folder / "out.mp4")
    with Recording(str(source), settings, paths) as made:
        next(iter(made))
        made.stop()
    return paths


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"conf": Conf(0.3, (("car", 0.5),))}, "a run without --conf, not with --conf 0.3,car=0.5: resume"),
        ({"lines": ("0,.5,1,.5", "0,0,9,9")}, "a run without --line, not with --line 0,.5,1,.5 --line 0,0,9,9: resume"),
        (
            {"style": read_style("labels=off,line=3,blur=faces+car")},
            r"line=3,labels=off,blur=faces\+car: resume",
        ),
        ({"classes": ("car", "person")}, "a run without --classes, not with --classes car,person: resume"),
        ({"zero_based": True}, "a run without --zero-based, not with --zero-based: resume"),
        ({"memory": 2.5}, "a run without --memory, not with --memory 2.5: resume"),
    ],
)
def test_other_options_are_named_as_they_are_written(changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    settings = Settings("mot", detector="motion", max_frames=3)
    paths = begun(CLIP, settings, tmp_path)
    with pytest.raises(VistreamError, match=complaint):
        Recording(str(CLIP), replace(settings, **changes), paths, resume=True)


@pytest.mark.parametrize("what", ["the source", "--detections", "a picture of the source"])
def test_a_file_that_was_replaced_is_noticed(what: str, tmp_path: Path) -> None:
    """Of the same name and, but for the picture, of the same size."""
    clip, boxes, pictures = tmp_path / "in.mp4", tmp_path / "det.txt", tmp_path / "in"
    shutil.copyfile(CLIP, clip)
    shutil.copyfile(TRUTH / "det" / "det.txt", boxes)
    pictures.mkdir()
    for number in range(3):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((48, 64, 3), 90, np.uint8))
    source = pictures if what == "a picture of the source" else clip
    settings = Settings(
        "mot", max_frames=3, **({"detector": "motion"} if source is pictures else {"detections": boxes})
    )
    paths = begun(source, settings, tmp_path)
    if what == "the source":
        with clip.open("r+b") as file:
            file.seek(5000)
            file.write(b"another")
    elif what == "--detections":
        boxes.write_text(boxes.read_text().replace("1", "2", 1))
    else:
        cv2.imwrite(str(pictures / "1.png"), np.eye(48, 64, dtype=np.uint8) * 255)
    named = boxes if what == "--detections" else source
    with pytest.raises(VistreamError, match=rf"^{re.escape(str(named))} is not what it was when .*out\.resume was"):
        Recording(str(source), settings, paths, resume=True)


def test_resuming_what_is_finished_is_no_failure(tmp_path: Path) -> None:
    """So that `until vistream ... --resume` ends."""
    jsonl = tmp_path / "out.jsonl"
    again = ["track", str(CLIP), "--detector", "motion", "--max-frames", "2", "--jsonl", str(jsonl), "--resume"]
    with Recording(str(CLIP), Settings(detector="motion", max_frames=2), OutputPaths(jsonl=jsonl)) as made:
        list(made)
    before = jsonl.read_bytes()
    for _ in range(2):
        done = CliRunner().invoke(app, again, catch_exceptions=False)
        assert (done.exit_code, jsonl.read_bytes()) == (0, before)
        (tmp_path / "out.resume").unlink(missing_ok=True)  # as after a run to the end of the video
    jsonl.write_text("the user's own\n", encoding="utf-8")
    assert "is not a frame as vistream writes it" in str(CliRunner().invoke(app, again).exception)


def test_a_report_goes_on_from_a_report_only(tmp_path: Path) -> None:
    paths, settings = OutputPaths(jsonl=tmp_path / "out.jsonl"), Settings("mot", detector="motion", max_frames=3)
    with Recording(str(CLIP), settings, paths) as made:
        next(iter(made))
        made.stop()
    with pytest.raises(VistreamError, match=r"had no report to go on with.* leave --report out"):
        Recording(str(CLIP), settings, paths, resume=True, report=tmp_path / "page")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "out.resume"]


def test_a_checkpoint_runs_nothing_and_makes_only_what_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "a.resume"
    arrays = {"a0": np.arange(3)}
    for tree in ('["object", ["Popen", {}]]', '["object", ["Path", {}]]', '["array", "a7"]', '["nonsense", 1]', "[[]]"):
        write_checkpoint(path, f'{{"format": "{FORMAT}", "value": {tree}}}', arrays)
        with pytest.raises(VistreamError, match="can't be resumed from"):
            load_checkpoint(path)
    with path.open("wb") as file:
        np.savez(file, tree=np.array([{}], dtype=object))
    with pytest.raises(VistreamError, match="can't be resumed from"):
        load_checkpoint(path)
    value = {"a": [1, 2.5, None, "x", True], 3: (np.float64(0.1), {4}), "b": np.arange(4).reshape(2, 2)}
    write_checkpoint(path, *pack(value))
    again = load_checkpoint(path)
    assert again["a"] == value["a"]
    assert again[3] == value[3]
    assert np.array_equal(again["b"], np.arange(4).reshape(2, 2))
    with pytest.raises(TypeError, match=r"a \w+Path can't be kept"):
        pack(path)
