"""One source tracked and written down: results, files, totals, and from time to time what a resumption needs.

It shows nothing: whoever iterates over it does. A run with JSON lines keeps a checkpoint beside them, `NAME.resume`,
from its first frame to its end: the run is finished when it is gone, and can be gone on with while it is there.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from vistream.addresses import without_secrets
from vistream.atomic import PendingFile
from vistream.errors import VistreamError
from vistream.media.formats.jsonl import Keep, read_results
from vistream.media.video.frames import SourceFrame
from vistream.media.video.sound import sound_of
from vistream.pipeline.asked import asked, said
from vistream.pipeline.blurring import warn_of_unblurred
from vistream.pipeline.checkpoint import Arrays, checkpoint_path, load_checkpoint, pack, write_checkpoint
from vistream.pipeline.fingerprint import fingerprints
from vistream.pipeline.names import read_names
from vistream.pipeline.options import check_outputs
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.outputs import Outputs
from vistream.pipeline.report import RunFacts, RunReport, report_names
from vistream.pipeline.run import Memory, Run
from vistream.pipeline.settings import Settings
from vistream.pipeline.totals import Totals
from vistream.storage.claim import Claim
from vistream.storage.names import identity
from vistream.types import Result

log = logging.getLogger("vistream")

INTERVAL = 10.0  # seconds between checkpoints: so much work is done again after a kill, at the most


class Finished(VistreamError):
    """A run that was to be resumed has nothing left to do: no fault."""


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
        overwrite: bool = False,
    ) -> None:
        paths.check(settings.task, settings.detector, settings.mot_classes)
        check_outputs(settings.changed, paths, report=report is not None, show=draw)
        self._path = None if paths.jsonl is None else checkpoint_path(paths.jsonl)
        self._asked = asked(source, settings)
        self._source = source
        self.totals = Totals()
        self.report: RunReport | None = None
        names = paths.names() if report is None else [*paths.names(), *report_names(report)]
        self._files = [identity(name.path) for name in names]
        with ExitStack() as claiming:
            read = read_names(source, settings)
            self._read = {} if self._path is None else fingerprints(read)  # for checkpoints
            claim = claiming.enter_context(Claim([*names, *read], f"tracking {without_secrets(source)}"))
            saved = self._saved(paths, settings.max_frames) if resume else None
            claim.take(overwrite, () if saved is None or self._path is None else _vetted(saved, self._path))
            self.run = Run(source, settings, None if saved is None else _memory(saved))
            self._stack = self._opened(paths, saved, report, RunFacts.of(self.run, arguments), draw)
            self._claims = claiming.pop_all()
        self.totals.resumed, self.totals.started = self.totals.frames, time.perf_counter()
        self._written = True  # whether the outputs hold the last frame of the run
        self._taken: tuple[str, Arrays] | None = None
        self._due = 0.0

    def _opened(
        self, paths: OutputPaths, saved: dict[str, Any] | None, report: Path | None, facts: RunFacts, draw: bool
    ) -> ExitStack:
        """Open what is to be written; the stack closes it, and the run."""
        after = None if saved is None else _memory(saved)
        with ExitStack() as opening:
            opening.callback(self.run.close)
            paths.check_labels(self.run.labels, self.run.settings.mot_classes)
            if report is not None:  # closed after the files, whose sizes it states
                pictures = None if after is None or saved is None else saved.get("report")
                page = RunReport(report, facts, resumable=paths.jsonl is not None, before=pictures)
                self.report = opening.enter_context(page)
            self.outputs = opening.enter_context(
                Outputs(
                    paths,
                    self.run,
                    draw or report is not None,
                    layers=self.run.settings.work or report is not None,  # of which a resumed report is made
                    sound=self._sound(),
                    keep=None if after is None or saved is None else Keep(after.frames, saved["bytes"]),
                    before=self._follow,
                    drawn=None if self.report is None else self.report.add,
                )
            )
            if self.report is not None:
                self.report.files = self.outputs.files
                self.report.timing = self._timing
            return opening.pop_all()

    def __iter__(self) -> Iterator[tuple[SourceFrame, Result]]:
        if self._path is not None and self._due == 0.0 and self.run.done == 0:
            write_checkpoint(self._path, *self._packed(None, 0, None))
        self._due = time.monotonic() + INTERVAL
        for frame, result in self.run:
            self._written = False
            self.totals.add(result)
            # no speed: the first frames would say 0, and the same run would draw another picture
            status = "" if result.class_map is not None else f"{100 * result.work.share:.0f} % of dense work"
            self.outputs.write(frame, result, status)
            self._written = True
            self._keep()
            yield frame, result

    def _sound(self) -> Path | None:
        return sound_of(self._source) if self.run.settings.style.sound and not self.run.source.live else None

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
            self.outputs.flushed()  # the picture of this frame is drawn: with it the one before is in the file
            write_checkpoint(self._path, *self._taken)
            self._taken = None
        if time.monotonic() >= self._due and self.run.between:
            self._taken = self._pack()
            self._due = time.monotonic() + INTERVAL

    def _pack(self) -> tuple[str, Arrays]:
        memory = self.run.memory()
        named = {name: getattr(memory, name) for name in Memory.__dataclass_fields__}
        size = self.outputs.flushed()  # first: by then the report has every picture
        return self._packed(named, size, None if self.report is None else self.report.memory())

    def _packed(self, memory: object, size: int, report: object) -> tuple[str, Arrays]:
        assert self._path is not None
        files = [_relative(file, self._path) for file in self._files]
        return pack(
            {
                "asked": self._asked,
                "memory": memory,
                "bytes": size,
                "report": report,
                "files": files,
                "read": self._read,
            }
        )

    def _saved(self, paths: OutputPaths, max_frames: int | None) -> dict[str, Any] | None:
        """The checkpoint to go on from. Raises Finished where there is nothing left to do."""
        if self._path is None or paths.jsonl is None:
            raise VistreamError("a run is resumed from its JSON lines: name them with --jsonl")
        if not self._path.exists():
            if paths.jsonl.exists():
                frames = sum(1 for _ in read_results(paths.jsonl))  # which also says whether it is such a file
                raise Finished(f"{paths.jsonl} is of a run that is finished, after {frames} frames: nothing to resume")
            return None
        saved: dict[str, Any] = load_checkpoint(self._path)
        before = saved["asked"]
        for name, value in self._asked.items():
            if before.get(name) != value:
                raise VistreamError(
                    f"{self._path} is of a run {said(name, before.get(name))}, not {said(name, value)}: "
                    "resume it with the same options, or begin anew without --resume"
                )
        for what, found in self._read.items():
            if saved["read"].get(what) != found:
                named = self._source if what == "the source" else before[what.removeprefix("--").replace("-", "_")]
                raise VistreamError(
                    f"{named} is not what it was when {self._path} was written: {what} was replaced or changed, so "
                    "begin anew without --resume"
                )
        after = _memory(saved)
        if after is not None and max_frames is not None and after.frames >= max_frames:
            raise Finished(f"{paths.jsonl} has the {max_frames} frames that were asked for: there is nothing to resume")
        return saved

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = exception is None and not self.run.source.health.stopped
        more = self.run.done == self.run.settings.max_frames  # it can be gone on with
        with self._claims:
            last = self._last() if more or not ended else None
            self._stack.__exit__(exception, value, trace)
            self.totals.end()
            if exception is None or exception is KeyboardInterrupt:
                totals, blur = self.totals, self.run.settings.style.blur
                warn_of_unblurred(self.run.source.name, blur, totals.labels, totals.frames)
            if self._path is not None and last is not None:  # now: who resumes finds all files closed
                with suppress(VistreamError):
                    write_checkpoint(self._path, *last)
            if self._path is not None and ((ended and not more) or not self.run.done):
                for left in (
                    self._path,
                    PendingFile.temporary_name(self._path),
                ):  # a killed run may have left half of one
                    left.unlink(missing_ok=True)

    def _timing(self) -> tuple[float, str]:
        """Frames a second, and the time of each stage in words, of a run whose videos are whole."""
        self.totals.end()
        return self.totals.fps, self.run.stages.described(self.totals.frames - self.totals.resumed)

    def _last(self) -> tuple[str, Arrays] | None:
        """The checkpoint of where it stopped; None where there is none, and the one before has to do."""
        if self._path is None or not self._written or not self.run.between or not self.run.done:
            return None
        with suppress(VistreamError):
            return self._pack()
        return None


def _memory(saved: dict[str, Any]) -> Memory | None:
    """Of a checkpoint; None before the first frame."""
    return None if saved["memory"] is None else Memory(**saved["memory"])


def _relative(file: Path, beside: Path) -> str:
    """So that a folder can be moved: from that of the checkpoint, where there is such a way."""
    try:
        return os.path.relpath(file, identity(beside).parent)
    except ValueError:  # on another drive
        return str(file)


def _vetted(saved: dict[str, Any], path: Path) -> list[Path]:
    """The files that the interrupted run was allowed to write."""
    return [Path(os.path.normpath(identity(path).parent / file)) for file in saved.get("files", ())]
