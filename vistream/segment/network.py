"""From what the user writes after `--model` to a network that segments."""

from __future__ import annotations

import logging

from vistream.engine.fidelity import DeadZones, dead_zones, refuse_dead_zones
from vistream.errors import VistreamError
from vistream.models.spike2former import Spike2Former, load
from vistream.models.spike2former.integer import BITS

log = logging.getLogger("vistream")

DEFAULT = "spike2former-tiny"
"""The network that comes with the package."""
TASKS = ("semseg", "panoptic")
FLOAT = "float"
"""The fidelity beside the presets: the network as it was trained, on whole frames."""
PRESETS = {"exact": DeadZones(), "high": DeadZones(4, 6, 6.0), "fast": DeadZones(8, 12, 6.0)}
"""What the fidelities mean here: a hysteresis counts 24ths of a level (see `models.spike2former.integer`)."""


def segmentation_zones(fidelity: str, deadband: int | None = None, hysteresis: int | None = None) -> DeadZones | None:
    """A preset with either of its numbers replaced; None: float. Raises VistreamError for what there is not.

    >>> segmentation_zones("high", deadband=2), segmentation_zones("float")
    (DeadZones(deadband=2, hysteresis=6, noise=0.0), None)
    """
    if fidelity != FLOAT:
        return dead_zones(fidelity, deadband, hysteresis, PRESETS)
    refuse_dead_zones(fidelity, deadband, hysteresis)
    return None


def check_bits(task: str, bits: int, fidelity: str = "exact") -> int:
    """`bits` of a weight, if a task's network has such; raises VistreamError if not.

    >>> check_bits("semseg", 16), check_bits("mot", 8)
    (16, 8)
    """
    if bits not in BITS or (bits != BITS[0] and task not in TASKS):
        raise VistreamError(f"--bits {bits}: weights have 8, or 16 for the tasks {' and '.join(TASKS)}")
    if bits != BITS[0] and fidelity == FLOAT:
        raise VistreamError(f"--bits {bits} are those of integers, of which the fidelity {FLOAT} has none")
    return bits


def load_network(model: str, task: str) -> Spike2Former:
    """The network called `model` (a name or a file of weights), for one of `TASKS`.

    Raises VistreamError where there is no such network, or it has no things and the task needs them.
    """
    network = load(model)
    if task == "panoptic" and network.things is None:
        raise VistreamError(f"{model} knows classes but no things, which the task panoptic needs: take --task semseg")
    for note in network.notes:
        log.warning("%s %s", model, note)
    return network
