"""Which versions and which processor: what has to stand beside a result so that it can be repeated.

Nothing heavy is imported: versions come from the installed packages' metadata.
"""

from __future__ import annotations

import math
import os
import platform
from importlib import metadata
from pathlib import Path

PACKAGES = ("vistream", "torch", "numpy", "opencv-python", "onnxruntime", "av")
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def versions() -> dict[str, str]:
    """Package to version, Python first; "not installed" where it is not."""
    found = {name: version_of(name) or "not installed" for name in PACKAGES}
    return {"Python": platform.python_version()} | found


def version_of(package: str) -> str | None:
    """The installed version, or None. Any of OpenCV's four wheels counts as opencv-python.

    >>> version_of("no-such-package") is None
    True
    """
    for name in OPENCV if package == OPENCV[0] else (package,):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def cpu_name() -> str:
    """The processor's model, as the system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:  # noqa: PTH123  (no file of ours)
            names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Processors that this process may use: those that it may run on, or fewer where its time is limited to less.

    Docker's `--cpus` and a limit in Kubernetes leave all processors in sight, and hold up whoever takes more.
    """
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return here if quota is None else min(here, max(1, math.ceil(quota)))


def cpu_quota(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Processors' worth of time that Linux grants to this process' control groups; None without a limit.

    `groups` and `own` are where it says so: https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max, and for the
    first version https://docs.kernel.org/scheduler/sched-bwc.html.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    limits = [_limit(group) for line in lines for group in _groups(groups, line)]
    return min((limit for limit in limits if limit is not None), default=None)


def _groups(groups: Path, line: str) -> list[Path]:
    """The folders of a group and of all above it; inside a container that of the root may be the only one in sight."""
    _, controllers, path = line.split(":", 2)
    if controllers and "cpu" not in controllers.split(","):
        return []
    root = groups / controllers
    deepest = root / path.lstrip("/")
    return [deepest, *(above for above in deepest.parents if above == root or root in above.parents)]


def _limit(group: Path) -> float | None:
    """What one group grants, in processors."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text(encoding="utf-8").strip()
            period = (group / "cpu.cfs_period_us").read_text(encoding="utf-8").strip()
        return int(quota) / int(period) if quota not in ("max", "-1") else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
