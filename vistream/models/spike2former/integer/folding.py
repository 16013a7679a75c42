"""Convolutions with all that is linear behind them as one: batch norms, re-parameterised convolutions, gains.

Everything in float64: what is rounded afterwards, to whole weights, is rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vistream.models.spike2former.sdtv2 import PaddedNorm, RepConv


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """A convolution: `weight` float64 `[O, I / groups, kh, kw]`, `bias` `[O]`. At stride 1 maps keep their size."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1

    def gained(self, gain: Tensor) -> Folded:
        """Its result times `gain`, `[O]`."""
        gain = gain.detach().to(torch.float64)
        return Folded(self.weight * gain.view(-1, 1, 1, 1), self.bias * gain, self.stride, self.groups)


def folded(conv: nn.Module, *norms: nn.Module) -> Folded:
    """A convolution (of maps or tokens), a linear layer or a `RepConv`, and the batch norms behind it."""
    found = _rep(conv) if isinstance(conv, RepConv) else _plain(conv)
    for norm in norms:
        gain, shift = gain_and_shift(norm)
        found = found.gained(gain)
        found = Folded(found.weight, found.bias + shift, found.stride, found.groups)
    return found


def _plain(conv: nn.Module) -> Folded:
    assert isinstance(conv, (nn.Conv1d, nn.Conv2d, nn.Linear))
    weight = _double(conv.weight)
    weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim))
    bias = torch.zeros(len(weight), dtype=torch.float64) if conv.bias is None else _double(conv.bias)
    if isinstance(conv, nn.Linear):
        return Folded(weight, bias)
    return Folded(weight, bias, conv.stride[0], conv.groups)


def sequence(layers: nn.Module) -> Folded:
    """The same of a sequence of such layers."""
    assert isinstance(layers, nn.Sequential)
    first, *norms = layers
    return folded(first, *norms)


def gain_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """What a batch norm multiplies by and then adds: float64 `[C]` each."""
    assert isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d))
    assert norm.running_mean is not None and norm.running_var is not None
    gain = _double(norm.weight) / (_double(norm.running_var) + norm.eps).sqrt()
    return gain, _double(norm.bias) - _double(norm.running_mean) * gain


def _double(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float64)


def _rep(conv: RepConv) -> Folded:
    """As one 3x3 convolution, zero outside: the border that the inner norm adds is what it makes of zero."""
    first, padded, deep = conv.body
    assert isinstance(first, nn.Conv2d) and isinstance(padded, PaddedNorm) and isinstance(deep, nn.Sequential)
    depthwise, second, outer = deep
    assert isinstance(depthwise, nn.Conv2d) and isinstance(second, nn.Conv2d)
    inner_gain, inner_shift = gain_and_shift(padded.bn)
    into = _double(first.weight)[:, :, 0, 0] * inner_gain[:, None]  # [C, I]
    window, out = _double(depthwise.weight)[:, 0], _double(second.weight)[:, :, 0, 0]  # [C, 3, 3], [O, C]
    weight = torch.einsum("oc,cyx,ci->oiyx", out, window, into)
    bias = out @ (window.sum((1, 2)) * inner_shift)
    gain, shift = gain_and_shift(outer)
    return Folded(weight * gain.view(-1, 1, 1, 1), bias * gain + shift)
