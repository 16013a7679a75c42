"""The report of a run of `track`: one HTML page in a folder, the annotated video beside it, and nothing else needed.

No script, nothing from the network. Without H.264, which browsers play, a strip of frames stands for the video.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from vistream.addresses import without_secrets
from vistream.atomic import replacing
from vistream.energy.units import count
from vistream.errors import VistreamError
from vistream.machine import cores, cpu_name, versions
from vistream.media.video.h264 import why_no_h264
from vistream.media.video.sink import VideoSink, video_names
from vistream.pipeline.report_tracks import STYLE as TRACKS_STYLE
from vistream.pipeline.report_tracks import TrackTable
from vistream.pipeline.run import Run
from vistream.render.colours import css
from vistream.render.history import History
from vistream.render.page import bullets, document, plot, table
from vistream.render.pictures import Strip, data_url
from vistream.render.run_plots import MOST_ROWS, changes_by_layer, classes_over_time, tracks_over_time, work_over_time
from vistream.storage.names import FileName, written
from vistream.types import Frame, Result

log = logging.getLogger("vistream")

PAGE, VIDEO = "index.html", "tracks.mp4"
MOST_NUMBERS = 4  # classes whose shares stand at the top

STYLE = """
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem 1.2rem;
  margin: 1rem 0; }
.numbers div { border-left: 3px solid var(--line); padding-left: .6rem; }
.numbers b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.numbers span { color: var(--soft); font-size: .85rem; }
video { display: block; width: 100%; max-height: 80vh; background: #000; border-radius: 4px; }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 210px), 1fr)); gap: .5rem; }
.strip img { width: 100%; display: block; border-radius: 3px; } .strip figcaption { margin: .1rem 0 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--grid); padding: .6rem .8rem; border-radius: 4px;
  font: .88rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
td:first-child { white-space: normal; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the report says of how the run was made. `command`: as typed, passwords aside; `resumed`: after so many
    frames, done by an earlier command. `colours`: of the classes, `#rrggbb` by name, where the task finds classes.
    """

    source: str
    command: str
    task: str
    model: str
    fidelity: str
    detector: str
    fps: float
    size: tuple[int, int]
    resumed: int = 0
    colours: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(run: Run, arguments: Sequence[str]) -> RunFacts:
        """Those of a run that the command line `arguments` (the program's name aside) started."""
        settings, classes = run.settings, run.session.classes
        names, palette = ((), ()) if classes is None else (classes.names, classes.palette.tolist())
        return RunFacts(
            source=run.source.name,
            command=shlex.join(["vistream", *map(without_secrets, arguments)]),
            task=settings.task,
            model=run.session.model,
            fidelity=f"{settings.fidelity} ({run.session.zones})",
            detector=run.observer.describe(),
            fps=run.fps,
            size=run.source.size,
            resumed=run.done,
            colours={name: css(tint) for name, tint in zip(names, palette, strict=True)},
        )


def report_names(folder: Path) -> list[FileName]:
    """All that a report in `folder` may take."""
    return [*written("--report", folder / PAGE), *video_names("the video of --report", folder / VIDEO)]


class RunReport:
    """Collects a run's results and pictures, and writes the page into `folder` when the block ends well or by Ctrl-C.

    After another exception there is no page; with `resumable`, the part of the video that is written stays.
    `before`: the `memory()` of the interrupted run that `facts.resumed` tells of; its results are given to `follow`.
    Raises VistreamError at once where the folder can't be made, or what is needed of that run is not there.
    Its memory does not grow with the length of the run.
    """

    def __init__(
        self, folder: Path, facts: RunFacts, *, resumable: bool = False, before: dict[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self.facts = facts
        self.history = History()
        self.files: list[Path] = []
        self.timing: Callable[[], tuple[float, str]] = lambda: (0.0, "")  # see `_html`
        if facts.resumed and before is None:
            raise VistreamError(
                f"the run to be resumed had no report to go on with in {folder}: leave --report out, or begin anew"
            )
        kept = before or {"strip": {}, "tracks": {}}
        self._strip, self._table = Strip(**kept["strip"]), TrackTable(kept["tracks"])
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VistreamError(f"{folder} can't be a folder for the report: {error.strerror}") from None
        reason = why_no_h264()
        self._sink = (
            None
            if reason
            else VideoSink(folder / VIDEO, facts.fps, facts.size, keep=facts.resumed, resumable=resumable)
        )
        if reason:
            log.warning("the report shows frames instead of the video: %s", reason)

    def add(self, result: Result, frame: Frame, picture: Frame) -> None:
        """Take in one frame's result, the frame, and the picture that was drawn of it: uint8 `[H, W, 3]`, RGB."""
        self.history.add(result)
        self._table.add(frame, result)
        self._strip.add(result, picture)
        if self._sink is not None:
            self._sink.write(picture, result.time)

    def follow(self, result: Result) -> None:
        """Take in a frame's result alone, of a run that is resumed: its picture is there already."""
        self.history.add(result)
        if self._sink is not None:
            self._sink.times.add(result.time)

    def memory(self) -> dict[str, Any]:
        """What a resumption needs and the results don't tell: the pictures. Plain data, below a megabyte."""
        return {"strip": self._strip.memory(), "tracks": self._table.memory()}

    @property
    def page(self) -> Path:
        return self.folder / PAGE

    def __enter__(self) -> RunReport:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sink is not None:
            self._sink.__exit__(exception, value, trace)
        if exception is None or issubclass(exception, KeyboardInterrupt):
            with replacing(self.page) as temporary:
                temporary.write_text(self._html(), encoding="utf-8", newline="\n")

    def _html(self) -> str:
        """The page. `timing` (frames a second, each stage's time in words) is asked now: the videos are whole."""
        history, facts = self.history, self.facts
        speed, times = self.timing()
        width, height = facts.size
        title = facts.source if "://" in facts.source else Path(facts.source).name
        body = f"""<h1>{escape(title)}</h1>
<p class="soft">{history.frames} frames of {width}x{height}, followed by vistream {escape(versions()["vistream"])}:
task {escape(facts.task)}, fidelity {escape(facts.fidelity)}.</p>
{_numbers(history, speed)}
{self._moving_picture()}
{_counts(history)}
{self._table.html(history)}
<h2>What happened</h2>
<div class="plots">
{_plots(history, facts.colours)}
</div>
<h2>Files</h2>
{_files([*self.files, *([self.folder / VIDEO] if self._sink is not None else [])], self.folder)}
<h2>How it was made</h2>
<pre>{escape(facts.command)}</pre>
{_conditions(facts, times)}"""
        return document(f"Tracks: {title}", body, STYLE + TRACKS_STYLE)

    def _moving_picture(self) -> str:
        if self._sink is None:
            return self._strip.html()
        poster = f' poster="{data_url(self._strip.poster)}"' if self._strip.poster is not None else ""
        said = 'aria-label="the video, with what was followed drawn on it"'
        return f'<video controls muted loop playsinline preload="metadata" src="{VIDEO}" {said}{poster}></video>'


def _numbers(history: History, speed: float) -> str:
    entries = [(str(history.tracks), "tracks"), (str(history.observations), "detections")]
    if history.classes:
        means = {name: sum(series.values) / max(1, len(series.values)) for name, series in history.classes.items()}
        largest = sorted(means, key=lambda name: -means[name])[:MOST_NUMBERS]
        entries = [(f"{100 * means[name]:.0f} %", escape(name)) for name in largest]
    if speed:
        entries.append((f"{speed:.1f}", "frames a second, everything included"))
    if history.macs_dense:
        entries.append((f"{100 * history.share:.1f} %", "of dense work done"))
        entries.append((f"{count(history.macs)}MAC", f"of {count(history.macs_dense)}MAC"))
    return f'<div class="numbers">{"".join(f"<div><b>{b}</b><span>{note}</span></div>" for b, note in entries)}</div>'


def _counts(history: History) -> str:
    """What was counted at lines and zones, if there are any."""
    rows = []
    for place, label, plus, minus, inside, mean, longest in history.tally.rows():
        stays = [f"{seconds:.1f} s" if longest else "" for seconds in (mean, longest)]
        rows.append((place, label, str(plus), str(minus), str(inside), *stays))
    head = ("line or zone", "class", "in", "out", "inside at the end", "mean stay", "longest stay")
    return f"<h2>Counted</h2>\n{table(head, rows)}" if rows else ""


def _plots(history: History, colours: Mapping[str, str]) -> str:
    if colours:
        return plot("Classes over time", "What the pixels show, frame by frame.", classes_over_time(history, colours))
    left_out = history.tracks - MOST_ROWS
    only = f"The {MOST_ROWS} that stayed longest, of {history.tracks}. " if left_out > 0 else ""
    drawn = [plot("Tracks over time", f"{only}A gap: not seen, and then known again.", tracks_over_time(history))]
    if history.tracks == 0:
        drawn = ['<p class="alert">Not one track came of this run.</p>']
    if history.macs_dense:
        point = f" A point is the mean of {history.shares.width} frames." if history.shares.width > 1 else ""
        note = f"Multiply-accumulates done, beside those that a dense network does every frame.{point}"
        drawn.append(plot("Work per frame", note, work_over_time(history)))
    if history.layers and history.frames > 1:
        note = (
            "Activations that took a new value where the task looked, mean of all frames but the first: the net spikes "
            "of a layer, and all that the next one has to look at. Beside: the share of positions recomputed."
        )
        layers = plot("Changes by layer", note, changes_by_layer(history))
        drawn.append(f"<details><summary>Layer by layer</summary>{layers}</details>")
    return "\n".join(drawn)


def _files(files: Sequence[Path], folder: Path) -> str:
    """Links to what was written, as seen from the page in `folder`."""
    if not files:
        return "<p>This page alone.</p>"
    rows = []
    for path in files:
        size = f"{count(path.stat().st_size)}B" if path.is_file() else "folder"
        rows.append(f'<tr><td><a href="{_address(path, folder)}">{escape(str(path))}</a></td><td>{size}</td></tr>')
    head = "<thead><tr><th>file</th><th>size</th></tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def _address(path: Path, folder: Path) -> str:
    try:
        return quote(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix())
    except ValueError:  # on another drive
        return escape(path.resolve().as_uri())


def _conditions(facts: RunFacts, times: str) -> str:
    stated = {
        "model": facts.model,
        "fidelity": facts.fidelity,
        "detector": facts.detector,
        "processor": f"{cpu_name()}, {cores()} cores",
    }
    if times:
        stated["time a frame"] = times
    if facts.resumed:
        stated["resumed"] = f"after {facts.resumed} frames, which an earlier command did; the speed is of the rest"
    return bullets(f"{name}: {value}" for name, value in (stated | versions()).items())
