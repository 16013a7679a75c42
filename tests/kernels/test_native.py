"""The kernels without Python: under sanitizers, and under emulators of processors that are not here."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vistream.kernels.build import COMMON, FLAGS, PLATFORMS, SOURCES

DRIVER = Path(__file__).with_name("driver.cpp")
ZIG = (sys.executable, "-m", "ziglang", "cc")


def driver(folder: Path, compiler: tuple[str, ...], platform_name: str, *flags: str) -> Path:
    """The driver and all kernels of a platform as one program."""
    variants = PLATFORMS[platform_name].variants
    units: list[tuple[Path, tuple[str, ...]]] = [(DRIVER, ())]
    units += [(SOURCES / f"{name}.cpp", ('-DVISTREAM_SOURCES="test"',)) for name in COMMON]
    units += [(SOURCES / "variant.cpp", (f"-DVARIANT={name}", *options)) for name, options in variants.items()]

    def compiled(number: int) -> str:
        source, options = units[number]
        result = str(folder / f"{number}.o")
        command = [*compiler, *FLAGS, "-w", f"-I{SOURCES}", *options, *flags, "-c", str(source), "-o", result]
        subprocess.run(command, check=True)
        return result

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, range(len(units))))
    program = folder / "driver"
    subprocess.run([*compiler, *flags, *objects, "-lpthread", "-lm", "-o", str(program)], check=True)
    return program


def run(*command: str | Path, **environment: str) -> dict[str, str]:
    """What the driver found, by variant; fails where it or a sanitizer does."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("g++"), reason="needs g++ on x86-64")
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(sanitizer: str, tmp_path: Path) -> None:
    flags = ("-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all")
    program = driver(tmp_path, ("g++",), "linux-x86_64", *flags)
    found = run(program, "25", "3", TSAN_OPTIONS="halt_on_error=1")
    assert "generic" in found
    assert set(found.values()) == {"ok"}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-x86_64 (Debian: qemu-user)")
def test_processors_without_the_best_instructions(tmp_path: Path) -> None:
    program = driver(tmp_path, (*ZIG, "-target", "x86_64-linux-gnu.2.17"), "linux-x86_64")
    assert run("qemu-x86_64", "-cpu", "Nehalem", program, "20", "2") == {"generic": "ok"}
    assert run("qemu-x86_64", "-cpu", "Haswell", program, "20", "2") == {"avx2": "ok", "generic": "ok"}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("qemu-aarch64"), reason="needs qemu-aarch64 (Debian: qemu-user)")
def test_arm(tmp_path: Path) -> None:
    program = driver(tmp_path, (*ZIG, "-target", "aarch64-linux-musl", "-static", "-fPIC"), "linux-aarch64")
    newer = run("qemu-aarch64", "-cpu", "max", program, "20", "2")
    older = run("qemu-aarch64", "-cpu", "cortex-a53", program, "20", "2")
    assert newer == {"neon_dotprod": "ok", "neon": "ok", "generic": "ok"}
    assert older == {"neon": "ok", "generic": "ok"}
