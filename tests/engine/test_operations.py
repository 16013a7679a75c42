"""Every operation, in random graphs: the executors agree on every number of every value, bit for bit."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from graphs import MAKERS, graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import Toy, clips, random_spans

from vistream.engine.reference import REFERENCE, Dense
from vistream.engine.spiking import Mode, Simulator
from vistream.engine.spiking.table import FORMS, WITHOUT
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.twin import TWINS
from vistream.errors import VistreamError
from vistream.ir.file import load_network, save_network
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import OPERATIONS, Input, Island, Operation
from vistream.ir.value import Kind

law = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENOUGH = 20_000  # time steps after which any toy has come to rest
BACKENDS = ("torch", "compiled")
COMPUTED = [kind for kind in OPERATIONS.values() if kind is not Input]


@pytest.mark.parametrize("kind", COMPUTED, ids=lambda kind: kind.__name__)
def test_no_executor_lacks_an_operation(kind: type[Operation]) -> None:
    """And neither do the tests below."""
    assert kind in REFERENCE and kind in TWINS and kind in MAKERS
    assert (kind in FORMS) != (kind in WITHOUT)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", COMPUTED, ids=lambda kind: kind.__name__)
@given(data=st.data())
@law
def test_the_stream_equals_the_reference(kind: type[Operation], backend: str, data: st.DataObject) -> None:
    toy = data.draw(graphs(kind))
    deadband, hysteresis = data.draw(st.sampled_from(((0, 0), (0, 0), (6, 1), (0, 3))), label="dead zones")
    dense, stream = Dense(toy.network, deadband, hysteresis), Stream(toy.network, deadband, hysteresis, backend)
    for frame in data.draw(clips(toy)):
        expected, step = dense.step(frame), stream.step(frame)
        different = [name for name, value in expected.items() if not torch.equal(stream.levels(name), value)]
        assert not different, f"values that differ, in computing order: {different}"
        for output in toy.network.outputs:
            assert torch.equal(step.outputs[output.name].levels, expected[output.source])
        assert step.work.macs <= step.work.macs_dense
        for layer in step.work.layers:
            assert layer.changes <= layer.pixels * expected[layer.name].shape[2]


@pytest.mark.parametrize("mode", [Mode.RESET, Mode.DIFFERENTIAL])
@pytest.mark.parametrize("kind", [kind for kind in FORMS if kind is not Input], ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(law, max_examples=10)
def test_spikes_come_to_rest_at_the_reference(kind: type[Operation], mode: Mode, data: st.DataObject) -> None:
    """Or, where something has no spiking form, that is said by name."""
    toy = data.draw(graphs(kind, most=6))
    simulator, dense = Simulator(toy.network, mode, ENOUGH), Dense(toy.network)
    for frame in data.draw(clips(toy, most=3)):
        try:
            step = simulator.step(frame)
        except VistreamError as error:
            assert "no spiking form" in str(error)
            assert any(type(layer) in WITHOUT or reads_real(toy.network, layer) for layer in toy.network.layers)
            return
        assert step.rested
        expected = dense.step(frame)
        different = [name for name, value in expected.items() if not torch.equal(simulator.levels(name), value)]
        assert not different, f"values that differ, in computing order: {different}"
        for layer in step.layers:
            assert (layer.sops + layer.macs == 0) or layer.synapses > 0


def reads_real(network: IntegerNetwork, layer: Operation) -> bool:
    real = {other.name for other in network.layers if getattr(other, "gives", None) is Kind.REAL}
    return bool(real & set(layer.sources))


@pytest.mark.parametrize("backend", BACKENDS)
@given(toy=graphs(), data=st.data())
@settings(law, max_examples=60)
def test_whatever_is_asked_for_of_any_output_is_right(backend: str, toy: Toy, data: st.DataObject) -> None:
    dense, stream = Dense(toy.network), Stream(toy.network, backend=backend)
    for frame in data.draw(clips(toy)):
        stream.take(frame)
        expected = dense.step(frame)
        for output in data.draw(st.lists(st.sampled_from(toy.network.outputs), max_size=2)):
            spans = random_spans(data, *expected[output.source].shape[:2])
            stream.compute({output.name: spans})
            levels = stream.result().outputs[output.name].levels
            for top, bottom, left, right in spans.tolist():
                assert torch.equal(levels[top:bottom, left:right], expected[output.source][top:bottom, left:right])
    stream.compute()
    assert all(torch.equal(stream.levels(name), value) for name, value in expected.items())


@pytest.mark.parametrize("backend", BACKENDS)
@given(toy=graphs(), data=st.data())
@settings(law, max_examples=40)
def test_a_stream_goes_on_from_its_state(backend: str, toy: Toy, data: st.DataObject) -> None:
    """In the middle of a clip, with parts left out before, by either backend."""
    one, other = Stream(toy.network, 4, 1, "torch"), Stream(toy.network, 4, 1, backend)
    frames = data.draw(clips(toy, most=5))
    middle = data.draw(st.integers(1, len(frames) - 1))
    for frame in frames[:middle]:
        one.take(frame)
        one.compute(random_spans(data, *one.shape))
    other.load_state_dict(one.state_dict())
    for frame in frames[middle:]:
        one.step(frame)
        other.step(frame)
        assert all(torch.equal(one.levels(layer.name), other.levels(layer.name)) for layer in toy.network.layers)


@pytest.mark.parametrize("backend", BACKENDS)
@given(toy=graphs(), data=st.data())
@settings(law, max_examples=30)
def test_a_copied_stream_does_the_same_work(backend: str, toy: Toy, data: st.DataObject) -> None:
    """From the first frame after the copy on, and at the same positions."""
    frames = data.draw(clips(toy, most=4))
    middle = data.draw(st.integers(0, len(frames) - 1))
    one = Stream(toy.network, *data.draw(st.sampled_from(((0, 0), (4, 1)))), backend)
    for frame in frames[:middle]:
        one.step(frame)
    other = copy.deepcopy(one)
    for frame in frames[middle:]:
        mine, theirs = one.step(frame), other.step(frame)
        assert mine.work == theirs.work
        for name, readout in mine.outputs.items():
            assert torch.equal(readout.recomputed, theirs.outputs[name].recomputed)


@given(toy=graphs(), seed=st.integers(0, 99))
@settings(law, max_examples=40)
def test_a_saved_network_is_the_same(toy: Toy, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    if any(isinstance(layer, Island) for layer in toy.network.layers):
        return
    path: Path = tmp_path_factory.mktemp("saved") / "net.safetensors"
    save_network(toy.network, path)
    loaded = load_network(path)
    frame = np.random.default_rng(seed).integers(0, 256, (toy.height, toy.width, toy.channels), dtype=np.uint8)
    expected, found = Dense(toy.network).step(frame), Dense(loaded).step(frame)
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert [output.name for output in loaded.outputs] == [output.name for output in toy.network.outputs]
