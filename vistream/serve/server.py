"""Bind, start the tiles, serve until Ctrl-C, and leave nothing running."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
from collections.abc import Callable, Sequence

import uvicorn

from vistream.errors import VistreamError
from vistream.serve.access import is_local
from vistream.serve.app import make_app
from vistream.serve.tile import Tile

log = logging.getLogger("vistream")

GRACE = 2  # seconds that open connections are given at the end


def serve(tiles: Sequence[Tile], host: str, port: int, say: Callable[[str], None]) -> None:
    """Show `tiles` at `host`:`port` (0: any free one) until Ctrl-C or SIGTERM. `say` is given the address, once.

    Bound to anything but this machine, a fresh token is part of that address and is asked for.
    Raises VistreamError where the address can't be bound.
    """
    token = None if is_local(host) else secrets.token_urlsafe(18)
    listening = _bind(host, port)
    app = make_app(tiles, token, lambda: server.should_exit)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="none", lifespan="off", timeout_graceful_shutdown=GRACE
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn hands signals on when it has closed
    try:
        for tile in tiles:
            tile.start()
        say(_address(host, listening.getsockname()[1], token))
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # the ordinary end
    finally:
        for tile in tiles:
            tile.stop()
        for tile in tiles:
            tile.join(timeout=5.0)
        listening.close()
    log.info("ended")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VistreamError(f"{host} port {port} can't be bound: {reason}: choose another with --port") from None


def _address(host: str, port: int, token: str | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    if host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
