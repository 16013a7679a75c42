"""The dense network and the stream side by side, over a whole source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from vistream.detect.streaming import StreamedDetector
from vistream.engine.despeckle import Despeckled
from vistream.engine.fidelity import DeadZones
from vistream.engine.reference import Dense
from vistream.engine.stream.engine import Stream
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.media.video.fit import fit
from vistream.media.video.frames import SourceFrame
from vistream.models.spike2former import Spike2Former
from vistream.segment.streamed import as_integers
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
    pictures = ((frame.index, fitted(frame.image)) for frame in frames)
    yield from _compared(pictures, dense, stream, every if zones.exact else 1, every)


def compare_detector(
    frames: Iterable[SourceFrame], detector: StreamedDetector, zones: DeadZones, every: int = 1
) -> Iterator[Comparison]:
    """As `compare`, of a detector's network, on the pictures that it sees. Raises VistreamError where it has none."""
    given = iter(frames)
    first = next(given, None)
    if first is None:
        return
    body = detector.body(first.image)
    if body is None:
        raise VistreamError(f"the detector {detector.name} is not streamed: there is nothing to compare")
    despeckled = Despeckled(zones)
    pictures = ((frame.index, despeckled.of(detector.picture(frame.image))) for frame in chain([first], given))
    dense = Dense(body.network, 0, zones.hysteresis, factors=body.factors)
    stream = Stream(body.network, 0, zones.hysteresis, factors=body.factors)
    yield from _compared(pictures, dense, stream, 1 if zones.hysteresis else every, every)


def compare_segmentation(
    frames: Iterable[SourceFrame], network: Spike2Former, zones: DeadZones, every: int = 1, bits: int = 8
) -> Iterator[Comparison]:
    """As `compare`, of the integer form of a network that segments; `bits` of its weights."""
    given = iter(frames)
    first = next(given, None)
    if first is not None:
        picture = network.fitted(first.image)
        integers = as_integers(network, (picture.shape[0], picture.shape[1]), zones, bits)
        yield from compare(chain([first], given), integers, zones, every, network.fitted)


def _compared(
    pictures: Iterable[tuple[int, Frame]], dense: Dense, stream: Stream, steps: int, every: int
) -> Iterator[Comparison]:
    """`steps`: the dense network takes every so many pictures, `every`: of them all these are compared."""
    for position, (index, picture) in enumerate(pictures):
        step = stream.step(picture)
        expected = dense.step(picture) if position % steps == 0 else {}
        if position % every:
            yield Comparison(index, None, 0, "", step.work.share)
            continue
        differing, values, first = 0, 0, ""
        for name, levels in expected.items():
            wrong = int((stream.levels(name) != levels).sum())
            first = first or (name if wrong else "")
            differing += wrong
            values += levels.numel()
        yield Comparison(index, differing, values, first, step.work.share)
