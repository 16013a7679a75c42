"""Features computed where a task asks for them: the same numbers, less work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys import Toy, clips, random_spans, toys

from vistream.engine.reference import Dense
from vistream.engine.stream.demand import spans_of
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.lazy_features import LazyFeatures
from vistream.ir.network import IntegerNetwork
from vistream.media.formats.mot import read_tracks
from vistream.media.video.source import open_source
from vistream.pipeline.session import Session
from vistream.pipeline.tasks import TASKS
from vistream.quantize.named import named_network
from vistream.tracking.roi import roi_align
from vistream.types import FeatureMap, Frame, Observations, Track

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static"
BACKENDS = ("torch", "compiled")


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    return named_network().network


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(toy=toys(), data=st.data())
def test_what_is_asked_for_equals_the_dense_network(backend: str, toy: Toy, data: st.DataObject) -> None:
    """Any parts of any frames, in any number of goes; and at last the whole of it, with nothing forgotten."""
    stream, dense = Stream(toy.network, backend=backend), Dense(toy.network)
    for frame in data.draw(clips(toy)):
        stream.take(frame)
        expected = dense.step(frame)[toy.network.output]
        for _ in range(data.draw(st.integers(0, 2))):
            spans = random_spans(data, *stream.shape)
            stream.compute(spans)
            levels = stream.result().levels
            for top, bottom, left, right in spans.tolist():
                assert torch.equal(levels[top:bottom, left:right], expected[top:bottom, left:right])
    whole = dense.step(frame)
    stream.compute()
    assert all(torch.equal(stream.levels(layer.name), whole[layer.name]) for layer in toy.network.layers)


@pytest.mark.parametrize("backend", BACKENDS)
def test_asking_costs_what_is_asked_for_and_once_only(backend: str, network: IntegerNetwork) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (160, 240, 3), dtype=np.uint8)
    stream = Stream(network, backend=backend)
    stream.take(frame)
    assert stream.result().work.share == 0.0
    corner = np.array([[0, 2, 0, 2]])
    stream.compute(corner)
    share = stream.result().work.share
    assert 0 < share < 0.1 and int(stream.result().recomputed.sum()) == 4
    stream.compute(corner)
    assert stream.result().work.share == share
    stream.compute()
    assert stream.result().work.share == 1.0


def test_both_backends_count_alike(network: IntegerNetwork) -> None:
    one, other = Stream(network, backend="compiled"), Stream(network, backend="torch")
    for seed in range(3):
        frame = np.random.default_rng(seed).integers(0, 256, (96, 128, 3), dtype=np.uint8)
        for stream in (one, other):
            stream.take(frame)
            stream.compute(np.array([[seed, seed + 3, 2, 9]]))
        assert one.result().work == other.result().work
        assert torch.equal(one.result().recomputed, other.result().recomputed)


@settings(max_examples=100, deadline=None)
@given(
    boxes=st.lists(
        st.tuples(st.floats(-90, 200), st.floats(-90, 200), st.floats(0.1, 150), st.floats(0.1, 150)), min_size=1
    ),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_a_box_names_all_the_cells_that_sampling_reads(
    boxes: list[tuple[float, float, float, float]], size: tuple[int, int]
) -> None:
    """What lies outside the spans can be anything."""
    stride, around = (96 / size[1], 80 / size[0]), np.array(boxes)
    values = np.random.default_rng(0).standard_normal((*size, 2)).astype(np.float32)
    outside = np.ones(size, bool)
    for top, bottom, left, right in spans_of(around, stride, size).tolist():
        outside[top:bottom, left:right] = False

    def sampled(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return roi_align(FeatureMap(values, stride), around, (5, 3))

    assert np.array_equal(sampled(values), sampled(np.where(outside[:, :, None], 1e9, values).astype(np.float32)))


def tracks_both_ways(
    task: str, seen: Sequence[Observations], frames: Sequence[Frame], network: IntegerNetwork
) -> tuple[list[tuple[Track, ...]], list[tuple[Track, ...]], list[float]]:
    """By a session, which asks for parts, and by the task on whole maps; and the session's shares of dense work."""
    session = Session(task, model=network, fps=30.0)
    tracker, stream = TASKS[task](30.0, (), {}), Stream(network)
    asked, whole, shares = [], [], []
    for frame, observations in zip(frames, seen, strict=True):
        result = session.step(frame, observations)
        asked.append(result.tracks)
        shares.append(result.work.share)
        whole.append(tracker.step(stream.step(frame).features(frame), observations))
    return asked, whole, shares


@pytest.mark.parametrize("task", ["mot", "mots"])
def test_tracks_are_those_of_whole_maps(task: str, network: IntegerNetwork) -> None:
    truth = read_tracks(CLIP / "gt" / "gt.txt")
    with open_source(f"{CLIP}.mp4", max_frames=8) as source:
        frames = [frame.image for frame in source]
    noise = np.random.default_rng(0).integers(-3, 4, (len(frames), *frames[0].shape))
    frames = [np.clip(frame + more, 0, 255).astype(np.uint8) for frame, more in zip(frames, noise, strict=True)]
    seen = [boxes_of(truth.boxes[truth.frames == n], frames[0].shape[:2]) for n in range(len(frames))]
    asked, whole, shares = tracks_both_ways(task, seen, frames, network)
    assert str(asked) == str(whole) and len(asked[-1]) > 1
    assert max(shares) < 0.6


def boxes_of(boxes: NDArray[np.float64], size: tuple[int, int]) -> Observations:
    """Boxes as observations, with masks that fill them."""
    masks = np.zeros((len(boxes), *size), np.bool_)
    for mask, (x, y, w, h) in zip(masks, boxes.round().astype(int).tolist(), strict=True):
        mask[max(y, 0) : y + h, max(x, 0) : x + w] = True
    seen = Observations(boxes, np.ones(len(boxes)), ("person",) * len(boxes))
    return replace(seen, masks=masks)


def test_boxes_are_in_pixels_of_the_source(network: IntegerNetwork) -> None:
    """Whatever size the network sees."""
    frame = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    look = LazyFeatures(Stream(network), frame, (240, 160))
    assert look.stride == (240 / look.shape[1], 160 / look.shape[0])
    part = look.within(np.array([[0.0, 0.0, 20.0, 20.0]])).values[:2, :2].copy()
    assert np.array_equal(part, look.within().values[:2, :2]) and look.step.work.share == 1.0
