"""What several stages are made of: separable convolutions, channel MLPs, convolution with batch norm.

Attribute names are those of the published state dicts, here and in all modules beside this one.
"""

from __future__ import annotations

from torch import Tensor, nn

from vistream.models.spike2former.neuron import Levels, Neuron


def conv_norm(cin: int, cout: int, kernel: int = 1, groups: int = 1, bias: bool = False) -> nn.Sequential:
    """A convolution that keeps the size, and its batch norm."""
    conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, groups=groups, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(cout))


def token_conv_norm(cin: int, cout: int) -> nn.Sequential:
    """The same on tokens `[B, C, N]`, 1x1 with bias."""
    return nn.Sequential(nn.Conv1d(cin, cout, 1), nn.BatchNorm1d(cout))


class SeparableConv(nn.Module):
    """Spike, 1x1 to `hidden`, BN; spike, depthwise, BN; spike, 1x1 back, BN: `[B, C, H, W]` to the same shape."""

    def __init__(self, channels: int, hidden: int, kernel: int, levels: Levels) -> None:
        super().__init__()
        self.spike1, self.pwconv1 = Neuron(levels), conv_norm(channels, hidden)
        self.spike2, self.dwconv = Neuron(levels), conv_norm(hidden, hidden, kernel, groups=hidden)
        self.spike3, self.pwconv2 = Neuron(levels), conv_norm(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pwconv1(self.spike1(x))
        y = self.dwconv(self.spike2(y))
        out: Tensor = self.pwconv2(self.spike3(y))
        return out


class ChannelMlp(nn.Module):
    """Two 1x1 convolutions on tokens, a neuron before each and a batch norm after: `[B, C, N]` to the same shape."""

    def __init__(self, channels: int, hidden: int, levels: Levels) -> None:
        super().__init__()
        self.fc1_spike = Neuron(levels)
        self.fc1_conv, self.fc1_bn = token_conv_norm(channels, hidden)
        self.fc2_spike = Neuron(levels)
        self.fc2_conv, self.fc2_bn = token_conv_norm(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc1_bn(self.fc1_conv(self.fc1_spike(x)))
        out: Tensor = self.fc2_bn(self.fc2_conv(self.fc2_spike(y)))
        return out
