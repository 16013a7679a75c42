"""What a fidelity means for the parts of a session."""

from __future__ import annotations

import pytest

from vistream.pipeline.session import Session
from vistream.pipeline.tasks import check_fidelity


@pytest.mark.parametrize("task", ["mot", "mots"])
def test_a_network_of_appearance_has_the_zones_of_high_at_fast(task: str) -> None:
    of_detectors = check_fidelity(task, "fast", None, None)
    assert Session(task, "fast").zones == check_fidelity(task, "high", None, None) != of_detectors
    assert Session(task, "fast", model=None).zones == of_detectors
    assert Session(task, "fast", deadband=9).zones.deadband == 9
