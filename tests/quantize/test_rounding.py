"""A graph that is off its module by float32's own rounding, and no more, is what the module does."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from squareclip import square_frames
from torch import Tensor, nn

from vistream.engine.agreement import check_recording
from vistream.errors import VistreamError
from vistream.quantize.program import Program
from vistream.quantize.ranges import Preprocess

FRAMES = square_frames((24, 32), 2)
PREPROCESS = Preprocess((118.0,) * 3, (58.0,) * 3)
LOST = 2e5  # added and taken away again: float32 is 0.3 % of a picture off then


class Cancelling(nn.Module):
    """What it adds it takes away, so that the last digits are lost."""

    def __init__(self, lost: float = LOST) -> None:
        super().__init__()
        self.lost, self.calls = lost, 0

    def forward(self, x: Tensor) -> Any:
        self.calls += 1
        return (x + self.lost) - self.lost


class Drifting(Cancelling):
    """Not quite the same twice."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) + 0.001 * self.calls


class Single(Cancelling):
    """Does not run in float64."""

    def forward(self, x: Tensor) -> Any:
        if x.dtype != torch.float32:
            raise TypeError("no such numbers")
        return super().forward(x)


class Branching(Cancelling):
    """Where all pixels count, which a graph can't say."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * (1.0 if x.sum() > 1e9 else 1.03)


def graph_with(error: float) -> Callable[[Tensor], dict[str, Tensor]]:
    """The sum without loss, and with an error relative to the largest value."""
    return lambda x: {"output": x + error * x.abs().max()}


def check(model: nn.Module, error: float) -> None:
    graph: Any = graph_with(error)
    graph.coarse = False
    program = SimpleNamespace(graph=graph)
    check_recording(model, cast(Program, program), FRAMES, PREPROCESS)


def test_roundings_own_size_is_accepted() -> None:
    check(Cancelling(), 0.0)
    check(Cancelling(1.0), 0.0)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (Cancelling, 0.02),  # many times what rounding does
        (lambda: Cancelling(1.0), 0.002),  # there is no such rounding here
        (lambda: Cancelling(2e7), 0.0),  # so much of it that nothing could be told
        (Drifting, 0.0),
        (Branching, 0.0),
        (Single, 0.0),
    ],
)
def test_what_is_more_is_refused(model: Callable[[], nn.Module], error: float) -> None:
    with pytest.raises(VistreamError, match="is not a function of the frame alone"):
        check(model(), error)
