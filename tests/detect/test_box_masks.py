"""Masks guessed from boxes: they follow colour and movement, stay in their box, and never overlap."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.detect.box_masks import BoxMasks, box_mask, candidate
from vistream.detect.ownership import Candidate, Owners
from vistream.detect.person_masks import SIDE, PersonMasks, people_found, square_around
from vistream.media.formats.mots import read_mots, read_mots_detections
from vistream.media.video.source import open_source
from vistream.pipeline.checkpoint import load_checkpoint, pack, write_checkpoint
from vistream.pipeline.run import Memory, Run
from vistream.pipeline.settings import Settings
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
    owners, frame = Owners(), rng.integers(0, 255, (48, 64, 3), np.uint8)
    for _ in range(2):  # the second time, a frame before has a say
        boxes = rng.uniform((0, 0, 8, 8), (40, 24, 24, 24), (count, 4))
        masks = rng.random((count, 48, 64)) < 0.5
        claims = rng.normal(0, 2, (count, 48, 64))
        given_ = [
            Candidate((x, y, w, h), 0, 0, mask, claim)
            for (x, y, w, h), mask, claim in zip(boxes.tolist(), masks, claims, strict=True)
        ]
        apart = owners.masks(frame, given_)
        assert (apart.sum(axis=0) == masks.any(axis=0)).all()
        assert not (apart & ~masks).any()


def claimed(*boxes: Box) -> list[Candidate]:
    """Objects that fill their boxes in a frame of 64 x 96."""
    found = []
    for x, y, w, h in boxes:
        mask = np.ones((int(h), int(w)), np.bool_)
        found.append(Candidate((x, y, w, h), int(x), int(y), mask, np.zeros(mask.shape)))
    return found


def test_the_nearer_one_hides_the_other() -> None:
    far, near = Owners().masks(np.zeros((64, 96, 3), np.uint8), claimed((10, 4, 20, 40), (20, 10, 20, 44)))
    assert near.sum() == 20 * 44 and far.sum() == 20 * 40 - 10 * 34


def test_a_weak_box_gets_what_the_sure_ones_leave() -> None:
    """Nearer or not: it may be another box of the same person."""
    far, near = claimed((10, 4, 20, 40), (20, 10, 20, 44))
    weak = dataclasses.replace(near, score=0.2)
    masks = Owners().masks(np.zeros((64, 96, 3), np.uint8), [weak, far])
    assert masks[1].sum() == 20 * 40 and masks[0].sum() == 20 * 44 - 10 * 34


def test_pixels_are_followed_from_the_frame_before() -> None:
    """Of two boxes that end as low, one hides the other from the right; only the frame before says which."""
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 90, (40, 24, 3), np.uint8), rng.integers(160, 255, (40, 24, 3), np.uint8)

    def shown(x: int, front: str) -> Frame:
        frame = np.full((64, 96, 3), 128, np.uint8)
        for name in ("left", "right") if front == "right" else ("right", "left"):
            at = 20 if name == "left" else x
            frame[10:50, at : at + 24] = left if name == "left" else right
        return frame

    for front, expected in (("right", 10), ("left", 24)):
        owners = Owners()
        for x in range(50, 29, -2):
            masks = owners.masks(shown(x, front), claimed((20, 10, 24, 40), (x, 10, 24, 40)))
        widths = masks[:, 30].sum(axis=1)
        assert abs(int(widths[0]) - expected) <= 3 and widths.sum() == 34


def test_nothing_to_own_and_tiny_frames() -> None:
    owners = Owners()
    assert owners.masks(np.zeros((64, 96, 3), np.uint8), []).shape == (0, 64, 96)
    assert owners.masks(np.zeros((64, 96, 3), np.uint8), claimed((0, 0, 9, 9), (3, 3, 9, 9))).any(axis=(1, 2)).all()
    tiny = Owners()
    for _ in range(2):
        assert tiny.masks(np.zeros((9, 9, 3), np.uint8), claimed((0, 0, 6, 6), (3, 3, 6, 6))).sum() == 63


class Bright:
    """Stands in for the network's graph: whoever is bright is a person."""

    def __call__(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        assert image.shape == (1, SIDE, SIDE, 3) and image.min() >= 0 and image.max() <= 1
        return {"": (image.mean(3, keepdim=True) > 0.7).float()}


@pytest.fixture
def people() -> PersonMasks:
    made = PersonMasks.__new__(PersonMasks)
    made._graph = Bright()  # type: ignore[assignment]  # what a graph does
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6))
def test_the_network_sees_the_square_around_a_box(people: PersonMasks, seed: int) -> None:
    """Shares lie where the pixels are, wherever the box is, and are 0 outside the square."""
    rng = np.random.default_rng(seed)
    frame = np.zeros((96, 128, 3), np.uint8)
    x, y, w, h = rng.uniform((-40, -40, 4, 4), (120, 90, 90, 90)).tolist()
    frame[20:70, 30:80] = 255
    share = people.share(frame, (x, y, w, h), (0, 0), (96, 128))
    left, top, side = square_around((x, y, w, h), (96, 128))
    square = np.zeros((96, 128), np.bool_)
    square[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = True
    expected = (frame[..., 0] > 0) & square
    assert not share[~square].any()
    edge = cv2.morphologyEx(expected.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    assert ((share > 0.5) == expected)[~edge].all()
    part = people.share(frame, (x, y, w, h), (25, 15), (40, 50))
    assert np.array_equal(part, share[15:55, 25:75])


def test_the_network_is_asked_for_people_only(people: PersonMasks) -> None:
    box: Box = (40, 10, 40, 80)
    frame, still = picture(((40, 10, 14, 80), 250)), np.zeros((96, 128), np.bool_)
    true = frame[..., 0] == 250
    assert iou(box_mask(frame, box, "person", still, people), true) > 0.8
    assert (box_mask(frame, box, "dog", still, people) == box_mask(frame, box, "dog", still)).all()
    weak = Observations(np.array([box]), np.array([0.15]), ("person",))
    seen = Seen([box])
    found = []
    for observed in (weak, dataclasses.replace(weak, scores=np.array([0.6]))):
        seen._seen = observed
        masks = BoxMasks(seen, 25.0, people).detect(frame, 0).masks
        assert masks is not None
        found.append(masks[0])
    assert (found[0] == box_mask(frame, box, "person", still)).all(), "a weak box is guessed"
    assert (found[1] == box_mask(frame, box, "person", still, people)).all()
    nobody = picture()
    assert (box_mask(nobody, box, "person", still, people) == box_mask(nobody, box, "person", still)).all()


def test_movement_counts_beside_the_network(people: PersonMasks) -> None:
    """The network sees the upper half of a body, which is bright; the legs differ from the background."""
    box: Box = (40, 10, 40, 80)
    frame = picture(((52, 10, 16, 40), 250))
    moving = np.zeros((96, 128), np.bool_)
    moving[10:90, 52:68] = True
    still = box_mask(frame, box, "person", np.zeros_like(moving), people)
    assert not still[60:].any() and iou(still[:50], moving[:50]) > 0.8
    assert iou(box_mask(frame, box, "person", moving, people), moving) > 0.8


def test_the_mirrored_picture_has_the_same_say(people: PersonMasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that finds people on the left of whatever it is shown is not believed."""
    found = torch.full((1, SIDE, SIDE, 1), 0.1)
    found[:, :, : SIDE // 2] = 0.9
    monkeypatch.setattr(people, "_graph", lambda image: {"": found})
    np.testing.assert_allclose(people.share(picture(), (40, 10, 40, 80), (42, 12), (70, 30)), 0.5, atol=1e-6)


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


@pytest.mark.parametrize(("network", "least"), [(False, 0.5), (True, 0.6)])
def test_half_of_the_demo_people_are_matched(network: bool, least: float) -> None:
    """True boxes: how many of the guessed masks, and of the network's, have more than half an overlap."""
    people = people_found() if network else None
    if network and people is None:
        pytest.skip("no weights here: vistream download-weights selfie")
    truth = read_mots_detections(DEMO / "plaza_static" / "gt" / "gt_mots.txt")
    still = np.zeros((384, 640), np.bool_)
    overlaps = []
    with open_source(str(DEMO / "plaza_static.mp4"), start=60, stride=60) as source:
        for frame in source:
            seen = truth[frame.index]
            assert seen.masks is not None
            boxes = [(x, y, w, h) for x, y, w, h in seen.boxes.tolist()]
            found = [candidate(frame.image, box, "person", still, people) for box in boxes]
            masks = Owners().masks(frame.image, found)
            overlaps += [iou(a, b) for a, b in zip(masks, seen.masks, strict=True)]
    assert np.median(overlaps) > least


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
