"""The whole network (Lei et al., Spike2Former, AAAI 2025), image to queries' classes and masks."""

from __future__ import annotations

from torch import Tensor, nn

from vistream.models.spike2former.backbone import Backbone
from vistream.models.spike2former.head import Head, Predictions
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.sizes import Sizes


class Network(nn.Module):
    """Normalised images `[B, 3, H, W]` to class scores `[B, Q, N + 1]` and mask logits `[B, Q, ceil(H/2), ceil(W/2)]`.

    `backbone_levels`, `head_levels`: D and norm of the neurons before and behind the four feature maps.
    """

    def __init__(self, sizes: Sizes, backbone_levels: Levels, head_levels: Levels) -> None:
        super().__init__()
        self.sizes, self.backbone_levels, self.head_levels = sizes, backbone_levels, head_levels
        self.backbone = Backbone(sizes.backbone, backbone_levels)
        self.decode_head = Head(sizes, head_levels)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.decode_head.pixel_decoder(self.backbone(image))
        last = self.decode_head.predict(self.decode_head.rows(features)[-1], features.mask)
        return last.classes, last.masks

    def all_rows(self, image: Tensor) -> list[Predictions]:
        """Predictions of every row of queries, all of which training supervises; the last one is `forward`'s."""
        features = self.decode_head.pixel_decoder(self.backbone(image))
        return [self.decode_head.predict(query, features.mask) for query in self.decode_head.rows(features)]
