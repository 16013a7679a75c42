"""What the detector sees in each frame of a run, found for the next frame while the last one is being tracked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from vistream.detect.streaming import SharedFeatures
from vistream.media.video.frames import SourceFrame
from vistream.pipeline.overlap import Behind, ReadAhead
from vistream.types import Observations, Work


@dataclass(frozen=True, slots=True)
class Detected:
    """In one frame: what was seen, the detector's own maps where they serve as features, and what its network did."""

    seen: Observations
    features: SharedFeatures | None = None
    work: Work = field(default_factory=Work)


Detect = Callable[[SourceFrame], Detected]


class Detections:
    """Iterate over it for `(frame, detected)` pairs, in order. Of `frames` that are not live, one is detected ahead.

    An error surfaces where its frame is asked for. `made`: of the first frame, where an earlier run had detected it.
    Say `finished` when a frame is tracked: an interruption may come at any moment, and memory be asked for then.
    """

    def __init__(self, frames: ReadAhead, detect: Detect, made: Detected | None = None) -> None:
        self._frames, self._detect, self._made = frames, detect, made
        self._behind: Behind | None = None
        self._found: tuple[SourceFrame, Detected] | None = None
        self._given = False  # and not finished

    def __iter__(self) -> Detections:
        return self

    def __next__(self) -> tuple[SourceFrame, Detected]:
        if self._frames.live:
            frame = next(self._frames)
            self._given = True
            return frame, self._detected(frame)
        if self._frames.stopped:
            raise StopIteration
        if self._behind is None:
            self._behind = Behind("detector")
            self._behind.do(self._find)
        self._behind.flush()
        if (found := self._found) is None:
            raise StopIteration
        self._given = True  # before anything else: an interruption may come between two lines
        self._found = None
        self._behind.do(self._find)
        return found

    def finished(self) -> None:
        """The frame that was given last has been tracked."""
        self._given = False

    @property
    def between(self) -> bool:
        """Whether no frame is in work; waits for the one that the detector is at. False after an error."""
        if self._given or self._behind is None:
            return not self._given
        try:
            self._behind.flush()
        except BaseException:
            return False
        return True

    @property
    def ahead(self) -> Detected | None:
        """What was found in the frame after the last one that was given, if it has been looked at."""
        if self._behind is not None:
            self._behind.flush()
        return self._made if self._found is None else self._found[1]

    def close(self) -> None:
        """Read and detect no more."""
        self._frames.close()
        if self._behind is not None:
            self._behind.close()

    def _detected(self, frame: SourceFrame) -> Detected:
        made, self._made = self._made, None
        return made or self._detect(frame)

    def _find(self) -> None:
        with suppress(StopIteration):
            frame = next(self._frames)
            self._found = frame, self._detected(frame)
