"""The backbones' common skeleton: three convolutional stages, then two of attention, at strides 2, 4, 8, 16, 16.

The stages of Meta-SpikeFormer are in `sdtv2.py` (Yao et al., ICLR 2024), those of E-SpikeFormer in `sdtv3.py`
(Yao et al., TPAMI 2025). Residues are added to the membrane, before the next neuron.
"""

from __future__ import annotations

from torch import Tensor, nn

from vistream.models.spike2former import sdtv2, sdtv3
from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.sizes import BackboneSizes

BLOCKS = {"sdtv2": (sdtv2.ConvPart, sdtv2.Block), "sdtv3": (sdtv3.ConvPart, sdtv3.Block)}


class Downsampling(nn.Module):
    """A neuron (except on the image), a convolution with bias, BN."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, levels: Levels | None) -> None:
        super().__init__()
        self.encode_spike = None if levels is None else Neuron(levels)
        self.encode_conv = nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2)
        self.encode_bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.encode_bn(self.encode_conv(x if self.encode_spike is None else self.encode_spike(x)))
        return out


class ConvBlock(nn.Module):
    """A separable part (`Conv`), then two 3x3 convolutions with four times the channels between."""

    def __init__(self, channels: int, part: type[nn.Module], levels: Levels) -> None:
        super().__init__()
        wide = 4 * channels
        self.Conv = part(channels, levels)
        self.spike1, self.conv1, self.bn1 = Neuron(levels), _conv3(channels, wide), nn.BatchNorm2d(wide)
        self.spike2, self.conv2, self.bn2 = Neuron(levels), _conv3(wide, channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.Conv(x)
        y = self.bn1(self.conv1(self.spike1(x)))
        out: Tensor = x + self.bn2(self.conv2(self.spike2(y)))
        return out


class Backbone(nn.Module):
    """Image `[B, 3, H, W]`, normalised, to four feature maps at strides 2, 4, 8 and 16 (sizes rounded up)."""

    def __init__(self, sizes: BackboneSizes, levels: Levels) -> None:
        super().__init__()
        self.sizes = sizes
        part, block = BLOCKS[sizes.kind]
        half, quarter, eighth, sixteenth, last = sizes.widths
        self.downsample1_1 = Downsampling(3, half, 7, 2, None)
        self.ConvBlock1_1 = nn.ModuleList([ConvBlock(half, part, levels)])
        self.downsample1_2 = Downsampling(half, quarter, 3, 2, levels)
        self.ConvBlock1_2 = nn.ModuleList([ConvBlock(quarter, part, levels)])
        self.downsample2 = Downsampling(quarter, eighth, 3, 2, levels)
        self.ConvBlock2_1 = nn.ModuleList([ConvBlock(eighth, part, levels)])
        self.ConvBlock2_2 = nn.ModuleList([ConvBlock(eighth, part, levels)])
        self.downsample3 = Downsampling(eighth, sixteenth, 3, 2, levels)
        self.block3 = nn.ModuleList([block(sixteenth, levels) for _ in range(sizes.blocks[0])])
        self.downsample4 = Downsampling(sixteenth, last, 3, 1, levels)
        self.block4 = nn.ModuleList([block(last, levels) for _ in range(sizes.blocks[1])])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        half = _through(self.ConvBlock1_1, self.downsample1_1(image))
        quarter = _through(self.ConvBlock1_2, self.downsample1_2(half))
        eighth = _through(self.ConvBlock2_2, _through(self.ConvBlock2_1, self.downsample2(quarter)))
        x = _through(self.block3, self.downsample3(eighth))
        return half, quarter, eighth, _through(self.block4, self.downsample4(x))


def _through(blocks: nn.ModuleList, x: Tensor) -> Tensor:
    for block in blocks:
        x = block(x)
    return x


def _conv3(cin: int, cout: int) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 3, padding=1, bias=False)
