"""From queries to class scores a pixel."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

Size = tuple[int, int]  # height, width


def semantic(
    class_logits: Tensor,
    mask_logits: Tensor,
    size: Size,
    padded: Size | None = None,
    inside: Size | None = None,
    classes: int | None = None,
) -> Tensor:
    """Scores `[N, H, W]` of one picture: `sum_q softmax(class)_qc * sigmoid(mask_q)` (Cheng et al., MaskFormer, 2021).

    class_logits `[1, Q, N + 1]`, mask_logits `[1, Q, h, w]`. `size`: of the picture. `padded`: of the network's input
    (default `size`), at which scores are made; `inside`: its part that is not padding (default all). `classes`: only
    the first so many of N.
    """
    padded = padded or size
    logits = functional.interpolate(mask_logits, padded, mode="bilinear", align_corners=False)[0]
    shares = class_logits[0].softmax(-1)[:, :-1][:, :classes]
    height, width = inside or padded
    masks = logits[:, :height, :width].sigmoid()
    scores = (shares.T @ masks.flatten(1)).view(-1, height, width)
    if (height, width) == tuple(size):
        return scores
    return functional.interpolate(scores[None], size, mode="bilinear", align_corners=False)[0]
