"""What several stages of the network are made of, as integers: neurons with a convolution, separable ones, MLPs."""

from __future__ import annotations

from dataclasses import dataclass

from vistream.ir.operations import MatrixProduct, TokenSum
from vistream.models.spike2former.integer.builder import Builder, Map, Sum, convolved, same
from vistream.models.spike2former.integer.folding import Folded, folded, sequence
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.parts import ChannelMlp, SeparableConv
from vistream.models.spike2former.sizes import HEADS


@dataclass(frozen=True, slots=True)
class Stage:
    """Neurons of one kind (`levels`), put into `builder`."""

    builder: Builder
    levels: Levels
    gain: int = 1

    @property
    def scale(self) -> float:
        """Of a level."""
        return self.gain / self.levels.norm

    def spikes(self, name: str, total: Sum, channels: int) -> Map:
        return self.builder.spikes(name, total, channels, self.levels.most, self.scale)

    def spikes_of(self, membrane: Map, channels: int) -> Map:
        return self.builder.spikes_of(membrane, channels, self.levels.most, self.scale)

    def fired(self, name: str, conv: Folded, source: Map) -> Map:
        """A convolution and the neuron behind it."""
        return self.spikes(name, convolved(conv, source), len(conv.bias))

    def separable(self, name: str, layer: SeparableConv, source: Map) -> Sum:
        """All of a separable convolution but its first neuron, whose spikes `source` are."""
        wide = self.fired(f"{name}.pwconv1", sequence(layer.pwconv1), source)
        deep = self.fired(f"{name}.dwconv", sequence(layer.dwconv), wide)
        return convolved(sequence(layer.pwconv2), deep)

    def mlp(self, name: str, layer: ChannelMlp, source: Map) -> Sum:
        """The same of a channel MLP."""
        hidden = self.fired(f"{name}.fc1", folded(layer.fc1_conv, layer.fc1_bn), source)
        return convolved(folded(layer.fc2_conv, layer.fc2_bn), hidden)

    def attention(self, name: str, scale: float, query: Map, key: Map, value: Map, channels: int) -> Map:
        """`query (key^T value) * scale` and the neuron behind it; `channels` of the values."""
        held = self.builder.add(TokenSum(f"{name}.kv", key.name, value.name, HEADS))
        product = self.builder.add(
            MatrixProduct(f"{name}.product", query.name, held.name, HEADS), scale * self.scale**3
        )
        return self.spikes(f"{name}.attn_spike", same(product), channels)
