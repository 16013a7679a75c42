"""Whether weights fit a network: every key there, none foreign, the right shapes, sound numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

SHOWN = 3  # of the keys that don't fit


def check_keys(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError with what is missing from `weights`, foreign to `expected`, or of another shape."""
    missing = [key for key in expected if key not in weights and not _counts(key)]
    foreign = [key for key in weights if key not in expected]
    if missing or foreign:
        parts = (("lacks ", missing), ("has the unknown ", foreign))
        raise ValueError("is of another network: it " + " and ".join(few(how, keys) for how, keys in parts if keys))
    shapes = [
        f"{key} {list(weights[key].shape)} where {list(value.shape)} is wanted"
        for key, value in expected.items()
        if key in weights and weights[key].shape != value.shape
    ]
    if shapes:
        raise ValueError(few("has the wrong shape of ", shapes))


def _counts(key: str) -> bool:
    """Whether it only counts training batches: of no use here, and older files lack it."""
    return key.endswith("num_batches_tracked")


def copies(wanted: Iterable[str], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The wanted weights, out of the file, as float32; ValueError if they are no sound numbers."""
    copied: dict[str, Tensor] = {}
    for key in wanted:
        if _counts(key):
            copied[key] = torch.tensor(0)
            continue
        if not weights[key].is_floating_point() or weights[key].layout != torch.strided:
            raise ValueError(f"{key} is {weights[key].dtype}, {weights[key].layout}, where plain floats are wanted")
        copied[key] = weights[key].to(torch.float32, copy=True).contiguous()
    _check_values(copied)
    return copied


def _check_values(weights: Mapping[str, Tensor]) -> None:
    unsound = [key for key, value in weights.items() if not bool(torch.isfinite(value).all())]
    if unsound:
        raise ValueError(few("has values that are not finite in ", unsound))
    negative = [key for key, value in weights.items() if key.endswith("running_var") and bool((value < 0).any())]
    if negative:
        raise ValueError(few("has negative variances in ", negative))


def few(what: str, items: Iterable[str]) -> str:
    first, *rest = items
    shown = ", ".join([first, *rest[: SHOWN - 1]])
    return f"{what}{shown}" + (f" and {len(rest) - SHOWN + 1} more" if len(rest) >= SHOWN else "")
