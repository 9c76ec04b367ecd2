"""From truths on days to alerts: one alert begins where a rule comes to be met, and ends where it no longer is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Episode:
    """A rule met for a subject from `since` until the day before `until` (None: to this day)."""

    subject: str
    since: date
    until: date | None = None

    def holds(self, before: date) -> bool:
        """Whether it holds on the last day looked at before `before`."""
        return self.since < before and (self.until is None or self.until >= before)


def alert_id(household: str, rule: str, subject: str, since: date) -> str:
    """The name of an alert: the same whatever the order in which its events arrived."""
    return hashlib.sha256("\n".join((household, rule, subject, since.isoformat())).encode()).hexdigest()[:24]


def redrawn(
    known: Iterable[Episode], first: date, met: Mapping[date, frozenset[str]]
) -> tuple[list[Episode], frozenset[Episode]]:
    """The episodes of one rule and household once the days from `first` on are looked at anew.

    known  those drawn before; `met` for each day of the timeline from `first` on, who meets the rule
    Gives all episodes, and of `known` those (by subject and first day) that have no ground any longer.
    """
    past: list[Episode] = []
    open_: dict[str, date] = {}
    listed = list(known)
    for each in listed:
        if each.holds(first):
            open_[each.subject] = each.since
        elif each.since < first:
            past.append(each)
    found = list(past)
    for day in sorted(met):
        for subject in met[day]:
            open_.setdefault(subject, day)
        for subject in [name for name in open_ if name not in met[day]]:
            found.append(Episode(subject, open_.pop(subject), day))
    found += [Episode(subject, since) for subject, since in open_.items()]
    named = {(each.subject, each.since) for each in found}
    gone = frozenset(each for each in listed if (each.subject, each.since) not in named)
    return sorted(found, key=lambda e: (e.since, e.subject)), gone


__all__ = ["Episode", "alert_id", "redrawn"]
