"""What a backend is: the memory of one stream, and the kernels that bring it up to date layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.demand import Cells
from vistream.engine.stream.plan import LayerPlan
from vistream.types import Frame

Arrays = Mapping[str, NDArray[np.generic]]


class Done(NamedTuple):
    """What an update did: output positions recomputed, numbers that took a new value, multiply-accumulates."""

    positions: int = 0
    changes: int = 0
    macs: int = 0

    def __add__(self, other: Done) -> Done:  # type: ignore[override]  # the sum of counts, not of tuples
        return Done(self[0] + other[0], self[1] + other[1], self[2] + other[2])


NOTHING = Done()


class Backend(Protocol):
    """All that a stream remembers: every operation's value; the input's are the pixels it holds. It does not grow.

    Made for one plan (a network at one frame size) and used for one stream of frames: per frame `read` once, then one
    or more passes, each of them `update_all` and `pause`. A position whose inputs changed is stale until a pass that
    needs it. Before the first `read` nothing is held, so everything is stale.
    """

    name: str
    plans: tuple[LayerPlan, ...]

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None: ...

    def read(self, frame: Frame, deadband: int) -> int:
        """Take over the pixels of `frame`, uint8 `[H, W, C]`, that moved by more than `deadband`; how many did."""

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
        """Recompute the stale positions of an operation that are `needed` (None: all); `NOTHING` where there are none.

        What a needed position depends on must have been needed, too.
        """

    def update_all(self, hysteresis: Sequence[int], needed: Mapping[str, Cells]) -> list[Done]:
        """`update` for every operation behind the input, in order: the hysteresis of each, the needed cells by name."""

    def pause(self) -> None:
        """The pass is over: what `read` found has been passed on."""

    def levels(self, name: str) -> Tensor:
        """A value, `[H, W, C]`: int8 levels, int32 sums or float32; the backend's own memory, not to be written."""

    def reached(self, name: str) -> Tensor:
        """The positions of a value that were recomputed in this frame: bool `[H, W]`."""

    def stale(self, name: str) -> Cells:
        """The positions of a value whose inputs changed since they were computed: the backend's own memory."""

    def state(self, name: str) -> Arrays:
        """What an operation keeps besides its value, such as what a running sum was made of; mostly nothing."""

    def restore(self, name: str, levels: NDArray[np.generic], stale: Cells, state: Arrays) -> None:
        """Put a value where another backend of this plan had it, between two frames."""


class EachAlone:
    """A backend whose passes go operation by operation, also for whoever wants to see every `update`."""

    def update_all(self: Backend, hysteresis: Sequence[int], needed: Mapping[str, Cells]) -> list[Done]:
        """See `Backend.update_all`."""
        plans = zip(self.plans[1:], hysteresis, strict=True)
        return [self.update(plan, its, needed.get(plan.layer.name)) for plan, its in plans]
