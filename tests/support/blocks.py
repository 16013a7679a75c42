"""Blocks of well-known networks, small, in the way that their authors or torch's users write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Net(nn.Module):
    """Parts by name, and a forward that is given."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.function = forward

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def cba(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
    act: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Convolution, batch norm, activation."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), act())


class ChannelNorm(nn.LayerNorm):
    """ConvNeXt's norm over channels, channels first."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand, self.reduce = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, x: Tensor) -> Any:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.reduce(F.gelu(self.expand(y)))
        return x + y.permute(0, 3, 1, 2)


class Ghost(nn.Module):
    """GhostNet: half of the channels are cheap maps of the other half; cut to an odd number."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = math.ceil(outputs / 2)
        self.outputs = outputs
        self.primary, self.cheap = cba(inputs, half, 1), cba(half, half, groups=half)

    def forward(self, x: Tensor) -> Tensor:
        primary = self.primary(x)
        return torch.cat([primary, self.cheap(primary)], 1)[:, : self.outputs]


class ShuffleUnit(nn.Module):
    """ShuffleNet v2 at stride 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        depthwise = nn.Sequential(nn.Conv2d(half, half, 3, 1, 1, groups=half), nn.BatchNorm2d(half))
        self.branch = nn.Sequential(cba(half, half, 1), depthwise, cba(half, half, 1))

    def forward(self, x: Tensor) -> Any:
        left, right = x.chunk(2, dim=1)
        y = torch.cat((left, self.branch(right)), 1)
        batch, channels, height, width = y.size()
        return (
            y.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous().view(batch, -1, height, width)
        )


class SqueezeLinear(nn.Module):
    """Squeeze and excitation as SENet writes it: linear layers, `view` and `expand_as`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(inplace=True), nn.Linear(4, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Any:
        batch, channels, _, _ = x.size()
        y = F.adaptive_avg_pool2d(x, 1).view(batch, channels)
        return x * self.fc(y).view(batch, channels, 1, 1).expand_as(x)


class SqueezeConv(nn.Module):
    """As EfficientNet and MobileNetV3 write it."""

    def __init__(self, channels: int, gate: Callable[[Tensor], Tensor] = torch.sigmoid) -> None:
        super().__init__()
        self.down, self.up, self.gate = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1), gate

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))


class ChannelAttention(nn.Module):
    """ECA: a convolution over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Any:
        y = self.conv(x.mean((2, 3)).view(len(x), 1, -1))
        return x * y.view(len(x), -1, 1, 1).sigmoid()


class Cbam(nn.Module):
    """Channel attention by means and maxima, then spatial attention by means and maxima."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, channels, 1))
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Any:
        mean, largest = F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)
        x = x * torch.sigmoid(self.shared(mean) + self.shared(largest))
        return x * torch.sigmoid(self.spatial(torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)))


class InvertedResidual(nn.Module):
    """MobileNetV3's block with a gate; EfficientNet's with SiLU."""

    def __init__(self, channels: int, act: Callable[[], nn.Module], gate: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        wide = 2 * channels
        self.body = nn.Sequential(
            cba(channels, wide, 1, act=act), cba(wide, wide, 5, groups=wide, act=act), SqueezeConv(wide, gate),
            nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Any:
        return x + self.body(x)


class Aspp(nn.Module):
    """DeepLab's pyramid: dilated convolutions, and the mean of all, spread."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(cba(inputs, outputs, dilation=dilation) for dilation in (1, 2, 4))
        self.mean, self.project = cba(inputs, outputs, 1), cba(4 * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Any:
        mean = self.mean(F.adaptive_avg_pool2d(x, 1))
        spread = F.interpolate(mean, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.project(torch.cat([*(branch(x) for branch in self.branches), spread], 1))


class RepVgg(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.three = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        self.one = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.identity = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.three(x) + self.one(x) + self.identity(x))


class DenseLayer(nn.Module):
    """DenseNet's, which takes a list."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, growth, 3, 1, 1, bias=False)

    def forward(self, parts: list[Tensor]) -> Any:
        return self.conv(F.relu(self.norm(torch.cat(parts, 1)), inplace=True))


class Encoder(nn.Module):
    """A transformer's layer over tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Any:
        y = self.first(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.second(x))


class C2f(nn.Module):
    """YOLOv8's block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.first, self.last = cba(channels, channels, 1, act=nn.SiLU), cba(3 * half, channels, 1, act=nn.SiLU)
        self.inner = nn.Sequential(cba(half, half, act=nn.SiLU), cba(half, half, act=nn.SiLU))

    def forward(self, x: Tensor) -> Any:
        parts = list(self.first(x).chunk(2, 1))
        parts.append(parts[-1] + self.inner(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Swish(torch.autograd.Function):
    """A memory-saving activation with a gradient of its own, as EfficientNet's users have it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise NotImplementedError


def swish(x: Tensor) -> Any:
    """`Swish`, whose `apply` has no types."""
    return Swish.apply(x)  # type: ignore[no-untyped-call]
