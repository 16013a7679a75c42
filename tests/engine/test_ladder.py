"""The ladder: every way of running an integer network gives what `dense` gives, bit for bit, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ladder import ENOUGH, RUNGS, assert_equal, stepped, stream
from torch import nn
from toys import Toy, clips, toys

from vistream.engine.reference import Dense
from vistream.engine.spiking import Mode, Simulator
from vistream.engine.spiking.events import Events, gather
from vistream.engine.spiking.population import Pixels, Population
from vistream.engine.spiking.table import populate
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import PIXEL_ZERO
from vistream.models.lite0 import MEAN, STD, lite0_features
from vistream.models.resnet import MEAN as RESNET_MEAN
from vistream.models.resnet import STD as RESNET_STD
from vistream.models.resnet import ResNetFeatures
from vistream.quantize.convert import quantize
from vistream.quantize.ranges import Preprocess
from vistream.quantize.scales import Levels
from vistream.types import Frame

law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("rung", RUNGS)
@given(toy=toys(), data=st.data())
@law
def test_every_rung_equals_dense(rung: str, toy: Toy, data: st.DataObject) -> None:
    run, dense = RUNGS[rung](toy.network), Dense(toy.network)
    for frame in data.draw(clips(toy)):
        assert_equal(run(frame), dense.step(frame))


@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize(("deadband", "hysteresis"), [(4, 1), (20, 2), (0, 4)])
@given(toy=toys(), data=st.data())
@law
def test_stream_equals_dense_with_dead_zones(
    backend: str, deadband: int, hysteresis: int, toy: Toy, data: st.DataObject
) -> None:
    run, dense = stream(toy.network, backend, deadband, hysteresis), Dense(toy.network, deadband, hysteresis)
    for frame in data.draw(clips(toy, most=6)):
        assert_equal(run(frame), dense.step(frame))


@given(toy=toys(), data=st.data())
@law
def test_the_order_of_spikes_does_not_matter(toy: Toy, data: st.DataObject) -> None:
    """No time steps: layers fire in random order, and spikes arrive late, in random parts."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    random, dense = np.random.default_rng(seed), Dense(toy.network)
    populations = populate(toy.network, toy.height, toy.width, hysteresis=0.0)
    for frame in data.draw(clips(toy, most=3)):
        run_in_any_order(toy.network, populations, frame, random)
        assert_equal(lambda name: populations[name].levels, dense.step(frame))


def run_in_any_order(
    network: IntegerNetwork, populations: dict[str, Population], frame: Frame, random: np.random.Generator
) -> None:
    pixels = populations[network.input.name]
    assert isinstance(pixels, Pixels)
    read = pixels.read(torch.from_numpy(frame).to(torch.int16) - PIXEL_ZERO)
    post = list(letters(network, network.input.name, read))
    while True:
        waiting = [name for name, population in populations.items() if population.waiting]
        if not waiting and not post:
            return
        if post and (not waiting or random.random() < 0.7):
            name, slot, events = post.pop(random.integers(len(post)))
            now, later = torn(events, random)
            if len(later):
                post.append((name, slot, later))
            population = populations[name]
            assert not isinstance(population, Pixels)
            population.receive(slot, now)
        else:
            name = waiting[random.integers(len(waiting))]
            population = populations[name]
            assert not isinstance(population, Pixels)
            post += letters(network, name, population.fire()[0])


def letters(network: IntegerNetwork, sender: str, events: Events) -> Iterator[tuple[str, int, Events]]:
    """What a layer sent, once for each of its readers."""
    for layer in network.layers[1:]:
        for slot, source in enumerate(getattr(layer, "sources", None) or (getattr(layer, "source", ""),)):
            if source == sender and len(events):
                yield layer.name, slot, events


def torn(events: Events, random: np.random.Generator) -> tuple[Events, Events]:
    """Half of the time all of it and nothing, else a random part and the rest."""
    if random.random() < 0.5:
        return events, Events(events.positions[:0], events.values[:0])
    chosen = torch.from_numpy(random.integers(0, 2, tuple(events.values.shape))).to(events.values.dtype)
    return tuple(gather(events.values * part, events.positions) for part in (chosen, 1 - chosen))  # type: ignore[return-value]  # two parts


@given(toy=toys(), data=st.data())
@law
def test_a_repeated_frame_costs_nothing(toy: Toy, data: st.DataObject) -> None:
    engine, simulator = Stream(toy.network, 4, 1), Simulator(toy.network, steps=ENOUGH)
    for frame in data.draw(clips(toy)):
        engine.step(frame)
        simulator.step(frame)
    again, work = simulator.step(frame.copy()), engine.step(frame.copy()).work
    assert (work.macs, sum(layer.changes for layer in work.layers)) == (0, 0)
    assert not engine.step(frame).recomputed.any()
    assert (again.steps, again.spikes, again.sops, again.macs) == (0, 0, 0, 0)
    assert sum(layer.updates for layer in again.layers) == 0


@given(toy=toys(), data=st.data())
@law
def test_reset_forgets_everything(toy: Toy, data: st.DataObject) -> None:
    """With dead zones too, where the past matters."""
    dense, engine = Dense(toy.network, 8, 1), Stream(toy.network, 8, 1)
    simulator = Simulator(toy.network, steps=ENOUGH)
    *before, last = data.draw(clips(toy))
    for frame in before:
        dense.step(frame)
        engine.step(frame)
        simulator.step(frame)
    for runner in (dense, engine, simulator):
        runner.reset()
    fresh = Dense(toy.network, 8, 1).step(last)
    assert_equal(dense.step(last).__getitem__, fresh)
    engine.step(last)
    assert_equal(engine.levels, fresh)
    simulator.step(last)
    assert_equal(simulator.levels, Dense(toy.network).step(last))


@given(toy=toys(), steps=st.integers(1, 3), data=st.data())
@law
def test_a_truncated_frame_is_reported_and_nothing_is_lost(toy: Toy, steps: int, data: st.DataObject) -> None:
    """Frames cut short say so; shown the last one for long enough, the network catches up exactly."""
    simulator, dense = Simulator(toy.network, Mode.DIFFERENTIAL, steps), Dense(toy.network)
    for frame in data.draw(clips(toy)):
        step, expected = simulator.step(frame), dense.step(frame)
        assert step.steps <= steps
        if step.rested:
            assert_equal(simulator.levels, expected)
    for _ in range(ENOUGH):
        if step.rested:
            break
        step = simulator.step(frame)
    assert_equal(simulator.levels, expected)


# ---- real networks on real clips ----

CLIPS = {
    "static": "demo/static_person_intel_one-by-one.mp4",
    "moving": "demo/moving_people_sam2_bedroom.mp4",
}


def lite0() -> tuple[nn.Module, Preprocess]:
    return lite0_features(), Preprocess(MEAN, STD)


def resnet(depth: int) -> tuple[nn.Module, Preprocess]:
    torch.manual_seed(depth)
    return ResNetFeatures(18 if depth == 18 else 50).eval(), Preprocess(RESNET_MEAN, RESNET_STD)


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Preprocess]]] = {
    "Lite0": lite0,
    "ResNet-18": lambda: resnet(18),
    "ResNet-50": lambda: resnet(50),
}


def real_frames(path: Path, number: int, width: int) -> list[Frame]:
    """Every fourth frame from the start of a clip, `width` pixels wide."""
    capture = cv2.VideoCapture(str(path))
    frames: list[Frame] = []
    while len(frames) < number:
        read, picture = capture.read()
        assert read, f"{path} has too few frames"
        if int(capture.get(cv2.CAP_PROP_POS_FRAMES)) % 4 == 0:
            size = (width, round(picture.shape[0] * width / picture.shape[1]))
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            frames.append(np.ascontiguousarray(small[:, :, ::-1], dtype=np.uint8))
    return frames


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_ladder_holds_on_real_clips(name: str, clip: str, real_data: Path) -> None:
    """Five frames, level 16 (activations 0..7, signed -7..7), at most 127 time steps a frame."""
    frames = real_frames(real_data / CLIPS[clip], 5, width=128)
    module, preprocess = NETWORKS[name]()
    network = quantize(module, frames[:1], preprocess, Levels(7, 7))
    dense = Dense(network)
    rungs = [stepped(network, Mode.RESET, 127), stepped(network, Mode.DIFFERENTIAL, 127), stream(network, "auto")]
    plain, wrong = Simulator(network, Mode.PLAIN_IF, 64), 0.0
    for number, frame in enumerate(frames):
        expected = dense.step(frame)
        for run in rungs:
            assert_equal(run(frame), expected)
        if number == 0:
            wrong = float((plain.step(frame).levels != expected[network.output]).float().mean())
    assert wrong > 0.05, "plain integrate-and-fire should differ"


@pytest.mark.real
@pytest.mark.slow
def test_the_default_network_at_its_own_levels(real_data: Path) -> None:
    """Seven bits take about 250 time steps to come to rest from nothing; the customary 32 are reported as too few."""
    frames = real_frames(real_data / CLIPS["static"], 2, width=64)
    module, preprocess = lite0()
    network = quantize(module, frames[:1], preprocess)
    dense, short = Dense(network), Simulator(network, Mode.RESET)
    rungs = [stepped(network, mode, 400) for mode in (Mode.RESET, Mode.DIFFERENTIAL)]
    for frame in frames:
        expected = dense.step(frame)
        for run in rungs:
            assert_equal(run(frame), expected)
        cut = short.step(frame)
        assert (cut.rested, cut.steps) == (False, 32)
        assert not torch.equal(cut.levels, expected[network.output])
