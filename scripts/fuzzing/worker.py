"""One guarded process that reads broken files: what it may raise, how long it may take, how much it may hold.

A file may be read or refused with a `VistreamError` of one line that names it. Anything else is a finding: another
exception, a warning, more than `SECONDS` of computing, more than `MEMORY` beyond what the process held before, or its
death.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from fuzzing.mutate import mutated
from fuzzing.reached import Reached
from fuzzing.readers import READERS
from vistream.errors import VistreamError

Files = list[tuple[str, bytes]]
"""Suffix and content of each."""
SECONDS = 10
PATIENCE = 300
"""Seconds that a process may be late: one that hangs without computing is noticed by that."""
LARGEST = 1 << 16
"""Bytes of a file that is broken further because it got somewhere new: small ones get further in the same time."""
MEMORY = 1 << 30
"""Bytes of address space beyond what is used at the start: a 4 MB file that needs more is a finding."""


class Slow(Exception):
    """A file took more than `SECONDS`."""


@dataclass
class Tally:
    """What came of a batch. `findings`: by what went wrong, the details and the bytes that did it.

    `steps`: of vistream's code, that were taken; `further`: the files by which they were, beside the seeds.
    """

    cases: int = 0
    refused: int = 0
    grown: int = 0
    steps: int = 0
    further: Files = field(default_factory=list)
    findings: dict[str, tuple[str, bytes]] = field(default_factory=dict)


def seeds_of(reader: str, folder: Path) -> Files:
    """Suffix and content of the reader's valid files, written into `folder`."""
    return [(path.suffix, path.read_bytes()) for path in READERS[reader].seeds(folder)]


def judge(reader: str, path: Path) -> str | None:
    """Read `path`: None where it was read, "" where it was properly refused, else what is wrong, then the details."""
    try:
        READERS[reader].read(path)
    except VistreamError as error:
        if "\n" in str(error):
            return f"{reader}: an error of several lines\n{error!r}"
        named = path.name in str(error) or reader in ("npm", "tfjs")  # they name the package, or the file of weights
        return "" if named else f"{reader}: an error that names no file\n{error!r}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}\n{error!r}"
    return None


def batch(reader: str, seed: int, seconds: float, further: Files) -> Tally:
    """Run a process of its own for `seconds`; a file that kills it, or hangs it, is a finding too.

    `further`: of an earlier batch; they are broken like the seeds.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        folder = Path(scratch)
        ours, theirs = multiprocessing.Pipe()
        arguments = (reader, seed, seconds, folder, further, theirs)
        process = multiprocessing.get_context("fork").Process(target=_run, args=arguments)
        process.start()
        theirs.close()
        answer = ours.poll(seconds + PATIENCE)
        try:
            tally: Tally = ours.recv() if answer else Tally()
        except EOFError:
            answer, tally = False, Tally()
        if not answer:
            process.kill()
        process.join()
        if not answer:
            last = sorted((folder / "cases").iterdir())
            death = f"death of the process, exit code {process.exitcode}"
            tally.findings[death] = ("", last[0].read_bytes() if last else b"")
            tally.cases = int((folder / "count").read_text(encoding="utf-8") or 0) if (folder / "count").exists() else 0
        return tally


def _run(reader: str, seed: int, seconds: float, folder: Path, further: Files, answer: Connection) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what C libraries say of broken files
    (folder / "seeds").mkdir()
    (folder / "cases").mkdir()
    seeds = seeds_of(reader, folder / "seeds")
    for suffix, data in seeds:
        good = folder / f"good{suffix}"
        good.write_bytes(data)
        assert judge(reader, good) is None, f"{reader}: the seed {suffix} can't be read: {judge(reader, good)}"
    signal.signal(signal.SIGPROF, _too_slow)
    used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    warnings.simplefilter("error")
    answer.send(_cases(reader, random.Random(seed), seconds, folder, seeds, further))


def _cases(reader: str, chance: random.Random, seconds: float, folder: Path, seeds: Files, further: Files) -> Tally:
    tally, reached = Tally(further=list(further)), Reached()
    held, end = _resident(), time.monotonic() + seconds
    known = iter((*seeds, *further))
    while time.monotonic() < end:
        again = next(known, None)  # first of all what was reached before
        files = (*seeds, *tally.further)
        suffix, data = again or files[chance.randrange(len(files))]
        path = folder / "cases" / f"case{suffix}"
        broken = data if again else mutated(data, [data for _, data in seeds], chance)
        path.write_bytes(broken)
        before = len(reached.steps)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        with reached.watching():
            verdict = judge(reader, path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if len(reached.steps) > before and not again and len(broken) <= LARGEST:
            tally.further.append((suffix, broken))
        tally.cases += 1
        if verdict:
            what, _, detail = verdict.partition("\n")
            tally.findings.setdefault(what, (detail, broken))
        tally.refused += verdict == ""
        path.unlink()
        if tally.cases % 100 == 0:
            (folder / "count").write_text(str(tally.cases), encoding="utf-8", newline="\n")
        if tally.cases == 200:  # everything is loaded and warm by now
            held = _resident()
    tally.grown, tally.steps = _resident() - held, len(reached.steps)
    return tally


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise Slow(f"more than {SECONDS} s")
