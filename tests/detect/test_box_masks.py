"""Masks guessed from boxes: they follow colour and movement, stay in their box, and never overlap."""

from __future__ import annotations

import logging
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.detect.box_masks import BoxMasks, box_mask, separated
from vistream.media.formats.mots import read_mots, read_mots_detections
from vistream.media.video.source import open_source
from vistream.pipeline.checkpoint import load_checkpoint, pack, write_checkpoint
from vistream.pipeline.run import Memory, Run, Settings
from vistream.types import Box, Frame, Observations

DEMO = Path(__file__).parents[2] / "demo_videos"
PUBLIC = str(DEMO / "plaza_static" / "det" / "det.txt")
Mask = NDArray[np.bool_]


class Seen:
    """A detector that sees what it is told."""

    name = "seen"

    def __init__(self, boxes: list[Box], masks: Mask | None = None) -> None:
        self.boxes(boxes, masks)

    def boxes(self, boxes: list[Box], masks: Mask | None = None) -> None:
        """What it sees from now on."""
        self._seen = Observations(np.array(boxes), np.ones(len(boxes)), ("person",) * len(boxes), masks)

    def describe(self) -> str:
        return self.name

    def detect(self, frame: Frame, index: int) -> Observations:
        return self._seen

    def reset(self) -> None:
        """Nothing is remembered."""


def picture(*patches: tuple[Box, int]) -> Frame:
    """A grey picture with patches of one shade each."""
    frame = np.random.default_rng(0).integers(90, 130, (96, 128, 3), np.uint8)
    for (x, y, w, h), shade in patches:
        frame[int(y) : int(y + h), int(x) : int(x + w)] = shade
    return frame


def iou(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_colour_decides_within_the_box() -> None:
    """The object fills the left half of an upright box: the mask goes there, where the bare outline would not."""
    box: Box = (40, 10, 40, 80)
    frame = picture(((40, 10, 20, 80), 250))
    still = np.zeros((96, 128), np.bool_)
    mask = box_mask(frame, box, "person", still)
    true = frame[..., 0] == 250
    assert iou(mask, true) > 0.6 > iou(box_mask(picture(), box, "person", still), true)


def test_movement_decides_where_the_camera_is_still() -> None:
    box: Box = (40, 10, 40, 80)
    true = np.zeros((96, 128), np.bool_)
    true[10:90, 40:60] = True
    assert iou(box_mask(picture(), box, "person", true), true) > 0.6
    assert iou(box_mask(picture(), box, "person", true[:, ::-1]), true) < 0.4  # 68 to 88: the right-hand part
    everywhere = np.ones((96, 128), np.bool_)  # the camera moves: that tells nothing
    nowhere = np.zeros((96, 128), np.bool_)
    assert (box_mask(picture(), box, "person", everywhere) == box_mask(picture(), box, "person", nowhere)).all()


def test_people_are_outlined_and_other_things_rounded() -> None:
    still = np.zeros((96, 128), np.bool_)
    shapes = {label: box_mask(picture(), (40, 10, 40, 80), label, still) for label in ("person", "object", "dog")}
    assert (shapes["person"] == shapes["object"]).all()  # upright, and nobody says that it is none
    assert shapes["dog"][50, 41] and not shapes["person"][16, 48]
    assert (
        box_mask(picture(), (20, 30, 80, 40), "object", still) == box_mask(picture(), (20, 30, 80, 40), "dog", still)
    ).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_masks_stay_in_their_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, w, h = rng.uniform((-60, -60, 0.5, 0.5), (140, 110, 90, 90)).tolist()
    frame = rng.integers(0, 255, (96, 128, 3), np.uint8)
    mask = box_mask(frame, (x, y, w, h), "person", rng.random((96, 128)) < 0.3)
    rows, columns = np.nonzero(mask)
    if mask.any():
        assert x - 1 <= columns.min() and columns.max() <= x + w + 1
        assert y - 1 <= rows.min() and rows.max() <= y + h + 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_every_pixel_has_one_owner(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    masks, boxes = rng.random((count, 5, 6)) < 0.5, rng.uniform(0, 9, (count, 4))
    apart = separated(masks, boxes)
    assert (apart.sum(axis=0) == masks.any(axis=0)).all()
    nearest = int(np.argmax(boxes[:, 1] + boxes[:, 3]))
    assert (apart[nearest] == masks[nearest]).all()


def test_boxes_get_masks_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    detector = BoxMasks(Seen([(40, 10, 20, 60), (40, 12, 20, 60), (500, 10, 20, 60)]), 25.0)
    with caplog.at_level(logging.WARNING, "vistream"):
        for index in range(3):
            seen = detector.detect(picture(), index)
            assert seen.masks is not None and len(seen) == 2  # the third lies outside
            assert not seen.masks.all(axis=0).any()
    assert [record.message for record in caplog.records if "no masks" in record.message] != []
    assert len(caplog.records) == 1
    given_ = np.ones((1, 96, 128), np.bool_)
    assert BoxMasks(Seen([(0, 0, 128, 96)], given_), 25.0).detect(picture(), 0).masks is given_


def test_the_background_is_learned_while_the_camera_stands(tmp_path: Path) -> None:
    """Someone darker walks through: after a while the mask is the walker's, not the bare outline."""
    seen = Seen([(0, 0, 1, 1)])
    detector = BoxMasks(seen, 25.0)
    for index in range(20):
        body: Box = (10 + 3 * index, 20, 16, 60)
        seen.boxes([(body[0] - 4, body[1] - 2, 24, 64)])
        found = detector.detect(picture((body, 60)), index)
    assert found.masks is not None
    assert iou(found.masks[0], picture((body, 60))[..., 0] == 60) > 0.75


def test_half_of_the_demo_people_are_matched() -> None:
    """True boxes, guessed masks: how many come out with more than half an overlap."""
    truth = read_mots_detections(DEMO / "plaza_static" / "gt" / "gt_mots.txt")
    still = np.zeros((384, 640), np.bool_)
    overlaps = []
    with open_source(str(DEMO / "plaza_static.mp4"), start=60, stride=60) as source:
        for frame in source:
            seen = truth[frame.index]
            assert seen.masks is not None
            boxes = [(x, y, w, h) for x, y, w, h in seen.boxes.tolist()]
            masks = separated(np.array([box_mask(frame.image, box, "person", still) for box in boxes]), seen.boxes)
            overlaps += [iou(a, b) for a, b in zip(masks, seen.masks, strict=True)]
    assert np.median(overlaps) > 0.5


@pytest.mark.parametrize("detections", [["--detections", PUBLIC], ["--detector", "motion"]])
def test_the_command_takes_boxes(tmp_path: Path, detections: list[str]) -> None:
    out = tmp_path / "a.txt"
    arguments = ["track", str(DEMO / "plaza_static.mp4"), "--task", "mots", *detections, "--mots-txt", str(out)]
    done = CliRunner().invoke(app, [*arguments, "--max-frames", "12"])
    assert done.exit_code == 0, done.output
    assert len({row.id for row in read_mots(out)}) >= 1


def test_a_resumed_run_makes_the_same_masks(tmp_path: Path) -> None:
    settings_ = Settings("mots", detections=Path(PUBLIC), max_frames=9)
    with closing(Run(str(DEMO / "plaza_static.mp4"), settings_)) as whole:
        expected = [result for _, result in whole]
    with closing(Run(str(DEMO / "plaza_static.mp4"), settings_)) as first:
        for _ in islice(first, 6):
            pass
        memory = first.memory()
    write_checkpoint(tmp_path / "c.npz", *pack(memory.content))
    again = Memory(memory.frames, memory.index, memory.time, load_checkpoint(tmp_path / "c.npz"))
    with closing(Run(str(DEMO / "plaza_static.mp4"), settings_, again)) as second:
        rest = [result for _, result in second]
    assert [result.frame for result in rest] == [6, 7, 8]
    for result, other in zip(rest, expected[6:], strict=True):
        masks = [[track.mask for track in tracks] for tracks in (result.tracks, other.tracks)]
        assert np.array_equal(np.array(masks[0]), np.array(masks[1]))
