"""The names of a run, compared before anything is opened; none of these runs gets as far as its first frame."""

from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from vistream.errors import VistreamError
from vistream.pipeline.fleet.jobs import plan
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.storage.claim import Claim
from vistream.storage.names import written

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"
MOTION = Settings(detector="motion", max_frames=2)


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A video, images, detections and a mask, as a user has them."""
    shutil.copy(CLIP, tmp_path / "in.mp4")
    (tmp_path / "frames").mkdir()
    for number in range(2):
        cv2.imwrite(str(tmp_path / "frames" / f"{number:05d}.png"), np.full((48, 64, 3), 90, np.uint8))
    (tmp_path / "det.txt").write_text("1,-1,1,1,9,9,0.9,-1,-1,-1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "outputs", "told"),
    [
        ("in.mp4", {"video": "in.mp4"}, "the source and --output are the same file"),
        ("in.mp4", {"jsonl": "in.mp4"}, "the source and --jsonl are the same file"),
        ("in.mp4", {"csv": "in.mp4"}, "the source and --csv are the same file"),
        ("in.mp4", {"video": "missing/../in.mp4"}, "the source and --output are the same file"),
        ("in.mp4", {"csv": "missing/deep/../../det.txt"}, "--detections and --csv are the same file"),
        ("in.mp4", {"mot": "det.txt"}, "--detections and --mot-txt are the same file"),
        ("in.mp4", {"jsonl": "x.resume"}, "--jsonl and its checkpoint are the same file"),
        ("in.mp4", {"jsonl": "y.jsonl", "csv": "y.resume"}, "its checkpoint and --csv are the same file"),
        ("in.mp4", {"csv": "same", "jsonl": "same"}, "--jsonl and --csv are the same file"),
        ("in.mp4", {"csv": "a.txt", "mot": "a.part.txt"}, "are the same file"),
        ("in.mp4", {"video": "a.mp4", "csv": "a.before.mp4"}, "are the same file"),
        ("in.mp4", {"report": ".", "video": "tracks.mp4"}, "are the same file"),
        ("in.mp4", {"report": ".", "jsonl": "index.html"}, "are the same file"),
        ("frames", {"csv": "frames/00000.png"}, "the source and --csv are the same file"),
        ("frames/*.png", {"csv": "frames/00001.png"}, "the source and --csv are the same file"),
    ],
)
def test_a_name_is_used_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, outputs: dict[str, str], told: str
) -> None:
    monkeypatch.chdir(folder)
    before = contents(folder)
    report = Path(outputs.pop("report")) if "report" in outputs else None
    paths = OutputPaths(**{name: Path(path) for name, path in outputs.items()})
    settings = Settings(detections=Path("det.txt"))
    with pytest.raises(VistreamError, match=told):
        Recording(source, settings, paths, report=report, overwrite=True)
    assert contents(folder) == before


def test_masks_do_not_replace_the_images_that_they_are_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    settings = Settings("mots", detector="motion")
    with pytest.raises(VistreamError, match="the source lies in --davis-dir"):
        Recording("frames", settings, OutputPaths(davis=Path("frames")), overwrite=True)


@pytest.mark.parametrize(
    ("outputs", "there"),
    [
        ({"csv": "mine"}, "mine"),
        ({"video": "mine.mp4"}, "mine.mp4"),
        ({"jsonl": "new.jsonl"}, "new.resume"),
        ({"mot": "new.txt"}, "new.part.txt"),
        ({"report": "page"}, "page/index.html"),
        ({"report": "page"}, "page/tracks.mp4"),
        ({"davis": "masks"}, "masks/00000.png"),
    ],
)
def test_what_is_there_is_not_replaced(folder: Path, outputs: dict[str, str], there: str) -> None:
    (folder / there).parent.mkdir(exist_ok=True)
    (folder / there).write_text("the user's own", encoding="utf-8")
    before = contents(folder)
    report = folder / outputs.pop("report") if "report" in outputs else None
    paths = OutputPaths(**{name: folder / path for name, path in outputs.items()})
    with pytest.raises(VistreamError, match="is there already, and is not of an earlier run"):
        Recording(str(CLIP), Settings("mots", detector="motion", max_frames=2), paths, report=report)
    assert contents(folder) == before


def test_a_second_run_on_the_same_outputs_is_turned_away(folder: Path) -> None:
    path = folder / "out.mp4"
    with (
        Claim(written("--output", path), "tracking other.mp4"),
        pytest.raises(VistreamError, match=r"out\.mp4 is being written by another run .*tracking other\.mp4"),
    ):
        Recording(str(CLIP), MOTION, OutputPaths(video=path))


def test_of_many_sources_none_is_an_output_of_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shutil.copy("in.mp4", "b.mp4")
    with pytest.raises(VistreamError, match="the source and --output are the same file"):
        plan(["in.mp4", "b.mp4"], MOTION, OutputPaths(video=Path()))
    shutil.copy("in.mp4", "in-tracks.mp4")
    with pytest.raises(VistreamError, match="the source and --output are the same file"):
        plan(["in.mp4", "in-tracks.mp4"], MOTION, OutputPaths())
    with pytest.raises(VistreamError, match="--mots-txt are the same file"):
        plan(["in.mp4"], Settings("mots"), OutputPaths(mot=Path("out"), mots=Path("out")))


@pytest.mark.parametrize(
    ("settings", "outputs", "told"),
    [
        (Settings(detector="motion"), OutputPaths(coco=Path("a.json")), 'COCO has no category "moving"'),
        (Settings("mots", detector="motion"), OutputPaths(coco=Path("a.json")), 'COCO has no category "moving"'),
        (Settings("sot", init_box=(1, 1, 9, 9)), OutputPaths(coco=Path("a.json")), 'COCO has no category "object"'),
        (Settings(detector="motion"), OutputPaths(video=Path("a.xyz")), "a video is written as one of"),
        (Settings(detector="motion"), OutputPaths(posetrack=Path("a.json")), "is for the task pose"),
    ],
)
def test_impossible_outputs_are_refused_before_the_source_is_opened(
    settings: Settings, outputs: OutputPaths, told: str
) -> None:
    with pytest.raises(VistreamError, match=told):
        Recording("missing.mp4", settings, outputs)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings("nonsense"), "no task is called"),
        (Settings(fidelity="perfect"), "no fidelity is called"),
        (Settings(deadband=300), "must lie in 0 to 255"),
        (Settings("vos"), "the task vos follows masks"),
        (Settings("sot"), "the task sot follows a box"),
        (Settings(init_mask=Path("a.png")), "is for the task vos"),
    ],
)
def test_impossible_options_are_refused_before_the_source_is_opened(settings: Settings, told: str) -> None:
    with pytest.raises(VistreamError, match=told):
        Recording("missing.mp4", settings, OutputPaths(csv=Path("a.csv")))


def test_classes_of_a_file_that_coco_does_not_know(folder: Path) -> None:
    settings = Settings(detections=folder / "det.txt", max_frames=1)
    with pytest.raises(VistreamError, match='COCO has no category "object"'):
        Recording(str(CLIP), settings, OutputPaths(coco=folder / "new" / "a.json"))
    assert not (folder / "new").exists()


def test_where_no_thread_can_be_started_nothing_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing needs one, of a size that too little memory has no room for."""
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "drawing":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    before = contents(folder)
    with pytest.raises(RuntimeError, match="new thread"):
        Recording(str(folder / "in.mp4"), MOTION, OutputPaths(video=folder / "a.mp4", csv=folder / "a.csv"))
    assert contents(folder) == before
