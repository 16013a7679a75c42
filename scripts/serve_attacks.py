"""What strangers can do to `vistream serve`, measured: `python scripts/serve_attacks.py`.

A server of its own, with a token, is attacked over the loopback interface alone, within bounds. Measured is what
somebody with the token notices. Another version of the program: give its checkout as PYTHONPATH.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

CLIP = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"
DESCRIPTORS = 128
SECONDS = 30.0
MUTATED = 3000


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its port, the token, and the file that its log goes to."""

    port: int
    token: str
    log: Path

    def answer(self, path: str = "/api/sources", **headers: str) -> tuple[int, float]:
        """Status, and seconds that it took; status 0: there was no answer in ten seconds."""
        began = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers or {"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, time.perf_counter() - began
        except (OSError, HTTPException):
            return 0, time.perf_counter() - began
        finally:
            connection.close()

    def send(self, content: bytes) -> bytes:
        """The first bytes of the answer to whatever is sent; empty where there is none within a second."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(content)
            return connection.recv(200)
        return b""


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    code = "from vistream.cli.main import run; run()"
    options = ("--detector", "motion", "--host", "0.0.0.0", "--port", "0")
    command = [sys.executable, "-c", code, "serve", str(CLIP), *options]
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))  # noqa: E731
    log = folder / "log"
    with (
        log.open("w", encoding="utf-8", newline="\n") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=limit) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+:(\d+)/\?token=(\S+)", process.stdout.readline())
            assert found, log.read_text(encoding="utf-8")
            served = Served(int(found[1]), found[2], log)
            deadline = time.monotonic() + 120
            while served.answer()[0] != 200 and time.monotonic() < deadline:
                time.sleep(0.5)
            yield served
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()


def slowest_during(served: Served, attack: Callable[[], object], seconds: float) -> tuple[float, int]:
    """The longest wait for an answer while `attack` goes on, and how many of the answers failed."""
    attacker = threading.Thread(target=attack, daemon=True)
    attacker.start()
    waits, failed, end = [0.0], 0, time.monotonic() + seconds
    while attacker.is_alive() or time.monotonic() < end:
        status, took = served.answer()
        waits.append(took)
        failed += status != 200
        time.sleep(0.1)
    return max(waits), failed


def cookie(served: Served) -> str:
    hostile = 'vistream="' + "\\a" * 30_000 + '"'
    took, failed = slowest_during(served, lambda: served.answer(Cookie=hostile), 1.0)
    return f"longest wait {took:.2f} s, {failed} without an answer"


def digits(served: Served) -> str:
    return f"status {served.answer('/sources/' + 5000 * '9' + '/picture.jpg')[0]}"


def redirect(served: Served) -> str:
    asked = f"GET //evil.example/?token={served.token} HTTP/1.1\r\nHost: a\r\n\r\n"
    found = re.search(rb"(?i)location: (\S+)", served.send(asked.encode()))
    return f"leads to {found[1].decode() if found else 'nowhere'}"


def half_open(served: Served) -> str:
    """More connections than the server has descriptors, none of which asks for anything."""
    size = served.log.stat().st_size
    with ExitStack() as stack:
        for _ in range(2 * DESCRIPTORS):
            with suppress(OSError):
                half = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=1))
                half.sendall(b"GET / HTTP/1.1\r\nX: ")
        took, failed = slowest_during(served, lambda: None, SECONDS)
    grown = (served.log.stat().st_size - size) / 1e6
    return f"longest wait {took:.2f} s, {failed} without an answer, {grown:.3f} MB of log in {SECONDS:g} s"


def protocol(served: Served) -> str:
    """Requests that are cut, repeated and changed, bounded in number; the server must go on answering."""
    rng, size = random.Random(0), served.log.stat().st_size
    seeds = [
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: vistream=x\r\n\r\n",
        b"GET /sources/0/stream.mjpg?token=x HTTP/1.1\r\nHost: [::1]:80\r\nAuthorization: Bearer \xff\r\n\r\n",
        b"POST /api/sources HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET /%2e%2e/%00%ff HTTP/1.0\r\nContent-Length: 99999999999999999999\r\nUpgrade: websocket\r\n\r\n",
    ]
    faults = 0
    for _ in range(MUTATED):
        request = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(request))
            change = rng.randrange(4)
            if change == 0:
                request[place] = rng.randrange(256)
            elif change == 1:
                del request[place : place + rng.randint(1, 20)]
            elif change == 2:
                request[place:place] = request[place : place + 10] * rng.randint(1, 200)
            else:
                request[place:place] = rng.choice((b"\r\n", b"\0", b"//", b"%", b"\xff\xfe", b": ", b"9" * 5000))
            request = request or bytearray(b"\r\n")
        with suppress(OSError), socket.create_connection(("127.0.0.1", served.port), timeout=1) as connection:
            connection.sendall(bytes(request))
            connection.shutdown(socket.SHUT_WR)
            faults += b" 500 " in connection.recv(200)[:20]
    grown = (served.log.stat().st_size - size) / 1e6
    status, took = served.answer()
    return f"{faults} of {MUTATED} answered with 500, {grown:.3f} MB of log; then status {status} in {took:.2f} s"


ATTACKS = {
    "cookie of 30,000 escapes, no token": cookie,
    "path with 5,000 digits": digits,
    "path that begins with //": redirect,
    f"{2 * DESCRIPTORS} half-open connections, {DESCRIPTORS} descriptors": half_open,
    f"{MUTATED} changed requests": protocol,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Attack a server of our own, and measure what its users notice.")
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    only = parser.parse_args().only
    print("| attack | outcome |\n|---|---|", flush=True)
    for name, attack in ATTACKS.items():
        if only in name:
            with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch)) as served:
                print(f"| {name} | {attack(served)} |", flush=True)


if __name__ == "__main__":
    main()
