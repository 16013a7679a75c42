"""Products of int8 matrices: the same integers whichever way they are computed."""

from __future__ import annotations

import pytest
import torch

from vistream.engine.stream import gemm


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("inner", [1, 3, 64, gemm.SAFE_K, gemm.SAFE_K + 1, 2 * gemm.SAFE_K + 5])
def test_products_are_exact(inner: int, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "int8_product_is_quick", lambda: quick)
    generator = torch.Generator().manual_seed(inner)
    a = torch.randint(-128, 128, (7, inner), dtype=torch.int8, generator=generator)
    b = torch.randint(-128, 128, (inner, 6), dtype=torch.int8, generator=generator)
    a[0], b[:, 0] = -128, -128
    found = gemm.int_mm(a, b)
    assert found.dtype == torch.int32
    assert torch.equal(found.long(), a.long() @ b.long())
