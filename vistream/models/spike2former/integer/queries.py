"""The query decoder and the head as integers. Queries are a map of one row: `[1, Q, C]`."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from vistream.ir.operations import Constant, MatrixProduct, Order, Rearrange, Transposed
from vistream.models.spike2former.attention import QueryAttention
from vistream.models.spike2former.head import GAIN, Head, MaskMlp
from vistream.models.spike2former.integer.builder import (
    STEP,
    Builder,
    Map,
    Sum,
    bounds,
    convolved,
    neuron,
    quantised,
    same,
)
from vistream.models.spike2former.integer.folding import Folded, folded, sequence
from vistream.models.spike2former.integer.stages import Stage
from vistream.models.spike2former.query_decoder import DecoderLayer, QueryMlp, sine_positions

Wide = tuple[Map, ...]


def add_queries(stage: Stage, head: Head, levels: list[Wide], grids: list[tuple[int, int]]) -> Map:
    """The queries' membranes after all layers; `levels`: what they read, on `grids`."""
    embed = head.query_feat.weight.shape[1]
    learned = constant(stage.builder, "query_feat", head.query_feat.weight[None])
    beside = constant(stage.builder, "query_embed", head.query_embed.weight[None])
    places = [
        constant(stage.builder, f"positions.{number}", sine_positions(embed, *grid).reshape(*grid, embed), 8)
        for number, grid in enumerate(grids)
    ]
    query: Wide = learned
    for number, layer in enumerate(head.transformer_decoder.layers):
        assert isinstance(layer, DecoderLayer)
        level = number % len(levels)
        shift = head.level_embed.weight[level].detach().double()
        memory = Sum(same(*levels[level]).terms, shift)
        name = f"transformer_decoder.layers.{number}"
        for to_itself in (layer.self_first, not layer.self_first):
            part = "self_attn" if to_itself else "cross_attn"
            own = same(*query) + same(*beside)
            key, value = (own, same(*query)) if to_itself else (memory + same(*places[level]), memory)
            attention = (layer.self_attn if to_itself else layer.cross_attn).attn
            total = _attention(stage, f"{name}.{part}", attention, own, key, value)
            query = (stage.builder.membrane(f"{name}.{part}", same(*query) + total, embed),)
        mixed = _mlp(stage, f"{name}.ffn", layer.ffn, query[0], embed)
        query = (stage.builder.membrane(name, same(*query) + same(mixed), embed),)
    return query[0]


def constant(builder: Builder, name: str, values: Tensor, bits: int = 16) -> Wide:
    """Real numbers `[H, W, C]` that do not change."""
    parts, unit = quantised(values.detach().double().reshape(1, 1, -1, 1), bits)
    return tuple(
        builder.add(Constant(f"{name}.{number}", part.reshape(values.shape)), float(unit) * worth)
        for number, (part, worth) in enumerate(parts)
    )


def _attention(stage: Stage, name: str, layer: QueryAttention, query: Sum, key: Sum, value: Sum) -> Sum:
    q, k, v = (
        _projected(stage, f"{name}.{part}", conv, total)
        for part, conv, total in (("q", layer.q_conv, query), ("k", layer.k_conv, key), ("v", layer.v_conv, value))
    )
    out = sequence(layer.out_conv)
    mixed = stage.attention(name, layer.product.scale, q, k, v, len(out.bias))
    return convolved(out, mixed)


def _projected(stage: Stage, name: str, conv: nn.Module, total: Sum) -> Map:
    projection = sequence(conv)
    spikes = stage.spikes(f"{name}_conv_spike", total, projection.weight.shape[1])
    return stage.fired(f"{name}_conv", projection, spikes)


def _mlp(stage: Stage, name: str, layer: QueryMlp, query: Map, embed: int) -> Map:
    """The buffer `[Q, C]` read as `[C, Q]`, and back."""
    spikes = stage.spikes_of(query, embed)
    turned = stage.builder.add(
        Rearrange(f"{name}.as_first", spikes.name, Order.CHANNELS_LAST, Order.CHANNELS_FIRST), spikes.unit
    )
    hidden = stage.fired(f"{name}.fc1", folded(layer.fc1, layer.bn1), turned)
    mixed = stage.builder.membrane(f"{name}.fc2", convolved(folded(layer.fc2, layer.bn2), hidden), embed)
    return stage.builder.add(
        Rearrange(f"{name}.as_last", mixed.name, Order.CHANNELS_FIRST, Order.CHANNELS_LAST), mixed.unit
    )


def add_head(stage: Stage, head: Head, query: Map, pixels: Map) -> dict[str, Map]:
    """Of the last queries and the spikes at stride 2: `masks` without `offsets`, which belong to whole queries, and
    `classes`; see `network.predictions`.

    Masks are `E (W s + b)`, E of the queries and s of the pixels; as `(E W) s + E b` they cost a product less, and the
    smaller one of the three is the only one that is rounded.
    """
    builder = stage.builder
    queries, embed = head.query_feat.weight.shape
    gained = replace(stage, gain=GAIN)
    spikes = builder.layer(  # round(sigmoid(q)) is 1 where q > 0
        "decoder_out_spike", Sum(same(query).terms, -STEP / 4), embed, neuron(0, 1), STEP, gained.scale
    )  # fmt: skip
    classes = builder.real("classes", convolved(folded(head.cls_embed), spikes), len(head.cls_embed.bias))
    shortcut = sequence(head.shortcut_conv).gained(head.w.detach().expand(queries))
    mixed = builder.membrane("shortcut", convolved(shortcut, _turned(builder, spikes)), queries)
    total = _mask_mlp(gained, head.mask_embed, spikes) + same(_turned(builder, mixed))
    embedding = gained.spikes("mask_embed_spike", total, embed)
    conv = folded(head.pixel_decoder.mask_feature)
    into = Folded(conv.weight.transpose(0, 1), torch.zeros(embed, dtype=torch.float64))
    most = bounds(into, gained.levels.most * gained.scale).max().expand(embed)
    parts = [
        builder.add(MatrixProduct(f"{part.name}.masks", pixels.name, part.name, 1, Transposed.RIGHT),
                    _one(part.unit) * stage.scale)
        for part in builder.wide("mask_embed.mask_feature", convolved(into, embedding), most, 16)
    ]  # fmt: skip
    masks = builder.real("masks", same(*parts), queries)
    bias = Folded(conv.bias.view(1, -1, 1, 1), torch.zeros(1, dtype=torch.float64))
    return {"masks": masks, "classes": classes, "offsets": builder.real("offsets", convolved(bias, embedding), 1)}


def _mask_mlp(stage: Stage, layer: MaskMlp, spikes: Map) -> Sum:
    first, second, last = (folded(layer.get_submodule(name)) for name in layer.names)
    hidden = stage.fired("mask_embed.fc1", first, spikes)
    return convolved(last, stage.fired("mask_embed.fc2", second, hidden))


def _turned(builder: Builder, source: Map) -> Map:
    """Queries and channels exchanged, `[1, Q, C]` to `[1, C, Q]`."""
    shape = ("1", "C", "W")
    layer = Rearrange(f"{source.name}.turned", source.name, Order.CHANNELS_FIRST, Order.CHANNELS_LAST, shape)
    return builder.add(layer, source.unit)


def _one(unit: Tensor | float) -> float:
    return float(unit[0]) if isinstance(unit, Tensor) else unit
