"""The application of `vistream serve` in this process, and requests to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from email.message import Message
from http.client import HTTPConnection, HTTPResponse

import uvicorn

from vistream.serve.server import make_server
from vistream.serve.tile import Tile


@contextmanager
def asked(port: int, path: str, headers: dict[str, str]) -> Iterator[HTTPResponse]:
    """One request, whose answer may have no end."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        with closing(connection.getresponse()) as answer:
            yield answer


def ask(port: int, path: str, **headers: str) -> tuple[int, bytes, Message]:
    """Status, body, headers."""
    with asked(port, path, headers) as answer:
        return answer.status, answer.read(), answer.headers


@contextmanager
def running(server: uvicorn.Server, port: int = 0) -> Iterator[int]:
    """A server on a port (0: a free one), in this process."""
    listening = socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def served(*tiles: Tile, token: str | None = None, port: int = 0) -> AbstractContextManager[int]:
    """The application on a port (0: a free one), in this process."""
    return running(make_server(tiles, token), port)
