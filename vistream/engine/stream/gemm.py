"""int8 x int8 -> int32 matrix product, exact on every CPU.

`torch._int_mm` is fast where the CPU has int8 dot products. Some kernels for older CPUs add pairs of products in 16
bits and saturate, so the first use tries the worst case; where that fails, or the function is missing, a float32
product is used, with K split so that no partial sum can reach 2^24. So it is on CPUs without int8 dot products, where
torch's takes ten times as long. Both give the same integers.
"""

from __future__ import annotations

import functools
import logging

import torch
from torch import Tensor

from vistream.kernels.library import Unusable, variants

SAFE_K = 2**24 // (128 * 128) - 1  # products of two int8 summed in float32 without rounding


@functools.cache
def int8_product_is_exact() -> bool:
    """Whether `torch._int_mm` gives exact results here, tried once with values that would saturate 16 bits."""
    generator = torch.Generator().manual_seed(0)
    try:
        for rows, inner, outputs in ((1, 64, 16), (33, 515, 40), (200, 2304, 64)):
            a = torch.full((rows, inner), 127, dtype=torch.int8)
            a[::3] = -128
            b = torch.full((inner, outputs), -128, dtype=torch.int8)
            b[:, ::2] = torch.randint(-128, 128, (inner, (outputs + 1) // 2), dtype=torch.int8, generator=generator)
            if not torch.equal(torch._int_mm(a, b).to(torch.int64), a.to(torch.int64) @ b.to(torch.int64)):
                return _weaker("torch._int_mm saturates on this CPU")
    except (AttributeError, RuntimeError) as error:
        return _weaker(f"torch._int_mm does not run here ({str(error).splitlines()[0]})")
    return True


@functools.cache
def int8_product_is_quick() -> bool:
    """Whether the CPU has the dot products that it is quick by: AVX-512 VNNI, AVX-VNNI or AMX."""
    try:
        return any(variant.flips or variant.tiles for variant in variants())
    except Unusable:
        return False


def _weaker(reason: str) -> bool:
    logging.getLogger("vistream").warning("%s: exact float32 products are used, which are slower", reason)
    return False


def int_mm(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b`, int8 `[n, K]` by int8 `[K, O]`, as exact int32 `[n, O]`."""
    # with one column it misreads a transposed operand
    if a.shape[1] > 1 and int8_product_is_quick() and int8_product_is_exact():
        return torch._int_mm(a, b)
    return float_mm(a, b)


def float_mm(a: Tensor, b: Tensor) -> Tensor:
    """The same by float32 products of at most `SAFE_K` terms each."""
    total = torch.zeros((len(a), b.shape[1]), dtype=torch.int32)
    for start in range(0, a.shape[1], SAFE_K):
        part = a[:, start : start + SAFE_K].to(torch.float32) @ b[start : start + SAFE_K].to(torch.float32)
        total += part.to(torch.int32)
    return total
