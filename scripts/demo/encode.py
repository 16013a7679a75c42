"""Frames to an mp4: H.264 where PyAV is installed, else OpenCV's mp4v, which is said out loud because it blurs more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger("render_demo")
CRF = "16"  # the finest that keeps a clip below 3 MB


class Writer(Protocol):
    """Takes RGB frames, uint8 `[h, w, 3]`, one after another."""

    def __call__(self, frame: NDArray[np.uint8]) -> None: ...


@contextmanager
def video(path: Path, size: tuple[int, int], fps: int) -> Iterator[Writer]:
    """A video file that takes its name only when all frames are in it."""
    part = path.with_name(f".{path.stem}.part.mp4")
    if find_spec("av"):
        shoot = _h264
    else:
        log.warning(
            "PyAV is not installed: writing mp4v, larger and blurrier than H.264 (pip install 'vistream[demo]')"
        )
        shoot = _mp4v
    try:
        with shoot(part, size, fps) as write:
            yield write
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _h264(path: Path, size: tuple[int, int], fps: int) -> Iterator[Writer]:
    import av

    # One thread and no timestamps: the same frames give the same file on the same build.
    options = {"crf": CRF, "preset": "slow", "threads": "1"}
    with av.open(str(path), "w", options={"movflags": "faststart", "fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"

        def write(frame: NDArray[np.uint8]) -> None:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))

        yield write
        container.mux(stream.encode())


@contextmanager
def _mp4v(path: Path, size: tuple[int, int], fps: int) -> Iterator[Writer]:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        raise SystemExit(f"{path}: OpenCV cannot write mp4v here; install PyAV (pip install 'vistream[demo]')")
    try:

        def write(frame: NDArray[np.uint8]) -> None:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))

        yield write
    finally:
        writer.release()
