"""The promise, on video: every level of every layer equals the dense network's, frame after frame."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vistream.engine.fidelity import DeadZones
from vistream.engine.reference import Dense
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.media.video.frames import SourceFrame
from vistream.media.video.source import open_source
from vistream.pipeline.verify import compare
from vistream.quantize.named import named_network
from vistream.types import Frame

DEMO = Path(__file__).parents[2] / "demo_videos"
ZONES = (DeadZones(), DeadZones(4, 1, 6.0))
REAL = (
    "mot/PETS09-S2L1/img1",
    "demo/moving_people_sam2_bedroom.mp4",
    "vos/DAVIS2016/JPEGImages/480p/libby",
)


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    return named_network().network


def assert_equal_throughout(spec: Path, network: IntegerNetwork, zones: DeadZones, frames: int) -> None:
    with open_source(str(spec), max_frames=frames) as source:
        compared = list(compare(source, network, zones))
    assert len(compared) > 40
    assert [result.frame for result in compared if result.differing] == []


@pytest.mark.parametrize("zones", ZONES, ids=str)
@pytest.mark.parametrize("clip", ["plaza_static", "plaza_pan"])
def test_demo_clips(clip: str, zones: DeadZones, network: IntegerNetwork) -> None:
    assert_equal_throughout(DEMO / f"{clip}.mp4", network, zones, 42)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("zones", ZONES, ids=str)
@pytest.mark.parametrize("clip", REAL)
def test_real_clips(clip: str, zones: DeadZones, network: IntegerNetwork, real_data: Path) -> None:
    assert_equal_throughout(real_data / clip, network, zones, 42)


@pytest.mark.real
@pytest.mark.slow
def test_a_thousand_frames_and_flat_memory(network: IntegerNetwork, real_data: Path) -> None:
    """Small frames of a long real clip: equal at every 50th, and nothing grows from the 200th to the last."""
    stream, dense = Stream(network), Dense(network)
    held: list[int] = []
    tracemalloc.start()
    try:
        with open_source(str(real_data / "demo" / "static_person_intel_one-by-one.mp4"), max_frames=1000) as source:
            for position, small in enumerate(_shrunk(source)):
                levels = stream.step(small).levels
                if position % 50 == 0:
                    assert torch.equal(levels, dense.step(small)[network.output]), f"frame {position}"
                    held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(held) == 20
    assert held[-1] - held[4] < 100_000  # bytes; a frame is 62,208


def _shrunk(frames: Iterator[SourceFrame]) -> Iterator[Frame]:
    for frame in frames:
        yield np.asarray(cv2.resize(frame.image, (192, 108), interpolation=cv2.INTER_AREA), np.uint8)


def picture(seed: int, height: int = 60, width: int = 82) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_a_repeated_frame_recomputes_nothing(backend: str, network: IntegerNetwork) -> None:
    stream = Stream(network, backend=backend)
    first = stream.step(picture(0))
    assert first.work.share == 1.0
    again = stream.step(picture(0))
    assert again.work.macs == 0
    assert sum(layer.pixels + layer.changes for layer in again.work.layers) == 0
    assert not again.recomputed.any()


def test_one_pixel_costs_its_cone_and_both_backends_count_alike(network: IntegerNetwork) -> None:
    one, other = Stream(network, backend="compiled"), Stream(network, backend="torch")
    frame = picture(1)
    dotted = frame.copy()
    dotted[30, 40] ^= 0x80
    for image in (frame, dotted, frame):
        assert one.step(image).work == other.step(image).work
    work = one.step(dotted).work
    assert 0 < work.share < 0.5
    assert work.layers[0].pixels == 4  # a 3x3 stem of stride 2 sees it from at most 2x2 places


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_every_layer_holds_by_its_own_factor(backend: str, network: IntegerNetwork) -> None:
    names = [neuron.name for neuron in network.neurons]
    mixed = {name: (0.0, 0.5, 1.5, 3.0)[number % 4] for number, name in enumerate(names)}
    stream, dense = Stream(network, 0, 2, backend, factors=mixed), Dense(network, 0, 2, factors=mixed)
    freed, exact = Stream(network, 0, 2, backend, factors=dict.fromkeys(names, 0.0)), Stream(network, backend=backend)
    different = False
    for seed in range(3):
        frame = picture(0) ^ (picture(seed) & np.uint8(7))
        step, levels = stream.step(frame), dense.step(frame)
        assert all(torch.equal(stream.levels(name), levels[name]) for name in names)
        assert torch.equal(freed.step(frame).levels, exact.step(frame).levels)
        different |= not torch.equal(step.levels, exact.main().levels)
    assert different


def test_threads_do_not_matter(network: IntegerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [picture(seed, 200, 300) for seed in range(3)]
    outputs = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        stream = Stream(network, backend="compiled")
        outputs.append([stream.step(frame).levels.clone() for frame in frames])
    for alone, shared in itertools.product(outputs[:1], outputs[1:]):
        assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_reset_and_what_came_before_do_not_matter(network: IntegerNetwork) -> None:
    stream = Stream(network, 4, 1, noise=6.0)
    fresh = Stream(network, 4, 1, noise=6.0)
    for seed in range(3):
        stream.step(picture(seed))
    stream.reset()
    for seed in (5, 6):
        assert torch.equal(stream.step(picture(seed)).levels, fresh.step(picture(seed)).levels)
