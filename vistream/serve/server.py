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
from vistream.serve.connections import BACKLOG, connection_options
from vistream.serve.desk import Desk
from vistream.serve.deskapp import make_desk_app
from vistream.serve.tile import Tile

log = logging.getLogger("vistream")

GRACE = 2  # seconds that open connections are given at the end


def serve(tiles: Sequence[Tile], host: str, port: int, say: Callable[[str], None]) -> None:
    """Show `tiles` at `host`:`port` (0: any free one) until Ctrl-C or SIGTERM, or until none of them has anything to
    show. `say` is given the address, once.

    Bound to anything but this machine, a fresh token is part of that address and is asked for.
    Raises VistreamError where the address can't be bound, or no source be opened.
    """
    token = None if is_local(host) else secrets.token_urlsafe(18)
    listening = _bind(host, port)
    server = make_server(tiles, token)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn hands signals on when it has closed

    def end_without_sources() -> None:
        server.should_exit = server.should_exit or all(tile.failed for tile in tiles)

    try:
        for tile in tiles:
            tile.when_over = end_without_sources
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
    if all(tile.failed for tile in tiles):
        raise VistreamError("there is nothing to show: no source could be opened")
    log.info("ended")


def serve_desk(desk: Desk, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the page on which objects are clicked, as `serve` does its own."""
    token = None if is_local(host) else secrets.token_urlsafe(18)
    listening = _bind(host, port)
    config = uvicorn.Config(
        make_desk_app(desk, token), log_level="warning", timeout_graceful_shutdown=GRACE, **connection_options()
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say(_address(host, listening.getsockname()[1], token))
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # the ordinary end
    finally:
        desk.stop()
        listening.close()
    log.info("ended")


def make_server(tiles: Sequence[Tile], token: str | None) -> uvicorn.Server:
    """A server of the application, not yet running; `token` as for `Access`."""
    app = make_app(tiles, token, lambda: server.should_exit)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE, **connection_options())
    server = uvicorn.Server(config)
    return server


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while attempting")[0]
        raise VistreamError(f"{host} port {port} can't be bound: {reason}: choose another --port or --host") from None


def _address(host: str, port: int, token: str | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    if host in ("", "0.0.0.0", "::"):
        shown = _outward(socket.AF_INET6 if host == "::" else socket.AF_INET)
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def _outward(family: socket.AddressFamily) -> str:
    """The address of this machine as others see it, which its name may not lead to; nothing is sent to find out."""
    somewhere, here = ("2001:db8::1", "[::1]") if family == socket.AF_INET6 else ("192.0.2.1", "127.0.0.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((somewhere, 9))
        except OSError:  # no network
            return here
        address: str = probe.getsockname()[0]
    return f"[{address}]" if family == socket.AF_INET6 else address
