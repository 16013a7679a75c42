"""Where the time of a run goes: seconds by stage. Stages that overlap in threads each count their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("reading", "detector", "segmentation", "appearance", "association", "drawing", "encoding")


SHOWN = 0.05  # ms: a stage that took less is none


class Stages:
    """`seconds`: spent in each of `STAGES` so far. Each stage is entered by one thread at a time.

    >>> stages = Stages()
    >>> with stages.of("reading"):
    ...     pass
    >>> stages.milliseconds(1)["detector"], stages.milliseconds(0)["reading"] >= 0
    (0.0, True)
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begin

    def described(self, frames: int) -> str:
        """The mean of a frame in words; stages overlap in threads, so the sum may be more than a frame's time."""
        means = self.milliseconds(frames)
        return ", ".join(f"{name} {mean:.1f}" for name, mean in means.items() if mean >= SHOWN) + " ms"

    def milliseconds(self, frames: int) -> dict[str, float]:
        """The mean of a frame, by stage."""
        return {name: 1e3 * seconds / max(frames, 1) for name, seconds in self.seconds.items()}
