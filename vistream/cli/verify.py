"""`vistream verify`: the proof, on anyone's own video."""

from __future__ import annotations

from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import (
    AUTO_MODEL,
    Bits,
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
    detector: Annotated[
        str | None,
        typer.Option(
            help="Compare a detector's network instead: nanodet-g, movenet-multipose, posenet, or onnx:FILE.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[str, typer.Option(help="features (the network that tracking streams), semseg or panoptic.")] = (
        "features"
    ),
    bits: Bits = 8,
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
    from vistream.cli.verifying import Dial, Subject, verify_and_report
    from vistream.media.video.source import open_source

    subject = Subject(task, model, detector, bits)
    subject.check()
    dial = Dial(fidelity, deadband, hysteresis)
    with open_source(source, start=start, stride=stride, max_frames=max_frames) as frames:
        equal = verify_and_report(frames, subject, dial, every, source=source, quiet=quiet)
    if not equal:
        raise typer.Exit(1)
