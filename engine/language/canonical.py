"""Canonical JSON: the one way to write a value as bytes, so that equal values have equal digests.

The bytes are those of RFC 8785 (JSON Canonicalization Scheme) for the values allowed here: text, true and
false, null, whole numbers within ±(2**53 - 1), lists, tuples, and mappings whose keys are ASCII text.
Anything else is refused, because two readers could see two different values in it: a binary float, a Decimal,
a key that is not text, a whole number that a reader with binary floats would round, text that is not Unicode.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["LARGEST", "NotCanonical", "digest", "dumps", "joined"]

LARGEST = 2**53 - 1
"""The largest whole number, up or down from zero, that every JSON reader keeps exactly (RFC 7493)."""

_SCALARS = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


class NotCanonical(ValueError):
    """A value that has no canonical form. `pointer` is its place as a JSON pointer (RFC 6901)."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(f"{pointer or 'the value'}: {why}")
        self.pointer = pointer
        self.why = why


def dumps(value: object) -> bytes:
    """The canonical JSON of `value`, in UTF-8. The order in which a mapping was filled does not matter.

    Raises NotCanonical, which names the place, for a value that has no canonical form.
    """
    try:
        if not _is_plain(value):
            raise _complaint(value)
        return _encode(value).encode()
    except RecursionError:
        raise NotCanonical("", "is nested too deeply, or holds itself") from None
    except UnicodeEncodeError:
        raise _complaint(value) from None


def joined(parts: Mapping[str, bytes]) -> bytes:
    """The canonical JSON of a mapping whose values are canonical JSON already."""
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode("ascii"), parts[name]) for name in sorted(parts))


def digest(value: object) -> str:
    """The SHA-256 of the canonical JSON of `value`, in 64 hexadecimal digits. Raises NotCanonical."""
    return hashlib.sha256(dumps(value)).hexdigest()


def _is_plain(value: Any) -> bool:
    """Whether `value` holds only what is allowed, lone surrogates apart: those show when the text is encoded.

    Exact types, not isinstance: an Enum or a subclass of int could write itself otherwise than it compares.
    """
    kind = type(value)
    if kind is dict:
        try:
            if not "".join(value).isascii():
                return False
        except TypeError:  # a key that is not text
            return False
        items = value.values()
    elif kind is list or kind is tuple:
        items = value
    elif kind is int:
        return bool(-LARGEST <= value <= LARGEST)
    else:
        return kind in _SCALARS
    for item in items:
        kind = type(item)
        if kind is str:
            continue
        if kind is int:
            if not -LARGEST <= item <= LARGEST:
                return False
        elif kind is dict or kind is list or kind is tuple:
            if not _is_plain(item):
                return False
        elif kind not in _SCALARS:
            return False
    return True


def _complaint(value: object) -> NotCanonical:
    """What is wrong with `value`, and where. Slow and thorough: called only when something is."""
    return _find(value, "") or NotCanonical("", "has no canonical form")


def _find(value: Any, pointer: str) -> NotCanonical | None:
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if not isinstance(key, str):
                return NotCanonical(pointer, f"a key is of type {type(key).__name__}; keys are text")
            if not key.isascii():
                return NotCanonical(pointer, f"the key {key!a} is not ASCII; put the word in the value")
            found = _find(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
            if found:
                return found
        return None
    if kind is list or kind is tuple:
        for place, item in enumerate(value):
            found = _find(item, f"{pointer}/{place}")
            if found:
                return found
        return None
    why = _refusal(value)
    return NotCanonical(pointer, why) if why else None


def _refusal(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return None if _is_unicode(value) else "holds half of a surrogate pair, which is not Unicode text"
    if kind is int:
        fits = -LARGEST <= value <= LARGEST
        return None if fits else f"a whole number beyond {LARGEST}, which some readers round: write text"
    if kind in _SCALARS:
        return None
    if kind is float:
        return "a binary float; write money as whole fen and other numbers as text"
    return f"of type {kind.__name__}; allowed are text, true, false, null, whole numbers, lists and mappings"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
