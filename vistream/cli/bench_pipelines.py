"""What `vistream bench --pipeline` prints."""

from __future__ import annotations

import json as jsonlib
import statistics
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from vistream.atomic import replacing
from vistream.bench.pipelines import Rows, Run, race
from vistream.cli.benching import contest_table
from vistream.cli.console import PlainConsole
from vistream.errors import VistreamError
from vistream.evaluate.files.mot import mot_scene
from vistream.evaluate.metrics.hota import hota
from vistream.evaluate.metrics.identity import identity
from vistream.kernels.library import kernels_in_use
from vistream.machine import cpu_name
from vistream.media.formats.mot import MotTracks, read_tracks
from vistream.media.video import open_source


def race_and_print(
    source: str, frames: int, rounds: int, truth: Path | None, path: Path | None, *, quiet: bool
) -> None:
    """Run all pipelines behind a status line; print a table; write it as JSON where asked for."""
    known = None if truth is None else read_tracks(truth)
    with open_source(source, max_frames=2) as opened:
        if len(list(opened)) < 2:
            raise VistreamError(f"{source} has one frame: a speed is measured from the second on")
    with PlainConsole(stderr=True, quiet=quiet).status("bench") as status:
        results = dict(race(source, frames, rounds, status.update))
    console = PlainConsole(quiet=quiet)
    rows = {name: _row(runs, known) for name, runs in results.items() if not isinstance(runs, str)}
    if not rows:
        raise VistreamError(f"no pipeline could be run on {source}: {next(iter(results.values()))}")
    console.print(_table(source, frames, rounds, rows))
    for name, missing in results.items():
        if isinstance(missing, str):
            console.print(f"not here: {name}: {missing}", style="dim")
    for name, runs in results.items():
        if not isinstance(runs, str) and runs[-1].times:
            console.print(f"{name}, a frame: {runs[-1].times}")
    if path is not None:
        with replacing(path) as temporary:
            temporary.write_text(jsonlib.dumps(rows, indent=1) + "\n", encoding="utf-8", newline="\n")


def _row(runs: list[Run], known: MotTracks | None) -> dict[str, float]:
    last = runs[-1]
    processor = statistics.median(1e3 * run.processor / max(run.frames, 1) for run in runs)
    row = {"fps": statistics.median(run.fps for run in runs), "processor": processor}
    row |= {"share": last.share, "detections": last.detections}
    if known is not None:
        scene = mot_scene(known.pick(known.frames <= last.frames), _tracks(last.rows))
        scores = hota(scene).row() | identity(scene).row()
        row |= {name: float(scores[name]) for name in ("HOTA", "IDF1")}
    return row


def _tracks(rows: Rows) -> MotTracks:
    return MotTracks(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2:], np.ones(len(rows)))


def _table(source: str, frames: int, rounds: int, rows: dict[str, dict[str, float]]) -> Table:
    conditions = f"at most {frames} frames, {rounds} rounds, {torch.get_num_threads()} threads"
    caption = (
        f"{conditions}, {cpu_name()}, kernels {kernels_in_use()}; frames a second, median, without the first; "
        "x: times as fast as the first row; CPU: ms of all processors a frame, which other programs disturb less"
    )
    table = contest_table(f"pipelines on {source}", caption)
    scored = ("HOTA", "IDF1") if any("HOTA" in row for row in rows.values()) else ()
    for column in ("fps", "x", "CPU", "work", "boxes", *scored):
        table.add_column(column, justify="right", no_wrap=True)
    first = next(iter(rows.values()))["fps"]
    for name, row in rows.items():
        speed = (f"{row['fps']:.1f}", f"{row['fps'] / first:.2f}", f"{row['processor']:.1f}")
        seen = (f"{100 * row['share']:.0f} %", f"{row['detections']:.0f}")
        table.add_row(name, *speed, *seen, *(f"{row[score]:.3f}" for score in scored))
    return table
