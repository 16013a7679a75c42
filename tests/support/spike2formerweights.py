"""Small Spike2Formers with recipe weights: every kind of layer, sizes of our own, nothing to download."""

from __future__ import annotations

from spike2former_recipe import recipe_weights

from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.sizes import Backbone, BackboneSizes, Head, Sizes

EMBED, QUERIES, CLASSES = 16, 5, 3


def small_sizes(backbone: Backbone = "sdtv2", head: Head = "semantic") -> Sizes:
    """Every width divides into 8 heads; stages and layers of all kinds, as few as there can be."""
    widths = BackboneSizes(backbone, (8, 8, 8, 16, 24), (2, 1))
    return Sizes(widths, head, EMBED, 4, 2, 24, 4, 32, QUERIES, CLASSES)


def small_network(backbone: Backbone = "sdtv2", head: Head = "semantic", most: int = 4, norm: int = 4) -> Network:
    """In eval mode, without gradients."""
    levels = Levels(most, norm)
    network = Network(small_sizes(backbone, head), levels, levels)
    network.load_state_dict(recipe_weights(network, f"small {backbone} {head}"))
    return network.eval().requires_grad_(False)
