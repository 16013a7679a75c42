"""References that `scripts/spike2former_golden.py` checks, of any network, made by the plain formulation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from spike2former_recipe import checksum, image, norm_table, tensor
from spike2formerplain import Plain
from torch import Tensor
from torch.nn import functional

from vistream.models.spike2former.network import Network

STRIDES = {"backbone_0": (1, 2, 2), "mask_feature": (1, 4, 4), "sem_scores": (1, 4, 4)}


class Recording(Plain):
    """Keeps what comes out of the encoder's layers."""

    encoded: list[Tensor]

    def encoder_layer(self, z: Tensor, name: str) -> Tensor:
        z = super().encoder_layer(z, name)
        self.encoded.append(z)
        return z


def write_reference(folder: Path, name: str, network: Network, height: int, width: int) -> None:
    """`NAME.json` and `NAME.npz` for a network of the kind of `network`, with weights after the recipe."""
    named = "panoptic_head." if network.sizes.head == "panoptic" else "decode_head."
    norms = {key.replace("decode_head.", named): row for key, row in norm_table(network).items()}
    keys, weights = [], {}
    for key, value in network.state_dict().items():
        given = key.replace("decode_head.", named)
        made = tensor(name, given, value.shape, norms)
        keys.append([given, list(value.shape), str(made.dtype), checksum(made)])
        weights[key] = torch.from_numpy(made)
    recipe = {
        "salt": name,
        "D_head": network.head_levels.most,
        "D_backbone": network.backbone_levels.most,
        "keys": keys,
        "bn_table": norms,
        "strides": STRIDES,
    }
    (folder / f"{name}.json").write_text(json.dumps(recipe), encoding="utf-8")
    found = _probes(network, weights, torch.from_numpy(image(name, height, width)))
    np.savez(folder / f"{name}.npz", **found)  # type: ignore[arg-type]  # names are keywords


def _probes(network: Network, weights: dict[str, Tensor], picture: Tensor) -> dict[str, NDArray[np.generic]]:
    backbone, head = (
        Recording(weights, levels.most, levels.norm) for levels in (network.backbone_levels, network.head_levels)
    )
    features = backbone.backbone(picture[0])
    head.encoded = []
    levels, mask_feature = head.pixels(features)
    rows = head.rows(levels, self_first=network.sizes.head == "panoptic")
    classes, masks = head.predict(rows[-1], mask_feature)
    grown = functional.interpolate(masks[None], picture.shape[2:], mode="bilinear")[0]
    scores = torch.einsum("qc,qhw->chw", classes.softmax(1)[:, :-1], grown.sigmoid())
    found = {
        **{f"backbone_{number}": feature for number, feature in enumerate(features)},
        **{f"encoder_layer_{number}": z for number, z in enumerate(head.encoded)},
        **{f"pixel_level_{number}": level for number, level in enumerate(levels)},
        "mask_feature": mask_feature,
        "queries": torch.stack(rows[1:]),
        "cls_logits": torch.stack([head.predict(row, mask_feature)[0] for row in rows]),
        "mask_logits_last": masks,
        "sem_scores": scores,
    }
    arrays = {name: values.numpy().astype(np.float32) for name, values in found.items()}
    strided = {
        name: values[tuple(slice(None, None, s) for s in STRIDES.get(name, ()))] for name, values in arrays.items()
    }
    return {**strided, "input": picture.numpy(), "sem_map": scores.argmax(0).numpy().astype(np.uint8)}
