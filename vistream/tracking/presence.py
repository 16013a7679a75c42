"""Whether a single object is still where it was found, or hidden: by how its likeness to the template falls.

What hides an object is seldom as like its template as the object itself, but often likelier than the bare surroundings,
so a tracker would go along with it. Where the likeness drops far below what it has been lately, and nothing stands out
of the surroundings either, the object is taken for hidden: it moves on as it did, ever slower, and is looked for around
there, by less and less strict a measure. What still stands out has turned, or is blurred.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]

FIRST = 3  # frames in which the likeness falls for good, as an object leaves the very picture of the template
RATE = 0.1  # of the newest likeness in the usual one
HIDDEN = 0.5  # of the usual likeness: below, the object may be hidden
STANDS_OUT = 8.0  # peak-to-sidelobe ratio from which it is not
PATIENCE = 0.99  # by which the usual likeness falls with every frame in which it is
SMOOTH = 0.2  # of the newest movement in the velocity
JUMP = 0.3  # of the size: whoever moves farther in a frame was found anew, which tells nothing of its velocity
SLOWING = 0.9  # of the velocity, every frame in which an object is hidden


@dataclass(slots=True)
class Presence:
    """What is known of one object's likeness, 0..1, and velocity, in pixels a frame."""

    usual: float = 0.0
    frames: int = 0
    velocity: Point = (0.0, 0.0)

    def hidden(self, likeness: float, ratio: float) -> bool:
        """Whether an object that is found with this likeness is hidden. The first frames are taken as they are.

        `ratio`: that of its peak to the sidelobe, see `correlation.sidelobe_ratio`.

        >>> presence = Presence(usual=0.4, frames=9)
        >>> presence.hidden(0.3, 4.0), presence.hidden(0.1, 4.0), presence.hidden(0.1, 9.0)
        (False, True, False)
        """
        return self.frames >= FIRST and likeness < HIDDEN * self.usual and ratio < STANDS_OUT

    def found(self, likeness: float, moved: Point, size: Point) -> None:
        """The object was found `moved` by so many pixels, where its box has this `size`."""
        self.frames += 1
        rate = RATE if self.frames > FIRST else 1.0
        self.usual += rate * (likeness - self.usual)
        if any(abs(step) > JUMP * side for step, side in zip(moved, size, strict=True)):
            self.velocity = 0.0, 0.0
        else:
            (x, y), (right, down) = self.velocity, moved
            self.velocity = x + SMOOTH * (right - x), y + SMOOTH * (down - y)

    def found_anew(self, likeness: float) -> None:
        """The object was found elsewhere, with this likeness, which tells nothing of its velocity."""
        self.usual, self.velocity = max(self.usual, likeness), (0.0, 0.0)

    def missed(self) -> Point:
        """The object is hidden: by how much it is taken to have moved."""
        self.usual *= PATIENCE
        self.velocity = self.velocity[0] * SLOWING, self.velocity[1] * SLOWING
        return self.velocity
