"""Numbers and names as people read them: three digits and a prefix; not too long."""

from __future__ import annotations

PREFIXES = {1e12: "T", 1e9: "G", 1e6: "M", 1e3: "k", 1.0: "", 1e-3: "m", 1e-6: "µ", 1e-9: "n", 1e-12: "p"}


def count(value: float) -> str:
    """
    >>> count(0), count(12), count(12345), count(90_678_272)
    ('0', '12', '12.3 k', '90.7 M')
    """
    return f"{value:.3g}" if abs(value) < 1000 else _scaled(value)


def joules(picojoules: float) -> str:
    """
    >>> joules(0), joules(26_200_000), joules(2_860_000_000), joules(99_970)
    ('0', '26.2 µ', '2.86 m', '100 n')
    """
    return "0" if picojoules == 0 else _scaled(picojoules / 1e12)


def shortened(name: str, most: int) -> str:
    """The end of a name that is longer than `most`: layers differ there.

    >>> shortened("layer1.0.conv2", 14), shortened("layer1.0.conv2", 9)
    ('layer1.0.conv2', '….0.conv2')
    """
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _scaled(value: float) -> str:
    rounded = float(f"{value:.3g}")
    scale, prefix = next((entry for entry in PREFIXES.items() if abs(rounded) >= entry[0]), (1e-12, "p"))
    digits = f"{rounded / scale:#.3g}".rstrip(".")
    return f"{digits} {prefix}".rstrip()
