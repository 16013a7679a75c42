"""What is given and what comes back can be compared, arrays and all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vistream.pipeline.tracked import TrackedFrame
from vistream.types import ClassMap, FeatureMap, Observations, Result, Track

MASK = np.eye(4, dtype=bool)
TRACK = Track(1, (0.0, 0.0, 4.0, 4.0), 0.5, "car", MASK, np.ones((17, 3)))
SEEN = Observations([[0, 0, 4, 4], [1, 1, 3, 3]], [0.5, 0.6], "car", [MASK, ~MASK])  # type: ignore[arg-type]
CLASSES = ClassMap(("road",), np.zeros((1, 3), np.uint8), np.zeros((4, 4), np.uint8))
RESULT = Result(3, 0.1, (TRACK,), 2, activity=MASK, camera=np.eye(2, 3), class_map=CLASSES, seen=SEEN)
SAME: dict[str, Any] = {
    "observations": SEEN,
    "track": TRACK,
    "class map": CLASSES,
    "result": RESULT,
    "features": FeatureMap(np.zeros((2, 2, 8), np.float32), (8.0, 8.0)),
    "frame": TrackedFrame(3, 0.1, (TRACK,), 2, activity=MASK, picture=np.zeros((4, 4, 3), np.uint8)),
}
OTHER: dict[str, Callable[[], tuple[object, object]]] = {
    "box": lambda: (SEEN, SEEN.pick([1, 0])),
    "as many": lambda: (SEEN, SEEN.pick([0])),
    "no masks": lambda: (SEEN, replace(SEEN, masks=None)),
    "id": lambda: (TRACK, replace(TRACK, id=2)),
    "mask": lambda: (TRACK, replace(TRACK, mask=~MASK)),
    "its size": lambda: (TRACK, replace(TRACK, mask=np.ones((1, 1), bool))),
    "no mask": lambda: (TRACK, replace(TRACK, mask=None)),
    "track": lambda: (RESULT, replace(RESULT, tracks=(replace(TRACK, mask=~MASK),))),
    "activity": lambda: (RESULT, replace(RESULT, activity=~MASK)),
    "classes": lambda: (RESULT, replace(RESULT, class_map=replace(CLASSES, labels=np.ones((4, 4), np.uint8)))),
    "kind": lambda: (TRACK, "car"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_holds_the_same_is_the_same_and_has_one_hash(name: str) -> None:
    one, other = SAME[name], copy.deepcopy(SAME[name])
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1


@pytest.mark.parametrize("name", OTHER)
def test_what_differs_in_an_array_differs(name: str) -> None:
    one, other = OTHER[name]()
    assert one != other
    assert other != one


def test_what_a_result_was_given_is_no_part_of_it() -> None:
    assert replace(RESULT, seen=None) == RESULT
