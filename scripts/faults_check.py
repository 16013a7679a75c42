"""Faults of a run other than `kill -9`, which is kill_check.py's: each of a table of them is caused for real.

    nice -n 19 python scripts/faults_check.py [NAME ...]

A demo clip is tracked with every text output and the annotated video. After the fault the run must have ended as
`Fault.code` says, with one line of error at the most and no traceback; gone on with by --resume, all outputs must be
what an uninterrupted run leaves, byte for byte; the video must have as many frames. Linux; the full disk needs root.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kill_check import command, contents

FRAMES = 60
HALFWAY = 20
SMALL, LARGE = "1500k", "200m"  # of the disk that gets full, and has room again
Started = subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """`cause`: done once the run is halfway. `mend`: done before the run is gone on with. `redirect`: of a shell.

    `code`: how the run ends. `resumed`: whether it is gone on with; else it has done all, or begins anew.
    """

    code: int
    cause: Callable[[Started, Path], object] = lambda process, folder: None
    prepare: Callable[[Path], object] = lambda folder: None
    mend: Callable[[Path], object] = lambda folder: None
    redirect: str = ""
    resumed: bool = False


def send(number: signal.Signals) -> Callable[[Started, Path], object]:
    return lambda process, folder: process.send_signal(number)


def stop_for_a_while(process: Started, folder: Path) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    process.send_signal(signal.SIGCONT)


def mount(folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "vistream", str(folder)], check=True)


def remount(folder: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(folder)], check=True)


def remove(process: Started, folder: Path) -> None:
    """Again, until nothing is left of it: the run may write another mask meanwhile."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


FAULTS = {
    "SIGINT": Fault(130, send(signal.SIGINT), resumed=True),
    "SIGTERM": Fault(143, send(signal.SIGTERM), resumed=True),
    "SIGHUP": Fault(-signal.SIGHUP, send(signal.SIGHUP), resumed=True),
    "SIGSTOP, five seconds, SIGCONT": Fault(0, stop_for_a_while),
    "disk full, then room again": Fault(2, prepare=mount, mend=remount, resumed=True),
    "folder removed": Fault(2, remove, mend=lambda folder: folder.mkdir()),
    "standard output closed": Fault(0, redirect=">&-"),
    "standard output and error closed": Fault(0, redirect=">&- 2>&-"),
    "all three closed": Fault(0, redirect="<&- >&- 2>&-"),
    "standard output full, nothing to say": Fault(0, redirect=">/dev/full"),
    "nobody reads": Fault(0, redirect="| head -c 0"),
}


def run(folder: Path, fault: Fault | None, *more: str) -> tuple[int, str]:
    """Exit code and errors of a run to which `fault` happens."""
    line = ["bash", "-c", f'set -o pipefail; exec "$@" {fault.redirect}', "bash"] if fault and fault.redirect else []
    if fault and "|" in fault.redirect:
        line[2] = line[2].replace("exec ", "")
    with subprocess.Popen([*line, *command(FRAMES, *more)], cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        if fault is not None:
            lines = folder / "out.jsonl"
            while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < HALFWAY):
                time.sleep(0.01)
            if process.poll() is None:
                fault.cause(process, folder)
        said = process.communicate(timeout=600)[1]
    return process.returncode, said


def outcome(fault: Fault, folder: Path, expected: dict[str, str]) -> str:
    """What is wrong, or nothing."""
    folder.mkdir()
    fault.prepare(folder)
    code, said = run(folder, fault)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if "Traceback" in said or len(errors) > 1 or code != fault.code:
        return f"ended with {code}: {said[-500:]}"
    fault.mend(folder)
    if fault.resumed or not (folder / "out.jsonl").exists():
        code, said = run(folder, None, *(["--resume"] if fault.resumed else []))
        if code:
            return f"can't go on: {said[-500:]}"
    found = contents(folder)
    differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    return f"{differing} differ" if differing else ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Faults that may befall a run, and what is left of its outputs.")
    parser.add_argument("faults", nargs="*", metavar="NAME", help=f"of {', '.join(FAULTS)}; all, if none is named")
    asked = parser.parse_args().faults or list(FAULTS)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        if run(whole, None)[0]:
            sys.exit("the uninterrupted run failed")
        expected = contents(whole)
        print("| fault | exit code | outputs in the end |\n|---|---|---|", flush=True)
        for number, name in enumerate(asked):
            folder = Path(scratch) / str(number)
            try:
                wrong = outcome(FAULTS[name], folder, expected)
            finally:
                subprocess.run(["umount", str(folder)], check=False, stderr=subprocess.DEVNULL)
            failed |= bool(wrong)
            print(f"| {name} | {FAULTS[name].code} | {wrong or f'all {len(expected)} equal'} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
