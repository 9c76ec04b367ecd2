"""Types and units: what a value is, in which unit, within which limits, and how it is carried as an integer.

Every number is carried as an integer count of its smallest part: money in fen, a ratio in its step, a date as
yyyymmdd. `Type.scale` says how many parts make one. No binary float exists anywhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache


class Base(enum.StrEnum):
    """The fact types of the language."""

    MONEY = "money"
    WHOLE = "whole_number"
    NUMBER = "number"
    RATIO = "ratio"
    YES_NO = "yes_no"
    DATE = "date"
    CHOICE = "choice"
    CHOICES = "choices"
    TEXT = "text"


NUMERIC = frozenset({Base.MONEY, Base.WHOLE, Base.NUMBER, Base.RATIO})

# One row a unit: canonical name, spellings allowed, words for people. Counting units only label a number.
UNITS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "CNY": (("CNY",), "元", "yuan"),
    "m2": (("m2",), "平方米", "m²"),
    "year": (("year", "years"), "年", "year"),
    "month": (("month", "months"), "月", "month"),
    "week": (("week", "weeks"), "周", "week"),
    "fortnight": (("fortnight",), "半月", "fortnight"),
    "day": (("day", "days"), "天", "day"),
    "hour": (("hour", "hours"), "小时", "hour"),
    "people": (("people", "person"), "人", "people"),
    "times": (("times",), "次", "times"),
}
COUNTING = frozenset({"people", "times"})
_SPELLED = {spelling: name for name, row in UNITS.items() for spelling in row[0]}


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of powers of units; `label` is a counting unit that only names what is counted."""

    powers: tuple[tuple[str, int], ...] = ()
    label: str = ""

    @staticmethod
    def parse(text: str) -> Unit | None:
        """`CNY/month/m2` → a Unit; None where a part is no unit of the table."""
        powers: dict[str, int] = {}
        label = ""
        for number, part in enumerate(text.split("/")):
            name = _SPELLED.get(part.strip())
            if name is None:
                return None
            if name in COUNTING:
                label = name if number == 0 else label
                continue
            powers[name] = powers.get(name, 0) + (1 if number == 0 else -1)
        return Unit(tuple(sorted((k, v) for k, v in powers.items() if v)), label)

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """The unit of a product (`sign` 1) or quotient (`sign` -1)."""
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, 0) + sign * power
        return Unit(tuple(sorted((k, v) for k, v in powers.items() if v)))

    def agrees(self, other: Unit) -> bool:
        """Whether the two may be added or compared."""
        return self.powers == other.powers

    def __str__(self) -> str:
        above = [n for n, p in self.powers for _ in range(max(p, 0))]
        below = [n for n, p in self.powers for _ in range(max(-p, 0))]
        return "/".join(["·".join(above) or (self.label if not below else "1") or "number", *below])

    def words(self, lang: str) -> str:
        """`元/月` or `yuan/month`."""
        at = 1 if lang == "zh" else 2
        above = [str(UNITS[n][at]) for n, p in self.powers for _ in range(max(p, 0))]
        below = [str(UNITS[n][at]) for n, p in self.powers for _ in range(max(-p, 0))]
        if not above and not below:
            return str(UNITS[self.label][at]) if self.label else ""
        if above == [UNITS["year"][at]] and not below and lang == "zh":
            return "年"
        return "/".join(["·".join(above), *below])


PLAIN = Unit()
YUAN = Unit((("CNY", 1),))


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a fact, parameter or expression.

    `least` and `most` are the limits of the value in whole units (yuan, not fen); `scale` is how many smallest parts
    make one unit; for dates the value is the number yyyymmdd.
    """

    base: Base
    unit: Unit = PLAIN
    choices: str = ""
    scale: int = 1
    least: Fraction = Fraction(0)
    most: Fraction = Fraction(0)

    @property
    def numeric(self) -> bool:
        return self.base in NUMERIC

    @property
    def step(self) -> Fraction:
        """The smallest difference two values can have."""
        return Fraction(1, self.scale)

    def within(self, least: Fraction, most: Fraction) -> Type:
        return replace(self, least=least, most=most)

    def words(self, lang: str) -> str:
        name = {
            Base.MONEY: ("金额", "money"),
            Base.WHOLE: ("整数", "a whole number"),
            Base.NUMBER: ("数", "a number"),
            Base.RATIO: ("比例", "a ratio"),
            Base.YES_NO: ("是否", "a yes or no"),
            Base.DATE: ("日期", "a date"),
            Base.CHOICE: ("选项", "a choice"),
            Base.CHOICES: ("多选项", "a list of choices"),
            Base.TEXT: ("文本", "text"),
        }[self.base][lang != "zh"]
        unit = f" ({self.unit})" if self.numeric and self.unit.powers else ""
        return f"{name}{unit}" + (f" ({self.choices})" if self.choices else "")


OUTER: dict[Base, tuple[Fraction, Fraction]] = {
    Base.MONEY: (Fraction(0), Fraction(1_000_000_000)),
    Base.WHOLE: (Fraction(0), Fraction(1_000)),
    Base.NUMBER: (Fraction(0), Fraction(1_000_000)),
    Base.RATIO: (Fraction(0), Fraction(1)),
    Base.DATE: (Fraction(1800_01_01), Fraction(9999_12_31)),
}
SCALE: dict[Base, int] = {Base.MONEY: 100, Base.WHOLE: 1, Base.NUMBER: 100, Base.RATIO: 10_000}

YES_NO = Type(Base.YES_NO)
DATE = Type(Base.DATE, least=OUTER[Base.DATE][0], most=OUTER[Base.DATE][1])


def day_number(day: date) -> int:
    """A date as the whole number yyyymmdd, the same in every engine."""
    return day.year * 10000 + day.month * 100 + day.day


def day_of(number: int) -> date:
    """The date behind yyyymmdd."""
    return date(number // 10000, number // 100 % 100, number % 100)


def decimals_of(scale: int) -> int:
    """How many decimals a scale of 10^k shows."""
    return len(str(scale)) - 1


def decimal_text(value: Fraction) -> str:
    """The value in decimals where that is exact, else as `n/d`: the canonical text of an exact number."""
    n, d = value.numerator, value.denominator
    twos = fives = 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    while d % 5 == 0:
        d, fives = d // 5, fives + 1
    if d != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    scaled = n * 10**places // value.denominator
    if not places:
        return str(scaled)
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


@lru_cache(maxsize=1 << 15)
def part_text(n: int, d: int) -> str:
    """`n / d` as `decimal_text` writes it; figures and noughts come again and again."""
    places = _PLACES.get(d)
    if places is None:
        return decimal_text(Fraction(n, d))
    whole, parts = divmod(abs(n), d)
    text = f"{whole}.{parts:0{places}d}".rstrip("0") if parts else str(whole)
    return f"-{text}" if n < 0 else text


_PLACES = {10**k: k for k in range(9)}
"""The decimals of a scale."""


@lru_cache(maxsize=1 << 15)
def day_text(number: int) -> str:
    """The date behind yyyymmdd, as text."""
    return day_of(number).isoformat()


def as_fraction(value: int | Decimal) -> Fraction:
    """A decimal as the exact number it is."""
    return Fraction(value)
