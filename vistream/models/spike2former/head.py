"""The head: pixel decoder, query decoder, and from queries to class scores and masks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.pixel_decoder import PixelDecoder, PixelFeatures
from vistream.models.spike2former.query_decoder import QueryDecoder
from vistream.models.spike2former.sizes import LEVELS, Sizes

GAIN = 4  # of the neurons between queries and masks, whatever D is


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Of one row of queries: `classes` `[B, Q, N + 1]`, the last of which means no object; `masks` `[B, Q, h, w]`."""

    classes: Tensor
    masks: Tensor


class MaskMlp(nn.Module):
    """Queries to mask embeddings, with neurons between; the layers' names differ between the two published heads."""

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        embed = sizes.embed
        self.names = ("fc1", "fc2", "fc_out") if sizes.head == "semantic" else ("0", "2", "4")
        for name in self.names:
            self.add_module(name, nn.Linear(embed, embed, bias=name == self.names[-1]))
        self.spike1, self.spike2 = Neuron(levels, GAIN), Neuron(levels, GAIN)

    def forward(self, h: Tensor) -> Tensor:
        first, second, last = (self.get_submodule(name) for name in self.names)
        out: Tensor = last(self.spike2(second(self.spike1(first(h)))))
        return out


class MaskProduct(nn.Module):
    """Embeddings `[B, Q, C]`, levels of neurons, by pixel features `[B, C, h, w]`: mask logits `[B, Q, h, w]`."""

    def forward(self, embedding: Tensor, mask_feature: Tensor) -> Tensor:
        return torch.einsum("bqc,bchw->bqhw", embedding, mask_feature)


class Head(nn.Module):
    """Backbone features to predictions after each row of queries: the learned ones, then every decoder layer's.

    The number of queries is fixed by the weights: the shortcut mixes queries by a matrix.
    """

    def __init__(self, sizes: Sizes, levels: Levels) -> None:
        super().__init__()
        queries, embed = sizes.queries, sizes.embed
        self.w = nn.Parameter(torch.ones(1))
        self.pixel_decoder = PixelDecoder(sizes, levels)
        self.transformer_decoder = QueryDecoder(sizes, levels)
        self.query_embed, self.query_feat = nn.Embedding(queries, embed), nn.Embedding(queries, embed)
        self.level_embed = nn.Embedding(LEVELS, embed)
        self.cls_embed = nn.Linear(embed, sizes.classes + 1)
        self.decoder_out_spike, self.mask_embed = Neuron(levels, GAIN), MaskMlp(sizes, levels)
        self.shortcut_conv_spike = Neuron(levels, GAIN)
        self.shortcut_conv = nn.Sequential(nn.Conv1d(queries, queries, 1, bias=False), nn.BatchNorm1d(queries))
        self.mask_embed_spike, self.mask_product = Neuron(levels, GAIN), MaskProduct()

    def rows(self, features: PixelFeatures) -> list[Tensor]:
        """Queries `[B, Q, E]`: the learned ones, then after each layer."""
        learned = self.query_feat.weight.expand(len(features.mask), -1, -1)
        embed, level_embed = self.query_embed.weight, self.level_embed.weight
        return [learned, *self.transformer_decoder(learned, embed, level_embed, features.levels)]

    def predict(self, query: Tensor, mask_feature: Tensor) -> Predictions:
        """Classes and masks of one row of queries."""
        membrane = query.sigmoid()
        spikes = self.decoder_out_spike(membrane)
        shortcut = self.shortcut_conv(self.shortcut_conv_spike(membrane))
        embedding = self.mask_embed_spike(self.mask_embed(spikes) + self.w * shortcut)
        return Predictions(self.cls_embed(spikes), self.mask_product(embedding, mask_feature))
