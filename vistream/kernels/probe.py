"""A child process that tries the kernels first, once for each CPU and library.

Run as a script it imports nothing of this package's parents, so that it takes a few hundredths of a second.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CASES, THREADS, PATIENCE = 25, 2, 60.0  # of the self-test; seconds


def try_all(library: str) -> None:
    """Print the name of each variant before it is tried, and `ok` behind it if it is right; the simplest first.

    Of a file that is no library nothing is printed: whoever loads it next will say why.
    """
    try:
        loaded = ctypes.CDLL(library)
    except OSError:
        return
    loaded.vistream_kernels.restype = ctypes.POINTER(ctypes.c_char_p)  # a variant begins with its name
    loaded.vistream_selftest.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    found: list[Any] = []
    while kernels := loaded.vistream_kernels(len(found)):
        found.append(kernels)
    for kernels in reversed(found):
        print(kernels[0].decode(), end=" ", flush=True)
        print("ok" if loaded.vistream_selftest(kernels, 1, CASES, THREADS) == 0 else "wrong", flush=True)


@functools.cache
def passed() -> frozenset[str] | None:
    """The names of the variants that pass their self-test here; says so once where one does not.

    Empty for a library that crashes as soon as it is loaded. None where nothing is known against it, because no child
    could be started, or it is no library at all.
    """
    from vistream.kernels.build import library_path, this_platform

    name = this_platform()
    if name is None:
        return None
    library = library_path(name)
    try:
        lines = _record(library).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError, RuntimeError):  # the last: nobody's home
        found = _probe(library)
        if found is None:
            return None
        lines = found
        _remember(library, lines)
    return frozenset(line.split()[0] for line in lines if line.endswith(" ok"))


def _probe(library: Path) -> list[str] | None:
    """What `try_all` printed in a child, or None if there is no child to be had, or no library to be tried."""
    command = [sys.executable, "-I", "-S", __file__, str(library)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        said, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        said, code = str(error.stdout or ""), -1
    except OSError:
        return None
    lines = said.splitlines()
    if not lines and not code:
        return None
    bad = [line.split()[0] for line in lines if not line.endswith(" ok")]
    if bad or code:
        named = bad[0] if bad else "library"
        logging.getLogger("vistream").warning(
            "the compiled kernels (%s) failed their self-test in a child process (exit code %d): slower ones are used",
            named, code,
        )  # fmt: skip
    return lines


def _record(library: Path) -> Path:
    """Where it is remembered what a probe of this library on this CPU found."""
    processor = f"{platform.machine()} {platform.processor()} {_cpu_flags()} {platform.release()}"
    key = hashlib.sha256(library.read_bytes() + processor.encode()).hexdigest()[:24]
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vistream" / f"kernels-{key}.txt"


def _cpu_flags() -> str:
    """What Linux says of the first CPU, which names its model and features; elsewhere nothing."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = text.partition("\n\n")[0].splitlines()
    return "\n".join(line for line in lines if line.startswith(("model", "flags", "Features", "CPU part", "vendor")))


def _remember(library: Path, lines: list[str]) -> None:
    """Keep the findings; where nothing may be written, the next process tries again."""
    try:
        record = _record(library)
        record.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=record.parent, delete=False, encoding="ascii", newline="\n") as part:
            part.write("\n".join(lines) + "\n")
        Path(part.name).replace(record)
    except (OSError, RuntimeError):
        return


if __name__ == "__main__":
    try_all(sys.argv[1])
