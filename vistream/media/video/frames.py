"""What every source is made of: one frame, the choice of frames, and the iterator that hands them out.

It knows nothing about files or cameras; `videofile`, `images` and `live` each give it a generator of frames.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, replace
from types import TracebackType

import cv2
import numpy as np

from vistream.errors import VistreamError
from vistream.types import Frame

log = logging.getLogger("vistream")


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One frame. `index` counts the source's own frames from 0; `time` is in seconds from frame 0.

    `image`: uint8 `[H, W, 3]`, RGB. `name`: the image's file name, or the index in six digits.
    """

    index: int
    time: float
    image: Frame
    name: str


@dataclass(frozen=True, slots=True)
class Window:
    """Which frames are wanted: from `start`, every `stride`-th, at most `max_frames` of them.

    `after`: the last frame that an earlier run took. Files give it once more, then those behind it; of a live source it
    is gone, and new frames are numbered from the next number on.
    """

    start: int = 0
    stride: int = 1
    max_frames: int | None = None
    after: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise VistreamError(f"start is {self.start}: frames are counted from 0")
        if self.stride < 1:
            raise VistreamError(f"stride is {self.stride}: it must be at least 1")
        if self.max_frames is not None and self.max_frames < (1 if self.after is None else 0):
            raise VistreamError(f"max_frames is {self.max_frames}: it must be at least 1")

    def of_file(self) -> Window:
        """The same, as plain numbers, for a source whose frames can be had again.

        >>> Window(2, 3, 4, after=11).of_file()
        Window(start=11, stride=3, max_frames=5, after=None)
        """
        if self.after is None:
            return self
        return Window(self.after, self.stride, None if self.max_frames is None else self.max_frames + 1)

    def takes(self, index: int) -> bool:
        """Whether frame `index` is wanted, `max_frames` aside."""
        return index >= self.start and (index - self.start) % self.stride == 0

    def count(self, total: int | None) -> int | None:
        """How many frames a source of `total` gives; None stands for an unknown number.

        >>> Window(2, 3).count(10), Window(2, 3, 2).count(10), Window(10).count(10), Window().count(None)
        (3, 2, 0, None)
        """
        if total is None:
            return None
        wanted = max(0, -(-(total - self.start) // self.stride))
        return wanted if self.max_frames is None else min(wanted, self.max_frames)


@dataclass(slots=True)
class Health:
    """How a live source is doing, kept up to date while it runs.

    Frames `received`, and `dropped` because a newer one had come before they were asked for; `lag`: seconds for which
    the last frame handed out had waited, since it `arrived` (a moment of `time.monotonic`); `losses` of the connection,
    and whether it is `connected` now. `stopped`: no more frames are wanted.
    """

    received: int = 0
    dropped: int = 0
    losses: int = 0
    connected: bool = True
    lag: float = 0.0
    arrived: float = 0.0
    stopped: bool = False


class Source:
    """Frames one by one, never held: an iterator, and a context manager that closes what was opened.

    `name`: for people and file names. `fps`: frames a second as the source declares them, or None.
    `size`: (width, height). `frame_count`: how many frames this run will deliver, or None if unknown;
    `counted`: it is what the file says or holds, not an estimate from its duration.
    `live`: a camera or stream, where frames that come while one is being worked on are dropped; `health` tells more.
    `names`: of the files, all of them in order, where the frames are images.
    `steady`: a frame of another size than the first is an error; else it is scaled to that, which is logged.

    The first frame is read at once, so that a source which gives nothing fails before any work is done.
    """

    def __init__(
        self,
        name: str,
        frames: Generator[SourceFrame, None, None],
        *,
        fps: float | None,
        frame_count: int | None,
        counted: bool = True,
        health: Health | None = None,
        steady: bool = False,
        names: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.names = names
        self.fps = fps
        self.frame_count = frame_count
        self.counted = counted
        self.live = health is not None
        self.health = health or Health()
        self._steady = steady
        self._frames = frames
        self._first: SourceFrame | None = next(frames)
        self.size = (self._first.image.shape[1], self._first.image.shape[0])
        self._last_size = self.size

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> SourceFrame:
        """The next frame; raises `VistreamError` where a file is cut short, or an image has another size."""
        if self.health.stopped:
            raise StopIteration
        frame, self._first = self._first or next(self._frames), None
        size = (frame.image.shape[1], frame.image.shape[0])
        if size != self._last_size:
            self._say_size(frame.name, size)
        if size != self.size:
            scaled = cv2.resize(frame.image, self.size, interpolation=cv2.INTER_AREA)
            frame = replace(frame, image=np.asarray(scaled, dtype=np.uint8))
        return frame

    def _say_size(self, name: str, size: tuple[int, int]) -> None:
        is_now = f"{self.name}: frame {name} is {size[0]}x{size[1]}, the first one is {self.size[0]}x{self.size[1]}"
        if self._steady:
            raise VistreamError(f"{is_now}: all frames must have the same size")
        log.warning("%s: %s", is_now, "as at first again" if size == self.size else "scaled to that from here on")
        self._last_size = size

    def stop(self) -> None:
        """No more frames are wanted: the iterator ends, and does not wait for one. May be called from anywhere."""
        self.health.stopped = True

    def close(self) -> None:
        """Stop, and let go of the file or camera."""
        self._first = None
        self._frames.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
