"""Small networks that segment: with random weights as files, and one that knows the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.models.classes import class_set
from vistream.models.resnet import MEAN, STD
from vistream.models.spike2former import Spike2Former, save
from vistream.models.spike2former.profile import Fit, Profile
from vistream.models.spike2former.sizes import BackboneSizes, Sizes

SMALL = {
    "backbone": BackboneSizes("sdtv2", (8, 8, 16, 16, 16), (1, 1)),
    **{"embed": 32, "groups": 4, "encoder_layers": 1, "encoder_hidden": 32, "decoder_layers": 3, "decoder_hidden": 32},
}


def random_network(labels: str, *, panoptic: bool = False, seed: int = 9) -> Spike2Former:
    """An untrained network for a set of classes, whose weights are large enough that it sees several of them."""
    head = "panoptic" if panoptic else "semantic"
    sizes = Sizes(**SMALL, head=head, queries=8, classes=len(class_set(labels)))  # type: ignore[arg-type]
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = Spike2Former(sizes, Profile(labels, fit=Fit(128, 96, 16 if panoptic else 1)))
        for name, weights in network.named_parameters():
            if weights.ndim > 1 and "query" not in name:
                weights.normal_(0, 2 / weights[0].numel() ** 0.5)
        head_of = network.decode_head
        head_of.pixel_decoder.mask_feature.weight.mul_(6)
        head_of.cls_embed.weight.normal_(0, 4)
        head_of.cls_embed.bias.zero_()
        head_of.cls_embed.bias[-1] = -20
        for query in (head_of.query_feat, head_of.query_embed):
            query.weight.normal_(0, 1)
    return network.eval().requires_grad_(False)


def network_file(folder: Path, labels: str = "plaza", *, panoptic: bool = False) -> Path:
    """Such a network as a file that `--model` takes."""
    path = folder / f"{labels}.safetensors"
    save(random_network(labels, panoptic=panoptic), path)
    return path


class ColourNetwork(Spike2Former):
    """Knows the classes by their colours: a query a class, whose mask is where the picture has that colour.

    Made for frames of 80 x 60, which it takes as they are.
    """

    def __init__(self, labels: str, fit: Fit | None = None) -> None:
        whole = fit or Fit(80, 60)
        super().__init__(Sizes(**SMALL, classes=len(class_set(labels))), Profile(labels, fit=whole))  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        pixels = image[0].permute(1, 2, 0) * torch.tensor(STD) + torch.tensor(MEAN)
        colours = torch.tensor(self.palette.astype(np.float32))
        apart = (pixels[..., None, :] - colours).abs().sum(-1)
        masks = torch.where(apart.argmin(-1)[None] == torch.arange(len(colours))[:, None, None], 12.0, -12.0)
        logits = torch.full((len(colours), len(colours) + 1), -12.0)
        logits.fill_diagonal_(12.0)
        return logits[None], masks[None]


def painted(labels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """A frame in the colours of the classes, RGB."""
    return np.asarray(class_set(name).palette[labels], np.uint8)
