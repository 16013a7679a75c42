"""A frame's result as `vistream.track` gives it: with its picture, and in the forms that other libraries take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vistream.media.formats.tracks_csv import FIELDS
from vistream.render.overlay import Overlay
from vistream.render.style import PLAIN, Style, concealed
from vistream.types import Frame, Result

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrackedFrame(Result):
    """One frame's answer, and the frame itself: `picture`, uint8 `[H, W, 3]`, RGB.

    `joints`: for the task pose, the names of the keypoints. `style`: of `plot`.
    Who keeps all results keeps all pictures in memory.
    """

    picture: Frame = field(repr=False)
    joints: tuple[str, ...] = field(default=(), repr=False)
    style: Style = field(default=PLAIN, repr=False)

    def plot(self) -> Frame:
        """The picture with boxes, ids, masks and skeletons drawn on it: uint8 `[H, W, 3]`, RGB."""
        height, width = self.picture.shape[:2]
        overlay = Overlay((width, height), 30.0, self.joints, style=self.style)
        return overlay.draw(concealed(self.picture, self, self.style.blur), self, "")

    def to_pandas(self) -> DataFrame:
        """A row a track, with the columns of `--csv`: frame, time, id, class, score, x, y, w, h, seen, speed,
        covered.
        """
        import pandas

        rows = [
            (
                *(self.frame, self.time, t.id, t.label, float(t.score)),
                *map(float, t.box),
                int(t.seen),
                t.speed,
                int(t.covered),
            )
            for t in self.tracks
        ]
        return pandas.DataFrame(rows, columns=list(FIELDS))

    def to_supervision(self) -> Any:  # Any: supervision.Detections, which need not be installed
        """The tracks as `supervision.Detections`, with ids, class names and masks: what its annotators draw."""
        from vistream.pipeline.supervised import to_supervision

        return to_supervision(self.tracks)
