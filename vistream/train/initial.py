"""The values a network starts training with."""

from __future__ import annotations

import torch
from torch import nn

from vistream.models.spike2former.model import Spike2Former


@torch.no_grad()
def initialise(model: Spike2Former, gamma: float) -> None:
    """Fill the head as the published training does; the backbone keeps torch's values or gets those of ImageNet.

    `gamma`: of the encoder's three gains; the paper has 1e-6, under which a short run learns nothing there.
    """
    head = model.decode_head
    pixels = head.pixel_decoder
    for lateral in pixels.lateral_convs.modules():
        if isinstance(lateral, nn.Conv2d):
            lateral.weight.normal_(0, 0.1)
            _zero_bias(lateral)
    for module in (pixels.encoder_in_proj[0], pixels.encoder_out_proj[0], pixels.mask_feature):
        assert isinstance(module, nn.Conv2d)
        nn.init.kaiming_uniform_(module.weight, a=1)  # Xavier's, as Caffe2 has it: by fan-in alone
        _zero_bias(module)
    for name, weight in head.transformer_decoder.named_parameters():
        if weight.dim() > 1 and not name.endswith("bias"):
            nn.init.xavier_uniform_(weight)
    for linear in (head.cls_embed, head.mask_embed.get_submodule(head.mask_embed.names[-1])):
        assert isinstance(linear, nn.Linear)
        nn.init.trunc_normal_(linear.weight, std=0.02)
        _zero_bias(linear)
    for name, weight in pixels.encoder.named_parameters():
        if ".dcn.offset.0." in name or ".dcn.mask.0." in name:
            weight.zero_()
        elif name.rpartition(".")[2] in ("gamma1", "gamma2", "gamma3"):
            weight.fill_(gamma)


def _zero_bias(module: nn.Conv2d | nn.Linear) -> None:
    if module.bias is not None:
        module.bias.zero_()
