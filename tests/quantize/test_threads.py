"""A network is recorded while other threads record theirs, or run modules: sources of one process start together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from vistream.quantize.record import record

SAMPLE = torch.zeros(1, 3, 8, 8)


def network() -> nn.Module:
    block = [nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(12)]
    return nn.Sequential(*block).eval()


def recorded(model: nn.Module) -> list[str]:
    return [node.name for node in record(model, SAMPLE).nodes]


def test_others_do_not_matter() -> None:
    expected, over = recorded(network()), threading.Event()

    def run_modules() -> None:
        model = network()
        with torch.no_grad():
            while not over.is_set():
                model(SAMPLE)

    with ThreadPoolExecutor(6) as threads:
        busy = [threads.submit(run_modules) for _ in range(2)]
        try:
            found = [threads.submit(recorded, network()) for _ in range(24)]
            names = [one.result() for one in found]
        finally:
            over.set()
        for one in busy:
            one.result()
    assert names == [expected] * 24
