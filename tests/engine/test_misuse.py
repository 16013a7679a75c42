"""A stream that is asked for what it has not says so in one line, and goes on; as it does where it was interrupted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import vistream
from vistream.engine.reference import Dense
from vistream.engine.stream.backend import Done
from vistream.engine.stream.demand import Cells
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.torch_backend import TorchBackend
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.types import Frame

FRAME = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    torch.manual_seed(0)
    return vistream.stream(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1)), FRAME).network


ASKED: dict[str, Callable[[Stream], object]] = {
    "levels": lambda stream: stream.levels("0"),
    "reached": lambda stream: stream.reached("0"),
    "compute": lambda stream: stream.compute(),
    "result": lambda stream: stream.result(),
    "main": lambda stream: stream.main(),
}
UNKNOWN: dict[str, Callable[[Stream], object]] = {
    "levels": lambda stream: stream.levels("else"),
    "reached": lambda stream: stream.reached("else"),
    "compute": lambda stream: stream.compute({"else": None}),
}


@pytest.mark.parametrize("name", ASKED)
def test_before_the_first_frame(name: str, network: IntegerNetwork) -> None:
    with pytest.raises(VistreamError, match="no frame has been taken yet"):
        ASKED[name](Stream(network))


@pytest.mark.parametrize("name", UNKNOWN)
def test_for_what_is_not_there(name: str, network: IntegerNetwork) -> None:
    """What the frame had changed is not forgotten by that."""
    stream = Stream(network)
    stream.step(FRAME)
    stream.take(FRAME[::-1])
    with pytest.raises(VistreamError, match="the network has nothing called 'else': it has "):
        UNKNOWN[name](stream)
    for frame in (FRAME[:, ::-1], FRAME[::-1, ::-1], FRAME):
        assert torch.equal(stream.step(frame).levels, Stream(network).step(frame).levels)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"noise": np.nan}, "noise is nan: a number is expected"),
        ({"noise": -1}, "noise is -1: .* can't be negative"),
        ({"factors": {"else": 2.0}}, "factors name 'else': the network's layers are "),
        ({"factors": {"input": np.nan}}, "the factor of input is nan: a number is expected"),
        ({"backend": 3}, "no backend is called 3: it is one of auto, compiled, torch"),
        ({"backend": None}, "no backend is called None"),
    ],
    ids=str,
)
def test_for_an_option_that_is_none(options: dict[str, Any], told: str, network: IntegerNetwork) -> None:
    with pytest.raises(VistreamError, match=told):
        Stream(network, **options)


def test_for_a_factor_below_nothing(network: IntegerNetwork) -> None:
    name = network.neurons[0].name
    with pytest.raises(VistreamError, match=f"the factor of {name} is -1: it can't be negative"):
        Stream(network, factors={name: -1})


class Stopping(TorchBackend):
    """Ctrl-C comes at a moment that is set: after so many layers of the frame, or while it is read."""

    left = -1

    def read(self, frame: Frame, deadband: int) -> int:
        moved = super().read(frame, deadband)
        self.passed()
        return moved

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
        done = super().update(plan, hysteresis, needed)
        self.passed()
        return done

    def passed(self) -> None:
        Stopping.left -= 1
        if Stopping.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_after_an_interruption_the_levels_are_the_dense_network_s(moment: int, network: IntegerNetwork) -> None:
    """As in a notebook, whose cell is stopped and run again."""
    stream, dense = Stream(network, backend=Stopping), Dense(network)
    stream.step(FRAME)
    Stopping.left = moment
    with pytest.raises(KeyboardInterrupt):
        stream.step(FRAME[::-1])
    with pytest.raises(VistreamError, match="the last frame was interrupted"):
        stream.result()
    assert stream.state_dict() == {}
    for frame in (FRAME[::-1], FRAME[:, ::-1], FRAME):
        assert torch.equal(stream.step(frame).levels, dense.step(frame)[network.output])


@pytest.mark.parametrize("wrong", [None, "net.safetensors", nn.Conv2d(3, 4, 3)], ids=lambda wrong: type(wrong).__name__)
def test_of_another_kind_of_network(wrong: Any) -> None:
    with pytest.raises(VistreamError, match=r"is of an IntegerNetwork, not of a .*: vistream.stream makes one"):
        Stream(wrong)
