"""Every way of running an integer network, to be held to the dense one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vistream.engine.spiking import Mode, Simulator
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.types import Frame

ENOUGH = 10_000
"""Time steps after which any toy has come to rest."""
Look = Callable[[str], Tensor]
Rung = Callable[[Frame], Look]


def stepped(network: IntegerNetwork, mode: Mode, steps: int = ENOUGH) -> Rung:
    simulator = Simulator(network, mode, steps)

    def run(frame: Frame) -> Look:
        assert simulator.step(frame).rested
        return simulator.levels

    return run


def stream(network: IntegerNetwork, backend: str, deadband: int = 0, hysteresis: int = 0) -> Rung:
    engine = Stream(network, deadband, hysteresis, backend)

    def run(frame: Frame) -> Look:
        engine.step(frame)
        return engine.levels

    return run


RUNGS: dict[str, Callable[[IntegerNetwork], Rung]] = {
    "stepped, reset": lambda network: stepped(network, Mode.RESET),
    "stepped, differential": lambda network: stepped(network, Mode.DIFFERENTIAL),
    "stream, torch": lambda network: stream(network, "torch"),
    "stream, compiled": lambda network: stream(network, "compiled"),
}


def assert_equal(levels: Look, reference: dict[str, Tensor]) -> None:
    different = [name for name, expected in reference.items() if not torch.equal(levels(name), expected)]
    assert not different, f"layers that differ, in computing order: {different}"
