"""What the detector sees in each frame of a run, found for the next frames while the last one is being tracked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vistream.detect.streaming import SharedFeatures
from vistream.kernels.lending import Lending
from vistream.media.video.frames import SourceFrame
from vistream.pipeline.overlap import Behind, ReadAhead
from vistream.types import Observations, Work

AHEAD = 3  # frames: some take the detector longer and others the tracker, so that one alone would often wait


@dataclass(frozen=True, slots=True)
class Detected:
    """In one frame: what was seen, the detector's own maps where they serve as features, what its network did, and
    where, see `StreamedDetector.recomputed`."""

    seen: Observations
    features: SharedFeatures | None = None
    work: Work = field(default_factory=Work)
    recomputed: NDArray[np.bool_] | None = None


Detect = Callable[[SourceFrame], Detected]


class Detections:
    """Iterate over it for `(frame, detected)` pairs, in order. Of `frames` that are not live, some are detected ahead.

    An error surfaces where its frame is asked for. `made`: of the first frames, where an earlier run had detected them.
    Say `finished` when a frame is tracked: an interruption may come at any moment, and memory be asked for then.
    """

    def __init__(self, frames: ReadAhead, detect: Detect, made: Sequence[Detected] = ()) -> None:
        self._frames, self._detect, self._made = frames, detect, deque(made)
        self._behind: Behind | None = None
        self._lending: Lending | None = None
        self._places: deque[Future[tuple[SourceFrame, Detected]]] = deque()
        self._over: BaseException | None = None
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
        while len(self._places) < AHEAD:
            self._ask()
        self._lending = self._lending or Lending()
        found = self._lending.result(self._places[0])
        self._given = True  # before anything else: an interruption may come between two lines
        self._places.popleft()
        self._ask()
        return found

    def finished(self) -> None:
        """The frame that was given last has been tracked."""
        self._given = False

    @property
    def between(self) -> bool:
        """Whether no frame is in work; waits for those that the detector is at. False after an error."""
        errors = (place.exception() for place in self._places)
        return not self._given and all(error is None or isinstance(error, StopIteration) for error in errors)

    @property
    def ahead(self) -> list[Detected]:
        """What was found in the frames after the last one that was given, those that have been looked at."""
        found = [place.result()[1] for place in self._places if place.exception() is None]
        return [*found, *self._made]

    def close(self) -> None:
        """Read and detect no more."""
        self._frames.close()
        if self._behind is not None:
            self._behind.close()
        if self._lending is not None:
            self._lending.close()

    def _ask(self) -> None:
        self._behind = self._behind or Behind("detector")
        place: Future[tuple[SourceFrame, Detected]] = Future()
        self._behind.do(partial(self._find, place))
        self._places.append(place)

    def _find(self, place: Future[tuple[SourceFrame, Detected]]) -> None:
        """Fill one place; behind an error no other frame is looked at."""
        try:
            if self._over is not None:
                raise self._over
            frame = next(self._frames)
            place.set_result((frame, self._detected(frame)))
        except BaseException as error:
            self._over = error
            place.set_exception(error)

    def _detected(self, frame: SourceFrame) -> Detected:
        return self._made.popleft() if self._made else self._detect(frame)
