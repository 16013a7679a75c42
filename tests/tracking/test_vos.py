"""Label propagation against its formula, and video object segmentation from the API and the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.engine.fidelity import PRESETS
from vistream.errors import VistreamError
from vistream.evaluate.datasets.job import _zones
from vistream.evaluate.metrics.vos import jaccard
from vistream.media.formats.davis import read_labels, write_labels
from vistream.media.video.images import read_image
from vistream.pipeline.session import Session
from vistream.tracking.propagation import LabelPropagation, PropagationConfig, byte_vectors
from vistream.tracking.vos import VosTracker
from vistream.types import FeatureMap, Observations

Grid = NDArray[np.float32]
NOTHING = Observations.none()


def by_formula(frames: list[Grid], label: Grid, config: PropagationConfig) -> Grid:
    """The label of the last frame, straight from the definition, with plain loops; `label` is that of the first."""
    height, width, _ = frames[0].shape
    units = [byte_vectors(f).astype(np.float64) / 254 for f in frames]
    labels = [label.astype(np.float64)]
    for now in range(1, len(frames)):
        present = np.zeros((height, width))
        there = np.argwhere(labels[-1] > 0.05)
        recent = range(now - 1, max(0, now - config.memory) - 1, -1)
        for y, x in np.ndindex(height, width):
            if ((there - (y, x)) ** 2).sum(axis=1).min(initial=10**6) > config.reach**2:
                continue  # too far from all that was labelled
            query = units[now][y, x]
            found = [
                (query @ units[t][i, j], labels[t][i, j])
                for t, near in [*((t, True) for t in recent), (0, False)]
                for i, j in np.ndindex(height, width)
                if not near or (i - y) ** 2 + (j - x) ** 2 <= config.radius**2
            ]
            best = sorted(found, key=lambda pair: -pair[0])[: config.top]
            weight = np.exp(np.array([cosine for cosine, _ in best]) / config.temperature)
            present[y, x] = weight @ np.array([told for _, told in best]) / weight.sum()
        labels.append(present)
    return labels[-1].astype(np.float32)


@settings(max_examples=5, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(2, 4),
    st.integers(1, 4),
)
def test_propagation_is_its_formula(seed: int, memory: int, radius: int, top: int, frames: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    config = PropagationConfig(memory, radius, top, 0.1, reach)
    maps = [rng.standard_normal((5, 26, 16)).astype(np.float32) for _ in range(frames)]  # more than a tile each way
    label = np.pad(rng.random((3, 9)), ((1, 1), (4, 13))).astype(np.float32)
    propagation = LabelPropagation(config)
    propagation.step(maps[0], {1: label})
    for values in maps[1:]:
        found = propagation.step(values, {})[1]
    np.testing.assert_allclose(found, by_formula(maps, label, config), atol=1e-5)


SQUARE = np.zeros((96, 128), dtype=np.bool_)
SQUARE[24:56, 16:48] = True
TEXTURE = np.random.default_rng(5).standard_normal((12, 16, 24)).astype(np.float32)


def scene(frame: int) -> FeatureMap:
    """A grid of 12 x 16 cells of 8 pixels, whose whole content goes round, one cell a frame."""
    return FeatureMap(np.roll(TEXTURE, frame, axis=1), (8.0, 8.0))


def moved(mask: NDArray[np.bool_], frames: int) -> NDArray[np.bool_]:
    return np.roll(mask, 8 * frames, axis=1)


def mask_of(tracker: VosTracker, frame: int, identity: int) -> NDArray[np.bool_]:
    masks = {track.id: track.mask for track in tracker.step(scene(frame), NOTHING)}
    found = masks.get(identity)
    return np.zeros_like(SQUARE) if found is None else found


def test_masks_follow_what_moves() -> None:
    tracker = VosTracker()
    assert tracker.step(scene(0), NOTHING) == ()
    assert tracker.add_object(SQUARE) == 1
    first = tracker.step(scene(1), NOTHING)[0]
    assert first.mask is not None and np.array_equal(first.mask, SQUARE), "what was given is kept to the pixel"
    assert first.box == (16.0, 24.0, 32.0, 32.0)
    for frame in range(2, 8):
        assert jaccard(moved(SQUARE, frame - 1), mask_of(tracker, frame, 1)) > 0.9


def test_objects_come_and_go_at_any_frame() -> None:
    tracker = VosTracker()
    second = np.roll(SQUARE, (32, 40), axis=(0, 1))
    tracker.add_object(SQUARE)
    tracker.step(scene(0), NOTHING)
    tracker.step(scene(1), NOTHING)
    assert tracker.add_object(second) == 2
    for frame in range(2, 5):
        tracks = tracker.step(scene(frame), NOTHING)
        assert [track.id for track in tracks] == [1, 2]
        masks = [track.mask for track in tracks if track.mask is not None]
        assert not (masks[0] & masks[1]).any()
        assert jaccard(moved(second, frame - 2), masks[1]) > 0.9, "frames before it was given say nothing of it"
        assert jaccard(moved(SQUARE, frame), masks[0]) > 0.9
    tracker.remove_object(1)
    assert [track.id for track in tracker.step(scene(5), NOTHING)] == [2]
    assert tracker.add_object(SQUARE) == 3
    with pytest.raises(VistreamError, match="no object 1"):
        tracker.remove_object(1)
    tracker.reset()
    assert tracker.add_object(SQUARE) == 1


def test_an_object_that_fades_is_kept() -> None:
    """A label that is everywhere below one half still has a mask; its score says how faint it is."""
    tracker = VosTracker()
    tracker.add_object(SQUARE)
    tracker.step(scene(0), NOTHING)
    faint = np.where(SQUARE[4::8, 4::8], np.float32(0.3), np.float32(0)).reshape(-1)
    for source in (*tracker._propagation._recent, *tracker._propagation._anchors):
        source.labels[1] = faint
    (track,) = tracker.step(scene(0), NOTHING)
    assert track.mask is not None and jaccard(SQUARE, track.mask) > 0.9
    assert 0.15 < track.score < 0.31


@pytest.mark.parametrize("task", ["vos", "pose"])
def test_presets_have_no_dead_zones(task: str) -> None:
    assert all(Session(task, fidelity).zones.exact for fidelity in PRESETS)
    assert Session(task, "high", deadband=3).zones.deadband == 3
    assert not Session("mot", "high").zones.exact


@pytest.mark.parametrize(("task", "exact"), [("pose", True), ("mot", False)])
def test_evaluation_streams_detectors_by_the_presets_of_the_task(task: str, exact: bool) -> None:
    zones = _zones(task, "high")
    assert zones is not None and zones.exact == exact
    assert _zones(task, "float") is None


def test_memory_is_flat() -> None:
    propagation = LabelPropagation()
    for frame in range(20):
        corrected = {1: np.ones((12, 16), np.float32)} if frame % 3 == 0 else {}
        propagation.step(scene(frame).values, corrected)
    assert len(propagation._anchors) == 1 and len(propagation._recent) == propagation.config.memory


@pytest.mark.parametrize("mask", [np.zeros((96, 128), np.bool_), np.ones(5, np.bool_), (1.0, 2.0, 3.0, 4.0)])
def test_an_object_must_be_a_mask(mask: NDArray[np.bool_]) -> None:
    with pytest.raises(VistreamError, match="mask must be"):
        VosTracker().add_object(mask)


def test_a_mask_of_another_size_is_refused() -> None:
    tracker = VosTracker()
    tracker.add_object(SQUARE[:50])
    with pytest.raises(VistreamError, match="128x50, the frame 128x96"):
        tracker.step(scene(0), NOTHING)


def test_only_followers_take_objects() -> None:
    with pytest.raises(VistreamError, match="finds its objects by itself"):
        Session("mot", model=None).add_object(SQUARE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four frames of noise on which a lighter square moves, with names that don't start at 0."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 120, (96, 128, 3), dtype=np.uint8)
    (tmp_path / "clip").mkdir()
    for frame in range(4):
        picture = noise.copy()
        picture[moved(SQUARE, frame)] = 200
        Image.fromarray(picture).save(tmp_path / "clip" / f"{frame + 7:05d}.png")
    return tmp_path


def track(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["track", *map(str, arguments)])
    return result.exit_code, str(result.exception) + result.output


def test_the_command_writes_label_maps_under_the_frames_names(folder: Path) -> None:
    labels = 3 * SQUARE.astype(np.uint8)
    labels[:8, :8] = 255
    write_labels(folder / "first.png", labels)
    out = folder / "out"
    code, text = track(folder / "clip", "--task", "vos", "--init-mask", folder / "first.png", "--davis-dir", out)
    assert code == 0, text
    files = sorted((out / "clip").iterdir())
    assert [file.name for file in files] == ["00007.png", "00008.png", "00009.png", "00010.png"]
    for frame, file in enumerate(files):
        found = read_labels(file)
        assert set(np.unique(found)) == {0, 3}
        assert jaccard(moved(SQUARE, frame), found == 3) > 0.7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "vos"], "give those of the first frame with --init-mask"),
        (["--task", "vos", "--init-mask", "small.png"], "small.png is 64x96, the frames are 128x96"),
        (["--task", "vos", "--init-mask", "empty.png"], "holds no object"),
        (["--task", "mot", "--init-mask", "empty.png"], "--init-mask is for the task vos"),
        (["--task", "vos", "--init-mask", "first.png", "--detector", "motion"], "takes no detections and no detector"),
        (["--task", "mot", "--mots-txt", "a.txt"], "the mots output is for the task vos or mots, not mot"),
        (["--task", "vos", "--init-mask", "first.png", "--posetrack-json", "a.json"], "for the task pose, not vos"),
    ],
)
def test_what_does_not_fit_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    write_labels("first.png", SQUARE.astype(np.uint8))
    write_labels("small.png", SQUARE[:, :64].astype(np.uint8))
    write_labels("empty.png", np.zeros((96, 128), np.uint8))
    code, text = track("clip", *options)
    assert code != 0 and message in text


@pytest.mark.real
def test_a_real_swan(real_data: Path) -> None:
    root = real_data / "vos" / "DAVIS2016"
    frames = sorted((root / "JPEGImages" / "480p" / "blackswan").glob("*.jpg"))[:6]
    truth = [read_labels(root / "Annotations" / "480p" / "blackswan" / f"{frame.stem}.png") > 0 for frame in frames]
    session = Session("vos")
    session.add_object(truth[0])
    for frame, mask in zip(frames, truth, strict=True):
        found = session.step(read_image(frame)).tracks[0].mask
        assert found is not None and jaccard(mask, found) > 0.85
