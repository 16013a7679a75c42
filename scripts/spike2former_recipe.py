"""Weights for Spike2Former that follow from a text, so that a reference of the network needs no weights file.

Every tensor has random numbers of its own, from the SHA-256 of `salt/key`. Weights are -1, 0 or 1 times a power of two,
and the gains of batch norms are powers of two times the root of the variance, so that nearly all sums are exact in
float32 in any order: two sound implementations get the same integer in every neuron.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Norms = Mapping[str, Sequence[float]]
"""Of each batch norm, by the prefix of its keys: shift, mean, bias, and whether its bias is moved off the ties."""

OFF_TIES = 2.0**-13
QUARTERED = (
    "mask_feature",
    "mask_embed.fc1",
    "mask_embed.fc2",
    "mask_embed.fc_out",
    *(f"mask_embed.{k}" for k in "024"),
)
LAST_OF_MASKS = ("mask_embed.fc_out", "mask_embed.4")
EMBEDDINGS = {"query_feat": (48, OFF_TIES), "query_embed": (32, 0.0), "level_embed": (16, 0.0)}
GAINS = ("gamma1", "gamma2", "gamma3")


def generator(salt: str, key: str) -> np.random.Generator:
    """The random numbers that belong to a key."""
    digest = hashlib.sha256(f"{salt}/{key}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def tensor(salt: str, key: str, shape: Sequence[int], norms: Norms) -> NDArray[np.float32] | NDArray[np.int64]:
    """The values of one key of a state dict; KeyError where the recipe has no rule for it."""
    prefix, _, leaf = key.rpartition(".")
    size = tuple(shape)
    if leaf == "num_batches_tracked":
        return np.zeros(size, np.int64)
    rng = generator(salt, key)
    if prefix in norms:
        return _norm(salt, prefix, leaf, size, norms).astype(np.float32)
    return _weight(rng, prefix, leaf, size).astype(np.float32)


def _norm(salt: str, prefix: str, leaf: str, size: tuple[int, ...], norms: Norms) -> NDArray[np.float64]:
    shift, mean, bias, off_ties = norms[prefix]
    rng = generator(salt, f"{prefix}.{leaf}")
    if leaf == "running_mean":
        return mean + rng.integers(-1, 2, size) / 8
    if leaf == "running_var":
        return 0.5 + rng.integers(0, 193, size) / 128
    if leaf == "weight":
        variance = _norm(salt, prefix, "running_var", size, norms).astype(np.float32).astype(np.float64)
        return np.asarray(2.0**-shift * np.sqrt(variance + 1e-5))
    if prefix.endswith("dcn.offset.1"):
        return rng.random(size) * 0.25
    return bias + rng.integers(-4, 5, size) / 16 + (OFF_TIES if off_ties else 0.0)


def _weight(rng: np.random.Generator, prefix: str, leaf: str, size: tuple[int, ...]) -> NDArray[np.float64]:
    name = prefix.rpartition(".")[2]
    if name in EMBEDDINGS:
        most, offset = EMBEDDINGS[name]
        return rng.integers(-most, most + 1, size) / 32 + offset
    if leaf in GAINS:
        return np.asarray(2.0 ** -rng.integers(0, 3, size))
    if leaf == "w":
        return np.full(size, 0.5)
    if leaf == "weight":
        return _ternary(rng, size) * (0.25 if prefix.endswith(QUARTERED) else 1.0)
    if leaf == "bias":
        return rng.integers(-2, 3, size) / 8 + (OFF_TIES if prefix.endswith(LAST_OF_MASKS) else 0.0)
    raise KeyError(f"{prefix}.{leaf}")


def _ternary(rng: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float64]:
    """A third of each output's weights 1, a third -1, the others 0, in random order."""
    inputs = int(np.prod(size[1:]))
    third = inputs // 3
    row = np.zeros(inputs)
    row[:third], row[third : 2 * third] = 1, -1
    return rng.permuted(np.tile(row, (size[0], 1)), axis=1).reshape(size)


def checksum(values: NDArray[np.float32] | NDArray[np.int64]) -> int:
    """CRC-32 of the little-endian bytes."""
    return zlib.crc32(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes())


def image(salt: str, height: int, width: int) -> NDArray[np.float32]:
    """A normalised picture `[1, 3, height, width]`, both multiples of 16: coarse and fine blocks, and noise."""
    rng = generator(salt, "input")
    total = np.zeros((3, height, width))
    for block, most in ((16, 64), (4, 32), (1, 16)):
        cells = rng.integers(-most, most + 1, (3, height // block, width // block))
        total += cells.repeat(block, 1).repeat(block, 2)
    return (total / 32).astype(np.float32)[None]


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
