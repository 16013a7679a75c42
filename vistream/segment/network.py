"""From what the user writes after `--model` to a network that segments."""

from __future__ import annotations

import logging

from vistream.errors import VistreamError
from vistream.models.spike2former import Spike2Former, load

log = logging.getLogger("vistream")

DEFAULT = "spike2former-tiny"
"""The network that comes with the package."""
TASKS = ("semseg", "panoptic")
FIDELITIES = ("exact", "float")
"""What a float network on whole frames can be called."""


def check_float_only(task: str, fidelity: str, deadband: int | None = None, hysteresis: int | None = None) -> None:
    """Raise VistreamError for what a float network on whole frames can't have."""
    if fidelity not in FIDELITIES or deadband or hysteresis:
        raise VistreamError(
            f"the task {task} runs its network in float on whole frames: it has no dead zones, only --fidelity exact"
        )


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
