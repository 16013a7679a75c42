"""What `vistream bench` prints."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from vistream.atomic import replacing
from vistream.bench.clips import blob_frames, share_changed
from vistream.bench.measure import LayerTime, Timing
from vistream.bench.run import Report, bench
from vistream.cli.console import PlainConsole
from vistream.errors import VistreamError

Progress = Callable[[str], None]

MOST_LAYERS = 60  # in a table; a file has all


def blob_report(
    model: str, size: str, dirty: float, frames: int, rounds: int, progress: Progress, beside: Sequence[str]
) -> Report:
    """The bench on a synthetic picture of which about the share `dirty` changes from frame to frame.

    Its title says which share it was: few blobs fit a small picture.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if match is None or min(int(match[1]), int(match[2])) < 8:
        raise VistreamError(f"--size is {size!r}: give WIDTHxHEIGHT in pixels, such as 856x480")
    pictures = blob_frames(int(match[2]), int(match[1]), dirty, frames)
    changed = round(100 * share_changed(pictures), 1)
    return bench(model, f"blobs, {changed:g} % of the input dirty", pictures, rounds, progress, beside)


def run_and_print(run: Callable[[Progress], Report], path: Path | None, *, quiet: bool) -> None:
    """Run a bench behind a status line; print its tables; write them as JSON where asked for."""
    with PlainConsole(stderr=True, quiet=quiet).status("bench") as status:
        report = run(status.update)
    console = PlainConsole(quiet=quiet)
    console.print(_contest(report))
    for name, layers in report.layers.items():
        console.print(_layers(name, layers))
    for line in report.missing:
        console.print(f"not here: {line}", style="dim")
    if path is not None:
        with replacing(path) as temporary:
            temporary.write_text(jsonlib.dumps(report.as_dict(), indent=1) + "\n", encoding="utf-8", newline="\n")


def contest_table(title: str, caption: str) -> Table:
    """An empty table of contenders: their names stand in the first column, and the others are still to be added."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, title=title, caption=caption)
    table.add_column("", no_wrap=True)
    return table


def _contest(report: Report) -> Table:
    width, height = report.size
    conditions = f"{report.frames} frames, {report.rounds} rounds, {report.threads} threads, batch 1, {report.cpu}"
    caption = (
        f"{conditions}; ms a frame, median; work: share of the dense network's; "
        "x f32, x OV8: times as fast as PyTorch float32 and OpenVINO int8"
    )
    table = contest_table(f"{report.model} on {report.source}, {width}x{height}", caption)
    for column in ("ms", "quartiles", "first", "work"):
        table.add_column(column, justify="right", no_wrap=True)
    references = {"x f32": "PyTorch float32", "x OV8": "OpenVINO int8"}
    found = {title: _median(report.timings, name) for title, name in references.items()}
    for title, reference in found.items():
        if reference:
            table.add_column(title, justify="right", no_wrap=True)
    for timing in report.timings:
        low, high = timing.spread
        first = f"{sum(timing.first) / len(timing.first):.1f}" if timing.first else ""
        share = f"{100 * sum(timing.share) / len(timing.share):.0f} %"
        ratios = [f"{reference / timing.median:.2f}" for reference in found.values() if reference]
        table.add_row(timing.name, f"{timing.median:.2f}", f"{low:.1f} {high:.1f}", first, share, *ratios)
    return table


def _median(timings: list[Timing], name: str) -> float | None:
    return next((timing.median for timing in timings if timing.name == name), None)


def _layers(name: str, layers: list[LayerTime]) -> Table:
    """All layers, or the slowest where there are many."""
    title = f"stream {name}, layer by layer"
    if len(layers) > MOST_LAYERS:
        least = sorted(layer.milliseconds for layer in layers)[-MOST_LAYERS]
        title = f"stream {name}, the {MOST_LAYERS} slowest of {len(layers)} layers"
        layers = [layer for layer in layers if layer.milliseconds >= least]
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("layer", "ms", "recomputed", "GMAC/s"):
        table.add_column(column, justify="left" if column == "layer" else "right")
    for layer in layers:
        rate = f"{layer.macs / layer.milliseconds / 1e6:.0f}" if layer.macs else ""
        table.add_row(layer.name, f"{layer.milliseconds:.2f}", f"{100 * layer.share:.1f} %", rate)
    return table
