"""What `vistream track` shows while it runs, and the table at its end."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from vistream.errors import VistreamError
from vistream.render.outputs import OutputPaths, Outputs
from vistream.render.run_report import RunFacts, RunReport
from vistream.tasks.run import Run, Settings
from vistream.types import Box, Result

log = logging.getLogger("vistream")


@dataclass(slots=True)
class Totals:
    """What a run came to so far."""

    frames: int = 0
    observations: int = 0
    ids: set[int] = field(default_factory=set)
    macs: int = 0
    macs_dense: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, result: Result) -> None:
        self.frames += 1
        self.observations += result.observations
        self.ids.update(track.id for track in result.tracks)
        self.macs += result.work.macs
        self.macs_dense += result.work.macs_dense

    @property
    def fps(self) -> float:
        return self.frames / max(time.perf_counter() - self.started, 1e-9)

    @property
    def share(self) -> float:
        return self.macs / self.macs_dense if self.macs_dense else 0.0


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


def run_and_report(
    source: str, settings: Settings, paths: OutputPaths, *, report: Path | None = None, show: bool, quiet: bool
) -> None:
    """Track `source`, write the outputs, and say what came of it."""
    if show and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt"):
        raise VistreamError("--show needs a display, and there is none: leave it out, and look at --output")
    if not paths.given() and not show and report is None:
        paths = replace(paths, video=_default_output(source))
    paths.check(settings.task)
    if paths.davis is not None:
        paths = replace(paths, davis=paths.davis / _stem(source))
    console = Console(stderr=True, quiet=quiet)
    with closing(Run(source, settings)) as run:
        seen = run.observer
        log.info("%s", seen.describe())
        with ExitStack() as stack:
            # the page is closed after the files, whose sizes it states
            page = None if report is None else stack.enter_context(RunReport(report, RunFacts.of(run, sys.argv[1:])))
            draw = show or page is not None
            outputs = stack.enter_context(
                Outputs(paths, run.fps, run.source.size, draw=draw, joints=seen.joints, images=seen.images)
            )
            totals = _track(run, outputs, console, show, page)
            if page is not None:
                page.files, page.speed = outputs.files, totals.fps
    files = outputs.files if page is None else [*outputs.files, page.page]
    _report(totals, files, Console(quiet=quiet), detects=seen.detector is not None)


def _track(run: Run, outputs: Outputs, console: Console, show: bool, page: RunReport | None) -> Totals:
    totals = Totals()
    with _progress(console) as progress:
        bar = progress.add_task(run.source.name, total=run.source.frame_count, status="")
        try:
            for frame, result in run:
                totals.add(result)
                status = f"{totals.fps:.0f} fps | {100 * result.work.share:.0f} % of dense work"
                outputs.write(frame, result, status)
                if page is not None and outputs.picture is not None:
                    page.add(result, outputs.picture)
                _advance(progress, bar, totals)
                if show and not _shown(outputs):
                    break
        except KeyboardInterrupt:
            log.warning("stopped after %d frames; what was written so far is kept", totals.frames)
    return totals


def _shown(outputs: Outputs) -> bool:
    """Show the last picture; False when the user wants no more."""
    assert outputs.picture is not None
    cv2.imshow("vistream", cv2.cvtColor(outputs.picture, cv2.COLOR_RGB2BGR))
    return (cv2.waitKey(1) & 0xFF) not in (ord("q"), 27)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[status]}"), console=console, transient=True)


def _advance(progress: Progress, bar: TaskID, totals: Totals) -> None:
    status = f"{totals.fps:.1f} fps, {len(totals.ids)} tracks, {100 * totals.share:.0f} % of dense work"
    progress.update(bar, advance=1, status=status)


def _report(totals: Totals, files: list[Path], console: Console, detects: bool) -> None:
    if not detects and not totals.ids:
        log.warning("the object that was given was never found again in %d frames", totals.frames)
    elif detects and totals.observations == 0:
        log.warning("nothing was detected in %d frames, so nothing was tracked", totals.frames)
    elif not totals.ids:
        log.warning("%d detections, but not one track came of them", totals.observations)
    table = Table(show_header=False)
    table.add_row("frames", str(totals.frames))
    table.add_row("tracks", str(len(totals.ids)))
    if detects:
        table.add_row("detections", str(totals.observations))
    table.add_row("speed", f"{totals.fps:.1f} frames a second, everything included")
    table.add_row(
        "network",
        f"{totals.macs / 1e9:.1f} of {totals.macs_dense / 1e9:.1f} GMAC ({100 * totals.share:.1f} % of dense)",
    )
    for path in files:
        table.add_row("written", str(path))
    console.print(table)


def _default_output(source: str) -> Path:
    return Path(f"{_stem(source)}-tracks.mp4")


def _stem(source: str) -> str:
    """A name for files made from `source`."""
    stem = Path(source.rstrip("/")).stem if "://" not in source and "*" not in source else "stream"
    return stem or "camera"
