"""What `vistream verify` prints."""

from __future__ import annotations

from vistream.cli.console import PlainConsole
from vistream.detect.choose import make_detector
from vistream.detect.streaming import StreamedDetector, Streaming
from vistream.engine.fidelity import DeadZones
from vistream.errors import VistreamError
from vistream.media.video.frames import Source
from vistream.pipeline.run import samples_of
from vistream.pipeline.verify import Comparison, compare, compare_detector
from vistream.quantize.named import named_network


def verify_and_report(
    frames: Source, model: str, zones: DeadZones, every: int, *, detector: str | None, source: str, quiet: bool
) -> bool:
    """Compare dense and stream over a source; a line for each compared frame, then the verdict.

    `detector`: whose network it is, instead of the model's. Raises VistreamError where that is not streamed.
    """
    console = PlainConsole(quiet=quiet)
    if detector is None:
        named = named_network(model)
        what, comparisons = named.name, compare(frames, named.network, zones, every)
    else:
        samples = None if frames.live else samples_of(source)
        found = make_detector(detector, frames.fps or 30.0, streaming=Streaming(zones, samples))
        if not isinstance(found, StreamedDetector):
            raise VistreamError(f"the detector {detector} is not streamed: there is nothing to compare")
        what, comparisons = found.name, compare_detector(frames, found, zones, every)
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


def _line(result: Comparison) -> str:
    if result.differing:
        outcome = f"DIFFERENT: {result.differing} of {result.values} values, first in layer {result.layer}"
    else:
        outcome = f"equal: {result.values} values in every layer"
    return f"frame {result.frame}: {outcome}; {100 * result.share:.1f} % of dense work"
