"""The tasks semseg and panoptic in a session and in a run: maps, files, and going on where a run was stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from segmenters import network_file, random_network
from typer.testing import CliRunner

import vistream
from vistream.cli.main import app
from vistream.engine.fidelity import DeadZones
from vistream.errors import VistreamError
from vistream.media.formats.davis import read_labels
from vistream.media.formats.jsonl import read_results
from vistream.media.formats.panoptic import read_ids, read_panoptic
from vistream.pipeline.fleet.jobs import plan
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.segment.segmenter import Segmenter
from vistream.types import Frame

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_pan.mp4"
FRAMES = 5
SETS = {"semseg": "plaza", "panoptic": "coco-panoptic"}


def model_of(folder: Path, task: str) -> str:
    return str(network_file(folder, SETS[task], panoptic=task == "panoptic"))


def frame() -> Frame:
    return np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)


def outputs(folder: Path, task: str) -> OutputPaths:
    folder.mkdir(exist_ok=True)
    return OutputPaths(
        video=folder / "out.mp4",
        jsonl=folder / "out.jsonl",
        csv=folder / "out.csv",
        labels=folder / "labels",
        index=folder / "index",
        panoptic=folder / "out.json" if task == "panoptic" else None,
    )


def record(folder: Path, settings: Settings, most: int | None = None, *, resume: bool = False) -> Recording:
    """Segment, and stop after `most` frames as the first Ctrl-C does."""
    paths, page = outputs(folder, settings.task), folder / "page"
    with Recording(str(CLIP), settings, paths, resume=resume, report=page) as made:
        for count, _ in enumerate(made, start=1):
            if count == most:
                made.stop()
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """Of all files that must be the same, byte for byte."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".mp4", ".html", ".resume"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("task", SETS)
def test_a_resumed_run_equals_one_that_was_not_interrupted(task: str, tmp_path: Path) -> None:
    settings = Settings(task, model_of(tmp_path, task), start=3, max_frames=FRAMES)
    record(tmp_path / "whole", settings)
    record(tmp_path / "parts", settings, 2)
    assert (tmp_path / "parts" / "out.resume").is_file()
    last = record(tmp_path / "parts", settings, resume=True)
    assert (last.totals.frames, last.totals.resumed) == (FRAMES, 2)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert sum(last.totals.shares.values()) == pytest.approx(FRAMES if task == "semseg" else 0.0, abs=5)


@pytest.mark.parametrize("task", SETS)
def test_every_file_tells_the_same(task: str, tmp_path: Path) -> None:
    record(tmp_path / "out", Settings(task, model_of(tmp_path, task), max_frames=2))
    lines = list(read_results(tmp_path / "out" / "out.jsonl"))
    rows = [line.split(",") for line in (tmp_path / "out" / "out.csv").read_text().splitlines()[1:]]
    for number, result in enumerate(lines):
        labels = read_labels(tmp_path / "out" / "labels" / f"{number:05d}.png")
        np.testing.assert_array_equal(labels, read_labels(tmp_path / "out" / "index" / f"{number:05d}.png"))
        assert result.shares and not result.tracks and result.class_map is None
        assert sum(result.shares.values()) == pytest.approx((labels < 255).mean(), abs=1e-5)
        assert {row[2]: float(row[3]) for row in rows if row[0] == str(number)} == result.shares
    if task == "panoptic":
        image = read_panoptic(tmp_path / "out" / "out.json").images["00000"]
        ids = read_ids(image.map)
        assert {s.id: s.area for s in lines[0].segments} == {s.id: int((ids == s.id).sum()) for s in image.segments}
        assert lines[0].segments


def test_panoptic_files_are_named_as_the_images_are(tmp_path: Path) -> None:
    """As the label maps are: files are paired by their names."""
    (tmp_path / "in").mkdir()
    Image.fromarray(frame()).save(tmp_path / "in" / "street_000008.png")
    paths = OutputPaths(panoptic=tmp_path / "out.json", labels=tmp_path / "labels")
    with Recording(str(tmp_path / "in"), Settings("panoptic", model_of(tmp_path, "panoptic")), paths) as made:
        for _ in made:
            pass
    assert list(read_panoptic(tmp_path / "out.json").images) == ["street_000008"]
    assert [path.name for path in (tmp_path / "labels").iterdir()] == ["street_000008.png"]


def test_a_session_gives_maps_frame_by_frame(tmp_path: Path) -> None:
    session = vistream.Session("semseg", "float", model_of(tmp_path, "semseg"))
    result = session.step(frame())
    assert result.class_map is not None and result.class_map.labels.shape == (60, 90)
    expected = random_network("plaza").scores(frame()).argmax(0).numpy()
    np.testing.assert_array_equal(result.class_map.labels, expected)
    assert result.shares == result.class_map.shares()
    session.step(255 - frame())
    np.testing.assert_array_equal(session.step(frame()).class_map.labels, expected)  # type: ignore[union-attr]
    assert session.classes is not None and session.classes.names == result.class_map.names
    session.reset()
    assert session.step(frame()[:40]).frame == 0
    with pytest.raises(VistreamError, match="the task semseg finds its objects by itself"):
        session.add_object((0.0, 0.0, 5.0, 5.0))


def test_tracking_a_source_says_what_it_shows(tmp_path: Path) -> None:
    for result in vistream.track(CLIP, task="panoptic", model=model_of(tmp_path, "panoptic"), max_frames=1):
        assert {segment.label for segment in result.segments} == set(result.shares or ())


def test_things_are_observations_of_mots(tmp_path: Path) -> None:
    detector = f"spike2former:{model_of(tmp_path, 'panoptic')}"
    (result,) = vistream.track(CLIP, task="mots", detector=detector, max_frames=1)
    (seen,) = vistream.track(CLIP, task="panoptic", model=detector.partition(":")[2], max_frames=1)
    things = [segment for segment in seen.segments if segment.thing]
    assert result.observations == len(things) > 0
    assert sorted(track.label for track in result.tracks) == sorted(segment.label for segment in things)
    assert all(track.mask is not None for track in result.tracks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--detector", "motion"], "looks at every pixel itself, so it takes no detections and no detector"),
        (["--classes", "person"], "--classes is for the tasks mot, mots, pose, and means nothing for semseg"),
        (["--conf", "0.5"], "--conf is for the tasks mot, mots, pose, and means nothing for semseg"),
        (["--iou", "0.4"], "--iou is for the tasks"),
        (["--min-hits", "1"], "--min-hits is for the tasks"),
        (["--memory", "3"], "--memory is for the tasks"),
        (["--detector-size", "640"], "--detector-size is for the tasks"),
        (["--interpolate", "3"], "--interpolate acts on"),
        (["--interpolate", "3", "--csv", "a.csv"], "--interpolate is for the tasks mot, mots, pose, vos, sot, and"),
        (["--zero-based"], "--zero-based acts on"),
        (["--line", "0,0.5,1,0.5"], "--line is for the tasks"),
        (["--zone", "0,0,1,0,1,1"], "--zone is for the tasks"),
        (["--scale", "0.02"], "--scale is for the tasks"),
        (["--style", "trails=off"], "--style trails= is for the tasks"),
        (["--style", "line=3"], "--style line= is for the tasks"),
        (["--style", "map=off", "--csv", "a.csv"], "--style map= acts on --output or --report or --show"),
        (["--work", "--csv", "a.csv"], "--work acts on --jsonl: ask for that too, or leave it out"),
        (["--mot-txt", "a.txt"], "the mot output is for the task mot or mots or pose or vos or sot, not semseg"),
        (["--panoptic-json", "a.json"], "the panoptic output is for the task panoptic, not semseg"),
        (["--fidelity", "float", "--deadband", "3"], "has no dead zones"),
        (["--init-box", "1,2,3,4"], "--init-box is for the task sot, not semseg"),
        (["--model", "nowhere.pth"], "nowhere.pth: no such network, nor is it a file"),
        (["--bits", "12"], "--bits 12: weights have 8, or 16 for the tasks semseg and panoptic"),
        (
            ["--bits", "16", "--fidelity", "float"],
            "--bits 16 are those of integers, of which the fidelity float has none",
        ),
    ],
)
def test_what_a_class_map_has_no_use_for_is_refused(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = [] if "--model" in options else ["--model", model_of(tmp_path, "semseg")]
    done = CliRunner().invoke(app, ["track", str(CLIP), "--task", "semseg", *model, *options])
    assert isinstance(done.exception, VistreamError)
    assert message in str(done.exception)
    assert not [*tmp_path.glob("*.txt"), *tmp_path.glob("*.csv")] and not list(tmp_path.glob("*.mp4"))


def test_weights_may_have_16_bits(tmp_path: Path) -> None:
    model = model_of(tmp_path, "semseg")
    (result,) = vistream.track(CLIP, task="semseg", model=model, bits=16, max_frames=1)
    assert result.class_map is not None
    expected = Segmenter(random_network("plaza"), zones=DeadZones(), bits=16).step(result.picture).class_map.labels
    np.testing.assert_array_equal(result.class_map.labels, expected)
    assert "int16 stream" in vistream.Session("semseg", model=model, bits=16).model
    with pytest.raises(VistreamError, match="--bits 16: weights have 8, or 16 for the tasks semseg and panoptic"):
        vistream.Session("mot", bits=16)


def test_several_sources_at_once_give_what_each_gives_alone(tmp_path: Path) -> None:
    clips = [str(CLIP), str(CLIP.with_name("plaza_static.mp4"))]
    asked = ["--task", "panoptic", "--model", model_of(tmp_path, "panoptic"), "--max-frames", "2", "--quiet"]
    together = tmp_path / "together"
    files = ["--labels-dir", str(together / "labels"), "--panoptic-json", str(together / "segments")]
    done = CliRunner().invoke(app, ["track", *clips, *asked, *files, "--jobs", "2"])
    assert done.exit_code == 0, done.output
    for clip in clips:
        name, alone = Path(clip).stem, tmp_path / Path(clip).stem
        files = ["--labels-dir", str(alone / "labels"), "--panoptic-json", str(alone / "segments" / f"{name}.json")]
        assert CliRunner().invoke(app, ["track", clip, *asked, *files]).exit_code == 0
        for path in (path for path in alone.rglob("*") if path.is_file()):
            assert (together / path.relative_to(alone)).read_bytes() == path.read_bytes()
        assert len(list((together / "labels" / name).rglob("*.png"))) == 2


def test_maps_of_several_sources_have_folders_of_their_own(tmp_path: Path) -> None:
    wanted = OutputPaths(labels=tmp_path / "maps", index=tmp_path / "grey", panoptic=tmp_path / "segments")
    jobs = plan([str(CLIP), "other.mp4"], Settings("panoptic"), wanted)
    assert [job.paths.labels for job in jobs] == [tmp_path / "maps" / name for name in ("plaza_pan", "other")]
    assert jobs[1].paths.panoptic == tmp_path / "segments" / "other.json"
    with pytest.raises(VistreamError, match="the labels output is for the task semseg or panoptic, not mot"):
        plan([str(CLIP), "other.mp4"], Settings("mot"), OutputPaths(labels=tmp_path / "maps"))
