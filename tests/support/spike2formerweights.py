"""Small Spike2Formers with recipe weights: every kind of layer, sizes of our own, nothing to download."""

from __future__ import annotations

import torch
from spike2former_recipe import tensor
from torch import Tensor, nn

from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.sizes import Backbone, BackboneSizes, Head, Sizes

EMBED, QUERIES, CLASSES = 16, 5, 3


def small_sizes(backbone: Backbone = "sdtv2", head: Head = "semantic") -> Sizes:
    """Every width divides into 8 heads; stages and layers of all kinds, as few as there can be."""
    widths = BackboneSizes(backbone, (8, 8, 8, 16, 24), (2, 1))
    return Sizes(widths, head, EMBED, 4, 2, 24, 4, 32, QUERIES, CLASSES)


def norm_table(network: nn.Module) -> dict[str, tuple[float, ...]]:
    """For the recipe: gains of batch norms that keep the size of what comes through, biases off the ties."""
    table: dict[str, tuple[float, ...]] = {}
    inputs = 1
    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            inputs = module.weight[0].numel()
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            table[name] = (round(max(inputs, 4) ** 0.5).bit_length() - 2, 0.0, 0.5, True)
    return table


def recipe_weights(network: nn.Module, salt: str) -> dict[str, Tensor]:
    """A state dict after the recipe, whose keys name the head `decode_head`."""
    table = norm_table(network)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    return {key: torch.from_numpy(tensor(salt, key, shape, table)) for key, shape in shapes.items()}


def small_network(backbone: Backbone = "sdtv2", head: Head = "semantic", most: int = 4, norm: int = 4) -> Network:
    """In eval mode, without gradients."""
    levels = Levels(most, norm)
    network = Network(small_sizes(backbone, head), levels, levels)
    network.load_state_dict(recipe_weights(network, f"small {backbone} {head}"))
    return network.eval().requires_grad_(False)
