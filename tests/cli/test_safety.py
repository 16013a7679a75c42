"""What a terminal and other users of the machine get to see, and how the program ends where room is lacking."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vistream.addresses import without_secrets
from vistream.cli.main import app
from vistream.errors import told
from vistream.pipeline.fleet.jobs import stem_of
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings

DEMO = Path(__file__).parents[2] / "demo_videos"
CLIP = DEMO / "plaza_static.mp4"
TRUTH = str(DEMO / "plaza_static" / "gt" / "gt.txt")
RUN = "from vistream.cli.main import run; run()"

SECRET = "s3cr3t"


def vistream(*arguments: str, cwd: Path, code: str = RUN) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own, on a wide terminal."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"COLUMNS": "150"},
    )


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://ann:{SECRET}@10.0.0.7/street",
        f"rtsp://{SECRET}@10.0.0.7/street",
        f"rtsp://ann:a@{SECRET}@10.0.0.7/street",
        f"rtsp://ann:a/{SECRET}@10.0.0.7/street",
        f"rtsp://ann:a?{SECRET}#x@10.0.0.7/street",
        f"rtsp://{SECRET}:12/34@10.0.0.7/street",
        f"http://10.0.0.7:8080/street?token={SECRET}",
        f"http://10.0.0.7/street?user={SECRET}&pwd={SECRET}",
        f"http://10.0.0.7/street?channel=1;key={SECRET}",
        f"http://10.0.0.7/street;auth={SECRET}?{SECRET}",
        f"http://10.0.0.7/street#{SECRET}",
        f"rtsp:/ann:{SECRET}@10.0.0.7/street",
        f"--output=http://ann:{SECRET}@10.0.0.7/street",
        f"failed at http://ann:{SECRET}@10.0.0.7/street, and at rtsp://10.0.0.7/?p={SECRET}",
    ],
)
def test_secrets_in_addresses_are_masked(address: str) -> None:
    shown = without_secrets(address)
    assert SECRET not in shown
    assert "10.0.0.7" in shown
    assert without_secrets(shown) == shown
    assert SECRET not in stem_of(address)


@pytest.mark.parametrize(
    "text", ["clips/a@b.mp4", "C:/users/a@b/clip.mp4", "rtsp://10.0.0.7/street?channel=2", "a: b@c"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc")
def test_neither_ps_nor_the_error_shows_a_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://ann:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/a.mp4?token={SECRET}"
        command = [sys.executable, "-c", RUN, "track", address, "--csv", "out.csv"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            asked, _ = silent.accept()
            assert SECRET not in Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
            asked.close()
            silent.close()
            said = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert SECRET not in said
    assert "http://***@127.0.0.1" in said


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_no_file_of_a_run_holds_a_secret(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(DEMO))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{CLIP.name}?token={SECRET}"
        paths = OutputPaths(
            **{name: tmp_path / f"out.{name}" for name in ("mot", "csv", "jsonl")}, video=tmp_path / "out.mp4"
        )
        settings = Settings(detector="motion", max_frames=2)
        with Recording(address, settings, paths, report=tmp_path / "page", arguments=["track", address]) as made:
            list(made)
        server.shutdown()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"out.resume", "index.html", "out.jsonl"} <= {path.name for path in files}
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
    assert "token=***" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


def test_names_are_printed_as_they_are(tmp_path: Path) -> None:
    """No markup, no emoji, and nothing that a terminal would obey."""
    name = "a[bold]:smile:\x1b[31m.mp4"
    (tmp_path / name).symlink_to(CLIP)
    done = vistream("track", name, "--detector", "motion", "--max-frames", "1", "--csv", f"{name}.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert r"a[bold]:smile:\x1b[31m.mp4.csv" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    missing = vistream("track", f"no{name}", cwd=tmp_path)
    assert missing.stderr == "error: noa[bold]:smile:\\x1b[31m.mp4 matches nothing\n"


LONG = 300 * "x"


@pytest.mark.parametrize(
    "arguments",
    [
        ("track", LONG),
        ("track", str(CLIP), "--csv", LONG),
        ("track", str(CLIP), "--output", f"{LONG}/a.mp4"),
        ("track", str(CLIP), "--detector", LONG),
        ("track", str(CLIP), "--detections", LONG),
        ("track", str(CLIP), "--model", LONG),
        ("track", str(CLIP), "--report", LONG),
        ("eval", "--gt", LONG, "--pred", LONG),
    ],
)
def test_a_name_that_is_too_long_ends_in_one_line(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, arguments)
    line = done.output if done.exception is None or isinstance(done.exception, SystemExit) else told(done.exception)
    assert done.exit_code != 0
    assert line is not None, repr(done.exception)
    assert "xxx" in line
    assert len(line) < 1000


LIMITED = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is set from what Linux says")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("eval", "--gt", TRUTH, "--pred", TRUTH),
        ("download-weights",),
        ("doctor", "--json"),
    ],
)
def test_a_full_output_ends_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, *arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: the output can't be written: No space left on device"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@LIMITED
@pytest.mark.parametrize(("command", "megabytes"), [("track", 30), ("track", 150), ("verify", 60), ("verify", 150)])
def test_too_little_memory_ends_in_one_line(command: str, megabytes: int, tmp_path: Path) -> None:
    """The limit is set once the libraries are loaded, of which some don't bear it."""
    code = f"""
import resource, sys
from vistream.threads import keep_threads_calm
keep_threads_calm()
import torch, cv2
from pathlib import Path
import vistream.pipeline.recording
from vistream.cli.main import run
torch.set_num_threads(1); cv2.setNumThreads(0)
used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {megabytes} * 2**20,) * 2)
run()
"""
    done = vistream(command, str(CLIP), "--max-frames", "2", cwd=tmp_path, code=code)
    assert done.returncode == 2, done.stderr[-2000:]
    assert done.stderr.splitlines()[-1].startswith("error: there is not enough memory"), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@LIMITED
def test_products_that_get_no_memory_end_no_process() -> None:
    """As OpenBLAS ends one, with whatever is half-written."""
    code = """
import resource
import numpy as np
from pathlib import Path
from vistream.buffers import take_buffers
used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 16 * 2**20, resource.RLIM_INFINITY))
try:
    take_buffers()
except MemoryError:
    print("refused", end=" ")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
take_buffers()
print(float(np.linalg.det(np.eye(2))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "refused 1.0\n"
