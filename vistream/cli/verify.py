"""`vistream verify`: the proof, on anyone's own video."""

from __future__ import annotations

from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import (
    AUTO_MODEL,
    Deadband,
    Debug,
    Fidelity,
    Hysteresis,
    MaxFrames,
    Model,
    Quiet,
    SourceArgument,
    Start,
    Stride,
)


def verify(
    source: SourceArgument,
    model: Model = AUTO_MODEL,
    task: Annotated[str, typer.Option(help="features: the network that tracking streams; or semseg, panoptic.")] = (
        "features"
    ),
    bits: Annotated[int, typer.Option(help="Of a weight: 8, or 16 for semseg and panoptic.", metavar="N")] = 8,
    fidelity: Fidelity = "exact",
    deadband: Deadband = None,
    hysteresis: Hysteresis = None,
    every: Annotated[int, typer.Option(help="Compare every Nth frame only.", metavar="N", min=1)] = 1,
    start: Start = 0,
    max_frames: MaxFrames = None,
    stride: Stride = 1,
    config: Config = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run the dense network and the stream side by side and say, frame by frame, whether they are equal.

    Exit code 0: all equal; 1: some frame differs.
    """
    from vistream.cli.verifying import subject_of, verify_and_report
    from vistream.media.video.source import open_source

    subject = subject_of(task, model, bits)
    zones = subject.zones(fidelity, deadband, hysteresis)
    with open_source(source, start=start, stride=stride, max_frames=max_frames) as frames:
        equal = verify_and_report(frames, subject, zones, every, quiet=quiet)
    if not equal:
        raise typer.Exit(1)
