"""Which versions and which processor: what has to stand beside a result so that it can be repeated.

Nothing heavy is imported: versions come from the installed packages' metadata.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata

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
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
