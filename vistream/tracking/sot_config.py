"""Options of single object tracking."""

from __future__ import annotations

from dataclasses import dataclass

from vistream.errors import VistreamError

HEADS = ("dcf", "xcorr")


@dataclass(frozen=True)
class SotConfig:
    """Options of `SotTracker`; docs/tasks.md has the measurements behind the defaults.

    `head`: "xcorr" (cross-correlation) or "dcf" (correlation filter). The search window is `1 + padding` times the box,
    sampled on `grid` x `grid` cells, that of a small one on `small` x `small`; `influence`: the share of a cosine
    window in the response of cross-correlation.
    `movement`: what is added to the response where all of a large box moves, if all of it usually does; 0: movement
    says nothing. `colours`: what is added where a small box holds the object's colours and no others; 0: colours say
    nothing. `entering`: whether narrow boxes at the border of the frame grow. `farther`: the side, in cells of the same
    size, of the window in which a small object that has been lost is looked for; 0: it is not.
    `whitening`: the regularisation of that of the features. Boxes are compared on `cells` x `cells` cells, at `scales`
    widths and as many heights of ratio `scale_step`; a step of both at once takes the factor `scale_penalty`, a step of
    one beyond the other `shape_penalty`. `size_limits`: shares of the first size; `shape_limit`: how many times wider
    or narrower than at first, by its height, the box may become.
    `sigma` (in boxes), `regularisation`, `rate`: of the correlation filter.
    """

    head: str = "xcorr"
    padding: float = 3.5
    grid: int = 65
    small: int = 33
    influence: float = 0.176
    movement: float = 0.4
    colours: float = 0.3
    entering: bool = True
    farther: int = 65
    whitening: float = 0.3
    cells: int = 8
    scales: int = 3
    scale_step: float = 1.03
    scale_penalty: float = 0.985
    shape_penalty: float = 0.95
    size_limits: tuple[float, float] = (0.2, 5.0)
    shape_limit: float = 2.5
    sigma: float = 0.1
    regularisation: float = 1e-4
    rate: float = 0.01

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise VistreamError(f"no head is called {self.head!r}: it is one of {', '.join(HEADS)}")
        odd = all(number % 2 for number in (self.grid, self.small, self.scales, self.farther or 1))
        if not odd or min(self.grid, self.small) < 3 or self.scales < 1 or self.padding <= 0:
            raise VistreamError("grid, small (from 3), scales and farther must be odd, and the padding above 0")
        if self.farther and self.farther < self.small:
            raise VistreamError("farther must be 0 or at least small: its window is the wider one")

    def object_cells(self, grid: int) -> float:
        """The side, in cells, of an object in a window of `grid` x `grid`."""
        return grid / (1.0 + self.padding)
