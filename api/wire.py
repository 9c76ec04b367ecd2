"""JSON as it comes in: strict, bounded, and never through a binary float."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NoReturn

from api.problems import Fault, Problem
from api.settings import Limits

__all__ = ["dumps", "read_json"]

_BROKEN = re.compile("[\ud800-\udfff]")


def read_json(body: bytes, limits: Limits) -> Any:
    """The value behind `body`: numbers as int or Decimal, objects without repeated keys. Raises Problem."""
    try:
        text = body.decode("utf-8")
        value = _decoder(limits.digits).decode(text)
        deep = _deeper_than(value, limits.depth)
    except RecursionError:
        deep = True
    except (_Refused, ValueError) as error:
        faults = error.faults if isinstance(error, _Refused) else ()
        raise Problem("bad-json", faults) from None
    if deep:
        raise Problem("bad-json", [Fault.of("too-deep", most=limits.depth)])
    if "\\u" in text and _BROKEN.search(json.dumps(value, ensure_ascii=False, default=str)):
        raise Problem("bad-json", [Fault.of("not-text")])
    return value


def dumps(value: Any) -> bytes:
    """An answer as JSON, Chinese as it is."""
    return _encode(value).encode()


# keys in order, so that an answer made again from what is stored has the same bytes
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


class _Refused(Exception):
    def __init__(self, *faults: Fault) -> None:
        self.faults = faults


_DECODERS: dict[int, json.JSONDecoder] = {}


def _decoder(digits: int) -> json.JSONDecoder:
    found = _DECODERS.get(digits)
    if found is None:
        found = _DECODERS[digits] = json.JSONDecoder(
            parse_float=lambda text: _decimal(text, digits),
            parse_int=lambda text: _whole(text, digits),
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    return found


def _decimal(text: str, digits: int) -> Decimal:
    if len(text) > digits:
        raise _Refused(Fault.of("too-long", most=digits))
    return Decimal(text)


def _whole(text: str, digits: int) -> int:
    if len(text) > digits:
        raise _Refused(Fault.of("too-long", most=digits))
    return int(text)


def _constant(_: str) -> NoReturn:
    raise _Refused()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused(Fault.of("twice"))
    return found


def _deeper_than(value: Any, levels: int) -> bool:
    inner: Iterable[Any]
    if type(value) is dict:
        inner = value.values()
    elif type(value) is list:
        inner = value
    else:
        return False
    if levels == 0:
        return True
    return any(_deeper_than(each, levels - 1) for each in inner if type(each) is dict or type(each) is list)
