"""What `vistream track` shows while it runs, and the table at its end."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import typer
from rich.console import Console
from rich.progress import Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from vistream.cli.console import PlainConsole, printable, progress_bar
from vistream.cli.signals import interruptible
from vistream.detect.choose import Size
from vistream.detect.onnx_inputs import SMALLEST
from vistream.detect.onnx_metadata import LARGEST
from vistream.errors import VistreamError
from vistream.garbage import started
from vistream.pipeline.fleet.jobs import stem_of
from vistream.pipeline.output_paths import FOLDERS, OutputPaths
from vistream.pipeline.outputs import Outputs
from vistream.pipeline.recording import Finished, Recording
from vistream.pipeline.settings import Settings
from vistream.pipeline.totals import Totals
from vistream.tracking.life import Conf, TrackerConfig
from vistream.types import Box

log = logging.getLogger("vistream")

CONFIDENT = TrackerConfig().conf_thres
MOST_CLASSES = 8  # named in the table at the end


def parse_box(text: str) -> Box:
    """A box from `x,y,w,h`; raises VistreamError for anything else.

    >>> parse_box("10, 20.5,30,40")
    (10.0, 20.5, 30.0, 40.0)
    """
    try:
        x, y, w, h = (float(number) for number in text.split(","))
    except ValueError:
        raise VistreamError(f"--init-box is {text!r}: it must be four numbers, x,y,w,h") from None
    return x, y, w, h


def parse_size(text: str) -> Size:
    """A detector's input size: `640`, the longer side, or `640x384`; raises VistreamError for anything else.

    >>> parse_size("640"), parse_size("640x384")
    (640, (640, 384))
    """
    sides = tuple(int(side) for side in text.lower().split("x") if side.isascii() and side.isdigit() and len(side) < 10)
    if text.lower().count("x") != len(sides) - 1 or len(sides) > 2:
        raise VistreamError(f"--detector-size is {text!r}: it must be the longer side, as 640, or both, as 640x384")
    if not all(SMALLEST <= side <= LARGEST for side in sides):
        raise VistreamError(f"--detector-size is {text!r}: a side has from {SMALLEST} to {LARGEST} pixels")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def parse_conf(text: str) -> Conf:
    """Scores from `0.5`, `car=0.3` or both, separated by commas; raises VistreamError for anything else.

    >>> parse_conf("0.5, car=0.3")
    Conf(any=0.5, classes=(('car', 0.3),))
    """
    general: float | None = None
    classes: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.rpartition("=")
        try:
            score = float(number)
        except ValueError:
            raise VistreamError(f"--conf has {part!r}: write a score, or CLASS=SCORE") from None
        if name:
            classes[name.strip()] = score
        else:
            general = score
    return Conf(general, tuple(classes.items()))


def run_and_report(
    source: str,
    settings: Settings,
    paths: OutputPaths,
    *,
    report: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    show: bool,
    quiet: bool,
) -> None:
    """Track `source`, write the outputs, and say what came of it."""
    if show and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt"):
        raise VistreamError("--show needs a display, and there is none: leave it out, and look at --output")
    if not paths.given() and not show and report is None:
        paths = replace(paths, video=Path(f"{stem_of(source)}-tracks.mp4"))
    folders = {name: getattr(paths, name) for name in FOLDERS}
    paths = replace(paths, **{name: folder / stem_of(source) for name, folder in folders.items() if folder is not None})
    console = PlainConsole(stderr=True, quiet=quiet)
    how = {"resume": resume, "overwrite": overwrite, "draw": show}
    try:
        recording = Recording(source, settings, paths, report=report, arguments=sys.argv[1:], **how)
    except Finished as nothing:
        log.info("%s", nothing)
        return
    with recording, interruptible(recording.stop) as ask:
        if recording.run.session.classes is None:
            log.info("%s", recording.run.observer.describe())
        if recording.totals.resumed:
            log.info("resumed after %d frames", recording.totals.resumed)
        elif resume:
            log.info("there is nothing to resume: beginning with the first frame")
        _track(recording, console, show)
    if ask.number:
        hint = "; go on with --resume" if paths.jsonl is not None else ""
        log.warning("stopped after %d frames; what was written so far is kept%s", recording.totals.frames, hint)
    _report(recording, PlainConsole(quiet=quiet))
    if ask.number:
        raise typer.Exit(128 + ask.number)


def _track(recording: Recording, console: Console, show: bool) -> None:
    totals, run = recording.totals, recording.run
    columns = (TimeRemainingColumn(), TextColumn("{task.fields[status]}", markup=False))
    with progress_bar(console.quiet, *columns, console=console) as progress:
        bar = progress.add_task(printable(run.source.name), total=run.frame_count, completed=totals.resumed, status="")
        for _ in recording:
            started()
            _advance(progress, bar, recording)
            if show and not _shown(recording.outputs):
                recording.stop()


def _shown(outputs: Outputs) -> bool:
    """Show the last picture; False when the user wants no more."""
    if outputs.picture is None:
        return True
    cv2.imshow("vistream", cv2.cvtColor(outputs.picture, cv2.COLOR_RGB2BGR))
    return (cv2.waitKey(1) & 0xFF) not in (ord("q"), 27)


def _advance(progress: Progress, bar: TaskID, recording: Recording) -> None:
    totals, source = recording.totals, recording.run.source
    status = f"{totals.fps:.1f} fps"
    if recording.run.session.classes is None:
        status += f", {len(totals.ids)} tracks, {100 * totals.share:.0f} % of dense work"
    if source.live:
        status += f", lag {source.health.lag:.1f} s, {source.health.dropped} dropped"
    progress.update(bar, advance=1, status=status)


def _warn(recording: Recording) -> None:
    """Say it out loud where nothing was tracked."""
    totals = recording.totals
    detects = recording.run.observer.detector is not None
    if not detects and not totals.ids:
        log.warning("the object that was given was never found again in %d frames", totals.frames)
    elif detects and totals.observations == 0:
        log.warning("nothing was detected in %d frames, so nothing was tracked", totals.frames)
    elif not totals.ids:
        counts = recording.run.session.counts
        conf = recording.run.settings.conf
        below = "" if conf.classes else f" (below {CONFIDENT if conf.any is None else conf.any:g})"
        weak = f": {counts.weak} scored too low to begin one{below}" if counts is not None and counts.weak else ""
        log.warning("%d detections, but not one track came of them%s", totals.observations, weak)


def _report(recording: Recording, console: Console) -> None:
    totals, source = recording.totals, recording.run.source
    tracks = recording.run.session.classes is None
    if tracks:
        _warn(recording)
    table = Table(show_header=False)
    table.add_row(
        "frames", f"{totals.frames}, {totals.resumed} of them before" if totals.resumed else str(totals.frames)
    )
    if source.live:
        table.add_row("dropped", f"{source.health.dropped} of {source.health.received}, {source.health.losses} losses")
    if tracks:
        table.add_row("tracks", str(len(totals.ids)))
    else:
        table.add_row("classes", _shares(totals))
    if recording.run.observer.detector is not None:
        table.add_row("detections", str(totals.observations))
    speed = f"{totals.fps:.1f}" if totals.fps >= 1 else f"{totals.fps:.2g}"
    table.add_row("speed", f"{speed} frames a second, everything included")
    table.add_row("time a frame", recording.run.stages.described(totals.frames - totals.resumed))
    done = f"{totals.macs / 1e9:.1f} of {totals.macs_dense / 1e9:.1f} GMAC ({100 * totals.share:.1f} % of dense)"
    table.add_row("network", done)
    if not tracks:
        table.add_row("model", recording.run.session.model)
    for place, label, plus, minus, inside, _, longest in totals.tally.rows():
        stay = f", {inside} inside, longest stay {longest:.1f} s" if longest else ""
        table.add_row(place, f"{label}: {plus} in, {minus} out{stay}")
    for path in recording.files:
        table.add_row("written", str(path))
    console.print(table)


def _shares(totals: Totals) -> str:
    """The classes that a video shows, the largest first, with their shares of all pixels."""
    largest = sorted(totals.shares.items(), key=lambda item: -item[1])[:MOST_CLASSES]
    return ", ".join(f"{name} {100 * share / totals.frames:.1f} %" for name, share in largest) or "none"
