"""Observations from whatever a caller has: lists, tensors, empty arrays; what does not fit is one clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vistream.errors import VistreamError
from vistream.types import Observations


@pytest.mark.parametrize("kind", [list, tuple, np.float32, torch.tensor, "half", "gradient"])
def test_boxes_of_any_kind(kind: Any) -> None:
    boxes: Any = [[1, 2, 3, 4], [5, 6, 7, 8]]
    if kind == "half":
        boxes = torch.tensor(boxes, dtype=torch.float16)
    elif kind == "gradient":
        boxes = torch.tensor(boxes, dtype=torch.float32, requires_grad=True)
    else:
        boxes = kind(boxes)
    seen = Observations(boxes, [0.5, 1], ["car", "person"])  # type: ignore[arg-type]
    assert seen.boxes.dtype == seen.scores.dtype == np.float64
    assert seen.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert seen.labels == ("car", "person")


@pytest.mark.parametrize("empty", [[], np.zeros(0), np.zeros((0, 4)), np.zeros((0, 6)), torch.zeros(0, 4)])
def test_nothing_is_nothing(empty: Any) -> None:
    seen = Observations(empty, [], [])  # type: ignore[arg-type]
    assert (seen.boxes.shape, len(seen)) == ((0, 4), 0)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"boxes": [[1, 2, 3]]}, r"boxes have the shape \[1, 3\]: \[1, 4\] is expected"),
        ({"boxes": [1, 2, 3, 4]}, r"boxes have the shape \[4\]"),
        ({"boxes": [[1, 2, 3, 4], [1, 2]]}, "boxes can't be taken as an array"),
        ({"scores": [0.5, 0.6]}, r"scores have the shape \[2\]: \[1\] is expected"),
        ({"scores": ["high"]}, "scores can't be taken as an array"),
        ({"labels": ["a", "b"]}, "2 labels for 1 boxes"),
        ({"masks": np.zeros((2, 3, 3), bool)}, r"masks have the shape \[2, 3, 3\]: \[1, N, N\]"),
        ({"keypoints": np.zeros((1, 17, 2))}, r"keypoints have the shape \[1, 17, 2\]: \[1, N, 3\]"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(changes: dict[str, Any], complaint: str) -> None:
    given: dict[str, Any] = {"boxes": [[1, 2, 3, 4]], "scores": [0.5], "labels": ["car"]} | changes
    with pytest.raises(VistreamError, match=complaint):
        Observations(**given)
