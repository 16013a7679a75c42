"""What of a frame is read again, where a whole network is wanted of every frame: a dead-band without its speckles.

A lone noisy pixel costs a detector dear: through three layers it spreads over all that it is a neighbour of. So a pixel
whose colour left the dead-band is read again only in company, or when it left it by far:

    re-read  <=>  d > tau, and at least COMPANY of the nine pixels around it have d > tau,  or  d > FAR * tau

where d is the largest difference of a channel from the value held, in grey levels. So the picture that the network sees
is within `FAR * tau` grey levels of the frame, at every pixel, always. It is a function of the frames alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.deadband import Deadband
from vistream.engine.fidelity import DeadZones
from vistream.kernels.despeckle import Despeckle
from vistream.types import Frame

COMPANY = 3  # pixels of 3 x 3, itself among them
FAR = 3


class Despeckled:
    """Frames as a network behind these dead zones sees them; without a dead-band, as they are.

    Ask `of` once for every frame, in order.
    """

    def __init__(self, zones: DeadZones) -> None:
        self.deadband = Deadband(zones.deadband, zones.noise)
        idle = zones.deadband == 0 and zones.noise == 0.0
        self._held: NDArray[np.uint8] | None = None
        self._read = None if idle else Despeckle(COMPANY, FAR)

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, of any size."""
        self.deadband.reset()
        self._held = None

    def of(self, frame: Frame) -> Frame:
        """The picture for a frame, both uint8 `[H, W, 3]`; it may be this object's own memory."""
        if self._read is None:
            return frame
        tau = self.deadband.of(frame)
        if self._held is None or self._held.shape != frame.shape:
            self._held = frame.copy()
            return self._held
        self._read(frame, self._held, tau)
        return self._held

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers, as plain data and arrays."""
        return {"deadband": self.deadband.state_dict(), "held": None if self._held is None else self._held.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another one was when its `state_dict()` was `state`."""
        self.deadband.load_state_dict(state["deadband"])
        self._held = None if state["held"] is None else np.array(state["held"], np.uint8)
