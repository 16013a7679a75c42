"""The spiking neuron, and the simulator's counts. That it equals the dense network is in test_ladder.py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from toys import Toy, clips, toys

from vistream.engine.reference import Dense
from vistream.engine.spiking import Mode, Simulator, SpikingStep
from vistream.engine.spiking.neuron import PLAIN_IF, START, FiringRule, step
from vistream.errors import VistreamError
from vistream.ir.formula import requantise
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import PIXEL_ZERO, Input, MaxPool, Neuron, Operation, Synapse
from vistream.ir.window import POINTWISE, Window
from vistream.types import Frame

law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# eighths of a level: sums of them are exact, and ties are common
charges = st.lists(st.integers(-40, 40).map(lambda n: n / 8), max_size=30)
ranges = st.sampled_from(((0, 7), (0, 1), (-7, 7), (-3, 2), (0, 0)))


def settled(charge: list[float], rule: FiringRule, pauses: list[int]) -> tuple[float, int]:
    """`(V, S)` after these charges, each followed by so many empty steps, and as many more as it takes to rest."""
    V, S = torch.tensor(START), torch.tensor(0)
    for value, pause in itertools.zip_longest(charge, pauses[: len(charge)], fillvalue=0):
        V, S, _ = step(V, S, torch.tensor(float(value)), rule)
        for _ in range(int(pause)):
            V, S, _ = step(V, S, torch.tensor(0.0), rule)
    for _ in range(1000):
        V, S, spike = step(V, S, torch.tensor(0.0), rule)
        if not spike:
            break
    return float(V), int(S)


@given(charge=charges, bounds=ranges, pauses=st.lists(st.integers(0, 3)), order=st.randoms(use_true_random=False))
@law
def test_at_rest_a_neuron_holds_the_quantised_activation_whatever_the_order(
    charge: list[float], bounds: tuple[int, int], pauses: list[int], order: object
) -> None:
    rule = FiringRule(*bounds)
    expected = int(requantise(torch.tensor(sum(charge)), *bounds))
    membrane, level = settled(charge, rule, pauses)
    assert level == expected
    assert membrane + level == START + sum(charge), "charge is conserved"
    shuffled = list(charge)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # random.Random, which hypothesis does not type
    assert settled(shuffled, rule, []) == (membrane, level)


@given(charge=charges, bounds=ranges, hysteresis=st.sampled_from((0.25, 0.5, 1.0, 3.0)))
@law
def test_with_hysteresis_a_neuron_rests_within_the_band(
    charge: list[float], bounds: tuple[int, int], hysteresis: float
) -> None:
    lo, hi = bounds
    _, S = settled(charge, FiringRule(lo, hi, hysteresis), [])
    away = min(max(sum(charge), lo), hi) - S
    assert lo <= S <= hi
    assert -(0.5 + hysteresis) <= away <= 0.5 + hysteresis


def test_hysteresis_leaves_the_way_there_visible() -> None:
    """Why equality is claimed at h = 0 alone: it stops at the edge of the band, `requantise` at the nearest level."""
    rule = FiringRule(0, 7, 1.0)
    assert settled([5.0], rule, []) == (2.0 - 0.5, 4)
    assert int(requantise(torch.tensor(5.0), 0, 7, torch.tensor(0, dtype=torch.int8), 1)) == 5
    assert settled([7.0, -2.0], rule, [9]) == (-0.5, 6)


def test_plain_integrate_and_fire_keeps_what_it_fired_too_early() -> None:
    assert settled([3.0, -3.0], FiringRule(0, 7), [5]) == (0.5, 0)
    assert settled([3.0, -3.0], PLAIN_IF, [5]) == (-2.5, 3)
    assert settled([9.0], PLAIN_IF, []) == (0.5, 9), "nor is there a largest level"


def test_a_total_just_below_a_threshold_is_not_rounded_onto_it() -> None:
    """With S = -1, float32 takes V = total + 1 for 1 here; the total itself is below the next level."""
    assert int(FiringRule(-7, 7).spikes(torch.tensor(-1e-9), torch.tensor(-1))) == 0


# ---- counts, by brute force ----


def one_convolution(weight: Tensor, window: Window, groups: int) -> IntegerNetwork:
    """The pixels, a neuron layer that repeats them coarsely, and a convolution of that."""
    inputs = weight.shape[1] * groups
    first = Synapse("x", None, torch.full((inputs,), 1 / 32), POINTWISE)
    second = Synapse("a", weight, torch.full((len(weight),), 1 / 256), window, groups)
    layers: tuple[Operation, ...] = (
        Input("x", inputs),
        Neuron("a", (first,), torch.zeros(inputs), -7, 7, 1.0),
        Neuron("b", (second,), torch.zeros(len(weight)), 0, 7, 1.0),
    )
    return IntegerNetwork.of(layers)


def reached_by(y: int, x: int, window: Window, height: int, width: int) -> int:
    """Output positions whose window holds input `(y, x)`, found by looking under every one of them."""
    placed = window.place(height, width)
    found = 0
    for row, column in itertools.product(range(placed.height), range(placed.width)):
        for i, j in itertools.product(range(window.kernel[0]), range(window.kernel[1])):
            at = (
                row * window.stride[0] - placed.top + i * window.dilation[0],
                column * window.stride[1] - placed.left + j * window.dilation[1],
            )
            found += at == (y, x)
    return found


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), (1, 1), (1, 1), (1, 1)),
        Window((3, 3), (2, 2), (1, 1), (1, 1)),
        Window((3, 2), (1, 2), (2, 1), (0, 1)),
        Window((5, 5), (2, 2), (1, 1), None),
        Window((3, 3), (2, 1), (1, 2), (2, 0), (0, 1)),
        Window((1, 1), (2, 2)),
    ],
    ids=str,
)
def test_operations_are_each_spike_times_its_true_fan_out(window: Window, groups: int) -> None:
    """On a 5 x 5 image, counted position by position; for a first frame, and for the differences to a second."""
    random = np.random.default_rng(0)
    weight = torch.from_numpy(random.integers(-128, 128, (8, 4 // groups, *window.kernel), dtype=np.int8))
    simulator = Simulator(one_convolution(weight, window, groups), steps=200)
    pixels, held = np.zeros((5, 5, 4), np.int64), torch.zeros((5, 5, 4), dtype=torch.int64)
    for _ in range(2):
        frame = random.integers(0, 256, (5, 5, 4), dtype=np.uint8)
        result = simulator.step(frame)
        assert result.rested
        now = simulator.levels("a").to(torch.int64)
        # fed all at once, layer "a" never fires too early: its spikes are the differences of its levels
        moved = (now - held).abs().sum(2)
        fan_out = [[reached_by(y, x, window, 5, 5) * 8 // groups for x in range(5)] for y in range(5)]
        first, second = result.layers
        assert second.sops == int((moved * torch.tensor(fan_out)).sum())
        assert second.synapses == 4 * sum(itertools.chain(*fan_out))
        assert (first.spikes, first.positive) == (int(moved.sum()), int((now - held).clamp_min(0).sum()))
        seen = frame.astype(np.int64) - PIXEL_ZERO
        assert (first.macs, first.sops, second.macs) == (0, int(np.count_nonzero(seen != pixels)), 0)
        assert (result.sops, result.macs) == (first.sops + second.sops, 0)
        assert result.spikes == first.spikes + second.spikes
        pixels, held = seen, now


def test_updates_are_the_neurons_that_had_something_to_do() -> None:
    """At the first step every neuron has its bias to look at; after that, those that are still on their way."""
    weight = torch.ones((1, 1, 1, 1), dtype=torch.int8)
    simulator = Simulator(one_convolution(weight, POINTWISE, 1), steps=200)
    frame = np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5, 1)
    first = simulator.step(frame).layers[0]
    levels = simulator.levels("a").to(torch.int64)
    assert (first.neurons, first.updates) == (25, int(levels.abs().clamp_min(1).sum()))
    changed = frame.copy()
    changed[2, 3] = 255
    moved = abs(int(simulator.levels("a")[2, 3, 0]) - 4)
    assert simulator.step(changed).layers[0].updates == moved > 1


@given(toy=toys(), data=st.data())
@law
def test_spikes_explain_the_levels(toy: Toy, data: st.DataObject) -> None:
    """Of any layer, in any mode: positive minus negative spikes is the change of the sum of its levels."""
    mode = data.draw(st.sampled_from(list(Mode)))
    simulator = Simulator(toy.network, mode, steps=100)
    before = {layer.name: 0 for layer in toy.network.neurons}
    for frame in data.draw(clips(toy)):
        for layer in simulator.step(frame).layers:
            total = int(simulator.levels(layer.name).to(torch.int64).sum())
            assert layer.positive - layer.negative == total - before[layer.name]
            assert layer.updates >= layer.spikes
            before[layer.name] = total if mode is Mode.DIFFERENTIAL else 0


@given(toy=toys(), hysteresis=st.sampled_from((0.5, 1.0, 3.0)), data=st.data())
@law
def test_a_late_firing_network_stays_within_its_band(toy: Toy, hysteresis: float, data: st.DataObject) -> None:
    """Every neuron, every frame, against the pre-activation of what its own sources hold: errors do not add up."""
    simulator = Simulator(toy.network, Mode.DIFFERENTIAL, 10_000, hysteresis)
    for frame in data.draw(clips(toy)):
        assert simulator.step(frame).rested
        for layer in toy.network.neurons:
            y = expected_sum(layer, simulator)
            away = y.clamp(layer.lo, layer.hi) - simulator.levels(layer.name)
            assert float(away.abs().max()) <= 0.5 + hysteresis + 1e-3  # y is rounded otherwise


def expected_sum(layer: Neuron, simulator: Simulator) -> Tensor:
    """The pre-activation of a layer, float64 `[H, W, O]`, from the levels that its sources hold."""
    y = layer.bias.double()
    for synapse in layer.synapses:
        source, multiplier = simulator.levels(synapse.source).double(), synapse.multiplier.double()
        if synapse.window is None:
            y = y + source.mean((0, 1), keepdim=True) * multiplier
        elif synapse.weight is None:
            y = y + source * multiplier
        else:
            window, placed = synapse.window, synapse.window.place(source.shape[0], source.shape[1])
            padded = F.pad(source.permute(2, 0, 1), (placed.left, placed.right, placed.top, placed.bottom))
            weight = synapse.weight.double()
            charge = F.conv2d(padded[None], weight, None, window.stride, 0, window.dilation, synapse.groups)
            y = y + charge[0].permute(1, 2, 0) * multiplier
    return y


def test_an_idle_layer_is_not_visited() -> None:
    """A pixel that changes nothing behind the first layer costs nothing there."""
    weight = torch.ones((1, 1, 3, 3), dtype=torch.int8)
    simulator = Simulator(one_convolution(weight, Window((3, 3), padding=(1, 1)), 1), steps=200)
    frame = np.full((5, 5, 1), 200, np.uint8)
    simulator.step(frame)
    frame = frame.copy()
    frame[1, 1] = 201
    result = simulator.step(frame)
    assert (result.steps, result.layers[0].sops, result.layers[0].updates) == (0, 1, 1)
    assert (result.layers[1].updates, result.layers[1].sops) == (0, 0)


def test_a_pool_of_nothing_but_padding_is_the_lowest_level() -> None:
    """Without any spike: a grey frame is all zeros to the network."""
    layers: tuple[Operation, ...] = (
        Input("x", 1),
        Neuron("a", (Synapse("x", None, torch.tensor([1 / 32])),), torch.zeros(1), 0, 7, 1.0),
        MaxPool("p", "a", Window((1, 1), padding=(1, 1))),
    )
    network = IntegerNetwork.of(layers)
    frame: Frame = np.full((2, 3, 1), PIXEL_ZERO, np.uint8)
    assert torch.equal(Simulator(network).step(frame).levels, Dense(network).step(frame)["p"])


# ---- use ----


def small() -> IntegerNetwork:
    return one_convolution(torch.full((2, 4, 3, 3), 3, dtype=torch.int8), Window((3, 3)), 1)


def white(height: int, width: int, channels: int = 4) -> Frame:
    return np.full((height, width, channels), 255, np.uint8)


def test_frames_that_do_not_fit_are_refused_in_one_line() -> None:
    simulator = Simulator(small())
    with pytest.raises(VistreamError, match=r"do not fit the network: at layer b, a window of 3"):
        simulator.step(white(2, 5))
    with pytest.raises(VistreamError, match=r"uint8 \[H, W, 4\], not uint8 \[5, 5, 3\]"):
        simulator.step(white(5, 5, 3))
    simulator.step(white(5, 5))
    with pytest.raises(VistreamError, match=r"from 5x5 to 6x5: call reset"):
        simulator.step(white(5, 6))
    simulator.reset()
    assert simulator.step(white(5, 6)).levels.shape == (3, 4, 2)


@pytest.mark.parametrize(
    ("mode", "steps", "hysteresis"),
    [(Mode.RESET, 0, 0.0), (Mode.PLAIN_IF, 128, 0.0), (Mode.DIFFERENTIAL, 32, -1.0)],
)
def test_settings_out_of_range_are_refused(mode: Mode, steps: int, hysteresis: float) -> None:
    with pytest.raises(VistreamError, match="must lie in"):
        Simulator(small(), mode, steps, hysteresis)


def test_levels_before_the_first_frame_are_refused() -> None:
    with pytest.raises(VistreamError, match="no frame"):
        Simulator(small()).levels("b")


def test_simulators_share_nothing() -> None:
    network, frames = small(), [white(5, 5), np.zeros((5, 5, 4), np.uint8)]
    alone: list[SpikingStep] = [Simulator(network).step(frame) for frame in frames]
    first, second = Simulator(network), Simulator(network)
    together = [first.step(frames[0]), second.step(frames[1])]
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one.levels, other.levels)
        assert (one.steps, one.spikes, one.sops) == (other.steps, other.spikes, other.sops)
