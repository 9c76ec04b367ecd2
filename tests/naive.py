"""A second, deliberately naive reading of what a rule means, to hold the engine against.

It walks the checked tree again for every question, on Python Fractions, pairs of ends and Kleene's three values, and
takes the long way where the short one needs an argument: subsets are listed, withheld policies are decided again from
the start. It shares the reader's tree and the rulebook's data with the engine and nothing that computes: not
`engine.language.ends`, `fold`, `magnitude`, and nothing of `engine.decide`.

Values: a number or date is a pair of Fractions (least, most); a truth is True, False or None (not known); a choice the
frozenset of names it may have; a list of choices a `Several`. Money is in yuan inside, in fen in the answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from engine.language.household import Household, Member
from engine.language.model import DatedValue, ExclusionGroup, Fact, Item, Parameter, Policy, Row, Rulebook
from engine.language.tree import Condition, Expr
from engine.language.types import Base, Type

Three = bool | None
Range = tuple[Fraction, Fraction]
Subject = str | None  # a member's id; None: the household
Withheld = frozenset[tuple[str, Subject]]  # (policy, the member it is withheld from; None: from everybody)

NUMBERS = (Base.MONEY, Base.WHOLE, Base.NUMBER, Base.RATIO)
RULED_IN: dict[str, Three] = {"eligible": True, "ineligible": False, "undetermined": None}
PER_YEAR = {"year": 1, "month": 12, "week": 52, "fortnight": 24, "once": 1}


@dataclass(frozen=True)
class Several:
    """A list of choices: those it surely holds and those it may hold."""

    must: frozenset[str]
    may: frozenset[str]


class Refused(Exception):
    """The household cannot be: `problems` are (code, fact, member)."""

    def __init__(self, problems: list[tuple[str, str, Subject]]):
        self.problems = problems
        super().__init__(str(problems))


@dataclass
class Answer:
    """Everything the engine must agree with.

    truths   by (policy or derived fact, its subject, condition id, innermost member asked about or None)
    amounts  fen, by (policy, subject, item)
    worth    each choice with its fen in twelve months, by (policies of the exclusion group, subject)
    best     the best choice, by the same key; None where none can be named
    """

    facts: dict[tuple[str, Subject], Any]
    status: dict[tuple[str, Subject], str]
    truths: dict[tuple[str, Subject, str, Subject], Three]
    lets: dict[tuple[str, Subject, str], Any]
    amounts: dict[tuple[str, Subject, str], Range]
    conditional_on: dict[tuple[str, Subject], tuple[str, ...]] = field(default_factory=dict)
    missing: dict[tuple[str, Subject], set[tuple[str, Subject]]] = field(default_factory=dict)
    missing_order: list[tuple[str, Subject]] = field(default_factory=list)
    not_in_force: tuple[str, ...] = ()
    worth: dict[tuple[tuple[str, ...], Subject], dict[tuple[str, ...], Range]] = field(default_factory=dict)
    best: dict[tuple[tuple[str, ...], Subject], tuple[str, ...] | None] = field(default_factory=dict)


def answer(rulebook: Rulebook, household: Household, on: date, jurisdictions: frozenset[str] | None = None) -> Answer:
    """Decide everything, the long way. Raises Refused for a household that cannot be."""
    world = World(rulebook, household, on, jurisdictions)
    first = world.run(frozenset())
    found = Answer(
        {key: world.facts[key] for key in world.facts if rulebook.facts[key[0]].derived},
        first.status,
        {**world.truths, **first.truths},
        first.lets,
        first.amounts,
    )
    found.not_in_force = tuple(p for p in rulebook.ids() if p not in world.in_force)
    found.conditional_on = conditional_on(world, first)
    found.missing = {key: missing(first, *key) for key, status in first.status.items() if status == "undetermined"}
    found.missing_order = missing_order(first, found.missing)
    for group in rulebook.exclusions:
        for subject in [None] if group.level == "household" else list(world.members):
            open_ = [
                p for p in group.policies if any(first.status[k] != "ineligible" for k in concerned(first, p, subject))
            ]
            if len(open_) > 1:
                key = (group.policies, subject)
                found.worth[key] = choices_worth(world, first, group, subject, open_)
                found.best[key] = best_choice(first, subject, open_, found.worth[key])
    return found


# ------------------------------------------------------------------------------------------- three values, ranges


def every(truths: Iterable[Three]) -> Three:
    """Kleene's `and`; over nothing: yes."""
    seen = list(truths)
    if False in seen:
        return False
    return None if None in seen else True


def some(truths: Iterable[Three]) -> Three:
    """Kleene's `or`; over nothing: no."""
    return opposite(every(opposite(truth) for truth in truths))


def opposite(truth: Three) -> Three:
    return None if truth is None else not truth


def hull(ranges: Iterable[Range]) -> Range:
    """The least range around all of them."""
    found = list(ranges)
    return min(r[0] for r in found), max(r[1] for r in found)


def over_ends(op: Callable[..., Fraction], *ranges: Range) -> Range:
    """`op` at every combination of ends: exact for whatever rises or falls in each operand."""
    found = [op(*corner) for corner in itertools.product(*ranges)]
    return min(found), max(found)


def settled(outcomes: set[bool]) -> Three:
    return outcomes.pop() if len(outcomes) == 1 else None


def date_of(number: Fraction) -> tuple[int, int, int]:
    whole = int(number)
    return whole // 10000, whole // 100 % 100, whole % 100


def years(start: Fraction, end: Fraction) -> Fraction:
    return Fraction(0) if end < start else (end - start) // 10000 * Fraction(1)


def months(start: Fraction, end: Fraction) -> Fraction:
    """The whole months from one day to another."""
    if end < start:
        return Fraction(0)
    (y1, m1, d1), (y2, m2, d2) = date_of(start), date_of(end)
    whole = 0
    while (y1 + (m1 + whole) // 12, (m1 + whole) % 12 + 1, d1) <= (y2, m2, d2):  # is one month more still reached?
        whole += 1
        if whole % 1200 == 0:  # centuries at a stride: 1,200 months are 100 years
            while (y1 + whole // 12 + 100, m1, d1) <= (y2, m2, d2):
                whole += 1200
    return Fraction(whole)


def months_seen(days: Range) -> Range:
    """The months of the year that the days from one to another fall in."""
    (y1, m1, _), (y2, m2, _) = date_of(days[0]), date_of(days[1])
    if y2 - y1 > 1:
        return Fraction(1), Fraction(12)
    seen = [m for m in range(1, 13) if (y1, m1) <= (y1, m) <= (y2, m2) or (y1, m1) <= (y2, m) <= (y2, m2)]
    return Fraction(min(seen)), Fraction(max(seen))


def to_step(value: Fraction, step: Fraction, mode: str) -> Fraction:
    """The multiple of `step` that `value` (not below zero) is rounded to."""
    below = value // step * step
    if below == value:
        return value
    if mode == "down":
        return below
    if mode == "up":
        return below + step
    return below if value - below < below + step - value else below + step


# ---------------------------------------------------------------------------------------------------- the world


@dataclass(frozen=True)
class Scope:
    """Where an expression is read: the policy or derived fact it stands in, for whom, and the innermost member."""

    owner: str
    subject: Subject
    member: Subject
    inner: Subject = None
    lets: dict[str, Any] = field(default_factory=dict)

    def of(self, member: str) -> Scope:
        return Scope(self.owner, self.subject, member, member, self.lets)


class World:
    """A household on a day under a rulebook: facts, figures and derived facts; nothing here asks about a policy."""

    def __init__(self, rulebook: Rulebook, household: Household, on: date, jurisdictions: frozenset[str] | None = None):
        self.rulebook, self.household, self.on = rulebook, household, on
        self.members: dict[str, Member] = {member.id: member for member in household.members}
        self.places = jurisdictions or frozenset(j.name for j in rulebook.jurisdictions.values() if j.in_force)
        self.in_force: dict[str, Policy] = {}
        for policy in rulebook.policies:
            begun = policy.from_date <= on
            ended = policy.to_date is not None and policy.to_date < on
            if begun and not ended and policy.jurisdiction in self.places:
                self.in_force[policy.id] = policy
        self.facts: dict[tuple[str, Subject], Any] = {}
        self.truths: dict[tuple[str, Subject, str, Subject], Three] = {}
        self.refused: list[tuple[str, str, Subject]] = []
        self.runs: dict[Withheld, Run] = {}
        self.held = {expr.name for policy in rulebook.policies for expr in expressions(policy) if expr.op == "holds"}
        reader = Run(self, decide=False)
        for fact in rulebook.facts.values():
            for member in [None] if fact.level == "household" else list(self.members):
                self.fact(fact.name, member, reader)
        self.truths = reader.truths
        if self.refused:
            raise Refused(self.refused)

    def run(self, withheld: Withheld) -> Run:
        """One decision of everything, made once for each set of policies whose withholding somebody could notice."""
        noticed = frozenset(each for each in withheld if each[0] in self.held)
        if noticed not in self.runs:
            self.runs[noticed] = Run(self, noticed)
        return self.runs[noticed]

    def fact(self, name: str, member: Subject, reader: Run) -> Any:
        fact = self.rulebook.facts[name]
        key = (name, None if fact.level == "household" else member)
        if key not in self.facts:
            self.facts[key] = self.derived(fact, key[1], reader) if fact.derived else self.asked(fact, key[1])
        return self.facts[key]

    def asked(self, fact: Fact, member: Subject) -> Any:
        """What is known of an asked fact; nothing known: all its type allows."""
        facts = self.household.facts if member is None else self.members[member].facts
        known, base = facts.get(fact.name), fact.type.base
        if base is Base.YES_NO:
            return None if known is None else bool(known.lo)
        if base is Base.CHOICE:
            names = self.rulebook.choices[fact.type.choices]
            return frozenset(names.values if known is None else names.names(known.lo))
        if base is Base.CHOICES:
            names = self.rulebook.choices[fact.type.choices]
            if known is None:
                return Several(frozenset(), frozenset(names.values))
            return Several(frozenset(names.names(known.lo)), frozenset(names.names(known.hi)))
        if base is Base.TEXT:
            return None
        scale = Fraction(1) if base is Base.DATE else Fraction(fact.type.scale)
        return limits(fact.type) if known is None else (known.lo / scale, known.hi / scale)

    def derived(self, fact: Fact, member: Subject, reader: Run) -> Any:
        scope = Scope(fact.name, member, member)
        if fact.condition is not None:
            return reader.condition(fact.condition, scope)
        assert fact.expr is not None
        found = reader.value(fact.expr, scope)
        if fact.type.base not in NUMBERS:
            return found
        lowest, highest = limits(fact.type)
        if found[1] < lowest or found[0] > highest:
            self.refused.append(("nobody-counts" if fact.name == "size" else "cannot-be", fact.name, member))
        return tuple(min(max(end, lowest), highest) for end in found)

    def receives(self, policy: str, member: Subject) -> Three:
        drawn = self.household.receiving if member is None else self.members[member].receiving
        return None if drawn is None else policy in drawn


def limits(kind: Type) -> Range:
    return kind.least, kind.most


def expressions(policy: Policy) -> Iterator[Expr]:
    """Every expression of a policy, advice included."""
    for condition in policy.conditions():
        yield from condition.exprs()
    for top in (
        *(let.expr for let in policy.lets),
        *(e for item in policy.gives for e in (item.amount, item.for_months)),
    ):
        yield from top.walk() if top is not None else ()


# ------------------------------------------------------------------------------------------- one way through it


class Run:
    """One decision of everything in force, with some policies withheld: `holds` of those is the drawing alone."""

    def __init__(self, world: World, withheld: Withheld = frozenset(), decide: bool = True):
        self.world, self.withheld = world, withheld
        self.status: dict[tuple[str, Subject], str] = {}
        self.truths: dict[tuple[str, Subject, str, Subject], Three] = {}
        self.lets: dict[tuple[str, Subject, str], Any] = {}
        self.amounts: dict[tuple[str, Subject, str], Range] = {}
        self.months: dict[tuple[str, Subject, str], Range] = {}
        self.given: dict[tuple[str, Subject, str], Three] = {}
        if decide:
            for name in world.rulebook.order:
                if name in world.in_force:
                    self.policy(world.in_force[name])

    def subjects(self, level: str) -> list[Subject]:
        return [None] if level == "household" else list(self.world.members)

    def policy(self, policy: Policy) -> None:
        for subject in self.subjects(policy.level):
            scope = Scope(policy.id, subject, subject, lets={})
            for let in policy.lets:
                found = self.condition(let.condition, scope) if let.condition else self.value(let.expr, scope)
                scope.lets[let.name] = self.lets[policy.id, subject, let.name] = found
            truth = self.condition(policy.when, scope)
            self.status[policy.id, subject] = next(status for status, ruled_in in RULED_IN.items() if ruled_in is truth)
            for item in policy.gives:
                self.item(policy, item, scope, truth)
            for note in policy.notes:
                self.condition(note.condition, scope)
            for document in policy.documents:
                if document.condition is not None:
                    self.condition(document.condition, scope)

    def item(self, policy: Policy, item: Item, scope: Scope, truth: Three) -> None:
        own = self.condition(item.condition, scope) if item.condition is not None else True
        key = (policy.id, scope.subject, item.id)
        given = self.given[key] = every([truth, own])
        if item.amount is None:
            return
        spell = self.value(item.for_months, scope) if item.for_months is not None else (Fraction(12), Fraction(12))
        low, high = (Fraction(min(12, max(0, end.__floor__()))) for end in spell)  # of the next twelve months
        self.months[key] = (low, high)
        ends = []
        for end in self.value(item.amount, scope):
            end = max(end, Fraction(0))
            if item.round_to is not None:
                end = to_step(end, item.round_to, item.round_mode)
            ends.append(end * 100)
        if item.up_to or given is None:
            ends[0] = Fraction(0)
        if given is False:
            ends = [Fraction(0), Fraction(0)]
        self.amounts[key] = (ends[0], ends[1])

    # -- conditions --

    def condition(self, node: Condition, scope: Scope) -> Three:
        """The truth of a condition; every part is looked at, and each truth noted."""
        found = self.outcome(node, scope)
        self.truths[scope.owner, scope.subject, node.id, scope.inner] = found
        return found

    def outcome(self, node: Condition, scope: Scope) -> Three:
        if node.kind == "leaf":
            assert node.expr is not None
            return self.value(node.expr, scope)
        if node.kind in ("any_member", "every_member"):
            where, body = node.parts
            pairs = [
                (self.condition(where, scope.of(m)), self.condition(body, scope.of(m))) for m in self.world.members
            ]
            if node.kind == "any_member":
                return some(every(pair) for pair in pairs)
            return every(some([opposite(counts), holds]) for counts, holds in pairs)
        parts = [self.condition(part, scope) for part in node.parts]
        if node.kind == "all":
            return every(parts)
        if node.kind == "any":
            return some(parts)
        assert node.kind in ("none", "not")
        return opposite(some(parts))

    # -- policies --

    def policy_truth(self, op: str, name: str, member: Subject) -> Three:
        if op == "receives":
            return self.world.receives(name, member)
        if op == "qualifies":
            return self.qualifies(name, member)
        assert op == "holds"
        held_back = (name, None) in self.withheld or (name, member) in self.withheld
        granted = False if held_back else self.qualifies(name, member)
        return some([self.world.receives(name, member), granted])

    def qualifies(self, name: str, member: Subject) -> Three:
        if name in self.world.in_force:
            return RULED_IN[self.status[name, member]]
        versions = [p for p in self.world.rulebook.policies if p.id == name and p.jurisdiction in self.world.places]
        if not versions:
            return None
        if self.world.on < versions[0].from_date:
            return False if versions[0].new else None
        return None if self.world.on < versions[-1].from_date else False

    # -- expressions --

    def value(self, expr: Expr | None, scope: Scope) -> Any:
        assert expr is not None
        op, args = expr.op, expr.args
        if op == "literal":
            return self.literal(expr)
        if op == "on":
            day = self.world.on
            return (Fraction(day.year * 10000 + day.month * 100 + day.day),) * 2
        if op == "fact":
            return self.world.fact(expr.name, scope.member, self)
        if op == "let":
            return scope.lets[expr.name]
        if op == "parameter":
            return self.figure(expr, scope)
        if op in ("receives", "qualifies", "holds"):
            return self.policy_truth(op, expr.name, scope.member if expr.level == "member" else None)
        if op.endswith("_member") or op.endswith("_members"):
            return self.over_members(expr, scope)
        if op == "marginal":
            return self.marginal(self.value(args[0], scope), self.world.rulebook.parameters[args[1].name])
        values = [self.value(arg, scope) for arg in args]
        if op == "if":
            return either(*values)
        return _OPERATIONS[op](expr, *values)

    def literal(self, expr: Expr) -> Any:
        if isinstance(expr.value, bool):
            return expr.value
        if isinstance(expr.value, Fraction):
            return expr.value, expr.value
        return frozenset([expr.value] if isinstance(expr.value, str) else expr.value)

    def over_members(self, expr: Expr, scope: Scope) -> Any:
        op = expr.op
        rows = [
            (self.value(expr.args[1], scope.of(m)), self.value(expr.args[0], scope.of(m))) for m in self.world.members
        ]
        if op == "any_member":
            return some(every(row) for row in rows)
        if op == "every_member":
            return every(some([opposite(counts), holds]) for counts, holds in rows)
        if op == "count_members":
            both = [every(row) for row in rows]
            return Fraction(both.count(True)), Fraction(len(both) - both.count(False))
        zero = (Fraction(0), Fraction(0))
        if op == "sum_members":
            parts = [x if counts else hull([x, zero]) for counts, x in rows if counts is not False]
            return sum((x[0] for x in parts), Fraction(0)), sum((x[1] for x in parts), Fraction(0))
        otherwise = self.value(expr.args[2], scope)
        pick = min if op == "min_members" else max
        found = []
        for taken in itertools.product(*([counts] if counts is not None else [True, False] for counts, _ in rows)):
            ranges = [x for (_, x), included in zip(rows, taken, strict=True) if included]
            found.append((pick(x[0] for x in ranges), pick(x[1] for x in ranges)) if ranges else otherwise)
        return hull(found)

    # -- figures of law --

    def figure(self, expr: Expr, scope: Scope) -> Range:
        parameter = self.world.rulebook.parameters[expr.name]
        keys = [self.value(key, scope) for key in expr.args]
        dated = self.dated(parameter)
        if dated is None:
            return limits(parameter.type)
        if not parameter.keys:
            return published(dated.value, parameter)
        return hull(self.row(row, dated, parameter, keys) for row in rows_left(dated, parameter, keys))

    def dated(self, parameter: Parameter) -> DatedValue | None:
        begun = [value for value in parameter.values if value.from_date <= self.world.on]
        return begun[-1] if begun else None

    def row(self, row: Row, dated: DatedValue, parameter: Parameter, keys: list[Any]) -> Range:
        """What a row can give: past the last band, `each_further` for each whole number past its first."""
        found = published(row.value, parameter)
        if dated.each_further is None:
            return found
        for at, key in enumerate(parameter.keys):
            if key.band and next_band(row, dated, at) is None:
                start = row.keys[at]
                assert isinstance(start, Fraction)
                past = tuple(Fraction(max(end, start) - start).__floor__() for end in keys[at])
                found = over_ends(lambda base, n: base + n * dated.each_further, found, past)
        return found

    def marginal(self, x: Range, schedule: Parameter) -> Range:
        """Each rate on its own slice of x."""
        dated = self.dated(schedule)
        if dated is None:  # neither the slices nor their rates are known
            return over_ends(lambda amount, rate: amount * rate, x, (Fraction(0), schedule.type.most))
        least = most = Fraction(0)
        for row in dated.rows:
            above, start = next_band(row, dated, 0), row.keys[0]
            assert isinstance(start, Fraction)
            slice_ = tuple(max(Fraction(0), (end if above is None else min(end, above)) - start) for end in x)
            found = over_ends(lambda amount, rate: amount * rate, slice_, published(row.value, schedule))
            least, most = least + found[0], most + found[1]
        return least, most


def published(value: Fraction | None, parameter: Parameter) -> Range:
    """A figure; one that is not published lies anywhere in its declared limits."""
    return limits(parameter.type) if value is None else (value, value)


def next_band(row: Row, dated: DatedValue, at: int) -> Fraction | None:
    """Where the band of `row` for key `at` ends: the next band beside it, all keys before being the same."""
    later = [r.keys[at] for r in dated.rows if r.keys[:at] == row.keys[:at] and r.keys[at] > row.keys[at]]  # type: ignore[operator]
    return min(later, default=None)  # type: ignore[type-var, arg-type, return-value]


def rows_left(dated: DatedValue, parameter: Parameter, keys: list[Any]) -> Iterator[Row]:
    """The rows that the keys may still have."""
    for row in dated.rows:
        fits = True
        for at, key in enumerate(parameter.keys):
            if key.band:
                above = next_band(row, dated, at)
                fits = fits and row.keys[at] <= keys[at][1] and (above is None or keys[at][0] < above)
            else:
                fits = fits and row.keys[at] in keys[at]
        if fits:
            yield row


# ------------------------------------------------------------------------------------------------------ operators


def either(test: Three, yes: Any, no: Any) -> Any:
    """x if c else y: both where c is not known."""
    if test is not None:
        return yes if test else no
    if isinstance(yes, tuple):
        return hull([yes, no])
    if isinstance(yes, frozenset):
        return yes | no
    if isinstance(yes, Several):
        return Several(yes.must & no.must, yes.may | no.may)
    return yes if yes is no else None


def compare(op: str, x: Any, y: Any) -> Three:
    """Settled when every pair of values gives the same answer."""
    if isinstance(x, frozenset):
        same = settled({a == b for a in x for b in y})
        return same if op == "==" else opposite(same)
    if op in ("==", "!="):
        apart, one = x[1] < y[0] or y[1] < x[0], x[0] == x[1] == y[0] == y[1]
        same = True if one else False if apart else None
        return same if op == "==" else opposite(same)
    test = {"<": Fraction.__lt__, "<=": Fraction.__le__, ">": Fraction.__gt__, ">=": Fraction.__ge__}[op]
    return settled({test(a, b) for a in x for b in y})


def contains(op: str, x: Any, y: Any) -> Three:
    """A choice among listed choices, or a listed choice in a list of choices."""
    if isinstance(y, Several):
        (name,) = x
        found: Three = True if name in y.must else (None if name in y.may else False)
    else:
        found = settled({value in y for value in x})
    return found if op == "in" else opposite(found)


def over_period(expr: Expr, x: Range) -> Range:
    """A sum per month, week or year as a sum per another of these: a year is 12 months and 52 weeks."""
    (given,) = (
        name for name, power in expr.args[0].type.unit.powers if power == -1 and name in ("year", "month", "week")
    )
    wanted = {"yearly": "year", "monthly": "month", "weekly": "week"}[expr.op]
    return over_ends(lambda end: end * PER_YEAR[given] / PER_YEAR[wanted], x)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda _, x, y: over_ends(lambda a, b: a + b, x, y),
    "-": lambda _, x, y: over_ends(lambda a, b: a - b, x, y),
    "*": lambda _, x, y: over_ends(lambda a, b: a * b, x, y),
    "/": lambda _, x, y: over_ends(lambda a, b: a / b, x, y),
    "negative": lambda _, x: (-x[1], -x[0]),
    "min": lambda _, *all_: over_ends(min, *all_),
    "max": lambda _, *all_: over_ends(max, *all_),
    "round_to": lambda _, x, step: over_ends(lambda a: to_step(a, step[0], "half_up"), x),
    "years_between": lambda _, x, y: over_ends(years, x, y),
    "months_between": lambda _, x, y: over_ends(months, x, y),
    "month_of": lambda _, x: months_seen(x),
    "yearly": over_period,
    "monthly": over_period,
    "weekly": over_period,
    "and": lambda _, *truths: every(truths),
    "or": lambda _, *truths: some(truths),
    "not": lambda _, truth: opposite(truth),
    **{op: (lambda expr, x, y: compare(expr.op, x, y)) for op in ("<", "<=", ">", ">=", "==", "!=")},
    **{op: (lambda expr, x, y: contains(expr.op, x, y)) for op in ("in", "not in")},
}


# --------------------------------------------------------------------------------------------- what else follows


def conditional_on(world: World, first: Run) -> dict[tuple[str, Subject], tuple[str, ...]]:
    """For each answer that rests on help not yet drawn: the policies it rests on, in the order to apply for them."""
    everything = frozenset((name, None) for name in world.rulebook.ids())
    second = world.run(everything)
    found: dict[tuple[str, Subject], tuple[str, ...]] = {}
    for key, status in first.status.items():
        if status == "undetermined" or second.status[key] == status:
            continue
        withheld: Withheld = frozenset()
        needed: list[str] = []
        for name in reversed(world.rulebook.order):
            with_it = withheld | {(name, None)}
            if world.run(with_it).status[key] != status:
                needed.append(name)
            else:
                withheld = with_it
        found[key] = tuple(name for name in world.rulebook.order if name in needed)
    return found


def choices_worth(
    world: World, first: Run, group: ExclusionGroup, subject: Subject, open_: list[str]
) -> dict[tuple[str, ...], Range]:
    """What each lawful choice among the policies that are not ruled out pays in twelve months.

    Only what can differ between the choices counts: the group itself (for one member: that member's), and what hangs
    on it. Another exclusion group that hangs on it counts the best of its own choices. What hangs on it and is paid
    under every choice, the same each time whatever it is, does not count.
    """
    chosen = {tuple(p for p in choice.policies if p in open_): None for choice in group.choices}
    largest = [one for one in chosen if not any(set(one) < set(other) for other in chosen)]
    decided = tuple(p for p in group.policies if p in world.in_force)
    hanging = {p for p in world.in_force if p in decided or hangs_on(world, p, decided)}
    tied = {p for each in world.rulebook.exclusions for p in each.policies}
    runs = {one: world.run(frozenset((p, subject) for p in decided if p not in one)) for one in largest}
    alike = {
        (policy, whose, item.id)
        for policy in hanging - set(decided)
        for item in world.in_force[policy].gives
        for whose in first.subjects(world.in_force[policy].level)
        if not any(asked_by(world.in_force[policy], expr) for expr in (item.amount, item.for_months))
        and all(run.given[policy, whose, item.id] is True for run in runs.values())
    }
    found = {}
    for one, run in runs.items():
        parts = [pays(run, p, subject) for p in one]
        parts += [pays(run, p, None, alike) for p in hanging if p not in tied]
        for other in world.rulebook.exclusions:
            if other is not group and hanging & set(other.policies):
                for whose in [None] if other.level == "household" else list(world.members):
                    sums = [added(pays(run, p, whose) for p in choice.policies) for choice in other.choices]
                    parts.append((max(low for low, _ in sums), max(high for _, high in sums)))
        found[one] = added(parts)
    return found


def asked_by(policy: Policy, expr: Expr | None) -> set[str]:
    """The policies whose decision an expression reads, through intermediate results too."""
    found: set[str] = set()
    for node in expr.walk() if expr is not None else ():
        if node.op in ("qualifies", "holds"):
            found.add(node.name)
        elif node.op == "let":
            (let,) = (each for each in policy.lets if each.name == node.name)
            found |= asked_by(policy, let.expr)
            for leaf in let.condition.walk() if let.condition is not None else ():
                found |= asked_by(policy, leaf.expr)
    return found


def hangs_on(world: World, policy: str, others: tuple[str, ...]) -> bool:
    """Whether a policy in force asks (or asks about one that asks) whether one of the others is had; advice apart."""
    if policy not in world.in_force:
        return False
    version = world.in_force[policy]
    conditions = [version.when, *(let.condition for let in version.lets), *(item.condition for item in version.gives)]
    exprs = [node.expr for condition in conditions if condition is not None for node in condition.walk()]
    exprs += [let.expr for let in version.lets]
    exprs += [expr for item in version.gives for expr in (item.amount, item.for_months)]
    asked = {name for expr in exprs for name in asked_by(version, expr)}
    return bool(asked & set(others)) or any(hangs_on(world, each, others) for each in asked)


def concerned(run: Run, name: str, subject: Subject) -> list[tuple[str, Subject]]:
    """Whose answers on a policy a choice touches: the member's own, or (the household's choice) everybody's."""
    return [key for key in run.status if key[0] == name and (subject is None or key[1] == subject)]


def added(ranges: Iterable[Range]) -> Range:
    found = list(ranges)
    return sum((r[0] for r in found), Fraction(0)), sum((r[1] for r in found), Fraction(0))


def pays(run: Run, name: str, subject: Subject, without: Iterable[tuple[str, Subject, str]] = ()) -> Range:
    """What of a policy reaches the family in twelve months: one member's, or (subject None) everybody's."""
    parts: list[Range] = []
    policy = run.world.in_force.get(name)
    for item in policy.gives if policy else ():
        for key, (low, high) in run.amounts.items():
            if key[0] == name and key[2] == item.id and subject in (None, key[1]) and key not in without:
                times = run.months[key] if item.per == "month" else (Fraction(PER_YEAR[item.per]),) * 2
                if not item.up_to and item.paid_to == "household":  # what the authority sets counts as its least
                    parts.append((low * times[0], high * times[1]))
    return added(parts)


def best_choice(
    first: Run, subject: Subject, open_: list[str], worth: dict[tuple[str, ...], Range]
) -> tuple[str, ...] | None:
    """The choice that pays at least as much as every other, whatever is still unknown; or None."""
    order = list(worth)
    gives_up: dict[tuple[str, ...], Three] = {}
    for one in order:
        out = [key for name in open_ if name not in one for key in concerned(first, name, subject)]
        # what is drawn and may be drawn on; whether it is ruled out may still be open, and whether it is drawn
        gives_up[one] = some(every([RULED_IN[first.status[key]], first.world.receives(*key)]) for key in out)
    competing = [one for one in order if gives_up[one] is not True]
    for one in competing:
        wins = [
            worth[one][0] > worth[other][1]
            or (worth[one][0] == worth[other][1] and order.index(one) < order.index(other))
            for other in competing
            if other != one
        ]
        if gives_up[one] is False and all(wins):
            return one
    return None


# -------------------------------------------------------------------------------------------------------- missing


def missing(run: Run, policy: str, subject: Subject) -> set[tuple[str, Subject]]:
    """The unknown facts that unsettled conditions read, as long as no condition above them is settled."""
    version = run.world.in_force[policy]
    lets = {let.name: run.lets[policy, subject, let.name] for let in version.lets}
    found: set[tuple[str, Subject]] = set()
    _look(run, version.when, Scope(policy, subject, subject, lets=lets), found)
    return found


def _look(run: Run, node: Condition, scope: Scope, found: set[tuple[str, Subject]]) -> None:
    truths = run.truths if (scope.owner, scope.subject, node.id, scope.inner) in run.truths else run.world.truths
    if truths[scope.owner, scope.subject, node.id, scope.inner] is not None:
        return
    if node.kind == "leaf":
        _reads(run, node.expr, scope, found)
    elif node.kind in ("any_member", "every_member"):
        for member in run.world.members:
            counts, holds = (truths[scope.owner, scope.subject, part.id, member] for part in node.parts)
            if node.kind == "every_member":
                holds = opposite(holds)
            if every([counts, holds]) is None:  # else it is settled what this member does to the condition
                for part in node.parts:
                    _look(run, part, scope.of(member), found)
    else:
        for part in node.parts:
            _look(run, part, scope, found)


def _reads(run: Run, expr: Expr | None, scope: Scope, found: set[tuple[str, Subject]]) -> None:
    """The unknown asked facts behind an expression."""
    assert expr is not None
    world = run.world
    if expr.op == "fact":
        fact = world.rulebook.facts[expr.name]
        member = None if fact.level == "household" else scope.member
        if not known(world.facts[fact.name, member]):
            inner = Scope(fact.name, member, member)
            if fact.condition is not None:
                _look(run, fact.condition, inner, found)
            elif fact.expr is not None:
                _reads(run, fact.expr, inner, found)
            else:
                found.add((fact.name, member))
    elif expr.op == "let":
        (let,) = (each for each in world.in_force[scope.owner].lets if each.name == expr.name)
        outer = Scope(scope.owner, scope.subject, scope.subject, lets=scope.lets)
        if not known(scope.lets[expr.name]):
            if let.condition is not None:
                _look(run, let.condition, outer, found)
            else:
                _reads(run, let.expr, outer, found)
    elif expr.op in ("receives", "holds", "qualifies"):
        member = scope.member if expr.level == "member" else None
        if expr.op != "qualifies" and world.receives(expr.name, member) is None:
            found.add(("receiving", member))
        if expr.op != "receives" and run.status.get((expr.name, member)) == "undetermined":
            found |= missing(run, expr.name, member)
    elif expr.op.endswith("_member") or expr.op.endswith("_members"):
        for member in world.members:
            for arg in expr.args[:2]:
                _reads(run, arg, scope.of(member), found)
        for arg in expr.args[2:]:
            _reads(run, arg, scope, found)
    else:
        for arg in expr.args:
            _reads(run, arg, scope, found)


def known(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value[0] == value[1])
    if isinstance(value, frozenset):
        return len(value) == 1
    if isinstance(value, Several):
        return value.must == value.may
    return value is not None


def missing_order(run: Run, found: dict[tuple[str, Subject], set[tuple[str, Subject]]]) -> list[tuple[str, Subject]]:
    """The missing facts: those that hold up most answers first, then those that hold up most money in a year."""
    wanted = {fact for facts in found.values() for fact in facts}
    vocabulary, members = [f.name for f in run.world.rulebook.facts.values() if not f.derived], list(run.world.members)

    def weight(fact: tuple[str, Subject]) -> tuple[int, Fraction, int, int]:
        held_up = [key for key, facts in found.items() if fact in facts]
        most = sum((pays(run, policy, subject)[1] for policy, subject in held_up), Fraction(0))
        place = vocabulary.index(fact[0]) if fact[0] in vocabulary else len(vocabulary)
        return -len(held_up), -most, place, -1 if fact[1] is None else members.index(fact[1])

    return sorted(wanted, key=weight)
