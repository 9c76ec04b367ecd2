"""The few shapes of text that the ledger takes from outside, each checked before anything is written."""

import re

from engine.ledger.errors import Refused

__all__ = ["bad", "day", "digest", "instant", "name", "reason_given"]

_DAY_TEXT = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_DAY = re.compile(_DAY_TEXT)
_INSTANT = re.compile(rf"({_DAY_TEXT}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]{{1,6}}))?Z")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[!-~]{1,128}")  # printable ASCII without spaces


def instant(at: str) -> str:
    """`at` with exactly six decimals, so that text order is time order. ISO 8601 in UTC, ending in Z.

    Raises Refused for anything else: an offset, a blank, a seventh decimal.
    """
    match = _INSTANT.fullmatch(at)
    if match is None:
        raise Refused(
            "时间须为 UTC 的 ISO 8601 格式，例如 2026-11-21T08:00:00Z",
            "a time is ISO 8601 in UTC, such as 2026-11-21T08:00:00Z",
            "bad-time",
        )
    return f"{match[1]}.{(match[2] or '').ljust(6, '0')}Z"


def day(text: str, where: str) -> str:
    """A day, YYYY-MM-DD; whether the month has it is not looked at. Raises Refused, naming `where`."""
    if not _DAY.fullmatch(text):
        raise bad(where, "须为日期 YYYY-MM-DD", "is a day, YYYY-MM-DD")
    return text


def digest(text: str, where: str) -> str:
    """A SHA-256 in hex. Raises Refused."""
    if not _DIGEST.fullmatch(text):
        raise bad(where, "须为 SHA-256（64 位十六进制）", "is a SHA-256, 64 hexadecimal digits")
    return text


def name(text: str, where: str) -> str:
    """An id, a version, an idempotency key. Raises Refused."""
    if not _NAME.fullmatch(text):
        raise bad(where, "须为 1 至 128 个可见 ASCII 字符", "is 1 to 128 visible ASCII characters")
    return text


def reason_given(text: str) -> str:
    """A reason that says something. Raises Refused."""
    if not text.strip():
        raise bad("reason", "必须写明理由", "must be given")
    return text


def bad(where: str, zh: str, en: str) -> Refused:
    """The refusal of a draft: `where` and what it has to be. It never repeats the value."""
    return Refused(f"{where} {zh}", f"{where} {en}", "bad-draft")
