"""Whether a detector's own maps tell objects apart, in place of another network's."""

from __future__ import annotations

from vistream.detect.detector import Detector
from vistream.detect.streaming import SharingDetector
from vistream.errors import VistreamError
from vistream.pipeline.tasks import AUTO, FLOAT

OWN_MAPS = "detector"
"""The model's name that asks for them."""
TASKS = ("mot", "mots")
UNASKED = ("high", "fast")
"""The fidelities at which they do, where no model was asked for: docs/studies.md says how well."""


def sharing(boxes: Detector | None, task: str, model: str, fidelity: str) -> SharingDetector | None:
    """The detector, where its maps are what is wanted; None: a network of appearance is.

    Raises VistreamError where they are asked for by name and there are none.
    """
    asked = model == OWN_MAPS or (model == AUTO and fidelity in UNASKED)
    if asked and task in TASKS and fidelity != FLOAT and isinstance(boxes, SharingDetector):
        return boxes
    if model == OWN_MAPS:
        raise VistreamError(
            f"--model {OWN_MAPS}: this detector has no maps of its own for the task {task} at fidelity {fidelity}: "
            f"nanodet-g has some, for {' and '.join(TASKS)}"
        )
    return None


def described(detector: SharingDetector) -> str:
    """In the place of a model's name."""
    return f"the detector's own maps ({detector.name})"
