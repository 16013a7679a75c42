"""Break bytes in the ways that files get broken, or are forged: cuts, flips, copies, foreign parts, hostile numbers.

Every choice is drawn from the `random.Random` that is given, so a seed repeats it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
HOSTILE = (
    *(b"0", b"-1", b"1", b"255", b"65536", b"2147483648", b"-2147483649", b"9223372036854775808", b"1e999", b"-1e999"),
    *(b"1e308", b"nan", b"NaN", b"Infinity", b"0.5", b"1e-320", b"99999999999999999999999999", b"null", b"[]", b"{}"),
    *(b'""', b"true", b'"x"', b"", b"\xff\xfe", b"\x00"),
)
WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, 1 << 63)

Change = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def mutated(data: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """`data` after one to eight changes; parts of `seeds` may get into it. At most 4 MB."""
    for _ in range(chance.randint(1, 8)):
        data = CHANGES[chance.randrange(len(CHANGES))](data, chance, seeds)
    return data[: 1 << 22]


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randint(0, len(data))


def _slice(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = _place(data, chance)
    longest = max(1, min(len(data) - start, 1 << chance.randint(0, 12)))
    return start, start + chance.randint(0, longest)


def _flip(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def _overwrite(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """A word of 1, 2, 4 or 8 bytes, either way round, near the edges of its range."""
    size = 1 << chance.randrange(4)
    value = WORDS[chance.randrange(len(WORDS))] & ((1 << (8 * size)) - 1)
    order = "little" if chance.randrange(2) else "big"
    place = _place(data, chance)
    return data[:place] + value.to_bytes(size, "little" if order == "little" else "big") + data[place + size :]


def _cut(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    return data[: _place(data, chance)]


def _remove(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _slice(data, chance)
    return data[:start] + data[end:]


def _repeat(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _slice(data, chance)
    return data[:end] + data[start:end] * chance.randint(1, 64) + data[end:]


def _insert(data: bytes, chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A part of some seed, somewhere."""
    other = seeds[chance.randrange(len(seeds))]
    start, end = _slice(other, chance)
    place = _place(data, chance)
    return data[:place] + other[start:end] + data[place:]


def _number(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """A number in a text becomes a hostile one."""
    start = _place(data, chance)
    found = NUMBER.search(data, start) or NUMBER.search(data)
    if found is None:
        return data
    return data[: found.start()] + HOSTILE[chance.randrange(len(HOSTILE))] + data[found.end() :]


def _noise(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    place = _place(data, chance)
    noise = bytes(chance.randrange(256) for _ in range(chance.randint(1, 16)))
    return data[:place] + noise + data[place:]


CHANGES: tuple[Change, ...] = (_flip, _overwrite, _cut, _remove, _repeat, _insert, _number, _number, _noise)
