"""The MOT task: what it looks at, and how well it follows people in real clips, by TrackEval's account."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from trackeval.metrics import HOTA, Identity
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.engine.stream.engine import Stream
from vistream.errors import VistreamError
from vistream.media.formats.mot import MotTracks, read_detections, read_tracks
from vistream.media.video.source import open_source
from vistream.quantize.named import named_network
from vistream.tracking.assignment import iou
from vistream.tracking.mot import MotConfig, MotTracker
from vistream.types import FeatureMap, Frame, Observations, Track

Array = NDArray[np.float64]
PETS, FULL, TUD = "mot/PETS09-S2L1", "mot/PETS09-S2L1-full480", "mot/TUD-Stadtmitte"


def boxes(*rows: tuple[float, float, float, float]) -> Observations:
    return Observations(np.array(rows).reshape(-1, 4), np.full(len(rows), 0.9), ("object",) * len(rows))


def test_only_plausible_boxes_are_looked_at() -> None:
    seen = boxes((0, 0, 60, 40), (100, 0, 10, 10), (200, 0, 90, 40), (300, 0, -5, -90), (np.nan, 0, 40, 80))
    assert [t.box[0] for t in MotTracker().step(None, seen)] == [0, 200]
    assert [t.box[0] for t in MotTracker(MotConfig(max_aspect=1.6)).step(None, seen)] == [0]
    everything = MotTracker(MotConfig(min_box_area=0.0))
    assert len(everything.step(None, seen)) == 3
    assert everything.counts.observations == 3


def test_a_grid_needs_cells() -> None:
    with pytest.raises(VistreamError, match="grid"):
        MotTracker(MotConfig(grid=(0, 4)))
    for colour in (-0.1, 1.0):
        with pytest.raises(VistreamError, match="colour is"):
            MotConfig(colour=colour)


def painted(colours: Sequence[tuple[float, ...]], seen: Observations) -> FeatureMap:
    """A feature map, 4 pixels a cell, that shows each box in its own colour."""
    values = np.ones((40, 120, 3), np.float32)
    for colour, (x, y, w, h) in zip(colours, seen.boxes / 4, strict=True):
        values[int(y) : int(y + h), int(x) : int(x + w)] = colour
    return FeatureMap(values, (4.0, 4.0))


def test_features_tell_who_came_back() -> None:
    red, green = (9.0, 0.0, 0.0), (0.0, 9.0, 0.0)
    tracker = MotTracker()
    before, after = boxes((80, 20, 40, 80), (160, 20, 40, 80)), boxes((108, 20, 40, 80), (132, 20, 40, 80))
    for _ in range(3):
        tracker.step(painted([red, green], before), before)
    for _ in range(3):
        tracker.step(painted([], boxes()), boxes())
    tracks = tracker.step(painted([green, red], after), after)  # each came out where the other was expected
    assert [track.id for track in sorted(tracks, key=lambda track: track.box[0])] == [2, 1]


def coloured(colours: list[tuple[int, int, int]], seen: Observations) -> Frame:
    """A grey frame that shows each box in its own colour."""
    frame = np.full((160, 480, 3), 128, np.uint8)
    for colour, (x, y, w, h) in zip(colours, seen.boxes.astype(int).tolist(), strict=True):
        frame[y : y + h, x : x + w] = colour
    return frame


@pytest.mark.parametrize(("colour", "expected"), [(0.0, [1, 2]), (0.35, [2, 1])])
def test_colours_tell_apart_what_features_do_not(colour: float, expected: list[int]) -> None:
    red, blue, features = (220, 30, 30), (30, 30, 220), [(9.0, 9.0, 9.0)] * 2
    tracker = MotTracker(MotConfig(colour=colour))
    before, after = boxes((80, 20, 40, 80), (160, 20, 40, 80)), boxes((98, 20, 40, 80), (142, 20, 40, 80))
    for _ in range(3):
        tracker.step(painted(features, before), before, frame=coloured([red, blue], before))
    for _ in range(3):
        tracker.step(painted([], boxes()), boxes(), frame=coloured([], boxes()))
    tracks = tracker.step(painted(features, after), after, frame=coloured([blue, red], after))
    assert [track.id for track in sorted(tracks, key=lambda track: track.box[0])] == expected


def test_features_may_come_and_go() -> None:
    tracker, seen = MotTracker(), boxes((80, 20, 40, 80))
    for features in (None, painted([(9, 0, 0)], seen), None, painted([(9, 0, 0)], seen)):
        assert [track.id for track in tracker.step(features, seen)] == [1]


def test_detections_too_weak_to_begin_a_track_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    weak = tmp_path / "det.txt"
    weak.write_text("".join(f"{n},-1,{100 + n},100,40,90,0.3,-1,-1,-1\n" for n in (1, 2, 3)))
    clip = str(Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4")
    arguments = ["track", clip, "--max-frames", "3", "--detections", str(weak), "--mot-txt", str(tmp_path / "out.txt")]
    with caplog.at_level(logging.WARNING, "vistream"):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    said = "3 detections, but not one track came of them: 3 scored too low to begin one (below 0.5)"
    assert said in [record.message for record in caplog.records]


def feature_maps(video: Path) -> Iterator[FeatureMap]:
    """What the program's own engine sees: the default network, exact."""
    stream = Stream(named_network().network)
    with open_source(str(video)) as source:
        for frame in source:
            yield stream.step(frame.image).features(frame.image)


def scores(truth: MotTracks, found: list[tuple[Track, ...]]) -> tuple[float, float]:
    """HOTA and IDF1 as TrackEval has them, every true box counted."""
    _, gt_ids = np.unique(truth.ids, return_inverse=True)
    rows = [np.flatnonzero(truth.frames == n) for n in range(len(found))]
    ids = [np.array([track.id - 1 for track in tracks], int) for tracks in found]
    where = [np.array([track.box for track in tracks]).reshape(-1, 4) for tracks in found]
    data = {
        "num_timesteps": len(found),
        "gt_ids": [gt_ids[r] for r in rows],
        "tracker_ids": ids,
        "similarity_scores": [iou(truth.boxes[r], b) for r, b in zip(rows, where, strict=True)],
        "num_gt_ids": int(gt_ids.max()) + 1,
        "num_tracker_ids": max((int(i.max()) + 1 for i in ids if len(i)), default=0),
        "num_gt_dets": sum(len(r) for r in rows),
        "num_tracker_dets": sum(len(i) for i in ids),
    }
    identity = Identity({"PRINT_CONFIG": False})
    return float(HOTA().eval_sequence(data)["HOTA"].mean()), float(identity.eval_sequence(data)["IDF1"])


@pytest.mark.real
@pytest.mark.parity
@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "video", "fps", "hota", "idf1"),
    [  # the best of today's common trackers on the same detections
        (PETS, "img1", 7.0, 0.370, 0.510),
        (FULL, "PETS09-S2L1_480x360.mp4", 7.0, 0.349, 0.451),
        (TUD, "TUD-Stadtmitte.mp4", 25.0, 0.528, 0.760),
    ],
)
def test_public_detections_are_followed(
    real_data: Path, clip: str, video: str, fps: float, hota: float, idf1: float
) -> None:
    detections = read_detections(real_data / clip / "det" / "det_sort.txt")
    maps = feature_maps(real_data / clip / video)
    tracker = MotTracker(fps=fps)
    found = [tracker.step(features, detections.get(n, Observations.none())) for n, features in enumerate(maps)]
    got = scores(read_tracks(real_data / clip / "gt" / "gt.txt"), found)
    assert got[0] >= hota and got[1] >= idf1, got


@pytest.mark.real
@pytest.mark.parity
@pytest.mark.parametrize(("clip", "fps", "frames"), [(PETS, 7.0, 150), (TUD, 25.0, 179)])
def test_true_boxes_keep_their_ids_even_without_features(real_data: Path, clip: str, fps: float, frames: int) -> None:
    truth = read_tracks(real_data / clip / "gt" / "gt.txt")
    tracker = MotTracker(fps=fps)
    found = [tracker.step(None, boxes(*map(tuple, truth.boxes[truth.frames == n].tolist()))) for n in range(frames)]
    assert scores(truth, found)[1] >= 0.95
