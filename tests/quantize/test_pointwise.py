"""What is elementwise is so with every version of torch, whatever the version marks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from vistream.quantize import pointwise
from vistream.quantize.trace import trace


@pytest.mark.parametrize("activation", [nn.LeakyReLU(0.1), nn.Hardswish(), nn.LogSigmoid()], ids=str)
def test_an_activation_that_is_not_marked_folds_into_its_layer(
    monkeypatch: pytest.MonkeyPatch, activation: nn.Module
) -> None:
    monkeypatch.setattr(pointwise, "operator_of", lambda _: SimpleNamespace(tags=()))
    network = nn.Sequential(nn.Conv2d(3, 8, 3), activation, nn.Conv2d(8, 4, 1)).eval()
    assert [layer.name for layer in trace(network).layers] == ["input", "0", "2"]
