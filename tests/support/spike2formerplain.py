"""Spike2Former once more, as functions over a state dict, in other orders of computation than the package's.

Attention multiplies queries by keys first; batch norms are a factor and an offset; a re-parameterised convolution is
one 3x3 with zeros around; a deformable window is four looked-up corners a tap. Written from the paper's description.
Everything is float64 `[C, H, W]` or `[C, N]`, of one picture.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

HEADS = 8


class Plain:
    """The network of a state dict; `most`, `norm`: D and divisor of every neuron."""

    def __init__(self, weights: Mapping[str, Tensor], most: int, norm: int) -> None:
        self.w = {key: value.double() for key, value in weights.items()}
        self.most, self.norm = most, norm

    def spike(self, x: Tensor, gain: int = 1) -> Tensor:
        clipped = x.clamp(0, self.most)
        below = clipped.floor()
        over = clipped - below
        up = (over > 0.5) | ((over == 0.5) & (below % 2 == 1))
        return (below + up) * gain / self.norm

    def affine(self, name: str) -> tuple[Tensor, Tensor]:
        factor = self.w[f"{name}.weight"] / (self.w[f"{name}.running_var"] + 1e-5).sqrt()
        return factor, self.w[f"{name}.bias"] - self.w[f"{name}.running_mean"] * factor

    def bn(self, x: Tensor, name: str) -> Tensor:
        factor, offset = self.affine(name)
        shape = (-1,) + (1,) * (x.dim() - 1)
        return x * factor.view(shape) + offset.view(shape)

    def conv(self, x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight, bias = self.w[f"{name}.weight"], self.w.get(f"{name}.bias")
        if weight.dim() == 3:  # a 1x1 convolution of tokens is a matrix
            out = weight[..., 0] @ x
            return out if bias is None else out + bias[:, None]
        return functional.conv2d(x[None], weight, bias, stride, weight.shape[-1] // 2, groups=groups)[0]

    def conv_bn(self, x: Tensor, conv: str, bn: str, stride: int = 1, groups: int = 1) -> Tensor:
        return self.bn(self.conv(x, conv, stride, groups), bn)

    def pair(self, x: Tensor, name: str, groups: int = 1) -> Tensor:
        return self.conv_bn(x, f"{name}.0", f"{name}.1", groups=groups)

    def rep(self, x: Tensor, name: str) -> Tensor:
        """The whole of `name.0` and its batch norm `name.1` as one 3x3."""
        first, deep, mix = (self.w[f"{name}.0.body.{k}.weight"] for k in ("0", "2.0", "2.1"))
        one, zero = self.affine(f"{name}.0.body.1.bn")
        inner = deep * one.view(-1, 1, 1, 1)
        weight = torch.einsum("om,myx,mi->oiyx", mix[:, :, 0, 0], inner[:, 0], first[:, :, 0, 0])
        bias = mix[:, :, 0, 0] @ (deep.sum((1, 2, 3)) * zero)
        for norm in (f"{name}.0.body.2.2", f"{name}.1"):
            factor, offset = self.affine(norm)
            weight, bias = weight * factor.view(-1, 1, 1, 1), bias * factor + offset
        return functional.conv2d(x[None], weight, bias, padding=1)[0]

    def separable(self, x: Tensor, name: str) -> Tensor:
        y = self.pair(self.spike(x), f"{name}.pwconv1")
        y = self.pair(self.spike(y), f"{name}.dwconv", groups=len(y))
        return self.pair(self.spike(y), f"{name}.pwconv2")

    def quadratic(self, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        """`(q k^T) v`, head by head; `[C, N]`."""
        parts = []
        for head in range(HEADS):
            own = [part.view(HEADS, -1, part.shape[1])[head] for part in (q, k, v)]
            parts.append((own[0].T @ own[1] @ own[2].T).T * scale)
        return torch.cat(parts)

    def mlp(self, x: Tensor, name: str) -> Tensor:
        y = self.conv_bn(self.spike(x), f"{name}.fc1_conv", f"{name}.fc1_bn")
        return self.conv_bn(self.spike(y), f"{name}.fc2_conv", f"{name}.fc2_bn")

    # backbone

    def block(self, x: Tensor, name: str) -> Tensor:
        third = f"{name}.conv.pwconv1.0.weight" in self.w
        project = self.pair if third else self.rep
        if third:
            x = x + self.separable(x, f"{name}.conv")
        z = self.spike(x)
        q, k, v = (self.spike(project(z, f"{name}.attn.{part}_conv")).flatten(1) for part in "qkv")
        scale = (2 if third else 1) * (len(x) // HEADS) ** -0.5
        mixed = self.quadratic(q, k, v, scale).view(-1, *x.shape[1:])
        x = x + project(self.spike(mixed), f"{name}.attn.proj_conv")
        return x + self.mlp(x.flatten(1), f"{name}.mlp").view_as(x)

    def conv_block(self, x: Tensor, name: str) -> Tensor:
        if f"{name}.Conv.pwconv1.0.weight" in self.w:
            x = x + self.separable(x, f"{name}.Conv")
        else:
            y = self.spike(self.conv_bn(self.spike(x), f"{name}.Conv.pwconv1", f"{name}.Conv.bn1"))
            y = self.conv(y, f"{name}.Conv.dwconv", groups=len(y))
            x = x + self.conv_bn(y, f"{name}.Conv.pwconv2", f"{name}.Conv.bn2")
        y = self.conv_bn(self.spike(x), f"{name}.conv1", f"{name}.bn1")
        return x + self.conv_bn(self.spike(y), f"{name}.conv2", f"{name}.bn2")

    def down(self, x: Tensor, name: str, stride: int) -> Tensor:
        return self.conv_bn(x, f"backbone.{name}.encode_conv", f"backbone.{name}.encode_bn", stride)

    def backbone(self, image: Tensor) -> list[Tensor]:
        half = self.conv_block(self.down(image.double(), "downsample1_1", 2), "backbone.ConvBlock1_1.0")
        quarter = self.conv_block(self.down(self.spike(half), "downsample1_2", 2), "backbone.ConvBlock1_2.0")
        eighth = self.down(self.spike(quarter), "downsample2", 2)
        for name in ("ConvBlock2_1", "ConvBlock2_2"):
            eighth = self.conv_block(eighth, f"backbone.{name}.0")
        x = self.down(self.spike(eighth), "downsample3", 2)
        for number in range(self.count("backbone.block3")):
            x = self.block(x, f"backbone.block3.{number}")
        x = self.down(self.spike(x), "downsample4", 1)
        for number in range(self.count("backbone.block4")):
            x = self.block(x, f"backbone.block4.{number}")
        return [half, quarter, eighth, x]

    def count(self, prefix: str) -> int:
        return len({key.removeprefix(prefix).split(".")[1] for key in self.w if key.startswith(f"{prefix}.")})

    # head

    def deformable(self, z: Tensor, name: str) -> Tensor:
        channels, height, width = z.shape
        values = self.separable(z, f"{name}.input_proj")
        u = self.spike(self.pair(self.spike(z), f"{name}.dw_conv", groups=channels))
        offsets = self.pair(u, f"{name}.offset").reshape(-1)
        shares = self.spike(self.pair(u, f"{name}.mask")).reshape(-1)
        groups = len(shares) // (9 * height * width)
        own = channels // groups
        out = torch.zeros_like(z)
        for y in range(height):
            for x in range(width):
                place = y * width + x  # both buffers are read as if their channels were last
                for group in range(groups):
                    total = torch.zeros(own, dtype=torch.float64)
                    for tap in range(9):
                        at = (place * groups + group) * 9 + tap
                        px = x + tap // 3 - 1 + float(offsets[2 * at])
                        py = y + tap % 3 - 1 + float(offsets[2 * at + 1])
                        total += shares[at] * bilinear(values[group * own : (group + 1) * own], px, py)
                    out[group * own : (group + 1) * own, y, x] = total
        return self.separable(out, f"{name}.output_proj")

    def encoder_layer(self, z: Tensor, name: str) -> Tensor:
        gains = [self.w[f"{name}.gamma{k}"].view(-1, 1, 1) for k in (1, 2, 3)]
        z = z + gains[0] * self.separable(z, f"{name}.Conv")
        z = z + gains[1] * self.deformable(z, f"{name}.dcn")
        mixed = self.mlp(z.flatten(1), f"{name}.ffn").reshape(-1)
        return z + gains[2] * mixed.view(z.shape[1], z.shape[2], len(z)).permute(2, 0, 1)

    def pixels(self, features: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        name = "decode_head.pixel_decoder"
        z = self.pair(self.spike(features[3]), f"{name}.encoder_in_proj")
        for number in range(self.count(f"{name}.encoder.layers")):
            z = self.encoder_layer(z, f"{name}.encoder.layers.{number}")
        levels = [self.pair(self.spike(z), f"{name}.encoder_out_proj")]
        for k in (2, 1, 0):
            lateral = self.pair(self.spike(features[k]), f"{name}.lateral_convs.{k}")
            grown = functional.interpolate(levels[-1][None], lateral.shape[1:], mode="bilinear")[0]
            merged = self.spike(lateral + grown)
            levels.append(self.pair(merged, f"{name}.output_convs.{k}", groups=len(merged)))
        return levels[:3], self.conv(self.spike(levels[3]), f"{name}.mask_feature")

    def attend(self, q: Tensor, k: Tensor, v: Tensor, name: str) -> Tensor:
        """All `[N, C]`."""
        parts = [
            self.spike(self.pair(self.spike(part.T), f"{name}.attn.{letter}_conv"))
            for part, letter in ((q, "q"), (k, "k"), (v, "v"))
        ]
        mixed = self.quadratic(parts[0], parts[1], parts[2], len(parts[0]) ** -0.5)
        return self.pair(self.spike(mixed), f"{name}.attn.out_conv").T

    def rows(self, levels: list[Tensor], *, self_first: bool) -> list[Tensor]:
        head = "decode_head"
        query, embed = self.w[f"{head}.query_feat.weight"], self.w[f"{head}.query_embed.weight"]
        found = [query]
        for number in range(self.count(f"{head}.transformer_decoder.layers")):
            name, level = f"{head}.transformer_decoder.layers.{number}", levels[number % 3]
            memory = level.flatten(1).T + self.w[f"{head}.level_embed.weight"][number % 3]
            keys = memory + sines(*level.shape)
            for own in (self_first, not self_first):
                if own:
                    query = query + self.attend(query + embed, query + embed, query, f"{name}.self_attn")
                else:
                    query = query + self.attend(query + embed, keys, memory, f"{name}.cross_attn")
            y = self.spike(query.reshape(query.shape[1], query.shape[0]))  # the same buffer, read as [C, N]
            y = self.spike(self.conv_bn(y, f"{name}.ffn.fc1", f"{name}.ffn.bn1"))
            query = query + self.conv_bn(y, f"{name}.ffn.fc2", f"{name}.ffn.bn2").reshape(query.shape)
            found.append(query)
        return found

    def predict(self, query: Tensor, mask_feature: Tensor) -> tuple[Tensor, Tensor]:
        head = "decode_head"
        spikes = self.spike(query.sigmoid(), 4)
        classes = spikes @ self.w[f"{head}.cls_embed.weight"].T + self.w[f"{head}.cls_embed.bias"]
        names = ("fc1", "fc2", "fc_out") if f"{head}.mask_embed.fc1.weight" in self.w else ("0", "2", "4")
        first, second, last = (self.w[f"{head}.mask_embed.{name}.weight"] for name in names)
        e = self.spike(self.spike(spikes @ first.T, 4) @ second.T, 4) @ last.T
        e = e + self.w[f"{head}.mask_embed.{names[2]}.bias"]
        e = e + self.w[f"{head}.w"] * self.pair(spikes, f"{head}.shortcut_conv")
        masks = (self.spike(e, 4) @ mask_feature.flatten(1)).view(-1, *mask_feature.shape[1:])
        return classes, masks


def bilinear(values: Tensor, x: float, y: float) -> Tensor:
    """Of `[C, H, W]` at a place; zero outside."""
    left, top = int(x // 1), int(y // 1)
    total = torch.zeros(len(values), dtype=torch.float64)
    for column, across in ((left, 1 - (x - left)), (left + 1, x - left)):
        for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
            if 0 <= column < values.shape[2] and 0 <= row < values.shape[1]:
                total += across * down * values[:, row, column]
    return total


def sines(channels: int, height: int, width: int) -> Tensor:
    """The encoding of places, `[H * W, C]`, one number at a time."""
    half = channels // 2
    out = torch.zeros(height, width, channels, dtype=torch.float64)
    for c in range(half):
        divisor = 10000 ** (2 * (c // 2) / half)
        wave = torch.sin if c % 2 == 0 else torch.cos
        for offset, length in ((0, height), (half, width)):
            angle = torch.arange(1, length + 1, dtype=torch.float64) / (length + 1e-6) * 2 * torch.pi / divisor
            values = wave(angle)
            out[..., offset + c] = values[:, None] if offset == 0 else values[None]
    return out.flatten(0, 1)
