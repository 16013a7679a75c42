"""Connections that cannot be held against the server: bounded in number, in the time they may wait, and in the log.

uvicorn alone keeps a connection that never sends a whole request, or never reads its answer, for ever; and where
descriptors run out, asyncio writes megabytes of log about it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 100
"""Connections at once, where descriptors suffice."""
RESERVE = 32
"""Descriptors kept for sources, which are opened again, and for the libraries."""
REQUEST_SECONDS = 10.0
"""In which a whole request must have come, since the connection was made or the last answer ended."""
READING_SECONDS = 30.0
"""In which a reader must take some of what is waiting for it."""
LARGEST_HEAD = 16 * 1024  # bytes
BACKLOG = 64
LOG_SECONDS = 10.0
"""Between two log lines of one kind."""


def most_connections() -> int:
    """How many connections this process can bear."""
    if sys.platform == "win32":  # which has no such limit
        return MOST
    import resource

    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    listing = Path("/dev/fd")
    used = len(list(listing.iterdir())) if listing.is_dir() else RESERVE
    return MOST if allowed == resource.RLIM_INFINITY else max(8, min(MOST, allowed - used - RESERVE))


class GuardedProtocol(H11Protocol):
    """One connection. Where there are too many, the one that has waited longest without a request has to go.

    So connections that ask for nothing keep nobody out. Where all are being answered, the newest has to go.
    """

    most = MOST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.waiting_since: float | None = None
        self._late: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._wait()
        if len(self.connections) > self.most:
            waiting = [one for one in self.connections if isinstance(one, GuardedProtocol) and one.waiting_since]
            oldest = min(waiting, key=lambda one: one.waiting_since or 0.0)
            oldest.drop()

    def _wait(self) -> None:
        """For a request."""
        self.waiting_since = time.monotonic()
        self._late = self.loop.call_later(REQUEST_SECONDS, self.drop)

    def _cancel(self, timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

    def drop(self) -> None:
        """End the connection now, whatever is still to be sent."""
        self.connections.discard(self)
        self.transport.abort()

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self.waiting_since = None
            self._cancel(self._late)

    def on_response_complete(self) -> None:
        self._cancel(self._late)
        self._wait()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(READING_SECONDS, self.drop)

    def resume_writing(self) -> None:
        self._cancel(self._stalled)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel(self._late)
        self._cancel(self._stalled)
        super().connection_lost(exc)


class Seldom(logging.Filter):
    """Lets one record of a kind through in `LOG_SECONDS`, in one line, and then says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = str(record.msg)[:80] if len(self._kinds) < 100 else "others"
        last, left_out = self._kinds.get(kind, (-LOG_SECONDS, 0))
        now = time.monotonic()
        if now - last < LOG_SECONDS:
            self._kinds[kind] = (last, left_out + 1)
            return False
        self._kinds[kind] = (now, 0)
        if record.name == "asyncio":  # its own stack says nothing to whoever watches cameras
            record.exc_info = record.exc_text = record.stack_info = None
            record.msg, record.args = record.getMessage().splitlines()[0], ()
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more like this were left out)", ()
        return True


def bound_logs() -> None:
    """Keep what strangers can cause to be logged within bounds."""
    for name in ("uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, Seldom) for one in logger.filters):
            logger.addFilter(Seldom())


def connection_options() -> dict[str, Any]:
    """For `uvicorn.Config`."""
    GuardedProtocol.most = most_connections()
    bound_logs()
    return {
        "http": GuardedProtocol,
        "h11_max_incomplete_event_size": LARGEST_HEAD,
        "backlog": BACKLOG,
        "ws": "none",
        "lifespan": "off",
        "access_log": False,
    }
