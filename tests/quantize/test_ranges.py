"""What calibration takes for the range of a layer: what is rare counts by how much it would lose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import vistream
from vistream.errors import VistreamError
from vistream.types import Frame

MEAN, STD = 118.0, 58.0


def dotted(seed: int, count: int) -> list[Frame]:
    """Frames of dull noise, with a bright dot of 3 x 3 pixels somewhere in each."""
    generator = np.random.default_rng(seed)
    frames = generator.normal(90, 12, (count, 128, 128, 3)).clip(0, 255).astype(np.uint8)
    for frame in frames:
        y, x = generator.integers(10, 118, 2)
        frame[y - 1 : y + 2, x - 1 : x + 2] = 250
    return list(frames)


class Peaks(nn.Module):
    """A map of how bright each window of 3 x 3 pixels is, as the heads of detectors and of key points give it."""

    def __init__(self, last: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.grey, self.window = nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 1, 3, padding=1)
        nn.init.constant_(self.grey.weight, 1 / 3)
        nn.init.constant_(self.window.weight, 1 / 36)
        nn.init.zeros_(self.window.bias)  # type: ignore[arg-type]  # there is one
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(4 * (self.window(torch.relu(self.grey(x))) - 1.5))


@pytest.mark.parametrize(
    "last",
    [nn.Identity(), lambda z: torch.relu(z + 7), torch.sigmoid, nn.SiLU()],
    ids=["sum", "relu", "sigmoid", "silu"],
)
def test_a_rare_peak_is_kept(last: Callable[[Tensor], Tensor]) -> None:
    network = Peaks(last).eval()
    stream = vistream.stream(network, dotted(0, 6), mean=MEAN, std=STD)
    for frame in (*dotted(0, 2), *dotted(1, 2)):
        with torch.no_grad():
            wanted = network((torch.from_numpy(frame).permute(2, 0, 1)[None].float() - MEAN) / STD)[0, 0].numpy()
        found = stream.step(frame).values()[..., 0]
        assert found.argmax() == wanted.argmax()
        assert found.max() == pytest.approx(wanted.max(), rel=0.05)


@pytest.mark.parametrize("hidden", [False, True], ids=["at the end", "between"])
def test_what_is_not_finite_is_named(hidden: bool) -> None:
    class Dividing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            broken = nn.functional.max_pool2d(torch.relu(x) / 0.0, 3, 1, 1)
            return torch.where(broken > 1.0, x, 0.5 * x) if hidden else broken

    network = nn.Sequential(nn.Conv2d(3, 4, 3), Dividing()).eval()
    with pytest.raises(VistreamError, match="not finite: are the weights sound"):
        vistream.stream(network, dotted(0, 2), mean=MEAN, std=STD)
