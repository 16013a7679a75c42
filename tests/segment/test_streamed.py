"""The stream of a network that segments: equal to the dense integers, near the float network, and resumed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from segmenters import random_network
from spike2former_recipe import recipe_weights

from vistream.engine.fidelity import DeadZones
from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.media.video.source import open_source
from vistream.models.spike2former import Spike2Former, load
from vistream.models.spike2former.profile import Fit, Profile
from vistream.models.spike2former.sizes import BackboneSizes, Sizes
from vistream.segment.network import PRESETS, segmentation_zones
from vistream.segment.segmenter import Segmenter
from vistream.segment.streamed import Streamed
from vistream.types import Frame

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("VISTREAM_DATA", ROOT.parent / "shared" / "data"))
CLIPS = {
    "static": "demo/static_person_intel_one-by-one.mp4",
    "moving": "demo/moving_people_sam2_bedroom.mp4",
    "street": "semseg/camvid_0016E5/images",
}
EXACT = DeadZones()


def demo(count: int) -> list[Frame]:
    with open_source(str(ROOT / "demo_videos" / "plaza_static.mp4"), max_frames=count) as source:
        return [frame.image for frame in source]


def clip(name: str, count: int) -> list[Frame]:
    path = DATA / CLIPS[name]
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with open_source(str(path), max_frames=count) as source:
        return [frame.image for frame in source]


def full_size(fit: Fit) -> Spike2Former:
    """All layers and widths of the network for ADE20K, with recipe weights."""
    network = Spike2Former(Sizes(BackboneSizes()), Profile("ade20k", fit=fit))
    network.load_state_dict(recipe_weights(network, "full size"))
    return network.eval().requires_grad_(False)


def check_equal(network: Spike2Former, frames: list[Frame], zones: DeadZones) -> None:
    """Every value of every layer of the stream is that of the dense network, in every frame."""
    streamed = Streamed(network, zones)
    dense: Dense | None = None
    for number, frame in enumerate(frames):
        streamed.step(frame)
        assert streamed.stream is not None
        dense = dense or Dense(streamed.stream.network, zones.deadband, zones.hysteresis, zones.noise)
        for name, levels in dense.step(network.fitted(frame)).items():
            assert torch.equal(streamed.stream.levels(name), levels), (number, name)


@pytest.mark.parametrize("fidelity", PRESETS)
def test_the_stream_is_the_dense_network(fidelity: str) -> None:
    check_equal(load("spike2former-tiny"), demo(3), PRESETS[fidelity])


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("fidelity", ["exact", "high"])
def test_on_30_frames_of_real_clips(name: str, fidelity: str) -> None:
    check_equal(load("spike2former-tiny"), clip(name, 30), PRESETS[fidelity])


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("fidelity", ["exact", "high"])
def test_on_30_frames_of_real_clips_at_full_size(name: str, fidelity: str) -> None:
    check_equal(full_size(Fit(96, 64)), clip(name, 30), PRESETS[fidelity])


def test_it_sees_what_the_float_network_sees() -> None:
    network, frames = load("spike2former-tiny"), demo(2)
    floats, integers = Segmenter(network), Segmenter(network, zones=EXACT)
    for frame in frames:
        expected, found = floats.step(frame).class_map.labels, integers.step(frame).class_map.labels
        assert (expected == found).mean() > 0.97
    assert (floats.made_with, integers.made_with) == ("float", "int8 stream")


def test_16_bits_are_nearer() -> None:
    network, frame = load("spike2former-tiny"), demo(1)[0]
    expected = network.scores(frame)
    errors = []
    for bits in (8, 16):
        seen = Streamed(network, EXACT, bits).step(frame)
        errors.append(float((network.scored(seen.classes, seen.masks, frame) - expected).abs().mean()))
    assert errors[1] < errors[0]


@pytest.mark.parametrize("task", ["semseg", "panoptic"])
def test_work_is_told_and_a_repeated_frame_costs_none(task: str) -> None:
    network = random_network("plaza") if task == "semseg" else random_network("coco-panoptic", panoptic=True)
    segmenter = Segmenter(network, task, zones=EXACT)
    frame = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    first, again = segmenter.step(frame), segmenter.step(frame)
    assert first.work.share > 0.999 and again.work.share == 0.0
    assert first.activity is not None and first.activity.all() and again.activity is not None
    assert not again.activity.any()
    assert first.activity.shape == (-(-network.profile.fit.resized(60, 90)[0] // 2), 64)
    np.testing.assert_array_equal(first.class_map.labels, again.class_map.labels)
    segmenter.reset()
    reset = segmenter.step(frame)
    assert reset.work.share > 0.999
    np.testing.assert_array_equal(first.class_map.labels, reset.class_map.labels)


def test_a_stream_goes_on_from_its_state() -> None:
    network, zones = random_network("plaza"), PRESETS["high"]
    numbers = np.random.default_rng(1)
    frames = [numbers.integers(0, 256, (60, 90, 3), np.uint8) for _ in range(4)]
    whole, first, second = (Segmenter(network, zones=zones) for _ in range(3))
    expected = [whole.step(frame) for frame in frames]
    for frame in frames[:2]:
        first.step(frame)
    second.load_state_dict(first.state_dict())
    for frame, wanted in zip(frames[2:], expected[2:], strict=True):
        found = second.step(frame)
        np.testing.assert_array_equal(found.class_map.labels, wanted.class_map.labels)
        assert found.work == wanted.work
    with pytest.raises(VistreamError, match="state is of another network"):
        Segmenter(random_network("plaza", seed=3), zones=EXACT).load_state_dict({"size": [96, 128], "values": {}})


def test_frames_of_another_size_begin_a_new_stream() -> None:
    segmenter = Segmenter(random_network("plaza"), zones=EXACT)
    for size in ((60, 90), (90, 60), (60, 90)):
        found = segmenter.step(np.zeros((*size, 3), np.uint8))
        assert found.class_map.labels.shape == size and found.work.share > 0.999


def test_presets_and_their_numbers() -> None:
    assert segmentation_zones("exact") == EXACT and segmentation_zones("float") is None
    assert segmentation_zones("high", hysteresis=0) == DeadZones(PRESETS["high"].deadband, 0, PRESETS["high"].noise)
