"""Measured joules, from Intel's and AMD's running-average power limit counters, where Linux lets us read them.

They count everything that the processor package does, other programs included. Reading them usually takes root.
"""

from __future__ import annotations

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class Meter:
    """Joules since it was made or last asked. `readable` is false where the machine does not tell."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        packages = [path for path in sorted(folder.glob("intel-rapl:*")) if path.name.count(":") == 1]
        self._packages = [path for path in packages if _read(path / "energy_uj") is not None]
        self._held = self._now()

    @property
    def readable(self) -> bool:
        return bool(self._packages)

    def lap(self) -> float | None:
        """Joules since the last lap, or None where they can't be read. A counter that wrapped once is put right."""
        before, self._held = self._held, self._now()
        if not self._packages:
            return None
        used = 0
        for path, start, stop in zip(self._packages, before, self._held, strict=True):
            if stop < start:
                stop += _read(path / "max_energy_range_uj") or 0
            used += max(0, stop - start)
        return used / 1e6

    def _now(self) -> list[int]:
        return [_read(path / "energy_uj") or 0 for path in self._packages]


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
