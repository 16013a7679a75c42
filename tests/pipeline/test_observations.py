"""Observations from whatever a caller has: lists, tensors, empty arrays; what does not fit is one clear error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vistream.errors import VistreamError
from vistream.pipeline.session import Session
from vistream.types import LayerWork, Observations, Work


@pytest.mark.parametrize("kind", [list, tuple, np.float32, torch.tensor, "half", "bfloat16", "gradient"])
def test_boxes_of_any_kind(kind: Any) -> None:
    boxes: Any = [[1, 2, 3, 4], [5, 6, 7, 8]]
    if kind in ("half", "bfloat16"):
        boxes = torch.tensor(boxes, dtype=getattr(torch, kind))
    elif kind == "gradient":
        boxes = torch.tensor(boxes, dtype=torch.float32, requires_grad=True)
    else:
        boxes = kind(boxes)
    seen = Observations(boxes, [0.5, 1], ["car", "person"])  # type: ignore[arg-type]
    assert seen.boxes.dtype == seen.scores.dtype == np.float64
    assert seen.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert seen.labels == ("car", "person")


@pytest.mark.parametrize("empty", [[], np.zeros(0), np.zeros((0, 4)), np.zeros((0, 6)), torch.zeros(0, 4)])
def test_nothing_is_nothing(empty: Any) -> None:
    seen = Observations(empty, [], [])  # type: ignore[arg-type]
    assert (seen.boxes.shape, len(seen)) == ((0, 4), 0)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"boxes": [[1, 2, 3]]}, r"boxes have the shape \[1, 3\]: \[N, 4\] is expected"),
        ({"boxes": [1, 2, 3, 4]}, r"boxes have the shape \[4\]: \[N, 4\] is expected"),
        ({"boxes": [[1, 2, 3, 4], [1, 2]]}, "boxes can't be taken as an array"),
        ({"scores": [0.5, 0.6]}, r"scores have the shape \[2\]: \[1\] is expected"),
        ({"scores": ["high"]}, "scores can't be taken as an array"),
        ({"labels": ["a", "b"]}, "2 labels for 1 boxes"),
        ({"labels": 0}, "labels are 0: a name for each box"),
        ({"labels": None}, "labels are None: a name for each box"),
        ({"boxes": None}, "boxes have the shape"),
        ({"masks": np.zeros((2, 3, 3), bool)}, r"masks have the shape \[2, 3, 3\]: \[1, N, N\]"),
        ({"keypoints": np.zeros((1, 17, 2))}, r"keypoints have the shape \[1, 17, 2\]: \[1, N, 3\]"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(changes: dict[str, Any], complaint: str) -> None:
    given: dict[str, Any] = {"boxes": [[1, 2, 3, 4]], "scores": [0.5], "labels": ["car"]} | changes
    with pytest.raises(VistreamError, match=complaint):
        Observations(**given)


def test_a_network_that_multiplies_nothing_has_no_share() -> None:
    work = Work((LayerWork("pool", 4, 4, 0, 0, 2),))
    assert (work.share, Work().share) == (0.0, 0.0)


def test_one_text_is_the_class_of_all() -> None:
    assert Observations([[1, 2, 3, 4]] * 2, [0.5, 1], "car").labels == ("car", "car")  # type: ignore[arg-type]


PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
SEEN = Observations(np.array([[10.0, 10, 20, 30]]), np.array([0.9]), ("car",))


@pytest.mark.parametrize(
    "frame",
    [
        PICTURE[:, ::-1][:, ::-1],
        PICTURE.transpose(2, 0, 1),
        PICTURE.astype(np.int64),
        torch.from_numpy(PICTURE).permute(2, 0, 1)[None],
        Image.fromarray(PICTURE),
        PICTURE.tolist(),
    ],
    ids=["strides", "channels first", "int64", "tensor", "PIL", "lists"],
)
def test_a_session_takes_frames_of_any_kind(frame: Any) -> None:
    session, plain = Session(model=None), Session(model=None)
    for _ in range(2):
        assert session.step(frame, SEEN).tracks == plain.step(PICTURE, SEEN).tracks


def test_a_session_knows_its_rate() -> None:
    session = Session("mot", model=None, fps=10, conf=0.4)
    frame = np.zeros((32, 48, 3), np.uint8)
    assert [session.step(frame).time for _ in range(3)] == [0.0, 0.1, 0.2]
    assert session.step(frame, time=7.5).time == 7.5
    assert Session("mot", model=None).step(frame).time == 0.0
    with pytest.raises(VistreamError):
        Session("mot", model=None, fps=0)


def test_what_is_no_number_or_model_is_one_clear_error() -> None:
    frame, session = np.zeros((32, 48, 3), np.uint8), Session("mot", model=None)
    for wrong in ({"index": "a"}, {"index": 1.5}, {"time": np.nan}, {"time": "soon"}):
        with pytest.raises(VistreamError, match=next(iter(wrong))):
            session.step(frame, **wrong)
    with pytest.raises(VistreamError, match="model is 3"):
        Session("mot", model=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"fps": "fast"},
        {"fps": [30]},
        {"conf": "high"},
        {"conf": {"person": "high"}},
        {"memory": "long"},
        {"memory": np.nan},
        {"min_hits": "two"},
        {"min_hits": 1.5},
        {"min_hits": np.nan},
        {"deadband": "wide"},
        {"deadband": 1.5},
        {"hysteresis": 0.5},
        {"close": "x"},
        {"joints": 5},
        {"joints": "nose"},
    ],
    ids=str,
)
def test_an_option_that_is_none_is_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(VistreamError, match=f"^{name} (is|are) "):
        Session("pose" if name == "joints" else "mot", model=None, **options)


def test_numbers_may_be_of_any_kind() -> None:
    options: dict[str, Any] = {"fps": "25", "memory": np.float32(2), "min_hits": 2.0, "deadband": "3", "conf": "0.5"}
    assert Session(model=None, **options).zones.deadband == 3
    frame, seen = np.zeros((90, 90, 3), np.uint8), Observations(np.array([[1.0, 2, 30, 40]]), np.array([0.6]), ("car",))
    for conf, found in (({"car": 0.5}, 1), ({"car": 0.7}, 0)):
        session = Session(model=None, conf=conf)
        assert len([session.step(frame, seen) for _ in range(3)][-1].tracks) == found


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"boxes": [[1, 2, 1e300, 4]]}, "boxes hold a number of pixels beyond"),
        ({"boxes": [[1, 2, np.nan, 4]]}, "boxes hold a number that is not finite"),
        ({"boxes": [[1, -np.inf, 3, 4]]}, "boxes hold a number that is not finite"),
        ({"boxes": [[10, 10, -3, 4]]}, "boxes hold a negative width or height: each is x, y, width, height"),
        ({"scores": [np.inf]}, "scores hold a number that is not finite"),
        ({"scores": [np.nan]}, "scores hold a number that is not finite"),
        ({"keypoints": np.full((1, 17, 3), np.nan)}, "keypoints hold a number that is not finite"),
        ({"keypoints": np.full((1, 17, 3), np.inf)}, "keypoints hold a number that is not finite"),
    ],
)
def test_numbers_that_no_picture_has_are_refused(changes: dict[str, Any], complaint: str) -> None:
    given: dict[str, Any] = {"boxes": [[1, 2, 3, 4]], "scores": [0.5], "labels": "car"} | changes
    seen = Observations(**given)
    with pytest.raises(VistreamError, match=complaint):
        Session(model=None).step(np.zeros((32, 48, 3), np.uint8), seen)


def test_frames_come_in_order() -> None:
    frame, session = np.zeros((32, 48, 3), np.uint8), Session("mot", model=None)
    assert session.step(frame, index=5).frame == 5
    with pytest.raises(VistreamError, match="index is 3: frames come in order, and the next is 6 or later"):
        session.step(frame, index=3)
    assert session.step(frame, index=8).frame == 8
    session.reset()
    assert session.step(frame, index=0).frame == 0
    with pytest.raises(VistreamError, match="index is -3"):
        Session("mot", model=None).step(frame, index=-3)


@pytest.mark.parametrize("task", ["sot", "vos", "pose"])
@pytest.mark.parametrize("identity", ["x", 0, -2, 1.5])
def test_an_identity_is_a_whole_number_from_1(task: str, identity: Any) -> None:
    target: Any = {"sot": (1, 2, 3, 4), "vos": np.ones((32, 48), bool), "pose": np.ones((17, 3))}[task]
    with pytest.raises(VistreamError, match=r"identity is|id is a whole number from 1"):
        Session(task, model=None).add_object(target, identity)


def test_a_box_outside_the_frame_is_no_object() -> None:
    session = Session("sot")
    session.add_object((1000, 1000, 5, 5))
    with pytest.raises(VistreamError, match="the box of object 1 lies outside the frame"):
        session.step(PICTURE)
    session.add_object((5, 5, 20, 20))
    assert [track.id for track in session.step(PICTURE).tracks] == [2]


@pytest.mark.parametrize("task", ["sot", "pose"])
@pytest.mark.parametrize("target", ["abc", [[1.0, np.nan, 1.0]] * 17, [1.0, 2.0, 3.0, np.nan]])
def test_what_is_no_object_is_one_clear_error(task: str, target: Any) -> None:
    with pytest.raises(VistreamError):
        Session(task, model=None).add_object(target)


def test_a_grey_frame_is_taken_as_grey_in_three_channels() -> None:
    assert [track.id for track in Session(model=None).step(PICTURE[..., 0], SEEN).tracks] == [1]


@pytest.mark.parametrize(
    ("frame", "observations", "complaint"),
    [
        (PICTURE / 255, SEEN, "a frame must be uint8"),
        (np.zeros((0, 0, 3), np.uint8), SEEN, "must be uint8"),
        (None, SEEN, "a frame must be uint8"),
        ("a.png", SEEN, "read pictures and videos first"),
        (torch.zeros(64, 96, 3, dtype=torch.bfloat16), SEEN, "not a tensor of torch.bfloat16"),
        (torch.zeros(64, 96, 3, dtype=torch.uint8, device="meta"), SEEN, "not a tensor of torch.uint8, .*, on meta"),
        (torch.zeros(64, 96, 3, dtype=torch.uint8).to_sparse(), SEEN, "not a tensor of torch.uint8, torch.sparse_coo"),
        (PICTURE, [[1, 2, 3, 4]], "observations are list: give vistream.Observations"),
        (PICTURE, replace(SEEN, masks=np.ones((1, 5, 5), bool)), "masks are 5x5, the frame is 96x64"),
    ],
)
def test_what_is_no_frame_or_observation_is_one_clear_error(frame: Any, observations: Any, complaint: str) -> None:
    with pytest.raises(VistreamError, match=complaint):
        Session(model=None).step(frame, observations)
