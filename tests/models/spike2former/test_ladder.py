"""The ladder for a spiking transformer: each way of running its integer form gives what `dense` gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ladder import RUNGS, assert_equal
from spike2formerweights import small_network

from vistream.engine.reference import Dense
from vistream.engine.spiking import Simulator
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input
from vistream.models.spike2former.integer import BLANK, integer_network
from vistream.models.spike2former.integer.backbone import add_backbone
from vistream.models.spike2former.integer.builder import Builder
from vistream.models.spike2former.integer.stages import Stage
from vistream.models.spike2former.sizes import Backbone, Head
from vistream.types import Frame

SIZE = (16, 32)


def changing_patch(count: int) -> list[Frame]:
    """Noise, of which a patch changes from frame to frame."""
    numbers = np.random.default_rng(0)
    frames = [numbers.integers(0, 256, (*SIZE, 3), dtype=np.uint8)]
    while len(frames) < count:
        frames.append(frames[-1].copy())
        frames[-1][4:10, 8:16] = numbers.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return frames


def transformer(kind: Backbone) -> IntegerNetwork:
    """A small backbone of Spike2Former, attention and all, up to the spikes that the pixel decoder reads first."""
    network = small_network(kind)
    stage = Stage(Builder(), network.backbone_levels)
    image = stage.builder.add(Input("image", 3, BLANK, SIZE), 1 / 58.0, torch.tensor(BLANK, dtype=torch.float64) - 128)
    *_, last = add_backbone(stage, network.backbone, image)
    return stage.builder.network(spikes=stage.spikes_of(last, network.sizes.backbone.widths[-1]))


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("kind", ["sdtv2", "sdtv3"])
def test_every_rung_of_a_spiking_transformer_equals_dense(kind: Backbone, rung: str) -> None:
    network = transformer(kind)
    run, dense = RUNGS[rung](network), Dense(network)
    for frame in changing_patch(3):
        expected = dense.step(frame)
        assert_equal(run(frame), expected)
    assert len(torch.unique(expected[network.output])) > 2


@pytest.mark.parametrize("rung", [name for name in RUNGS if name.startswith("stream")])
@pytest.mark.parametrize("head", ["semantic", "panoptic"])
def test_the_stream_of_a_whole_one_equals_dense(head: Head, rung: str) -> None:
    network = integer_network(small_network("sdtv2", head), *SIZE)
    run, dense = RUNGS[rung](network), Dense(network)
    for frame in changing_patch(3):
        assert_equal(run(frame), dense.step(frame))


def test_a_whole_one_has_no_spiking_form_and_says_where() -> None:
    network = integer_network(small_network(), *SIZE)
    with pytest.raises(VistreamError, match=r"layer pixel_decoder\.\S+ (has no spiking form|reads real numbers)"):
        Simulator(network).step(changing_patch(1)[0])
