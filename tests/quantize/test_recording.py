"""How a module is recorded: at what cost, and what it and torch have to do with it afterwards."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch._dynamo
from squareclip import square_frames
from torch import Tensor, nn
from torch._dynamo.utils import counters

import vistream
from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.ir.node import Node
from vistream.quantize.record import _Recorder, record

FRAMES = square_frames((24, 32), 3)


class Looked(dict[str, Node]):
    """Counts how often something is looked for."""

    times = 0

    def __contains__(self, name: object) -> bool:
        self.times += 1
        return super().__contains__(name)


def test_a_name_is_found_at_once_however_many_there_are() -> None:
    """A recurrent network has thousands of nodes, all of one module."""
    recorder = _Recorder(nn.Identity())
    recorder._by_name = looked = Looked()
    recorder._add(Node("gru:3", "Call"))
    names = [recorder._add(Node(recorder._unique("gru"), "Call")) for _ in range(500)]
    assert names[:4] == ["gru", "gru:2", "gru:4", "gru:5"]
    assert looked.times < 3 * len(names)


class OverCells(nn.Module):
    """A recurrent layer over all positions of a map."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, 4, 1)
        self.steps = nn.GRU(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(self.first(x).flatten(2).transpose(1, 2))[0]  # type: ignore[no-any-return]  # of torch


def test_what_is_unrolled_without_end_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of small frames is made; that it is for these alone is told without reading larger ones to the end."""
    monkeypatch.setattr("vistream.quantize.record.UNROLLED", 1000)
    torch.manual_seed(0)
    network = OverCells().eval()
    made = vistream.stream(network, FRAMES)
    assert made.network.input.size == (24, 32)
    with pytest.raises(VistreamError, match="module steps takes more than 1000 operators: a recurrent layer"):
        record(network, torch.zeros(1, 3, 128, 192))


def test_what_a_module_learns_later_is_not_the_stream_s() -> None:
    """Parts that run in float have weights of their own, as the integer layers have."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.GroupNorm(2, 8), nn.Conv2d(8, 4, 1))
    stream = vistream.stream(net, FRAMES, mean=118, std=58)
    before = stream.step(FRAMES[0]).levels
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(3).add_(0.5)
    stream.step(FRAMES[1])
    assert torch.equal(stream.step(FRAMES[0]).levels, before)
    assert torch.equal(Dense(stream.network).step(FRAMES[0])[stream.network.output], before)


def norms() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.GroupNorm(2, 8))


def test_a_module_that_was_made_in_inference_mode_streams_as_others_do() -> None:
    made = norms(), torch.inference_mode()(norms)()
    found, again = (vistream.stream(net, FRAMES, mean=118, std=58).step(FRAMES[0]).levels for net in made)
    assert torch.equal(found, again)


@pytest.fixture
def _fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore:Using `torch.compile")  # its own word for hooks of all modules
@pytest.mark.usefixtures("_fresh_compiler")
def test_nothing_is_compiled_to_record_a_compiled_module() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()
    compiled: Any = torch.compile(net, backend="eager")
    stream = vistream.stream(compiled, FRAMES, mean=118, std=58)
    assert counters["frames"]["total"] == 0
    picture = (torch.from_numpy(FRAMES[1]).permute(2, 0, 1)[None].float() - 118) / 58
    with torch.no_grad():
        wanted: Tensor = compiled(picture)[0].permute(1, 2, 0)
    assert counters["frames"]["total"] == 1  # it compiles again
    found = torch.from_numpy(stream.step(FRAMES[1]).values())
    assert float((found - wanted).norm() / wanted.norm()) < 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_that_was_rewritten_for_the_processor_is_refused() -> None:
    """To record it would end the process."""
    script = torch.jit.optimize_for_inference(torch.jit.script(nn.Conv2d(8, 8, 3).eval()))
    with pytest.raises(VistreamError, match="1 is a script that torch has rewritten for this processor: give it from"):
        vistream.stream(nn.Sequential(nn.Conv2d(3, 8, 3), script), FRAMES)


def test_weights_that_torch_has_packed_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao's own successor is on its way
        linear = torch.ao.nn.quantized.dynamic.Linear(32, 8)  # type: ignore[no-untyped-call]
        with pytest.raises(VistreamError, match="module 1 is quantised already: give the float model"):
            vistream.stream(nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), linear), FRAMES)
