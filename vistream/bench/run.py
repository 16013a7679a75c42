"""The bench put together: a float network, its integer network, the contenders that are here, and a report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from vistream.bench import contenders
from vistream.bench.clips import real_frames
from vistream.bench.measure import LayerTime, Timing, Turn, compete, contender_turn, layer_times, stream_turn
from vistream.bench.subjects import CALIBRATION, Subject, subject
from vistream.engine.fidelity import DeadZones
from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.kernels.library import kernels_in_use
from vistream.machine import cpu_name
from vistream.types import Frame

log = logging.getLogger("vistream")

EXACT = DeadZones()
DENSE = "dense (plain torch)"
CONTENDERS = ("PyTorch float32", "torch.compile", "PyTorch int8", "OpenVINO float32", "OpenVINO int8", DENSE)


@dataclass(frozen=True, slots=True)
class Report:
    """All timings of one run, the stream's layers, and where it ran."""

    model: str
    source: str
    size: tuple[int, int]
    frames: int
    rounds: int
    threads: int
    cpu: str
    timings: list[Timing]
    layers: dict[str, list[LayerTime]]
    missing: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        plain = asdict(self)
        for entry, timing in zip(plain["timings"], self.timings, strict=True):
            entry["median"] = timing.median
        return plain


def bench(
    model: str,
    source: str,
    frames: Sequence[Frame],
    rounds: int = 3,
    progress: Callable[[str], None] = lambda text: None,
    beside: Sequence[str] = CONTENDERS,
) -> Report:
    """Time the stream on `frames`, and those of `CONTENDERS` that are in `beside`; `missing` are not here."""
    if len(frames) < 2:
        raise VistreamError(f"{source}: a bench needs at least two frames")
    if unknown := [name for name in beside if name not in CONTENDERS]:
        raise VistreamError(f"nothing is called {unknown[0]!r}: what can be timed beside is {', '.join(CONTENDERS)}")
    under_test = subject(model, frames)
    turns, missing = _contenders(under_test, frames, progress, beside)
    seen = [under_test.fitted(frame) for frame in frames]
    exact = under_test.network(EXACT)
    if DENSE in beside:
        dense = Dense(exact)
        turns[DENSE] = contender_turn(contenders.Contender(DENSE, lambda frame: frame, dense.step), seen[:CALIBRATION])
    for name, zones in under_test.presets.items():
        turns[f"stream {name}"] = stream_turn(under_test.network(zones), zones, seen)
    inverted = [frame if position % 2 else 255 - frame for position, frame in enumerate(seen)]
    turns["stream, all changed"] = stream_turn(exact, EXACT, inverted)
    turns["stream, frame repeated"] = stream_turn(exact, EXACT, [seen[0]] * len(seen))
    timings = compete(turns, rounds, progress)
    layers = {name: layer_times(under_test.network(zones), zones, seen) for name, zones in under_test.presets.items()}
    size = (seen[0].shape[1], seen[0].shape[0])
    threads = torch.get_num_threads()
    machine = f"{cpu_name()}, kernels {kernels_in_use()}"
    return Report(under_test.name, source, size, len(frames), rounds, threads, machine, timings, layers, missing)


def bench_source(
    model: str,
    source: str,
    count: int,
    rounds: int,
    progress: Callable[[str], None],
    beside: Sequence[str] = CONTENDERS,
) -> Report:
    """The same on the first `count` frames of a source."""
    return bench(model, source, real_frames(source, count), rounds, progress, beside)


def _contenders(
    under_test: Subject, frames: Sequence[Frame], progress: Callable[[str], None], beside: Sequence[str]
) -> tuple[dict[str, Turn], list[str]]:
    preprocess = under_test.preprocess
    module = contenders.fixed_padding(under_test.module, preprocess(frames[0]))
    few = list(frames[:CALIBRATION])
    makers: dict[str, Callable[[], contenders.Contender]] = {
        "PyTorch float32": lambda: contenders.eager(module, preprocess),
        "torch.compile": lambda: contenders.compiled(module, preprocess),
        "PyTorch int8": lambda: contenders.pytorch_int8(module, preprocess, few),
        "OpenVINO float32": lambda: contenders.openvino(module, preprocess, few, int8=False),
        "OpenVINO int8": lambda: contenders.openvino(module, preprocess, few, int8=True),
    }
    turns: dict[str, Turn] = {}
    missing: list[str] = []
    for name, make in makers.items():
        if name not in beside:
            continue
        progress(f"preparing {name}")
        try:
            contender = make()
            contender.run(contender.prepare(frames[0]))
            turns[contender.name] = contender_turn(contender, frames)
        except Exception as error:  # whatever another engine may raise where it does not work
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            missing.append(f"{name}: {reason[:120]}")
    return turns, missing
