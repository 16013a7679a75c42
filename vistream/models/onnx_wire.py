"""The protocol-buffer encoding, as far as ONNX files need it: messages to fields, and back.

Encoding: protobuf.dev/programming-guides/encoding. Field numbers are the business of `onnx_file.py`.
"""

from __future__ import annotations

import struct

Fields = dict[int, list[memoryview]]


def fields(data: memoryview) -> Fields:
    """A message's fields by number; each value as its bytes, of a variable-length integer its encoding.

    Raises ValueError where the bytes are no message, or cut short.
    """
    found: Fields = {}
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        start = at
        if key & 7 == 0:
            _, at = varint(data, at)
        elif key & 7 == 2:
            length, start = varint(data, at)
            at = start + length
        elif key & 7 in (1, 5):
            at += 8 if key & 7 == 1 else 4
        else:
            raise ValueError("no such wire type")
        if at > len(data):
            raise ValueError("cut short")
        found.setdefault(key >> 3, []).append(data[start:at])
    return found


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A base-128 integer at `at`, least significant group first, and where it ends."""
    value = shift = 0
    while shift < 70:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("an integer of more than 64 bits")


def integers(values: list[memoryview]) -> list[int]:
    """A repeated int64 field, packed or not."""
    found = []
    for data in values:
        at = 0
        while at < len(data):
            value, at = varint(data, at)
            found.append(value - (1 << 64) if value >> 63 else value)
    return found


def floats(values: list[memoryview]) -> list[float]:
    """A repeated float field, packed or not; ValueError where it is cut short."""
    try:
        return [value for data in values for (value,) in struct.iter_unpack("<f", data)]
    except struct.error as error:
        raise ValueError(str(error)) from None


def text(data: memoryview) -> str:
    """A string field; ValueError (UnicodeDecodeError) where it is not UTF-8."""
    return bytes(data).decode()


def integer(found: Fields, number: int, default: int = 0) -> int:
    """The last value of an integer field, as the encoding asks."""
    return integers(found[number])[-1] if number in found else default


def string(found: Fields, number: int) -> str:
    """The last value of a string field; empty where it is missing."""
    return text(found[number][-1]) if number in found else ""


def encoded_integer(value: int) -> bytes:
    """A base-128 integer.

    >>> encoded_integer(300).hex()
    'ac02'
    """
    value &= (1 << 64) - 1
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def field(number: int, value: int | str | bytes | memoryview) -> bytes:
    """One encoded field: an integer, or anything that has a length."""
    if isinstance(value, int):
        return encoded_integer(number << 3) + encoded_integer(value)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return encoded_integer(number << 3 | 2) + encoded_integer(len(data)) + data
