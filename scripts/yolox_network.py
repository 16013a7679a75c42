"""A network of the size of YOLOX-s (Ge et al., arXiv 2107.08430: depth 0.33, width 0.5) with random weights.

For timing alone: what its maps say means nothing. Layers, channels and strides are those of the paper's repository
(Megvii-BaseDetection/YOLOX, Apache-2.0): CSPDarknet, a path aggregation network, a decoupled head of 80 classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 80
WIDTH = 128  # channels of the head, and of the finest level


def convolution(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution, its batch norm, SiLU."""
    made = nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
    return nn.Sequential(made, nn.BatchNorm2d(outputs), nn.SiLU())


class Csp(nn.Module):
    """Two branches of half the channels, one of them through bottlenecks, joined by a 1 x 1 convolution."""

    def __init__(self, inputs: int, outputs: int, depth: int, adds: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.main, self.side = convolution(inputs, half, 1), convolution(inputs, half, 1)
        self.bottlenecks = nn.ModuleList(
            nn.Sequential(convolution(half, half, 1), convolution(half, half)) for _ in range(depth)
        )
        self.joined = convolution(outputs, outputs, 1)
        self.adds = adds

    def forward(self, x: Tensor) -> Tensor:
        main = self.main(x)
        for bottleneck in self.bottlenecks:
            main = bottleneck(main) + main if self.adds else bottleneck(main)
        found: Tensor = self.joined(torch.cat([main, self.side(x)], 1))
        return found


class Pyramid(nn.Module):
    """Max-pools of three sizes beside the map itself, between two 1 x 1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow, self.wide = convolution(channels, channels // 2, 1), convolution(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        pools = [F.max_pool2d(x, side, 1, side // 2) for side in (5, 9, 13)]
        found: Tensor = self.wide(torch.cat([x, *pools], 1))
        return found


class Head(nn.Module):
    """Of one level: boxes and objectness from one pair of convolutions, classes from another."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.stem = convolution(inputs, WIDTH, 1)
        self.boxes, self.classes = (
            nn.Sequential(convolution(WIDTH, WIDTH), convolution(WIDTH, WIDTH), nn.Conv2d(WIDTH, outputs, 1))
            for outputs in (5, CLASSES)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        return self.boxes(x), self.classes(x)


class YoloxSmall(nn.Module):
    """Takes `[1, 3, H, W]`, sides multiples of 32; gives boxes and classes at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), convolution(12, 32))
        self.fine = nn.Sequential(
            convolution(32, 64, stride=2), Csp(64, 64, 1), convolution(64, 128, stride=2), Csp(128, 128, 3)
        )
        self.middle = nn.Sequential(convolution(128, 256, stride=2), Csp(256, 256, 3))
        self.coarse = nn.Sequential(convolution(256, 512, stride=2), Pyramid(512), Csp(512, 512, 1, adds=False))
        self.narrow = nn.ModuleList([convolution(512, 256, 1), convolution(256, 128, 1)])
        self.down = nn.ModuleList([convolution(128, 128, stride=2), convolution(256, 256, stride=2)])
        sizes = ((512, 256), (256, 128), (256, 256), (512, 512))
        self.joins = nn.ModuleList(Csp(inputs, outputs, 1, adds=False) for inputs, outputs in sizes)
        self.heads = nn.ModuleList(Head(channels) for channels in (128, 256, 512))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        fine = self.fine(self.stem(x))
        middle = self.middle(fine)
        top = self.narrow[0](self.coarse(middle))
        middle = self.narrow[1](self.joins[0](torch.cat([F.interpolate(top, scale_factor=2), middle], 1)))
        fine = self.joins[1](torch.cat([F.interpolate(middle, scale_factor=2), fine], 1))
        middle = self.joins[2](torch.cat([self.down[0](fine), middle], 1))
        coarse = self.joins[3](torch.cat([self.down[1](middle), top], 1))
        levels = zip(self.heads, (fine, middle, coarse), strict=True)
        return tuple(part for head, level in levels for part in head(level))


def random_yolox() -> YoloxSmall:
    """With weights that keep the activations' variance, the same in every run."""
    torch.manual_seed(0)
    module = YoloxSmall()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return module.eval().requires_grad_(False)
