"""One source tracked and written down: results, files, totals, and from time to time what a resumption needs.

It shows nothing: whoever iterates over it does. A run with JSON lines keeps a checkpoint beside them, `NAME.resume`,
from its first frame to its end: the run is finished when it is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from vistream.atomic import PendingFile
from vistream.errors import VistreamError
from vistream.media.video.frames import SourceFrame
from vistream.media.video.live import without_password
from vistream.pipeline.checkpoint import Arrays, load_checkpoint, pack, write_checkpoint
from vistream.pipeline.outputs import Keep, OutputPaths, Outputs
from vistream.pipeline.report import RunFacts, RunReport
from vistream.pipeline.run import Memory, Run, Settings
from vistream.tracking.tally import Tally
from vistream.types import Result

INTERVAL = 10.0  # seconds between checkpoints: so much work is done again after a kill, at the most
FREE = ("max_frames", "reconnect")
"""The settings that may differ when a run is resumed: they decide how far it goes, and nothing about a frame."""


@dataclass(slots=True)
class Totals:
    """What a run came to so far; `resumed` of the frames were done before it was resumed."""

    frames: int = 0
    resumed: int = 0
    observations: int = 0
    ids: set[int] = field(default_factory=set)
    macs: int = 0
    macs_dense: int = 0
    tally: Tally = field(default_factory=Tally)
    started: float = field(default_factory=time.perf_counter)

    def add(self, result: Result) -> None:
        self.frames += 1
        self.observations += result.observations
        self.ids.update(track.id for track in result.tracks)
        self.macs += result.work.macs
        self.macs_dense += result.work.macs_dense
        self.tally.add(result)

    @property
    def fps(self) -> float:
        return (self.frames - self.resumed) / max(time.perf_counter() - self.started, 1e-9)

    @property
    def share(self) -> float:
        return self.macs / self.macs_dense if self.macs_dense else 0.0


class Recording:
    """A run with its outputs: a context manager, to be iterated over for `(frame, result)`, each already written.

    `resume`: go on where an earlier run with the same settings and outputs stopped; where there is none, begin. Raises
    VistreamError where that run had other settings, or is finished. `draw`: draw `outputs.picture` without a video too.
    `report`: a folder for a page about the run, which says that `arguments` of the command line made it.
    """

    def __init__(
        self,
        source: str,
        settings: Settings,
        paths: OutputPaths,
        *,
        resume: bool = False,
        draw: bool = False,
        report: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._path = None if paths.jsonl is None else checkpoint_path(paths.jsonl)
        self._asked = _identity(source, settings)
        saved = self._saved(paths) if resume else None
        after = None if saved is None else Memory(**saved["memory"])
        self.totals = Totals()
        self.run = Run(source, settings, after)
        self.report: RunReport | None = None
        self._stack = ExitStack()
        with ExitStack() as opening:
            opening.callback(self.run.close)
            if report is not None:  # closed after the files, whose sizes it states
                facts = RunFacts.of(self.run, arguments)
                pictures = None if saved is None else saved.get("report")
                page = RunReport(report, facts, resumable=paths.jsonl is not None, before=pictures)
                self.report = opening.enter_context(page)
            seen = self.run.observer
            self.outputs = opening.enter_context(
                Outputs(
                    paths,
                    self.run.fps,
                    self.run.source.size,
                    draw or report is not None,
                    joints=seen.joints,
                    places=self.run.places,
                    images=seen.images,
                    keep=None if after is None or saved is None else Keep(after.frames, saved["bytes"]),
                    before=self._follow,
                )
            )
            if self.report is not None:
                self.report.files = self.outputs.files
            self._stack = opening.pop_all()
        self.totals.resumed, self.totals.started = self.totals.frames, time.perf_counter()
        self._written = True  # whether the outputs hold the last frame of the run
        self._taken: tuple[str, Arrays] | None = None
        self._due = 0.0

    def __iter__(self) -> Iterator[tuple[SourceFrame, Result]]:
        if self._path is not None and self._due == 0.0 and self.run.done == 0:
            write_checkpoint(self._path, *pack({"asked": self._asked, "memory": None, "bytes": 0}))
        self._due = time.monotonic() + INTERVAL
        for frame, result in self.run:
            self._written = False
            self.totals.add(result)
            status = f"{self.totals.fps:.0f} fps | {100 * result.work.share:.0f} % of dense work"
            self.outputs.write(frame, result, status)
            if self.report is not None and self.outputs.picture is not None:
                self.report.add(result, self.outputs.picture)
            self._written = True
            self._keep()
            yield frame, result

    def stop(self) -> None:
        """No more frames are wanted; may be called from a signal handler."""
        self.run.source.stop()

    @property
    def files(self) -> list[Path]:
        """What it leaves behind, when all is well."""
        return self.outputs.files if self.report is None else [*self.outputs.files, self.report.page]

    def _follow(self, result: Result) -> None:
        """Count in a frame that was done before this run was resumed."""
        self.totals.add(result)
        if self.report is not None:
            self.report.follow(result)

    def _keep(self) -> None:
        """Write the checkpoint taken after the frame before: by now the video holds that frame. Take the next one."""
        if self._path is None:
            return
        if self._taken is not None:
            write_checkpoint(self._path, *self._taken)
            self._taken = None
        if time.monotonic() >= self._due:
            self._taken = self._pack()
            self._due = time.monotonic() + INTERVAL

    def _pack(self) -> tuple[str, Arrays]:
        memory = self.run.memory()
        named = {name: getattr(memory, name) for name in Memory.__dataclass_fields__}
        pictures = None if self.report is None else self.report.memory()
        return pack({"asked": self._asked, "memory": named, "bytes": self.outputs.settled(), "report": pictures})

    def _saved(self, paths: OutputPaths) -> dict[str, Any] | None:
        if self._path is None or paths.jsonl is None:
            raise VistreamError("a run is resumed from its JSON lines: name them with --jsonl")
        if not self._path.exists():
            if paths.jsonl.exists():
                raise VistreamError(f"{paths.jsonl} is of a run that is finished: there is nothing to resume")
            return None
        saved: dict[str, Any] = load_checkpoint(self._path)
        before = saved["asked"]
        for name, value in self._asked.items():
            if before.get(name) != value:
                raise VistreamError(
                    f"{self._path} is of a run with {name.replace('_', '-')} {before.get(name)}, not {value}: "
                    "resume it with the same options, or begin anew without --resume"
                )
        return None if saved["memory"] is None else saved

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = exception is None and not self.run.source.health.stopped
        if self._path is not None and self._written and self.run.between and not ended and self.run.done:
            self._last_words()
        if self.report is not None:
            self.report.speed = self.totals.fps
        self._stack.__exit__(exception, value, trace)
        if self._path is not None and (ended or not self.run.done):
            for left in (self._path, PendingFile.temporary_name(self._path)):  # a killed run may have left half of one
                left.unlink(missing_ok=True)

    def _last_words(self) -> None:
        """A checkpoint of where it stopped; where even that fails, the one before has to do."""
        try:
            assert self._path is not None
            write_checkpoint(self._path, *self._pack())
        except VistreamError:
            pass


def checkpoint_path(jsonl: Path) -> Path:
    """
    >>> checkpoint_path(Path("out/a.jsonl")).name
    'a.resume'
    """
    return jsonl.with_suffix(".resume")


def _identity(source: str, settings: Settings) -> dict[str, object]:
    """What must be the same for results to be the same."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in FREE}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in chosen.items()}
    return {"source": without_password(source), **plain}
