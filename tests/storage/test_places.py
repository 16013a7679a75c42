"""A service user, or a read-only container: neither the package nor HOME can be written to, or there is no HOME."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "demo_videos" / "plaza_static.mp4"
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
"""In a mount namespace of its own; it binds root, too."""


def can_mount(folder: Path) -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.run([unshare, "-m", "sh", "-c", READ_ONLY, folder, "true"], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/proc/nothing", None])
def test_tracking_writes_nowhere_but_where_it_is_told_to(home: str | None, tmp_path: Path) -> None:
    package, results = tmp_path / "package", tmp_path / "results"
    shutil.copytree(ROOT / "vistream", package / "vistream", ignore=shutil.ignore_patterns("__pycache__"))
    (results / "tmp").mkdir(parents=True)
    if not can_mount(package):
        pytest.skip("takes the right to mount, in a namespace")
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {"PYTHONPATH": str(package), "TMPDIR": str(results / "tmp")} | ({"HOME": home} if home else {})
    environment |= {} if home else {"XDG_STATE_HOME": "/proc/nothing", "XDG_CACHE_HOME": "/proc/nothing"}
    command = [sys.executable, "-c", "from vistream.cli.main import run; run()", "track", str(CLIP)]
    options = ["--detector", "motion", "--max-frames", "2", "--report", "page", "--csv", "out.csv"]
    for _ in range(2):  # the second one replaces what the first one wrote
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", READ_ONLY, str(package), *command, *options],
            cwd=results,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        for word in ("Traceback", "ermission", "Read-only", "not writable"):
            assert word not in done.stderr
    assert (results / "page" / "index.html").is_file()
    assert sorted(path.name for path in results.iterdir()) == ["out.csv", "page", "tmp"]
