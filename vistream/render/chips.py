"""Where the labels of the tracks of one picture go: beside their boxes, none on another."""

from __future__ import annotations

from dataclasses import dataclass, field

Corner = tuple[int, int]
FARTHEST = 4  # heights that a label may be moved up or down from its box to find a free place


@dataclass(slots=True)
class Chips:
    """Labels of one `height` on a picture of `size` (width, height), between the rows `top` and the last."""

    size: tuple[int, int]
    height: int
    top: int
    _taken: list[tuple[int, int, int]] = field(default_factory=list)  # left, right, upper row

    def place(self, corner: Corner, width: int) -> Corner:
        """Where the next one, of `width`, begins: above `corner`, the upper left one of its box, or nearby.

        Inside the box where there is no room above it. Where all is taken around, it lies on others.
        """
        left = min(max(corner[0], 0), self.size[0] - width)
        lowest = self.size[1] - self.height
        first = corner[1] - self.height
        first = min(first if first >= self.top else max(corner[1], self.top), lowest)
        steps = sorted(range(-FARTHEST, FARTHEST + 1), key=abs)
        rows = [row for row in (first + step * self.height for step in steps) if self.top <= row <= lowest]
        row = next((row for row in rows if self._is_free(left, left + width, row)), first)
        self._taken.append((left, left + width, row))
        return left, row

    def _is_free(self, left: int, right: int, row: int) -> bool:
        return all(
            right <= begin or end <= left or abs(row - upper) >= self.height for begin, end, upper in self._taken
        )
