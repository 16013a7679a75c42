"""A network whose layers follow from the size of the frame takes that size alone, whatever strides leave of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch.nn.functional as F
from torch import Tensor, nn

import vistream
from vistream.errors import VistreamError


class Padded(nn.Module):
    """Three strides, behind a padding that is made for the size."""

    def __init__(self, padding: Callable[[int], int]) -> None:
        super().__init__()
        self.steps = nn.Sequential(*(nn.Conv2d(3 if k == 0 else 4, 4, 3, 2) for k in range(3)))
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        down, across = (self.padding(side) for side in x.shape[2:])
        x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        found: Tensor = self.steps(x)
        return found


PADDINGS: dict[str, tuple[Callable[[int], int], bool]] = {
    "as TensorFlow's SAME": (lambda side: 2 - side % 2, False),
    "to a multiple of 4": (lambda side: -side % 4, False),
    "to a multiple of 16": (lambda side: -side % 16, False),
    "to a multiple of 32": (lambda side: -side % 32, False),
    "by a share": (lambda side: side // 16, False),
    "by as much always": (lambda _: 3, True),
}


@pytest.mark.parametrize("name", PADDINGS)
@pytest.mark.parametrize("size", [(65, 97), (64, 96), (129, 193), (80, 112)], ids=str)
def test_what_follows_from_the_size(name: str, size: tuple[int, int]) -> None:
    padding, free = PADDINGS[name]
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    stream = vistream.stream(Padded(padding).eval(), frames)
    other = np.zeros((size[0] + 7, size[1] + 7, 3), np.uint8)
    if free:
        assert stream.step(other).levels.numel()
    else:
        with pytest.raises(VistreamError, match=f"takes frames of {size[1]}x{size[0]} pixels alone"):
            stream.step(other)
