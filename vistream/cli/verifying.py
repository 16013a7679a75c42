"""What `vistream verify` compares, and what it prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

from vistream.cli.console import PlainConsole
from vistream.cli.options import AUTO_MODEL, DEFAULT_MODEL
from vistream.engine.fidelity import DeadZones, dead_zones
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.media.video.fit import fit
from vistream.media.video.frames import Source
from vistream.models.spike2former.integer import BITS
from vistream.pipeline.verify import Comparison, compare
from vistream.quantize.named import named_network
from vistream.segment.network import DEFAULT as DEFAULT_SEGMENTATION
from vistream.segment.network import PRESETS, load_network
from vistream.segment.network import TASKS as SEGMENTING
from vistream.segment.streamed import as_integers
from vistream.types import Frame

FEATURES = "features"
"""The network that tracking streams, beside the tasks that segment."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A network under test: `network` for a frame and dead zones, `fitted` what it takes of a frame, `zones` what a
    fidelity means for it."""

    name: str
    network: Callable[[Frame, DeadZones], IntegerNetwork]
    fitted: Callable[[Frame], Frame]
    zones: Callable[[str, int | None, int | None], DeadZones]


def subject_of(task: str, model: str, bits: int) -> Subject:
    """The network called `model`, of a task; raises VistreamError for what there is not."""
    if task not in (FEATURES, *SEGMENTING):
        raise VistreamError(f"--task {task}: it is {', '.join((FEATURES, *SEGMENTING))}")
    if bits not in BITS or (task == FEATURES and bits != BITS[0]):
        raise VistreamError(f"--bits {bits}: weights have 8 bits, or 16 of the tasks {' and '.join(SEGMENTING)}")
    if task == FEATURES:
        named = named_network(DEFAULT_MODEL if model == AUTO_MODEL else model)
        return Subject(named.name, lambda frame, zones: named.network, fit, dead_zones)
    spec = DEFAULT_SEGMENTATION if model == AUTO_MODEL else model
    segmenting = load_network(spec, task)

    def integers(frame: Frame, zones: DeadZones) -> IntegerNetwork:
        height, width = segmenting.fitted(frame).shape[:2]
        return as_integers(segmenting, height, width, zones, bits)

    return Subject(f"{spec}, int{bits}", integers, segmenting.fitted, partial(dead_zones, presets=PRESETS))


def verify_and_report(frames: Source, subject: Subject, zones: DeadZones, every: int, *, quiet: bool) -> bool:
    """Compare dense and stream over a source; a line for each compared frame, then the verdict."""
    console = PlainConsole(quiet=quiet)
    meaning = "plain" if zones.exact else f"with the same dead zones ({zones})"
    console.print(f"{frames.name}: {subject.name}, stream against the dense network, {meaning}")
    compared = different = 0
    shares: list[float] = []
    remaining = iter(frames)
    first = next(remaining)
    network = subject.network(first.image, zones)
    for result in compare(chain([first], remaining), network, zones, every, subject.fitted):
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


def _line(result: Comparison) -> str:
    if result.differing:
        outcome = f"DIFFERENT: {result.differing} of {result.values} values, first in layer {result.layer}"
    else:
        outcome = f"equal: {result.values} values in every layer"
    return f"frame {result.frame}: {outcome}; {100 * result.share:.1f} % of dense work"
