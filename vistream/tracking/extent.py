"""The size of a single object's box: each side a step smaller or larger, as its likeness to the template says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

Size = tuple[float, float]


def best_size(
    size: Size, likeness: Callable[[Size], float], scales: int, step: float, scale_penalty: float, shape_penalty: float
) -> tuple[Size, float]:
    """The size (width, height), of `scales` widths and as many heights of ratio `step`, that is likest; and how like.

    A step of both sides at once takes the factor `scale_penalty`, a step of one beyond the other `shape_penalty`.

    >>> best_size((10.0, 20.0), lambda size: 20.0 - abs(size[0] - 11.0), 3, 1.1, 1.0, 1.0)
    ((11.0, 22.0), 20.0)
    """
    most = scales // 2
    steps = range(-most, most + 1)
    found = []
    for wider, higher in product(steps, steps):
        tried = size[0] * step**wider, size[1] * step**higher
        like = likeness(tried)
        kept = scale_penalty ** (abs(wider + higher) / 2) * shape_penalty ** abs(wider - higher)
        found.append((like - (1 - kept) * abs(like), tried, like))
    _, best, like = max(found)
    return best, like


def limited(size: Size, first: Size, limits: tuple[float, float], shape_limit: float) -> Size:
    """A size within `limits`, shares of the `first`, and at most `shape_limit` times wider or narrower for its height.

    >>> limited((40.0, 10.0), (10.0, 10.0), (0.2, 5.0), 2.5)
    (25.0, 10.0)
    """
    (least, most) = limits
    wide, high = (min(max(now / then, least), most) for now, then in zip(size, first, strict=True))
    return min(wide, shape_limit * high) * first[0], min(high, shape_limit * wide) * first[1]
