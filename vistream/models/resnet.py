"""ResNet-18 and ResNet-50 (He et al., CVPR 2016; the stride of a bottleneck sits in its 3x3 convolution).

Attribute names are those of torchvision's and timm's state dicts, so that these load strictly. Every ReLU is a module
of its own, named as in ViStream's training checkpoints (`relu`, `layer1.0.relu1`), whose learned steps belong to them.

Input: `[B, 3, H, W]` float32, RGB, `(x - MEAN) / STD` of 8-bit pixels.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)  # of ImageNet, in grey levels
STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

Depth = Literal[18, 50]
BLOCKS: dict[Depth, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
WIDTHS = (64, 128, 256, 512)


def _conv(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(cin: int, cout: int, stride: int) -> nn.Sequential | None:
    """The projection that a block needs where its input does not have the shape of its output."""
    if stride == 1 and cin == cout:
        return None
    return nn.Sequential(_conv(cin, cout, 1, stride), nn.BatchNorm2d(cout))


class Basic(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(cin, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.downsample = _shortcut(cin, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.relu2(y + (x if self.downsample is None else self.downsample(x)))
        return out


class Bottleneck(nn.Module):
    """1x1 down to `width`, 3x3, 1x1 up to four times `width`, beside a shortcut."""

    expansion = 4

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        wide = width * self.expansion
        self.conv1 = _conv(cin, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = _conv(width, wide, 1)
        self.bn3 = nn.BatchNorm2d(wide)
        self.relu3 = nn.ReLU()
        self.downsample = _shortcut(cin, wide, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        out: Tensor = self.relu3(y + (x if self.downsample is None else self.downsample(x)))
        return out


class ResNet(nn.Module):
    """The whole classifier: `[B, 3, H, W]` to logits `[B, 1000]`."""

    def __init__(self, depth: Depth, strides: tuple[int, int, int, int] = (1, 2, 2, 2)) -> None:
        super().__init__()
        block = Basic if depth == 18 else Bottleneck
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = 64
        for number, (width, blocks, stride) in enumerate(zip(WIDTHS, BLOCKS[depth], strides, strict=True), start=1):
            stage = nn.Sequential(
                block(channels, width, stride),
                *(block(width * block.expansion, width, 1) for _ in range(blocks - 1)),
            )
            channels = width * block.expansion
            self.add_module(f"layer{number}", stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in (1, 2, 3, 4):
            x = self.get_submodule(f"layer{number}")(x)
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


class ResNetFeatures(nn.Module):
    """A ResNet cut after layer3, all of whose strides are 1: `[B, 3, H, W]` to 256 (ResNet-18) or 1024 channels at 1/8.

    A stride has no weights, so those of the whole network fit here: layer4 and fc are what is left out (the cut of
    UniTrack, Wang et al., NeurIPS 2021).
    """

    def __init__(self, depth: Depth) -> None:
        super().__init__()
        whole = ResNet(depth, strides=(1, 2, 1, 1))
        self.conv1, self.bn1, self.relu, self.maxpool = whole.conv1, whole.bn1, whole.relu, whole.maxpool
        self.layer1 = whole.get_submodule("layer1")
        self.layer2 = whole.get_submodule("layer2")
        self.layer3 = whole.get_submodule("layer3")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        features: Tensor = self.layer3(self.layer2(self.layer1(x)))
        return features
