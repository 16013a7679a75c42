"""What single object tracking remembers of one object."""

from __future__ import annotations

from dataclasses import dataclass, field

from vistream.tracking.correlation import Head, Window
from vistream.tracking.entering import Side
from vistream.tracking.likelihood import ColourLikelihood
from vistream.tracking.movement import Movement
from vistream.tracking.presence import Presence
from vistream.tracking.recovery import Recovery
from vistream.tracking.template import Template
from vistream.types import Box


@dataclass(slots=True)
class SotTarget:
    """An object: its centre and size now, its size at first (all in pixels), and what finds it (None: not seen yet).

    `whiten`: what its features are multiplied by, `[C, C]`; `template`: of its box.
    `large`: whether it covers many cells of the feature map; `grid`: cells along each side of its window.
    `movement`, `colours`: None where they say nothing. `enters`: the side of the frame from which more of it is still
    to come.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    first: tuple[float, float]
    head: Head | None = None
    whiten: Window | None = None
    template: Template | None = None
    presence: Presence = field(default_factory=Presence)
    recovery: Recovery = field(default_factory=Recovery)
    large: bool = False
    grid: int = 0
    movement: Movement | None = None
    colours: ColourLikelihood | None = None
    enters: Side | None = None

    @property
    def box(self) -> Box:
        return self.centre[0] - self.size[0] / 2, self.centre[1] - self.size[1] / 2, *self.size

    def displaced(self, place: tuple[float, float], cells: float) -> tuple[float, float]:
        """The centre, moved by (row, column) cells of a window in which the object covers `cells` along each side."""
        (x, y), (width, height), (row, column) = self.centre, self.size, place
        return x + column * width / cells, y + row * height / cells
