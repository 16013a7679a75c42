"""Build the wheels of all platforms, install this one's by name into an empty virtual environment, and run it there.

    python scripts/wheel_test.py [--borrow] [--keep FOLDER]

Needs `build` (extra test). Whatever else pip needs comes from the index that it is configured for. With `--borrow` the
libraries are those of the environment that runs this: quick, and a proof of the wheel but not of what it asks for. What
is installed runs away from the sources, with no compiler on the path.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from pathlib import Path

from vistream.kernels.build import LIBRARY, PLATFORMS, library_path, this_platform

ROOT = Path(__file__).parents[1]
MUST_HOLD = (
    "vistream/py.typed",
    "vistream/quantize/efficientnet-lite0.json",
    "vistream/quantize/nanodet-g.json",
    "vistream/serve/page.js",
)
WHERE = "import sysconfig; print(sysconfig.get_path('purelib'))"
MUST_NOT = ("tests/", "scripts/", "demo_videos/", "docs/")


def step(what: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, say how long it took; leaves with its output where it fails."""
    began = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(argument) for argument in arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    print(f"{time.perf_counter() - began:6.1f} s  {what}", flush=True)
    if done.returncode:
        sys.exit(f"{what} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def built(folder: Path) -> Path:
    """This computer's wheel; the source distribution and the wheels of all platforms are beside it."""
    step("build", sys.executable, ROOT / "scripts" / "wheels.py", folder)
    platform = this_platform()
    assert platform is not None
    wheels = {path.name.split("-none-")[1].removesuffix(".whl"): path for path in folder.glob("*-py3-none-*.whl")}
    if sorted(wheels) != sorted(each.tag for each in PLATFORMS.values()):
        sys.exit(f"these wheels were built: {sorted(wheels)}")
    wheel = wheels[PLATFORMS[platform].tag]
    names = zipfile.ZipFile(wheel).namelist()
    library = f"vistream/kernels/lib/{library_path(platform).relative_to(LIBRARY).as_posix()}"
    if library not in names:
        sys.exit(f"{wheel.name} has no {library}")
    missing = [name for name in MUST_HOLD if name not in names]
    foreign = [name for name in names if name.startswith(MUST_NOT)]
    if missing or foreign:
        sys.exit(f"{wheel.name}: missing {missing}, should not be there {foreign[:5]}")
    return wheel


def installed(folder: Path, *, borrow: bool) -> Path:
    """The Python of a new environment in which `vistream[h264]` was installed by name."""
    began = time.perf_counter()
    venv.create(folder / "venv")
    print(f"{time.perf_counter() - began:6.1f} s  virtual environment")
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--find-links", folder / "dist")
    if borrow:
        own, lent = (Path(step("where", each, "-c", WHERE).strip()) for each in (python, sys.executable))
        (own / "lent.pth").write_text(
            f"{lent}\n", encoding="utf-8", newline="\n"
        )  # comes after the environment's own packages
        step("pip install vistream", *pip, "--no-index", "--no-deps", "--ignore-installed", "vistream")
    else:
        step("pip install 'vistream[h264]'", *pip, "-c", ROOT / "constraints.txt", "vistream[h264]")
    return python


def main() -> None:
    """Build, install, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--borrow", action="store_true", help="use the libraries of this environment")
    parser.add_argument("--keep", type=Path, help="leave wheel and environment here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder: Path = options.keep or Path(name)
        built(folder / "dist")
        python = installed(folder, borrow=options.borrow)
        vistream = python.with_name("vistream")
        where = step("import", python, "-c", "import vistream; print(vistream.__file__)", cwd=folder)
        if str(folder / "venv") not in where:
            sys.exit(f"it is not the wheel that is imported, but {where}")
        (folder / "nothing").mkdir()
        os.environ["PATH"] = str(folder / "nothing")  # no compiler
        step("vistream doctor", vistream, "doctor", cwd=folder)
        clip = ROOT / "demo_videos" / "plaza_static.mp4"
        run = ("track", clip, "--detector", "motion", "--max-frames", "5", "--report", "report", "--quiet")
        step("vistream track --report", vistream, *run, cwd=folder)
        if not (folder / "report" / "index.html").is_file():
            sys.exit("there is no report")


if __name__ == "__main__":
    main()
