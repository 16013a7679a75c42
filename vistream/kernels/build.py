"""Builds the kernels' library, for this computer or any other: `python -m vistream.kernels.build [PLATFORM ...]`.

The compiler is the PyPI package `ziglang`: the same one everywhere, with the headers and libraries of every target, so
that no compiler has to be installed. This file must not import anything of ours: the build hook runs it by its path.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "src"
LIBRARY = Path(__file__).parent / "lib"

AVX2 = ("-mavx2", "-mpopcnt", "-mbmi", "-mbmi2")
AVX512 = (*AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq")
X86 = {
    "generic": (),
    "avx2": AVX2,
    "avx_vnni": (*AVX2, "-mavxvnni"),
    "avx512": AVX512,
    "avx512_vnni": (*AVX512, "-mavx512vnni"),
    "amx": (*AVX512, "-mavx512vnni", "-mamx-tile", "-mamx-int8"),
}
ARM = {"generic": ("-DVISTREAM_PORTABLE",), "neon": (), "neon_dotprod": ("-mcpu=generic+dotprod",)}
COMMON = (
    *("threads", "target", "interface", "update", "selftest"),
    *("reconstruction", "heads", "normalise", "cells", "sample"),
)
# contraction would fuse a product and a sum into one rounding, and the formula asks for two
FLAGS = (
    "-O3",
    "-std=c++17",
    "-ffp-contract=off",
    "-fno-exceptions",
    "-fno-rtti",
    "-fvisibility=hidden",
    "-Wall",
)


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform: zig's name of it, the end of a wheel's tag, its variants, the library's file name."""

    zig: str
    tag: str
    variants: dict[str, tuple[str, ...]]
    file: str

    @property
    def flags(self) -> tuple[str, ...]:
        return FLAGS if self.file.endswith(".dll") else (*FLAGS, "-fPIC")


PLATFORMS = {
    "linux-x86_64": Platform("x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64.manylinux2014_x86_64", X86, "kernels.so"),
    "linux-aarch64": Platform(
        "aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64.manylinux2014_aarch64", ARM, "kernels.so"
    ),
    "macos-arm64": Platform("aarch64-macos.11.0", "macosx_11_0_arm64", ARM, "kernels.dylib"),
    "macos-x86_64": Platform("x86_64-macos.11.0", "macosx_11_0_x86_64", X86, "kernels.dylib"),
    "windows-x86_64": Platform("x86_64-windows-gnu", "win_amd64", X86, "kernels.dll"),
}
SYSTEMS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}
MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}


def this_platform() -> str | None:
    """The name of this computer's platform in `PLATFORMS`, or None if there is no library for it."""
    name = f"{SYSTEMS.get(platform.system())}-{MACHINES.get(platform.machine())}"
    return name if name in PLATFORMS else None


def library_path(name: str) -> Path:
    return LIBRARY / name / PLATFORMS[name].file


def sources_digest() -> str:
    """What the sources and the way they are built come to; a library tells which it was made from."""
    digest = hashlib.sha256(repr((FLAGS, COMMON, sorted(PLATFORMS.items()))).encode())
    for path in sorted(SOURCES.rglob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build(name: str) -> Path:
    """Compile the library of a platform, unless it is there and of these sources; raises RuntimeError if that fails."""
    target, path, digest = PLATFORMS[name], library_path(name), sources_digest()
    stamp = path.with_name("sources.txt")
    if path.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        units = {f"variant_{variant}": ("variant", (f"-DVARIANT={variant}", *flags))
                 for variant, flags in target.variants.items()}  # fmt: skip
        units |= {unit: (unit, (f'-DVISTREAM_SOURCES="{digest}"',)) for unit in COMMON}

        def compile_one(unit: str) -> str:
            source, flags = units[unit]
            result = str(Path(folder) / f"{unit}.o")
            _zig(target, *target.flags, *flags, "-c", str(SOURCES / f"{source}.cpp"), "-o", result)
            return result

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compile_one, units))
        made = path.with_name(f"{path.name}.part")
        _zig(target, "-shared", "-s", *objects, "-o", str(made))
        made.replace(path)
        for left in path.parent.glob("*.lib"):  # what the linker adds for those who link against it
            left.unlink()
    stamp.write_text(digest, encoding="ascii", newline="\n")
    return path


def _zig(target: Platform, *arguments: str) -> None:
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target.zig, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"compiling the kernels for {target.zig} failed:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or [str(this_platform())]:
        if wanted not in PLATFORMS:
            sys.exit(f"no kernels can be built for {wanted}: the platforms are {', '.join(PLATFORMS)}")
        print(build(wanted))
