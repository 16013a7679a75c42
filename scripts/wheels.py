"""Build the source distribution and a wheel for every platform, all on this machine: python scripts/wheels.py [FOLDER]

A wheel holds the compiled kernels of one platform and serves every Python version. The compiler comes from PyPI
(extra test), as the build itself does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vistream.kernels.build import PLATFORMS

ROOT = Path(__file__).parents[1]


def main(folder: Path) -> None:
    """Put them into `folder`, and say how large each is."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run([*build, "--sdist"], check=True, stdout=subprocess.DEVNULL)
    for name in PLATFORMS:
        environment = os.environ | {"VISTREAM_PLATFORM": name}
        subprocess.run([*build, "--wheel"], check=True, stdout=subprocess.DEVNULL, env=environment)
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size / 1e6:6.2f} MB  {path.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
