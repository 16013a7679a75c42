"""What every source is made of: one frame, the choice of frames, and the iterator that hands them out.

It knows nothing about files or cameras; `videofile`, `images` and `live` each give it a generator of frames.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from types import TracebackType

from vistream.errors import VistreamError
from vistream.types import Frame


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
    """Which frames are wanted: from `start`, every `stride`-th, at most `max_frames` of them."""

    start: int = 0
    stride: int = 1
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise VistreamError(f"start is {self.start}: frames are counted from 0")
        if self.stride < 1:
            raise VistreamError(f"stride is {self.stride}: it must be at least 1")
        if self.max_frames is not None and self.max_frames < 1:
            raise VistreamError(f"max_frames is {self.max_frames}: it must be at least 1")

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


class Source:
    """Frames one by one, never held: an iterator, and a context manager that closes what was opened.

    `name`: for people and file names. `fps`: frames a second as the source declares them, or None.
    `size`: (width, height). `frame_count`: how many frames this run will deliver, or None if unknown.
    `live`: a camera or stream, where frames that come while one is being worked on are dropped.

    The first frame is read at once, so that a source which gives nothing fails before any work is done.
    """

    def __init__(
        self,
        name: str,
        frames: Generator[SourceFrame, None, None],
        *,
        fps: float | None,
        frame_count: int | None,
        live: bool = False,
    ) -> None:
        self.name = name
        self.fps = fps
        self.frame_count = frame_count
        self.live = live
        self._frames = frames
        self._first: SourceFrame | None = next(frames)
        self.size = (self._first.image.shape[1], self._first.image.shape[0])

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> SourceFrame:
        """The next frame; raises `VistreamError` where a file is cut short or the frame size changes."""
        frame, self._first = self._first or next(self._frames), None
        height, width = frame.image.shape[:2]
        if (width, height) != self.size:
            raise VistreamError(
                f"{self.name}: frame {frame.name} is {width}x{height}, the first one is "
                f"{self.size[0]}x{self.size[1]}: all frames must have the same size"
            )
        return frame

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
