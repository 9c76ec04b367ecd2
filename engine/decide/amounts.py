"""What a policy pays: each item with its least and most in fen, its period, and its worth over twelve months."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.decide.remembered import Raw
from engine.language.model import Item, Policy

# How often an item is paid within twelve months; `month` is replaced by `for_months` where an item says so.
TIMES = {"once": 1, "year": 1, "month": 12, "fortnight": 24, "week": 52}


@dataclass(frozen=True, slots=True)
class Amount:
    """One item for one subject. `least` and `most` in fen per `item.per`; months are those it is paid for."""

    item: Item
    least: int
    most: int
    given: bool  # certainly
    possible: bool
    months: tuple[int, int]

    @property
    def yearly(self) -> tuple[int, int]:
        """Least and most that reach the household in the twelve months from the day of the decision."""
        return yearly(self.item, self.least, self.most, *self.months)


def yearly(item: Item, least: int, most: int, first: int, last: int) -> tuple[int, int]:
    """What reaches the household of an item in twelve months, paid for at least `first` and at most `last` of them.

    `up_to` counts as its least; what is paid to an employer or an institution counts nothing.
    """
    if item.up_to or item.paid_to != "household":
        return 0, 0
    if item.per == "month":
        return least * max(0, min(12, first)), most * max(0, min(12, last))
    times = TIMES.get(item.per, 0)
    return least * times, most * times


def amounts(policy: Policy, raw: Raw) -> tuple[Amount, ...]:
    """The items of one answer."""
    return tuple(
        Amount(item, least, most, given, possible, (low, high))
        for item, (least, most, given, possible, low, high) in zip(policy.gives, raw[2], strict=True)
    )


def worth(found: Iterable[Amount]) -> tuple[int, int]:
    """What items come to in twelve months, least and most, in fen."""
    least = most = 0
    for amount in found:
        low, high = amount.yearly
        least, most = least + low, most + high
    return least, most
