"""The backbones as integers, stage by stage."""

from __future__ import annotations

from torch import nn

from vistream.models.spike2former import sdtv2, sdtv3
from vistream.models.spike2former.backbone import Backbone, ConvBlock, Downsampling
from vistream.models.spike2former.integer.builder import Map, Sum, bounds, convolved, same
from vistream.models.spike2former.integer.folding import folded, sequence
from vistream.models.spike2former.integer.stages import Stage


def add_backbone(stage: Stage, backbone: Backbone, image: Map) -> tuple[Map, Map, Map, Map]:
    """The membranes at strides 2, 4, 8 and 16 of an image."""
    half, quarter, eighth, sixteenth, last = backbone.sizes.widths
    x = _downsampled(stage, "downsample1_1", backbone.downsample1_1, image, half)
    first = _conv_blocks(stage, "ConvBlock1_1", backbone.ConvBlock1_1, x, half)
    x = _downsampled(stage, "downsample1_2", backbone.downsample1_2, stage.spikes_of(first, half), quarter)
    second = _conv_blocks(stage, "ConvBlock1_2", backbone.ConvBlock1_2, x, quarter)
    x = _downsampled(stage, "downsample2", backbone.downsample2, stage.spikes_of(second, quarter), eighth)
    x = _conv_blocks(stage, "ConvBlock2_1", backbone.ConvBlock2_1, x, eighth)
    third = _conv_blocks(stage, "ConvBlock2_2", backbone.ConvBlock2_2, x, eighth)
    x = _downsampled(stage, "downsample3", backbone.downsample3, stage.spikes_of(third, eighth), sixteenth)
    x = _blocks(stage, "block3", backbone.block3, x, sixteenth)
    x = _downsampled(stage, "downsample4", backbone.downsample4, stage.spikes_of(x, sixteenth), last)
    return first, second, third, _blocks(stage, "block4", backbone.block4, x, last)


def _downsampled(stage: Stage, name: str, layer: nn.Module, source: Map, channels: int) -> Map:
    assert isinstance(layer, Downsampling)
    conv = folded(layer.encode_conv, layer.encode_bn)
    return stage.builder.membrane(f"backbone.{name}", convolved(conv, source), channels)


def _conv_blocks(stage: Stage, name: str, blocks: nn.ModuleList, x: Map, channels: int) -> Map:
    for number, block in enumerate(blocks):
        assert isinstance(block, ConvBlock)
        path = f"backbone.{name}.{number}"
        spikes = stage.spikes_of(x, channels)
        part = block.Conv
        if isinstance(part, sdtv2.ConvPart):
            branch = _conv_part(stage, f"{path}.Conv", part, spikes)
        else:
            assert isinstance(part, sdtv3.ConvPart)
            branch = stage.separable(f"{path}.Conv", part, spikes)
        x = stage.builder.membrane(f"{path}.Conv", same(x) + branch, channels)
        wide = stage.fired(f"{path}.conv1", folded(block.conv1, block.bn1), stage.spikes_of(x, channels))
        x = stage.builder.membrane(path, same(x) + convolved(folded(block.conv2, block.bn2), wide), channels)
    return x


def _conv_part(stage: Stage, name: str, part: sdtv2.ConvPart, source: Map) -> Sum:
    wide = stage.fired(f"{name}.pwconv1", folded(part.pwconv1, part.bn1), source)
    depthwise = folded(part.dwconv)
    most = bounds(depthwise, stage.levels.most * stage.scale)
    between = stage.builder.wide(f"{name}.dwconv", convolved(depthwise, wide), most)
    return convolved(folded(part.pwconv2, part.bn2), *between)


def _blocks(stage: Stage, name: str, blocks: nn.ModuleList, x: Map, channels: int) -> Map:
    for number, block in enumerate(blocks):
        path = f"backbone.{name}.{number}"
        assert isinstance(block, (sdtv2.Block, sdtv3.Block))
        if isinstance(block, sdtv3.Block):
            branch = stage.separable(f"{path}.conv", block.conv, stage.spikes_of(x, channels))
            x = stage.builder.membrane(f"{path}.conv", same(x) + branch, channels)
        branch = _attention(stage, f"{path}.attn", block.attn, stage.spikes_of(x, channels))
        x = stage.builder.membrane(f"{path}.attn", same(x) + branch, channels)
        branch = stage.mlp(f"{path}.mlp", block.mlp, stage.spikes_of(x, channels))
        x = stage.builder.membrane(path, same(x) + branch, channels)
    return x


def _attention(stage: Stage, name: str, layer: sdtv2.Attention | sdtv3.Attention, source: Map) -> Sum:
    query, key, value = (
        stage.fired(f"{name}.{part}_conv", sequence(conv), source)
        for part, conv in (("q", layer.q_conv), ("k", layer.k_conv), ("v", layer.v_conv))
    )
    projection = sequence(layer.proj_conv)
    channels = projection.weight.shape[1]
    mixed = stage.attention(name, layer.product.scale, query, key, value, channels)
    return convolved(projection, mixed)
