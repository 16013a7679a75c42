"""NanoDet-g (RangiLyu, github.com/RangiLyu/nanodet, Apache-2.0) as a torch module, its weights from the tfjs graph.

A backbone of densely connected stages, a path aggregation network that adds, and a head of two convolutions for each
of three strides. As a module it takes pictures of any size whose sides are multiples of 32; the graph itself is for
416 x 416.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.models.tfjs import TfjsGraph, load_tfjs

MEAN = (123.675, 116.28, 103.53)  # R, G, B
STD = (58.395, 57.12, 57.375)
SLOPE = 0.1  # of the leaky ReLU
STRIDE = 32  # sides of pictures are multiples of it
BLOCKS = (1, 2, 2, 3)  # in each stage
HALVING = (0, 5, 11, 17)  # the convolutions of stride 2, by their number in the graph
CONVOLUTIONS = 34


class Stage(nn.Module):
    """A convolution that enters, blocks of two, and one that leaves; gives what leaves beside what entered.

    A block is a 1 x 1 and a 3 x 3 convolution; the next one sees both of its maps.
    """

    def __init__(self, convolutions: Sequence[nn.Conv2d]) -> None:
        super().__init__()
        self.enter, *blocks, self.leave = convolutions
        self.blocks = nn.ModuleList(blocks)
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        found = entered = self.activation(self.enter(x))
        for narrow, wide in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            first = self.activation(narrow(found))
            found = torch.cat([self.activation(wide(first)), first], 1)
        return torch.cat([self.activation(self.leave(found)), entered], 1)


class NanodetG(nn.Module):
    """The maps of the head, `[1, 124, h, w]` at strides 8, 16 and 32: 80 logits of classes, 4 x 11 bins of distances.

    It takes `[1, 3, H, W]`, R, G and B less `MEAN` over `STD`.
    """

    def __init__(self, convolutions: Sequence[nn.Conv2d]) -> None:
        super().__init__()
        given = iter(convolutions)
        self.stem = next(given)
        self.stages = nn.ModuleList(Stage([next(given) for _ in range(2 * blocks + 2)]) for blocks in BLOCKS)
        self.lateral = nn.ModuleList(next(given) for _ in range(3))
        self.heads = nn.ModuleList(nn.Sequential(next(given), nn.LeakyReLU(SLOPE), next(given)) for _ in range(3))
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = F.max_pool2d(self.activation(self.stem(x)), 3, 2, 1)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        fine, middle, coarse = (lateral(level) for lateral, level in zip(self.lateral, maps[1:], strict=True))
        middle = middle + F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        fine = fine + F.interpolate(middle, scale_factor=2, mode="bilinear", align_corners=False)
        middle = middle + F.avg_pool2d(fine, 2)
        coarse = coarse + F.avg_pool2d(middle, 2)
        return tuple(head(level) for head, level in zip(self.heads, (fine, middle, coarse), strict=True))


def load_nanodet_g(path: Path) -> NanodetG:
    """The network of `nanodet.json` and its weights beside it; raises VistreamError where they are of another one."""
    graph = load_tfjs(path)
    try:
        found = _convolutions(graph)
    except (KeyError, ValueError) as error:
        raise VistreamError(f"{path}: is not the graph of NanoDet-g ({error})") from None
    return NanodetG(found).eval()


def _convolutions(graph: TfjsGraph) -> list[nn.Conv2d]:
    """The graph's convolutions by number, with the biases that are added behind them; the first one takes R, G, B."""
    biases = {node.inputs[0][0]: node.inputs[1][0] for node in graph.nodes if node.op in ("Add", "AddV2")}
    numbered = {int(re.sub(r"\D*", "", node.name) or 0): node for node in graph.nodes if node.op == "Conv2D"}
    if sorted(numbered) != list(range(CONVOLUTIONS)):
        raise ValueError(f"it has {len(numbered)} convolutions")
    found = []
    for number, node in sorted(numbered.items()):
        weight = graph.weights[node.inputs[1][0]].permute(3, 2, 0, 1).contiguous()
        bias = graph.weights[biases[node.name]]
        outputs, inputs, side, _ = weight.shape
        made = nn.Conv2d(inputs, outputs, side, 2 if number in HALVING else 1, side // 2)
        made.weight.data = weight.flip(1).contiguous() if number == 0 else weight
        made.bias = nn.Parameter(bias.clone())
        found.append(made)
    return found
