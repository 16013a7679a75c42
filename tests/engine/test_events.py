"""Convolutions that keep their sums and add what changed: the same numbers as when all is computed anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from vistream.engine.stream.compiled_backend import CompiledBackend
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron, Synapse
from vistream.ir.value import Kind
from vistream.ir.window import POINTWISE, Window
from vistream.kernels.library import Variant, variants
from vistream.types import Frame

SIZE = (14, 18)
BY_EVENTS = [one for one in variants() if not one.tiles]


def neuron(name: str, synapses: tuple[Synapse, ...], most: int, gives: Kind = Kind.LEVELS) -> Neuron:
    return Neuron(name, synapses, torch.full((len(synapses[0].multiplier),), 1.3), 0, most, gives=gives)


def conv(source: str, inputs: int, outputs: int, side: int, stride: int, multiplier: float) -> Synapse:
    weight = np.random.default_rng(inputs).integers(-128, 128, (outputs, inputs, side, side), dtype=np.int8)
    window = Window((side, side), (stride, stride), padding=(side // 2, side // 2))
    return Synapse(source, torch.from_numpy(weight), torch.full((outputs,), multiplier), window)


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    """Neurons of five levels, then convolutions of all endings: levels, a membrane behind an identity, a stride."""
    few = neuron("few", (conv("x", 3, 272, 3, 1, 0.0004),), 4)
    wide = neuron("wide", (conv("few", 272, 144, 3, 1, 0.0005),), 4)
    held = neuron("held", (conv("few", 272, 80, 3, 1, 0.01),), 4, Kind.SUMS)
    same = Synapse("held", None, torch.ones(80), POINTWISE)
    membrane = neuron("membrane", (same, conv("wide", 144, 80, 3, 1, 0.01)), 4, Kind.SUMS)
    half = neuron("half", (conv("wide", 144, 48, 3, 2, 0.002),), 100)
    return IntegerNetwork.of((Input("x", 3), few, wide, held, membrane, half))


def frames() -> Iterator[Frame]:
    """Few pixels change, then all of them, then few again."""
    random = np.random.default_rng(4)
    frame = random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    for number in range(7):
        moved = random.random((*SIZE, 1)) < (1.0 if number == 3 else 0.02)
        frame = np.where(moved, random.integers(0, 256, frame.shape, dtype=np.uint8), frame)
        yield frame


def adding(stream: Stream) -> dict[str, bool]:
    """Whether each convolution that keeps sums added changes in this frame."""
    backend = stream._backend
    assert isinstance(backend, CompiledBackend)
    return {name: bool(one.adds) for name, memory in backend._memory.items() for one in memory.events}


def assert_as_if_anew(stream: Stream, frame: Frame) -> None:
    """Every value is what a stream that has seen nothing before gives."""
    fresh = Stream(stream.network, backend="torch")
    fresh.step(frame)
    for layer in stream.network.layers:
        assert torch.equal(stream.levels(layer.name), fresh.levels(layer.name)), layer.name


@pytest.mark.parametrize("kernels", BY_EVENTS, ids=lambda one: one.name)
def test_added_changes_equal_sums_computed_anew(
    kernels: Variant, network: IntegerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompiledBackend, "kernels", kernels)
    stream, added = Stream(network, backend="compiled"), []
    for frame in frames():
        stream.step(frame)
        assert_as_if_anew(stream, frame)
        added.append(adding(stream))
    assert set(added[0]) == {"wide", "held", "membrane", "half"}
    assert [all(found.values()) for found in added] == [False, True, True, False, True, True, True]


def test_a_part_that_was_not_asked_for_is_not_added_to(
    network: IntegerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sums miss changes that others have: they are computed anew when it is asked for."""
    monkeypatch.setattr(CompiledBackend, "kernels", BY_EVENTS[0])
    stream = Stream(network, backend="compiled")
    for number, frame in enumerate(frames()):
        stream.take(frame)
        if number % 2:
            stream.compute(np.array([[2, 5, 1, 4]]))
        else:
            stream.compute()
            assert_as_if_anew(stream, frame)


def test_a_stream_that_goes_on_elsewhere_has_no_sums(network: IntegerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompiledBackend, "kernels", BY_EVENTS[0])
    first, second = Stream(network, backend="compiled"), Stream(network, backend="compiled")
    seen = list(frames())
    for frame in seen:
        second.step(frame)
    first.step(seen[0])
    second.load_state_dict(first.state_dict())
    for frame in seen[1:]:
        second.step(frame)
        assert_as_if_anew(second, frame)
