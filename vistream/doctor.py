"""What `vistream doctor` tries: each check runs the real part once and says what it found and what to do.

Nothing is downloaded and nothing is kept: files are written to a temporary folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from vistream.machine import cores, cpu_name, version_of, versions

NOTHING = "nothing to do"
REINSTALL = "install vistream again in a fresh virtual environment: pip install -c constraints.txt '.[demo]'"


class State(Enum):
    """`WEAKER`: it works, but less well than it could; `BROKEN`: vistream does not work here."""

    OK = "ok"
    WEAKER = "weaker"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding, in one line, and one line of advice."""

    name: str
    state: State
    finding: str
    advice: str = NOTHING


def examine() -> Iterator[Check]:
    """All checks, one by one as they are done. A check that fails in whatever way becomes a broken finding."""
    for name, check in CHECKS.items():
        try:
            yield check()
        except Exception as error:  # a broken installation may raise anything
            reason = (str(error).strip().splitlines() or [""])[0][:160]
            yield Check(name, State.BROKEN, f"{type(error).__name__}: {reason}", REINSTALL)


def check_versions() -> Check:
    """Every library must import; the versions are those installed."""
    import cv2
    import torch

    said = ", ".join(f"{name} {version}" for name, version in versions().items() if name != "av")
    loaded = {"torch": torch.__version__}
    wrong = [name for name, version in loaded.items() if version_of(name) not in (version, version.partition("+")[0])]
    if wrong:
        return Check("versions", State.BROKEN, f"{said}; {wrong[0]} that is loaded is {loaded[wrong[0]]}", REINSTALL)
    if version_of("opencv-python") is None:
        return Check("versions", State.OK, f"{said} (OpenCV {cv2.__version__}, not from PyPI)")
    if torch.version.cuda:
        advice = "torch came with CUDA, which is not used here: the CPU wheel is gigabytes smaller (docs/installing.md)"
        return Check("versions", State.OK, said, advice)
    return Check("versions", State.OK, said)


def check_processor() -> Check:
    """Which kernels this processor can run, the best first, and which will be used."""
    from vistream.kernels.library import CHOICE, variant, variants

    where = f"{cpu_name()}, {cores()} cores"
    here, used = variants(), variant()
    said = f"{where}; kernels: {', '.join(one.name for one in here)}; {used.name} is used"
    if used == here[0]:
        return Check("processor", State.OK, said)
    advice = f"unset {CHOICE}" if os.environ.get(CHOICE) else "please report it: the better ones failed their self-test"
    return Check("processor", State.WEAKER, said, f"exact, but slower than this processor allows: {advice}")


def check_kernels() -> Check:
    """Every variant of the compiled kernels that this processor can run, on random layers."""
    from vistream.kernels.library import library, sound_variants, variants

    sound = sound_variants()  # what failed in a child may end this process
    right = [one for one in sound if not library().vistream_selftest(one.handle, 1, 200, cores())]
    wrong = [one.name for one in variants() if one not in right]
    if wrong:
        return Check("kernels", State.BROKEN, f"wrong results in the self-test: {', '.join(wrong)}", REINSTALL)
    return Check("kernels", State.OK, "compiled; every variant is right on 200 random layers")


def check_product() -> Check:
    """torch's int8 matrix product in the worst case; only the plain kernels use it."""
    from vistream.engine.stream.gemm import int8_product_is_exact

    if int8_product_is_exact():
        return Check("GEMM", State.OK, "torch's int8 product is exact here")
    advice = "nothing to do: float32 products, split so that they are exact, stand in; only plain torch uses them"
    return Check("GEMM", State.WEAKER, "torch's int8 product is not exact here, or missing", advice)


def check_network() -> Check:
    """The default network on two frames: whole, and by what changed."""
    import numpy as np
    import torch

    from vistream.engine.reference import Dense
    from vistream.engine.stream.engine import Stream
    from vistream.quantize.named import DEFAULT_MODEL, named_network

    network = named_network(DEFAULT_MODEL).network
    frames = [np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)]
    frames.append(frames[0].copy())
    frames[1][20:50, 30:70] = 200
    stream, dense = Stream(network), Dense(network)
    for frame in frames:
        step, whole = stream.step(frame), dense.step(frame)
        if not torch.equal(step.levels, whole[network.layers[-1].name]):
            return Check("default network", State.BROKEN, f"{DEFAULT_MODEL}: stream is not dense", "report this")
    found = f"{DEFAULT_MODEL}: stream equals dense; {100 * step.work.share:.0f} % of the work where 10 % changed"
    return Check("default network", State.OK, found, "on your own video: vistream verify VIDEO")


def check_video() -> Check:
    """A clip written in each codec that can be written here, and read back."""
    import numpy as np

    from vistream.media.video.h264 import why_no_h264
    from vistream.media.video.pyav_capture import opencv_reads_interlaced
    from vistream.media.video.sink import VideoSink
    from vistream.media.video.source import open_source

    reason = why_no_h264()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoSink(path, 25, (64, 48)) as sink:
            for level in range(0, 250, 25):
                sink.write(np.full((48, 64, 3), level, np.uint8))
        with open_source(str(path)) as source:
            levels = [int(frame.image.mean()) for frame in source]
    if len(levels) != 10 or any(abs(level - 25 * k) > 12 for k, level in enumerate(levels)):
        return Check("video", State.BROKEN, f"ten frames written as {sink.codec}, read back as {levels}", REINSTALL)
    if reason:
        found = "MPEG-4 Part 2 is written and read; H.264, which browsers play, is only read"
        if not opencv_reads_interlaced():
            found += "; interlaced video gives no pictures"
        return Check("video", State.WEAKER, found, f"for H.264: pip install av ({reason})")
    return Check("video", State.OK, "H.264 is written and read")


def check_weights() -> Check:
    """Which detectors and pose networks are here; only sizes are looked at."""
    from vistream.detect.choose import BEST_FIRST, POSE_BEST_FIRST
    from vistream.detect.person_masks import NAME as MASKS
    from vistream.models.store import located

    here = [name for name in (*BEST_FIRST, *POSE_BEST_FIRST, MASKS) if located(name) is not None]
    if not set(here) & set(BEST_FIRST):
        found = f"no detector is here{', but ' + ', '.join(here) if here else ''}: motion is used"
        return Check("weights", State.WEAKER, found, "for a real detector: vistream download-weights nanodet-g")
    if not set(here) & set(POSE_BEST_FIRST):
        return Check("weights", State.OK, ", ".join(here), "for skeletons: vistream download-weights movenet-multipose")
    return Check("weights", State.OK, ", ".join(here))


def check_display() -> Check:
    """What `--show` and `serve` need."""
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt")
    server = version_of("starlette") is not None and version_of("uvicorn") is not None
    found = f"{'a' if display else 'no'} display, {'a' if server else 'no'} web server"
    if server:
        return Check("looking on", State.OK, found, "live in a browser: vistream serve SOURCE")
    advice = "for the live page in a browser: pip install starlette uvicorn"
    return Check("looking on", State.OK if display else State.WEAKER, found, advice)


def check_joules() -> Check:
    """Whether this machine lets us measure energy."""
    from vistream.energy.rapl import Meter

    if Meter().readable:
        return Check("joules", State.OK, "measured by the processor (RAPL)")
    return Check("joules", State.OK, "can't be measured here", "nothing to do: energy reports say so, and estimate")


CHECKS: dict[str, Callable[[], Check]] = {
    "versions": check_versions,
    "processor": check_processor,
    "kernels": check_kernels,
    "GEMM": check_product,
    "default network": check_network,
    "video": check_video,
    "weights": check_weights,
    "looking on": check_display,
    "joules": check_joules,
}
