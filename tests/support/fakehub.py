"""A small Hugging Face hub on 127.0.0.1, real HTTP: enough of it for `hf_hub_download` to work and to fail.

As on the real hub, a file's address answers HEAD and GET with its metadata and a redirection to another host
(here: another name of this one) that serves the bytes and honours `Range`.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """`files` maps (repository, file name) to content. A context manager; inside, `endpoint` is its address.

    `gated`: repositories that answer 403. `drop_after`: the first GET of bytes breaks off after so many.
    `silent`: connections are accepted and never answered. `announced_size`: what is claimed instead of the
    true size. `corrupt`: the bytes served are not those announced.
    `requests` logs (method, path, Range header or None).
    """

    files: dict[tuple[str, str], bytes]
    gated: frozenset[str] = frozenset()
    drop_after: int | None = None
    silent: bool = False
    announced_size: int | None = None
    corrupt: bool = False
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __enter__(self) -> FakeHub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                answer(hub, self)

            def do_GET(self) -> None:
                answer(hub, self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_closed(self) -> None:
        self._closing.wait()


def answer(hub: FakeHub, request: BaseHTTPRequestHandler) -> None:
    hub.requests.append((request.command, request.path, request.headers.get("Range")))
    if hub.silent:
        hub.wait_until_closed()
        return
    if request.path.startswith("/bytes/"):
        serve_bytes(hub, request, request.path.removeprefix("/bytes/"))
        return
    repo, _, rest = request.path.lstrip("/").partition("/resolve/main/")
    if repo in hub.gated:
        refuse(request, 403, "GatedRepo", f"Access to {repo} is restricted.")
    elif repo not in {known for known, _ in hub.files}:
        refuse(request, 404, "RepoNotFound", "Repository not found")
    elif (repo, rest) not in hub.files:
        refuse(request, 404, "EntryNotFound", "Entry not found")
    else:
        content = hub.files[repo, rest]
        digest = hashlib.sha256(content).hexdigest()
        size = len(content) if hub.announced_size is None else hub.announced_size
        request.send_response(302)
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("X-Linked-Etag", f'"{digest}"')
        request.send_header("X-Linked-Size", str(size))
        request.send_header("Location", f"http://localhost:{hub.port}/bytes/{digest}")
        request.send_header("Content-Length", "0")
        request.end_headers()


def refuse(request: BaseHTTPRequestHandler, status: int, code: str, message: str) -> None:
    request.send_response(status)
    request.send_header("X-Error-Code", code)
    request.send_header("X-Error-Message", message)
    request.send_header("Content-Length", "0")
    request.end_headers()


def serve_bytes(hub: FakeHub, request: BaseHTTPRequestHandler, digest: str) -> None:
    content = next(data for data in hub.files.values() if hashlib.sha256(data).hexdigest() == digest)
    if hub.corrupt:
        content = content[::-1]
    wanted = request.headers.get("Range")
    start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
    request.send_response(206 if wanted else 200)
    if wanted:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.send_header("Content-Length", str(len(content) - start))
    request.end_headers()
    if request.command == "HEAD":
        return
    if hub.drop_after is None:
        request.wfile.write(content[start:])
    else:
        request.wfile.write(content[start : hub.drop_after])
        hub.drop_after = None
        request.close_connection = True
