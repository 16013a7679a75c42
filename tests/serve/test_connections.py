"""Those who ask for nothing, or read nothing, keep nobody out; and the log stays small."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection

import numpy as np
import pytest
import uvicorn

from vistream.pipeline.settings import Settings
from vistream.serve import connections
from vistream.serve.server import make_server
from vistream.serve.tile import Tile, View
from vistream.types import Result

TOKEN = "abc123"
COOKIE = f"Cookie: vistream={TOKEN}"


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch, most: int = 8) -> Iterator[tuple[uvicorn.Server, int]]:
    """A server of one noisy picture for `most` connections at once."""
    tile = Tile("nothing.mp4", Settings())
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    tile.view = View(1, Result(0, 0.0, (), 0), noise, noise)
    monkeypatch.setattr(connections, "most_connections", lambda: most)
    server = make_server([tile], TOKEN)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield server, listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def asked(port: int) -> tuple[int, object]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/api/sources", headers={"Cookie": f"vistream={TOKEN}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "sent", ["", "GET / HTTP/1.1\r\nHost: a\r\n", "GET /\r\n", "POST / HTTP/1.1\r\nHost: a\r\nX: "]
)
def test_half_open_connections_keep_nobody_out(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as (server, port), ExitStack() as stack:
        for _ in range(40):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            half.sendall(sent.encode())
        assert asked(port)[0] == 200
        assert len(server.server_state.connections) <= 8


@pytest.mark.parametrize("first", ["", f"GET /page.js HTTP/1.1\r\nHost: a\r\n{COOKIE}\r\n\r\n"])
def test_a_request_must_come_in_time(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one, and the next one; a byte now and then does not count."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    with running(monkeypatch) as (server, port), socket.create_connection(("127.0.0.1", port), timeout=30) as half:
        half.sendall(first.encode() + b"GET / HTTP/1.1\r\nX: ")
        wait(lambda: len(server.server_state.connections) == 1 or not first)

        def dropped() -> bool:
            try:
                half.sendall(b"x")
            except OSError:
                return True
            return False

        wait(dropped)
        assert not server.server_state.connections


def test_who_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READING_SECONDS", 0.5)
    request = f"GET /sources/0/picture.jpg HTTP/1.1\r\nHost: a\r\n{COOKIE}\r\n\r\n".encode()
    with running(monkeypatch) as (server, port), socket.create_connection(("127.0.0.1", port), timeout=30) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(150 * request)
        wait(lambda: len(server.server_state.connections) == 1)
        wait(lambda: not server.server_state.connections)
        assert asked(port)[0] == 200


def test_a_head_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an old standard library the parser of cookies took seconds for this one."""
    with running(monkeypatch) as (_, port):
        for count in (3000, 30_000, 300_000):
            with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                connection.request("GET", "/", headers={"Cookie": 'vistream="' + count * "\\a" + '"'})
                assert connection.getresponse().status in (400, 401)
        assert asked(port)[0] == 200


def test_the_log_is_bounded(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    logger = logging.getLogger("asyncio")
    for old in [one for one in logger.filters if isinstance(one, connections.Seldom)]:
        logger.removeFilter(old)
    connections.bound_logs()
    connections.bound_logs()  # the second server of a process
    for number in range(5000):
        logger.error("socket.accept() out of system resource\nsocket: %d", number, exc_info=OSError(24, "too many"))
    now[0] += connections.LOG_SECONDS
    logger.error("socket.accept() out of system resource\nsocket: %d", 1)
    first = "socket.accept() out of system resource"
    assert [record.getMessage() for record in caplog.records] == [first, f"{first} (4999 more like this were left out)"]
    assert "Traceback" not in caplog.text
