"""What all benefits of a household come to as one income moves, and where one yuan more loses more than a yuan.

Whether anything can change between two incomes is not guessed from samples: the household is decided with the income
as a range. Where every status is settled over the whole range, no condition turns inside it; else the range is halved,
down to one yuan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from engine.decide.amounts import TIMES
from engine.decide.decision import Decision
from engine.decide.missing import Missing
from engine.decide.program import Edition, narrowed
from engine.decide.run import run
from engine.language.household import Household, Known

__all__ = ["MOST_RUNS", "Cliff", "Curve", "Point", "curve_of"]

MOST_RUNS = 400
"""Times the household is decided for one curve, at most; what is not looked at closer by then is told."""
_YUAN = 100
_ROUNDED = 24  # fen a year: amounts are rounded to fen, twelve times a year, at both ends


@dataclass(frozen=True, slots=True)
class Point:
    """What is certain at one income: `income` in fen a month, `benefits` in fen a year, once-only money left out."""

    income: int
    benefits: int

    @property
    def monthly(self) -> int:
        """The benefits of a month, in fen: a twelfth of the year's."""
        return self.benefits // 12


@dataclass(frozen=True, slots=True)
class Cliff:
    """One yuan a month more than `at` (fen) loses more than that yuan: `loses` fen a year net, and these policies."""

    at: int
    loses: int
    policies: tuple[str, ...]

    @property
    def monthly(self) -> int:
        return self.loses // 12


@dataclass(frozen=True, slots=True)
class Curve:
    """points  breakpoints by income, straight lines between them
    cliffs     by income
    own        the household's own income in fen; None where it is not one known number
    complete   False where small steps may have been missed: the limit of runs was met first, or an answer waits for
               other facts too
    """

    member: str
    fact: str
    points: tuple[Point, ...]
    cliffs: tuple[Cliff, ...]
    own: int | None
    complete: bool

    @property
    def next_cliff(self) -> Cliff | None:
        """The first cliff at or above the household's own income."""
        if self.own is None:
            return None
        return next((each for each in self.cliffs if each.at >= self.own - self.own % _YUAN), None)


def curve_of(decision: Decision, member: str, fact: str, top: int) -> Curve:
    """The benefits of `decision`'s household as the monthly `fact` (of `member`, "" for the household) goes from
    nothing to `top` fen. Raises KeyError for a fact the vocabulary does not have."""
    return _Curve(decision, member, fact).to(max(_YUAN, top - top % _YUAN))


class _Light(Decision):
    """A decision that does not ask what its answers hang on: most of the time of a run, and no part of a sum."""

    @cached_property
    def conditionals(self) -> dict[tuple[str, int], tuple[str, ...]]:
        return {}


class _Curve:
    def __init__(self, decision: Decision, member: str, fact: str):
        decision.program.vocabulary.facts["member" if member else "household"][fact]
        self.decision, self.member, self.fact = decision, member, fact
        self.edition = decision.edition
        self.at: dict[tuple[int, int], Decision] = {}
        self.runs = 0
        self.sure = True
        self.cliffs: list[Cliff] = []
        self.points: dict[int, int] = {}

    def to(self, top: int) -> Curve:
        self.edition, self.at = narrowed(self.edition, _paying(self.over(0, top))), {}
        stretches = [(0, top)]
        while stretches and self.runs < MOST_RUNS:
            low, high = stretches.pop()
            if self.straight(low, high):
                continue
            if high - low == _YUAN:
                self.look(low, high)
                continue
            middle = (low + high) // (2 * _YUAN) * _YUAN
            stretches += [(middle, high), (low, middle)]
        for low, high in stretches:  # the limit was met: what is left is drawn by its ends
            self.point(low)
            self.point(high)
        points = tuple(Point(income, self.points[income]) for income in sorted(self.points))
        cliffs = tuple(sorted(self.cliffs, key=lambda cliff: cliff.at))
        return Curve(self.member, self.fact, _thinned(points), cliffs, self.own(), self.sure and not stretches)

    def over(self, low: int, high: int) -> Decision:
        """The decision with the income anywhere from `low` to `high`."""
        found = self.at.get((low, high))
        if found is None:
            found = self.at[low, high] = self.decided(low, high, self.edition)
        return found

    def decided(self, low: int, high: int, edition: Edition) -> Decision:
        self.runs += 1
        household = _with(self.decision.household, self.member, self.fact, Known(low, high))
        program = self.decision.program
        return _Light(program, edition, household, run(program, edition, household))

    def point(self, income: int) -> int:
        """What is certain at this income, in fen a year."""
        found = self.points.get(income)
        if found is None:
            totals = self.over(income, income).totals
            found = self.points[income] = sum(least * TIMES[per] for per, (least, _) in totals.items() if per != "once")
        return found

    def straight(self, low: int, high: int) -> bool:
        """Whether nothing turns between two incomes and the benefits run straight from one to the other."""
        over = self.over(low, high).run.first
        for name, raws in over.items():
            for place, (certain, possible, *_) in enumerate(raws):
                if certain == possible or not self.reads(low, high, name, place):
                    continue  # what waits for other facts alone is the same at every income
                if not (self.open_at(low, name, place) and self.open_at(high, name, place)):
                    return False
                self.sure = False  # it waits for other facts too at both ends; in between, perhaps not
        before, after = self.point(low), self.point(high)
        if all(item[0] == item[1] for raws in over.values() for raw in raws for item in raw[2]):
            return True
        if high - low <= _YUAN:
            return before - after <= 12 * _YUAN + _ROUNDED
        middle = (low + high) // (2 * _YUAN) * _YUAN
        gone = (self.point(middle) - before) * (high - middle) - (after - self.point(middle)) * (middle - low)
        return abs(gone) <= _ROUNDED * (high - low)

    def reads(self, low: int, high: int, policy: str, place: int) -> bool:
        """Whether an open status waits for this income, beside what else it waits for."""
        decision = self.over(low, high)
        level = decision.edition.by_id[policy].policy.level
        subject = decision.household.members[place].id if level == "member" else ""
        return (self.fact, self.member) in Missing(decision.run).of_policy(policy, subject)

    def open_at(self, income: int, policy: str, place: int) -> bool:
        """Whether a policy's status is not settled at one income either."""
        certain, possible, *_ = self.over(income, income).run.first[policy][place]
        return bool(certain != possible)

    def look(self, low: int, high: int) -> None:
        """One yuan between the two: is it worth earning?"""
        loses = self.point(low) - self.point(high) - 12 * _YUAN
        if loses <= _ROUNDED:
            return
        whole = self.decision.edition  # help in kind ends here too
        rows = zip(self.decided(low, low, whole).answers, self.decided(high, high, whole).answers, strict=True)
        gone = (
            before.policy.id
            for before, after in rows
            if (before.certain and not after.certain)
            or sum(a.least for a in before.amounts) - sum(a.least for a in after.amounts) > _YUAN
        )
        self.cliffs.append(Cliff(low, loses, tuple(dict.fromkeys(gone))))

    def own(self) -> int | None:
        household = self.decision.household
        where = next(m.facts for m in household.members if m.id == self.member) if self.member else household.facts
        known = where.get(self.fact)
        return known.lo if known is not None and known.lo == known.hi else None


def _paying(decision: Decision) -> set[str]:
    """The policies that may pay the household regularly, and those that exclude one another."""
    paying = {
        answer.policy.id
        for answer in decision.answers
        if answer.possible and any(each.yearly[1] and each.item.per != "once" for each in answer.amounts)
    }
    return paying | {name for each in decision.combinations for name in each.group.policies}


def _with(household: Household, member: str, fact: str, known: Known) -> Household:
    """The household with one fact said otherwise."""
    if not member:
        facts = {**household.facts, fact: known}
        return replace(household, facts=facts, null=household.null - {fact}, open=-1)
    members = tuple(
        replace(each, facts={**each.facts, fact: known}, null=each.null - {fact}) if each.id == member else each
        for each in household.members
    )
    return replace(household, members=members, open=-1)


def _thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points without those that lie on the line between their neighbours (to a fen a month)."""
    found = list(points[:1])
    for here, after in pairwise(points[1:]):
        before = found[-1]
        run_, rise = after.income - before.income, after.benefits - before.benefits
        if abs((here.benefits - before.benefits) * run_ - rise * (here.income - before.income)) > _ROUNDED * run_:
            found.append(here)
    return (*found, *points[-1:]) if len(points) > 1 else points
