"""The dense network and the stream side by side, over a whole source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vistream.engine.fidelity import DeadZones
from vistream.engine.reference import Dense
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.media.video.fit import fit
from vistream.media.video.frames import SourceFrame
from vistream.types import Frame


@dataclass(frozen=True, slots=True)
class Comparison:
    """One frame: how many of all the levels of all layers differ (None: not compared), and in which layer first.

    `share`: of the dense work, that the stream did.
    """

    frame: int
    differing: int | None
    values: int
    layer: str
    share: float


def compare(
    frames: Iterable[SourceFrame],
    network: IntegerNetwork,
    zones: DeadZones,
    every: int = 1,
    fitted: Callable[[Frame], Frame] = fit,
) -> Iterator[Comparison]:
    """Step both through `frames`, comparing every level of every layer in each `every`-th frame.

    `fitted`: from a frame to what the network takes. Without dead zones the dense network has no memory, so it runs on
    the compared frames only.
    """
    dense = Dense(network, zones.deadband, zones.hysteresis, zones.noise)
    stream = Stream(network, zones.deadband, zones.hysteresis, noise=zones.noise)
    for position, frame in enumerate(frames):
        image = fitted(frame.image)
        step = stream.step(image)
        due = position % every == 0
        expected = dense.step(image) if due or not zones.exact else {}
        if not due:
            yield Comparison(frame.index, None, 0, "", step.work.share)
            continue
        differing, values, first = 0, 0, ""
        for name, levels in expected.items():
            wrong = int((stream.levels(name) != levels).sum())
            first = first or (name if wrong else "")
            differing += wrong
            values += levels.numel()
        yield Comparison(frame.index, differing, values, first, step.work.share)
