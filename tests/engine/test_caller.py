"""What the caller has set torch to changes nothing, and stays as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from vistream.engine.stream.model import stream
from vistream.ir.plain_torch import plain_torch
from vistream.pipeline.session import Session
from vistream.types import Frame, Observations


def frames() -> list[Frame]:
    return [np.random.default_rng(seed).integers(0, 255, (48, 64, 3)).astype(np.uint8) for seed in range(2)]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 8, 1)).eval()


@contextmanager
def autocast() -> Iterator[None]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        yield
        assert torch.is_autocast_enabled("cpu")


@contextmanager
def dtype() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


@contextmanager
def graphics() -> Iterator[None]:
    """The GPU is the default, whether there is one or not."""
    torch.set_default_device("cuda")
    try:
        yield
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("setting", [autocast, dtype, device])
@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_settings_of_the_caller_change_no_level(setting, backend: str) -> None:  # type: ignore[no-untyped-def]
    from vistream.engine.stream.engine import Stream

    made = stream(network(), frames())
    expected = Stream(made.network, backend=backend).step(frames()[0]).levels.clone()
    net = network()
    with setting():
        got = Stream(made.network, backend=backend).step(frames()[0]).levels.clone()
        calibrated = stream(net, frames()).step(frames()[0]).levels.clone()
    assert torch.equal(got, expected)
    assert torch.equal(calibrated, expected)


@pytest.mark.parametrize("setting", [autocast, dtype, device, graphics])
def test_a_session_tracks_whatever_the_caller_has_set(setting) -> None:  # type: ignore[no-untyped-def]
    with setting():
        session = Session()
        seen = Observations(np.array([[10.0, 10, 20, 30]]), np.array([0.9]), ("person",))
        assert [len(session.step(frame, seen).tracks) for frame in frames()] == [1, 1]


def test_threads_that_overlap_leave_the_callers_type_of_numbers() -> None:
    """Whoever is inside sees float32 to the end, also where another one leaves before."""
    steps = threading.Barrier(2, timeout=30)

    def first() -> None:
        with plain_torch():
            steps.wait()  # the second enters
            steps.wait()
        steps.wait()

    with dtype():
        thread = threading.Thread(target=first)
        thread.start()
        steps.wait()
        with plain_torch():
            steps.wait()
            steps.wait()  # the first has left
            assert torch.get_default_dtype() == torch.float32
        thread.join()
