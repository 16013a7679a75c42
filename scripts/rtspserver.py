"""An RTSP camera: the server of aio-rtsp-toolkit in a process of its own, which plays a clip to whoever comes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

SERVE = """
import asyncio, sys
import aio_rtsp_toolkit.server as server
asyncio.run(server.serve(sys.argv[1], host="127.0.0.1", port=int(sys.argv[2]), control_port=int(sys.argv[3])))
"""
SECRET = "secret"
LONGEST = 30.0  # seconds for which its start is waited for


class RtspServer:
    """Serves what `play` put into `folder` as `url`, whose password is `SECRET`. Start it; kill it in the end."""

    def __init__(self, folder: Path, clip: Path) -> None:
        self._folder, self._ports = folder, [free_port(), free_port()]
        self.play(clip)
        self.url = f"rtsp://ann:{SECRET}@127.0.0.1:{self._ports[0]}/cam.mp4"
        self.process: subprocess.Popen[bytes] | None = None

    def play(self, clip: Path) -> None:
        """From its next start on."""
        shutil.copy(clip, self._folder / "cam.mp4")

    def start(self) -> None:
        """Returns when it can be reached. Raises TimeoutError where it never is."""
        arguments = [sys.executable, "-c", SERVE, str(self._folder), *map(str, self._ports)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._ports[0])) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the RTSP server does not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
