"""Coverage of vistream's own code: which steps from one line to the next a broken file causes that none did before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import vistream

if TYPE_CHECKING:
    from _typeshed import TraceFunction

PACKAGE = str(Path(vistream.__file__).parent)
Step = tuple[CodeType, int, int]


class Reached:
    """`steps`: all that were taken under `watching`, as code, line before and line. Libraries are not watched."""

    def __init__(self) -> None:
        self.steps: set[Step] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> TraceFunction | None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            return None
        before, add = 0, self.steps.add

        def traced(frame: FrameType, event: str, argument: Any) -> TraceFunction:
            nonlocal before
            if event == "line":
                add((code, before, frame.f_lineno))
                before = frame.f_lineno
            return traced

        return traced
