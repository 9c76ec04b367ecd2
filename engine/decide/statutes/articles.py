"""Chinese article numbers: `第十六条第二款、第十九条第一项至第三项` names places in a law."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DIGITS = {digit: n for n, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100}
_NUMBER = "[零〇一二两三四五六七八九十百0-9]+"
_PLACE = re.compile(rf"(?:第({_NUMBER})条)?(?:第({_NUMBER})款)?(?:第({_NUMBER})项)?\Z")
_BETWEEN = re.compile(r"[、，,；;和及与]")


@dataclass(frozen=True, slots=True, order=True)
class Article:
    """An article, perhaps a paragraph (款) and an item (项) of it; 0: the whole.

    An item named without a paragraph is one of the first: that is where a statute lists.
    """

    article: int
    paragraph: int = 0
    item: int = 0

    def within(self, other: Article) -> bool:
        """Whether this place is the other, or a part of it."""
        return self.article == other.article and other.paragraph in (0, self.paragraph) and other.item in (0, self.item)

    def words(self) -> str:
        """`第十六条第二款`; the first paragraph of an item goes without saying."""
        paragraph = 0 if self.item and self.paragraph == 1 else self.paragraph
        names = ((self.article, "条"), (paragraph, "款"), (self.item, "项"))
        return "".join(f"第{chinese(number)}{name}" for number, name in names if number)


def number(text: str) -> int:
    """The value of a Chinese (or plain) whole number up to 999. Raises ValueError."""
    if text.isascii():
        return int(text)
    total, digit = 0, -1
    for ch in text:
        if ch in _DIGITS:
            digit = _DIGITS[ch]
        elif ch in _UNITS:
            total += (1 if digit < 0 else digit) * _UNITS[ch]
            digit = -1
        else:
            raise ValueError(text)
    return total + max(digit, 0)


def chinese(value: int) -> str:
    """A whole number from 1 to 999 as statutes write it: 十五, 二十, 一百零三."""
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    digits = "零一二三四五六七八九"
    text = f"{digits[hundreds]}百" if hundreds else ""
    if tens:
        text += ("十" if tens == 1 and not hundreds else f"{digits[tens]}十") + (digits[ones] if ones else "")
    elif ones:
        text += ("零" if hundreds else "") + digits[ones]
    return text


def articles(text: str) -> tuple[Article, ...]:
    """The places a citation's article names, in order; what is no place is passed over (`附件一`)."""
    found: list[Article] = []
    last: Article | None = None
    for part in _BETWEEN.split("".join(text.split())):
        first, _, end = part.partition("至")
        start = _place(first, last)
        if start is None:
            continue
        stop = _place(end, start) if end else None
        found += _range(start, stop) if stop is not None else [start]
        last = found[-1]
    return tuple(found)


def _place(text: str, last: Article | None) -> Article | None:
    """One place; what it does not name is that of the place before (`第一款、第二款`)."""
    match = _PLACE.match(text)
    if match is None or not any(match.groups()):
        return None
    article, paragraph, item = (number(each) if each else 0 for each in match.groups())
    if not article:
        if last is None:
            return None
        article = last.article
        if not paragraph:
            paragraph = last.paragraph
    return Article(article, paragraph or (1 if item else 0), item)


def _range(start: Article, stop: Article) -> Iterator[Article]:
    """Every place from one to the other, counted where they differ."""
    if start.item and stop.item:
        yield from (Article(start.article, start.paragraph, n) for n in range(start.item, stop.item + 1))
    elif start.paragraph and stop.paragraph:
        yield from (Article(start.article, n) for n in range(start.paragraph, stop.paragraph + 1))
    else:
        yield from (Article(n) for n in range(start.article, stop.article + 1))
