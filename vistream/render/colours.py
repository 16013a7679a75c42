"""One colour for each id: the same in every frame and every run, far from those of neighbouring ids."""

from __future__ import annotations

import math
from collections.abc import Sequence

Colour = tuple[int, int, int]

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # successive hues never come back close to earlier ones
LIGHTNESS = 0.80, 0.68, 0.74
CHROMA = 0.15


def colour_of(identity: int) -> Colour:
    """RGB, 0..255, for a track id. All are light enough to carry black text.

    >>> colour_of(1), colour_of(2), colour_of(3)
    ((104, 173, 75), (144, 161, 255), (255, 160, 91))
    """
    hue = GOLDEN_ANGLE * identity
    return _from_oklab(LIGHTNESS[identity % len(LIGHTNESS)], CHROMA * math.cos(hue), CHROMA * math.sin(hue))


def css(colour: Sequence[int]) -> str:
    """RGB as pages write it.

    >>> css(colour_of(1))
    '#68ad4b'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _from_oklab(lightness: float, a: float, b: float) -> Colour:
    """OKLab to sRGB (Ottosson, "A perceptual color space for image processing", 2020), clipped to the gamut."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _encoded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _encoded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _encoded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _encoded(linear: float) -> int:
    linear = min(max(linear, 0.0), 1.0)
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * value)
