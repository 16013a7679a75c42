"""Masks as COCO run-length codes: column by column, compressed to a short text.

`pycocotools` encodes and measures. It trusts what it is given (an empty code decodes to whatever lay in
memory), so a code from a file is checked with `check` first; decoding is ours.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

LARGEST = 1 << 27
"""Pixels of the largest mask that is read: a few characters can say far more than fits into memory."""


class Rle(TypedDict):
    """`size`: [height, width]; `counts`: the compressed runs, ASCII."""

    size: list[int]
    counts: bytes


def encode(mask: NDArray[np.bool_]) -> Rle:
    """The code of a mask `[H, W]`.

    >>> encode(np.array([[0, 1], [0, 1]], dtype=bool))["counts"]
    b'22'
    """
    coded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(n) for n in coded["size"]], "counts": bytes(coded["counts"])}


def decode(code: Rle) -> NDArray[np.bool_]:
    """The mask, bool `[H, W]`. Raises ValueError where the code does not fit its size.

    >>> decode({"size": [2, 2], "counts": b"22"}).astype(int).tolist()
    [[0, 1], [0, 1]]
    """
    check(code)
    height, width = code["size"]
    lengths = runs(code["counts"])
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T


def area(code: Rle) -> int:
    """Pixels in the mask.

    >>> area({"size": [2, 2], "counts": b"22"})
    2
    """
    return int(coco_mask.area(code))


def runs(counts: bytes) -> list[int]:
    """The lengths of the runs, background first: what the compressed text says, read character by character.

    Six bits a character from `0` on: five of value, lowest first, and one that says "more follows"; a run
    after the third is stored as its difference to the run two before it (COCO's `maskApi`). Raises
    ValueError.

    >>> runs(b"22"), runs(encode(np.eye(3, dtype=bool))["counts"])
    ([2, 2], [0, 1, 3, 1, 3, 1])
    """
    lengths: list[int] = []
    value = shift = 0
    for character in counts:
        code = character - 48
        if not 0 <= code < 64:
            raise ValueError(f"character {chr(character)!r} does not belong in a run-length code")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("the run-length code breaks off in the middle of a run")
    return lengths


def check(code: Rle) -> None:
    """Raise ValueError unless the runs fill the mask's `size` exactly.

    >>> check({"size": [2, 2], "counts": b"25"})
    Traceback (most recent call last):
    ValueError: the run-length code covers 7 pixels, but a mask of 2 x 2 has 4
    """
    height, width = code["size"]
    if height < 1 or width < 1 or height * width > LARGEST:
        raise ValueError(f"a mask cannot be {height} x {width} pixels")
    lengths = runs(code["counts"])
    if lengths and min(lengths) < 0:
        raise ValueError("the run-length code has a run of negative length")
    if sum(lengths) != height * width:
        has = f"a mask of {height} x {width} has {height * width}"
        raise ValueError(f"the run-length code covers {sum(lengths)} pixels, but {has}")
