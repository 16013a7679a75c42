"""`--cluster ray` on three hosts, which are network namespaces of this machine: `python scripts/cluster_check.py`.

Needs Linux, root, iproute2 and the extra `cluster`. The hosts share a folder; the bridge between them leads nowhere
else. Each round tracks three videos, must leave the bytes that one process alone leaves, and

    plain       nothing happens
    loss        all processes of a host are killed once it has got somewhere: its video is taken up elsewhere
    partition   a host is cut off for ten seconds: it goes on
    head        Ray is killed and started again on the first host: the command ends, and --resume goes on
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CLIP = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"
HOSTS = ("vistream-a", "vistream-b", "vistream-c")
BRIDGE = "vistream-br"
PORT = 6399
CODE = "from vistream.cli.main import run; run()"
RAY = (sys.executable, "-m", "ray.scripts.scripts")
LONGEST = 900  # seconds of a round


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def within(host: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", host)


def address(host: str) -> str:
    return f"10.77.0.{HOSTS.index(host) + 1}"


@contextmanager
def network() -> Iterator[None]:
    """The hosts, joined by a bridge in a namespace of its own; all of it goes in the end."""
    try:
        ip("netns", "add", BRIDGE)
        ip("-n", BRIDGE, "link", "add", "br0", "type", "bridge")
        ip("-n", BRIDGE, "link", "set", "br0", "up")
        for number, host in enumerate(HOSTS):
            ip("netns", "add", host)
            ip("-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", f"port{number}", "netns", BRIDGE)
            ip("-n", BRIDGE, "link", "set", f"port{number}", "master", "br0", "up")
            ip("-n", host, "address", "add", f"{address(host)}/24", "dev", "eth0")
            ip("-n", host, "link", "set", "eth0", "up")
            ip("-n", host, "link", "set", "lo", "up")
        yield
    finally:
        for host in (*HOSTS, BRIDGE):
            kill_all(host)
            subprocess.run(["ip", "netns", "delete", host], check=False, stderr=subprocess.DEVNULL)


def kill_all(host: str) -> None:
    """Every process of a host, as a power cut does."""
    listed = subprocess.run(["ip", "netns", "pids", host], check=False, capture_output=True, text=True).stdout
    for process in map(int, listed.split()):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def start_ray(host: str) -> None:
    head = ("--head", f"--port={PORT}", "--include-dashboard=false") if host == HOSTS[0] else ()
    joins = () if head else (f"--address={address(HOSTS[0])}:{PORT}",)
    limits = ("--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
    command = [*within(host), *RAY, "start", f"--node-ip-address={address(host)}", *head, *joins, *limits]
    patient = {**os.environ, "RAY_raylet_start_wait_time_s": str(LONGEST)}  # the machine may be busy
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=patient, timeout=LONGEST
    )


def track(folder: Path, videos: list[Path], frames: int, *more: str, host: str | None = None) -> subprocess.Popen[str]:
    names = [str(video) for video in videos]
    options = ("--detector", "motion", "--max-frames", str(frames), "--jsonl", str(folder), "--mot-txt", str(folder))
    cluster = () if host is None else ("--cluster", f"ray:{address(HOSTS[0])}:{PORT}")
    place = () if host is None else within(host)
    command = [*place, sys.executable, "-c", CODE, "track", *names, *options, *cluster, *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def checksums(folder: Path) -> dict[str, str]:
    files = sorted((*folder.glob("*.jsonl"), *folder.glob("*.txt")))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def wait_for_lines(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until every video has so many frames, or the run has ended."""
    while process.poll() is None:
        files = list(folder.glob("*.jsonl"))
        if len(files) == len(HOSTS) and all(path.read_bytes().count(b"\n") >= count for path in files):
            return
        time.sleep(0.2)


def lose(_: subprocess.Popen[str]) -> str:
    kill_all(HOSTS[2])
    return f"{HOSTS[2]} is lost"


def cut_off(_: subprocess.Popen[str]) -> str:
    ip("-n", BRIDGE, "link", "set", "port2", "down")
    time.sleep(10)
    ip("-n", BRIDGE, "link", "set", "port2", "up")
    return f"{HOSTS[2]} was cut off for ten seconds"


def restart_head(process: subprocess.Popen[str]) -> str:
    for host in HOSTS[1:]:
        kill_all(host)
    listed = subprocess.run(["ip", "netns", "pids", HOSTS[0]], check=True, capture_output=True, text=True).stdout
    for other in set(map(int, listed.split())) - {process.pid}:
        os.kill(other, signal.SIGKILL)
    return "Ray's head is killed, and with it the cluster"


ROUNDS: dict[str, Callable[[subprocess.Popen[str]], str] | None] = {
    "plain": None,
    "loss": lose,
    "partition": cut_off,
    "head": restart_head,
}


def play(name: str, root: Path, videos: list[Path], frames: int) -> dict[str, str]:
    """One round; the checksums of what it left."""
    folder, harm = root / name, ROUNDS[name]
    with network():
        for host in HOSTS:
            start_ray(host)
        process = track(folder, videos, frames, host=HOSTS[0])
        if harm is not None:
            wait_for_lines(folder, frames // 4, process)
            print(f"{name}: {harm(process)}", flush=True)
        said = process.communicate(timeout=LONGEST)[1]
        print(f"{name}: exit code {process.returncode}", *said.strip().splitlines()[-4:], sep="\n    ", flush=True)
        if process.returncode:
            for host in HOSTS:
                kill_all(host)
            for host in HOSTS:
                start_ray(host)
            again = track(folder, videos, frames, "--resume", host=HOSTS[0])
            said = again.communicate(timeout=LONGEST)[1]
            print(f"{name}: resumed, exit code {again.returncode}", *said.splitlines()[-2:], sep="\n    ", flush=True)
        return checksums(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="A cluster of three hosts, and what may happen to it.")
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--rounds", nargs="+", choices=list(ROUNDS), default=list(ROUNDS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        videos = [Path(shutil.copy(CLIP, root / f"{name}.mp4")) for name in "abc"]
        alone = track(root / "alone", videos, asked.frames, "--jobs", "1")
        assert alone.wait(timeout=LONGEST) == 0
        expected, equal = checksums(root / "alone"), True
        for name in asked.rounds:
            found = play(name, root, videos, asked.frames)
            equal &= found == expected
            print(f"{name}: {len(found)} files,", "the same bytes" if found == expected else "DIFFERENT", flush=True)
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
