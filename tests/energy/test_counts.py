"""The operations of a frame, counted: held to brute force, and to what every count must satisfy."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from energytoys import small
from graphs import graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import Toy, clips, toys

from vistream.energy.counts import Counts
from vistream.energy.density import spike_rate
from vistream.energy.report import frame_figures, layer_figures
from vistream.energy.rows import Row
from vistream.energy.run import count_energy, nonzero_operations
from vistream.engine.reference import Dense
from vistream.engine.stream.plan import make_plan
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import (
    PIXEL_ZERO,
    AveragePool,
    Input,
    Neuron,
    Operation,
    Product,
    Synapse,
    TransposedConvolution,
)
from vistream.ir.window import POINTWISE, Window
from vistream.quantize.convert import convert
from vistream.quantize.named import NamedNetwork
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.scales import Weights
from vistream.quantize.trace import trace
from vistream.types import Frame

law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def pairs(source: Tensor, layer: Neuron, synapse: Synapse, skip_zeros: bool) -> int:
    """(source value, neuron) pairs of a convolution, one at a time."""
    assert synapse.window is not None and synapse.weight is not None
    window, placed = synapse.window, synapse.window.place(source.shape[0], source.shape[1])
    outputs, per_group = synapse.weight.shape[:2]
    found = 0
    for y, x, output in itertools.product(range(placed.height), range(placed.width), range(outputs)):
        group = output // (outputs // synapse.groups)
        for dy, dx, channel in itertools.product(range(window.kernel[0]), range(window.kernel[1]), range(per_group)):
            row = y * window.stride[0] + dy * window.dilation[0] - placed.top
            column = x * window.stride[1] + dx * window.dilation[1] - placed.left
            if 0 <= row < source.shape[0] and 0 <= column < source.shape[1]:
                found += not skip_zeros or int(source[row, column, group * per_group + channel]) != 0
    return found


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), padding=(1, 1)),
        Window((3, 3), (2, 2), padding=None),
        Window((3, 2), (1, 2), (2, 1), (2, 0)),
        Window((2, 2), (3, 3)),  # some pixels reach nothing
    ],
)
def test_counts_on_five_by_five_pixels_equal_brute_force(window: Window, groups: int) -> None:
    network = small(window, groups)
    random = np.random.default_rng(5)
    frame = random.choice(np.array([PIXEL_ZERO, PIXEL_ZERO, 3, 200, 255], dtype=np.uint8), (5, 5, 2))
    run = count_energy([(0, frame)], NamedNetwork("toy", network, ""), "toy", steps=200)
    levels = Dense(network).step(frame)
    first = network.neurons[0]
    sizes, counts = run.counts.layers, run.counts.frames[0].layers

    assert sizes[0].synapses == pairs(levels["x"], first, first.synapses[0], skip_zeros=False)
    assert counts[0].nonzero_macs == pairs(levels["x"], first, first.synapses[0], skip_zeros=True)
    assert counts[0].reset.macs == counts[0].nonzero_macs, "analog pixels that are not 0, delivered once"
    assert sizes[0].macs == levels["first"].numel() * math.prod(window.kernel) * 2 // groups

    values, spikes = levels["first"].numel(), counts[0].reset.spikes
    assert sizes[1].synapses == 4 * values and sizes[1].adds == values
    assert counts[1].nonzero_macs == 4 * int((levels["first"] != 0).sum())
    assert counts[1].nonzero_adds == int((levels["first"] != 0).sum())
    assert counts[1].reset.sops == 5 * spikes, "each spike reaches four neurons, and one through the shortcut"
    assert (sizes[0].analog, sizes[1].analog) == (True, False)
    assert (sizes[0].readers, sizes[1].readers) == (2, 0)


@given(toy=toys(), data=st.data())
@law
def test_nonzero_operations_equal_a_convolution_with_ones(toy: Toy, data: st.DataObject) -> None:
    frame = data.draw(clips(toy))[0]
    levels = Dense(toy.network).step(frame)
    plans = {plan.layer.name: plan for plan in make_plan(toy.network, toy.height, toy.width)}
    for layer in toy.network.neurons:
        macs = adds = 0
        for synapse in layer.synapses:
            occupied = (levels[synapse.source] != 0).permute(2, 0, 1)[None].double()
            if synapse.weight is None:
                adds += int(occupied.sum())
                continue
            assert synapse.window is not None
            placed = synapse.window.place(occupied.shape[2], occupied.shape[3])
            padded = F.pad(occupied, (placed.left, placed.right, placed.top, placed.bottom))
            ones = torch.ones(synapse.weight.shape, dtype=torch.float64)
            window = synapse.window
            macs += int(F.conv2d(padded, ones, None, window.stride, 0, window.dilation, synapse.groups).sum())
        assert nonzero_operations(plans[layer.name], levels) == (macs, adds)


@given(toy=toys(), data=st.data())
@law
def test_what_every_count_must_satisfy(toy: Toy, data: st.DataObject) -> None:
    frames = list(enumerate(data.draw(clips(toy))))
    counts = count_energy(frames, NamedNetwork("toy", toy.network, ""), "toy", steps=10_000).counts
    for number, frame in enumerate(counts.frames):
        assert frame.differing == 0 and frame.reset == replace(frame.reset, rested=True, differing=0)
        assert frame.differential.rested and frame.differential.differing == 0
        for size, layer in zip(counts.layers, frame.layers, strict=True):
            assert layer.nonzero_macs <= size.synapses <= size.macs
            assert layer.nonzero_adds <= size.adds
            assert layer.stream_macs <= size.macs and layer.stream_adds <= size.adds
            assert layer.changes <= layer.stream_values <= size.values
            assert layer.changes <= layer.differential.spikes, "a level changes by spikes alone"
            if number == 0:
                assert (layer.stream_macs, layer.stream_adds) == (size.macs, size.adds)
                assert layer.stream_values == size.values
                assert layer.reset == layer.differential, "on the first frame there is no past"


@given(toy=graphs(), data=st.data())
@law
def test_counts_of_all_operations(toy: Toy, data: st.DataObject) -> None:
    """Sums, products, tables and membranes too; what has no spiking form is refused before anything is counted."""
    frames = list(enumerate(data.draw(clips(toy))))
    try:
        counts = count_energy(frames, NamedNetwork("toy", toy.network, ""), "toy", steps=20_000).counts
    except VistreamError as error:
        assert "no spiking form" in str(error)
        return
    assert [size.name for size in counts.layers] == [layer.name for layer in toy.network.computing]
    for number, frame in enumerate(counts.frames):
        assert frame.differing == 0 and frame.differential.differing == 0 and frame.reset.differing == 0
        for size, layer in zip(counts.layers, frame.layers, strict=True):
            assert layer.nonzero_macs <= size.synapses <= size.macs or size.macs == 0
            assert layer.stream_macs <= size.macs and layer.changes <= layer.stream_values <= size.values
            assert size.graded or layer.reset.macs == layer.differential.macs == 0
            assert number or layer.reset == layer.differential


def counted(network: IntegerNetwork, frame: Frame) -> Counts:
    return count_energy([(0, frame)], NamedNetwork("toy", network, ""), "toy", steps=1000).counts


def test_the_float_network_has_each_weight_once_however_many_bytes_it_is_given() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=4), nn.ReLU())
    frame = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    program, preprocess = trace(model, 3, (8, 9)), Preprocess((0.0,) * 3, (255.0,) * 3)
    ranges = calibrate(program, [frame], preprocess)
    narrow, wide = (counted(convert(program, ranges, preprocess, weights=kind), frame) for kind in Weights)
    for one, two in zip(narrow.layers, wide.layers, strict=True):
        assert (one.float_macs, one.float_weights) == (one.macs, one.weights)
        assert (two.float_macs, two.float_weights, two.inputs) == (one.macs, one.weights, one.inputs)
        assert (two.macs, two.weights) == (2 * one.macs, 2 * one.weights)
    plain, twice = (frame_figures(Row.FLOAT, counts, counts.frames[0]) for counts in (narrow, wide))
    assert plain == twice


IDENTITY = Synapse("sums", None, torch.full((2,), 1 / 64), POINTWISE)
LEVELS = Neuron("levels", (Synapse("x", None, torch.full((2,), 1 / 32), POINTWISE),), torch.zeros(2), -7, 7)


def behind(layer: Operation) -> IntegerNetwork:
    """Levels of the pixels, `layer`, which gives sums, and neurons that take them as they are."""
    return IntegerNetwork.of((Input("x", 2), LEVELS, layer, Neuron("last", (IDENTITY,), torch.zeros(2), -127, 127)))


@pytest.mark.parametrize(
    "layer",
    [
        TransposedConvolution("sums", "levels", torch.ones((2, 2, 2, 2), dtype=torch.int8), (2, 2)),
        Product("sums", "levels", "levels"),
        AveragePool("sums", "levels", Window((2, 2), (2, 2))),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_no_weight_meets_is_added_and_what_no_neuron_decides_is_no_neuron(layer: Operation) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (6, 6, 2), dtype=np.uint8)
    counts = counted(behind(layer), frame)
    first, sums, last = counts.layers
    assert (first.neurons, sums.neurons, last.neurons) == (72, 0, last.values)
    assert sums.values == last.adds > 0
    done = counts.frames[0]
    for row in Row:
        figures = [layer_figures(row, size, found) for size, found in zip(counts.layers, done.layers, strict=True)]
        assert figures[1].updates == 0, "of neurons"
        assert figures[2].macs == 0 and figures[2].acs > 0, "an addition, in every row"
        assert (figures[1].macs == 0) == (layer.adds_only or row.spiking)
    spikes = sum(found.reset.spikes for found in done.layers)
    neurons = first.values + last.values
    assert spike_rate(Row.RESET, counts, done) == pytest.approx(spikes / (neurons * done.reset.steps))


def test_a_mean_over_a_window_is_counted_as_one_over_the_whole_map() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (6, 6, 2), dtype=np.uint8)
    pool = counted(behind(AveragePool("sums", "levels", Window((6, 6)))), frame)
    everywhere = Neuron("last", (Synapse("levels", None, torch.full((2,), 1.0), None),), torch.zeros(2), -127, 127)
    mean = counted(IntegerNetwork.of((Input("x", 2), LEVELS, everywhere)), frame)
    assert (pool.layers[1].macs, pool.layers[1].adds) == (mean.layers[1].macs, mean.layers[1].adds) == (0, 72)
    over, whole = pool.frames[0].layers[1], mean.frames[0].layers[1]
    assert (over.nonzero_adds, over.stream_adds) == (whole.nonzero_adds, whole.stream_adds)
    assert (over.reset.sops, over.reset.macs) == (whole.reset.sops, 0)
