"""What `vistream verify` compares, and what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vistream.cli.console import PlainConsole
from vistream.cli.options import AUTO_MODEL
from vistream.detect.choose import make_detector
from vistream.detect.streaming import StreamedDetector, Streaming
from vistream.engine.fidelity import DeadZones, dead_zones
from vistream.errors import VistreamError
from vistream.media.video.frames import Source
from vistream.pipeline.run import samples_of
from vistream.pipeline.verify import Comparison, compare, compare_detector, compare_segmentation
from vistream.quantize.named import DEFAULT_MODEL, named_network
from vistream.segment.network import DEFAULT as DEFAULT_SEGMENTATION
from vistream.segment.network import PRESETS, check_bits, load_network
from vistream.segment.network import TASKS as SEGMENTING

FEATURES = "features"
"""The network that tracking streams, beside the tasks that segment."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Which network is compared, as the command line has it."""

    task: str
    model: str
    detector: str | None
    bits: int

    def check(self) -> None:
        """Raise VistreamError for what there is not, or does not go together."""
        if self.task not in (FEATURES, *SEGMENTING):
            raise VistreamError(f"--task {self.task}: it is {', '.join((FEATURES, *SEGMENTING))}")
        check_bits(self.task, self.bits)
        if self.detector is not None and (self.task != FEATURES or self.model != AUTO_MODEL):
            raise VistreamError("--detector has a network of its own: it goes with no other --task and --model")


@dataclass(frozen=True, slots=True)
class Dial:
    """A fidelity, and the numbers that replace its own."""

    fidelity: str
    deadband: int | None
    hysteresis: int | None

    def zones(self, task: str) -> DeadZones:
        """What they mean for a task; raises VistreamError where they mean nothing."""
        given = (self.fidelity, self.deadband, self.hysteresis)
        return dead_zones(*given, PRESETS) if task in SEGMENTING else dead_zones(*given)


def verify_and_report(frames: Source, subject: Subject, dial: Dial, every: int, *, source: str, quiet: bool) -> bool:
    """Compare dense and stream over a source; a line for each compared frame, then the verdict.

    Raises VistreamError where there is no such network, or a detector's that is not streamed.
    """
    console = PlainConsole(quiet=quiet)
    zones = dial.zones(subject.task)
    what, comparisons = _compared(frames, subject, zones, every, source)
    meaning = "plain" if zones.exact else f"with the same dead zones ({zones})"
    console.print(f"{frames.name}: {what}, stream against the dense network, {meaning}")
    compared = different = 0
    shares: list[float] = []
    for result in comparisons:
        shares.append(result.share)
        if result.differing is None:
            continue
        compared += 1
        different += result.differing > 0
        console.print(_line(result))
    mean = 100 * sum(shares) / len(shares)
    verdict = "EQUAL, bit for bit" if different == 0 else f"DIFFERENT in {different} frames"
    console.print(f"{verdict}: {compared} of {len(shares)} frames compared; {mean:.1f} % of the dense work was done")
    return different == 0


def _compared(
    frames: Source, subject: Subject, zones: DeadZones, every: int, source: str
) -> tuple[str, Iterator[Comparison]]:
    """The network's name, and frame after frame."""
    model, automatic = subject.model, subject.model == AUTO_MODEL
    if subject.task in SEGMENTING:
        spec = DEFAULT_SEGMENTATION if automatic else model
        segmenting = load_network(spec, subject.task)
        return f"{spec}, int{subject.bits}", compare_segmentation(frames, segmenting, zones, every, subject.bits)
    if subject.detector is None:
        named = named_network(DEFAULT_MODEL if automatic else model)
        return named.name, compare(frames, named.network, zones, every)
    samples = None if frames.live else samples_of(source)
    found = make_detector(subject.detector, frames.fps or 30.0, streaming=Streaming(zones, samples))
    if not isinstance(found, StreamedDetector):
        raise VistreamError(f"the detector {subject.detector} is not streamed: there is nothing to compare")
    return found.name, compare_detector(frames, found, zones, every)


def _line(result: Comparison) -> str:
    if result.differing:
        outcome = f"DIFFERENT: {result.differing} of {result.values} values, first in layer {result.layer}"
    else:
        outcome = f"equal: {result.values} values in every layer"
    return f"frame {result.frame}: {outcome}; {100 * result.share:.1f} % of dense work"
