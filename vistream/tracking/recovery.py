"""Recovery of a single object that has been lost: when to look for it farther away, and whether to go there.

What passes before an object may take the box along, and once the object has left the search window nothing brings it
back. So where the likeness to the template stays far below what it was at its best, a wider window is searched every
few frames, by the same template; the box goes to a place that is much likelier and stands out. The usual likeness
(`presence`) would not do for this: it falls to that of whatever is followed.
"""

from __future__ import annotations

from dataclasses import dataclass

from vistream.tracking.presence import STANDS_OUT

FIRST = 5  # frames in which the likeness falls for good, as an object leaves the very picture of the template
RATE = 0.1  # of a newest likeness that is above the best one
FADING = 0.998  # by which the best likeness falls with every frame of a lower one
WEAK = 0.6  # of the best likeness: below, what is followed may be something else
EVERY = 20  # weak frames in a row for each look: what has only turned is itself again by then
LIKER, MORE = 1.3, 0.05  # likeness elsewhere: this times that of the present place, and so much above
ENOUGH = 0.5  # of the best likeness, elsewhere


@dataclass(slots=True)
class Recovery:
    """What is known of one object: its likeness, 0..1, at its `best`, by how many `frames`, the last ones `weak`."""

    best: float = 0.0
    frames: int = 0
    weak: int = 0

    def due(self, likeness: float) -> bool:
        """Take the likeness of one more frame, 0 where the object is hidden; whether to look farther away now.

        >>> recovery = Recovery(best=0.5, frames=9)
        >>> [recovery.due(likeness) for likeness in (0.4, *[0.2] * 20)].index(True)
        20
        """
        self.frames += 1
        if self.frames <= FIRST:
            self.best = likeness
        elif likeness > self.best:
            self.best += RATE * (likeness - self.best)
        else:
            self.best *= FADING
        self.weak = self.weak + 1 if likeness < WEAK * self.best else 0
        return self.weak > 0 and self.weak % EVERY == 0

    def better(self, likeness: float, there: float, ratio: float) -> bool:
        """Whether a place elsewhere is taken, of likeness `there`, whose peak has this `ratio` to the sidelobe.

        >>> recovery = Recovery(best=0.4, frames=9)
        >>> recovery.better(0.1, 0.21, 9.0), recovery.better(0.1, 0.19, 9.0), recovery.better(0.1, 0.21, 7.0)
        (True, False, False)
        """
        return ratio >= STANDS_OUT and there > max(LIKER * likeness + MORE, ENOUGH * self.best)
