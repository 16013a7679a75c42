"""Ctrl-C and SIGTERM: the first one asks for an end after the present frame, the second one ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Asked:
    """`number` of the signal that asked for an end; 0: none did."""

    number: int = 0


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[Asked]:
    """Within the block a signal calls `stop`, and a second one raises KeyboardInterrupt. For the main thread."""
    asked = Asked()

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.number:
            raise KeyboardInterrupt
        asked.number = number
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
