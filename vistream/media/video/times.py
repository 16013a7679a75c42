"""When the frames of a video are shown: those of a camera may come at any moment."""

from __future__ import annotations

from array import array

import numpy as np

LATE = 0.5  # of a frame: videos whose frames are never further from an even rate have one


class Times:
    """Seconds of one frame after another, as their source says; `fps` of a video at an even rate.

    >>> times = Times(25.0)
    >>> for time in (8.0, 8.04, 8.5): times.add(time)
    >>> times.start, times.uneven, times.milliseconds()
    (8.0, True, [0, 40, 500])
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._seconds = array("d")

    def __len__(self) -> int:
        return len(self._seconds)

    def add(self, time: float | None) -> None:
        """Of the next frame; None: one frame after the last."""
        last = self._seconds[-1] + 1 / self._fps if self._seconds else 0.0
        self._seconds.append(last if time is None else time)

    @property
    def start(self) -> float:
        """Of the first frame; 0 before there is one."""
        return self._seconds[0] if self._seconds else 0.0

    @property
    def uneven(self) -> bool:
        """Whether any frame is further from an even rate than half a frame."""
        seconds = np.array(self._seconds) - self.start
        return bool((np.abs(seconds * self._fps - np.arange(len(seconds))) > LATE).any())

    def milliseconds(self) -> list[int]:
        """From the first frame to each, every one later than that before."""
        whole = np.rint(1000 * (np.array(self._seconds) - self.start)).astype(np.int64)
        order = np.arange(len(whole))
        return [int(moment) for moment in np.maximum.accumulate(whole - order) + order]
