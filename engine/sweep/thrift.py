"""Thrift's compact protocol, as much of it as the headers and the footer of a Parquet file need; written, never read.

A struct is a dict from the number of a field to its value, in the order of the numbers. How a value is written follows
from its Python type: `int` as an integer of 64 bits, `I32` of 32, `str` and `bytes` as binary, a list or tuple with the
type of its elements, which must all be the same, a dict as a struct.
"""

from __future__ import annotations

from typing import Any


class I32(int):
    """An integer of 32 bits."""


Struct = dict[int, Any]
KINDS: dict[type, int] = {I32: 5, int: 6, str: 8, bytes: 8, list: 9, tuple: 9, dict: 12}
SHORT = 15  # lists of fewer elements say how many in their first byte


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def struct(fields: Struct) -> bytes:
    """A whole struct; fields that are None are left out."""
    found, last = bytearray(), 0
    for number, value in fields.items():
        if value is not None:
            kind = KINDS[type(value)]
            found.append((number - last) << 4 | kind)
            found += _value(value, kind)
            last = number
    found.append(0)
    return bytes(found)


def _value(value: Any, kind: int) -> bytes:
    if kind < 8:
        return varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == 8:
        told = value.encode() if type(value) is str else value
        return varint(len(told)) + told
    if kind == 12:
        return struct(value)
    each = KINDS[type(value[0])] if value else KINDS[dict]
    many = bytes([len(value) << 4 | each]) if len(value) < SHORT else bytes([SHORT << 4 | each]) + varint(len(value))
    return many + b"".join([_value(one, each) for one in value])
