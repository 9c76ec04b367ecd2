"""The rulebook as data: vocabulary, parameters, policies, examples. Frozen, and knows no YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from engine.language.places import NOWHERE, Place
from engine.language.tree import NO_WORDS, Citation, Condition, Expr, Words
from engine.language.types import Type


@dataclass(frozen=True, slots=True)
class ChoiceSet:
    """A closed list of values. The place of a value in `values` is its bit in every engine."""

    name: str
    values: tuple[str, ...]
    words: dict[str, Words]

    def bit(self, value: str) -> int:
        return 1 << self.values.index(value)

    @property
    def every(self) -> int:
        """All bits: nothing is known."""
        return (1 << len(self.values)) - 1

    def names(self, mask: int) -> tuple[str, ...]:
        return tuple(value for at, value in enumerate(self.values) if mask >> at & 1)


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of a household or of each member; a derived one carries the expression it `is`.

    A derived yes-or-no fact is a `condition`, so that its reasons can be shown.
    """

    name: str
    level: str  # household | member
    label: Words
    type: Type
    order: int  # its place in the vocabulary
    question: Words = NO_WORDS
    help: Words = NO_WORDS
    subject: Words = NO_WORDS
    department: Words = NO_WORDS
    sensitive: bool = False
    cite: tuple[Citation, ...] = ()
    expr: Expr | None = None
    condition: Condition | None = None
    at: Place = NOWHERE

    @property
    def derived(self) -> bool:
        return self.expr is not None or self.condition is not None


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: a choice (`choices` names its list) or a band over a number of `type`."""

    type: Type
    choices: str = ""

    @property
    def band(self) -> bool:
        return not self.choices


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: for each key a choice or the band's first number; `value` None: not published."""

    keys: tuple[str | Fraction, ...]
    value: Fraction | None


@dataclass(frozen=True, slots=True)
class DatedValue:
    """A parameter's value from one day until the next DatedValue takes over.

    value         the figure where the parameter is one number; None: in force, figure not published here
    rows          the rows where it is a table
    each_further  added for each whole number past the last band
    """

    from_date: date
    source: str
    verified: bool
    value: Fraction | None = None
    rows: tuple[Row, ...] = ()
    each_further: Fraction | None = None
    note: str = ""
    url: str = ""
    at: Place = NOWHERE

    @property
    def published(self) -> bool:
        return all(row.value is not None for row in self.rows) if self.rows else self.value is not None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A dated figure of law. `cycle` is the months after which a newer value is to be expected."""

    name: str
    label: Words
    type: Type
    order: int
    values: tuple[DatedValue, ...]
    keys: tuple[Key, ...] = ()
    cycle: int | None = None
    note: str = ""
    at: Place = NOWHERE

    def on(self, day: date) -> DatedValue | None:
        """The value in force on `day`; None before the first."""
        found = None
        for value in self.values:
            if value.from_date <= day:
                found = value
        return found


@dataclass(frozen=True, slots=True)
class Let:
    """An intermediate result of a policy; it appears in the trace."""

    name: str
    words: Words
    type: Type
    expr: Expr | None
    condition: Condition | None
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Item:
    """What a policy gives. `amount` or `up_to` is an expression in yuan per `per`; neither: help in kind."""

    id: str
    title: Words
    per: str  # once | week | fortnight | month | year | ""
    amount: Expr | None = None
    up_to: bool = False
    condition: Condition | None = None
    round_to: Fraction | None = None
    round_mode: str = ""
    for_months: Expr | None = None
    paid_to: str = "household"  # household | employer | institution: only the household's own counts in its totals
    says: Words = NO_WORDS
    cite: tuple[Citation, ...] = ()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A policy that may not be drawn together with this one."""

    policy: str
    cite: tuple[Citation, ...] = ()
    verified: bool = True
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Document:
    """A paper to bring, perhaps only under a condition."""

    words: Words
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Advice under a condition; never part of the answer."""

    id: str
    condition: Condition
    says: Words
    cite: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionDays:
    """How long the office may take."""

    days: int
    working: bool
    cite: tuple[Citation, ...]
    verified: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A test that lives beside the law. `household` is raw facts, as a caseworker would send them."""

    says: Words
    on: date
    household: dict[str, Any]
    expect: dict[str, Any]
    also: dict[str, dict[str, Any]]
    at: Place


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of one policy: in force from `from_date` to `to_date` (the last day; None: open)."""

    id: str
    title: Words
    kind: str  # category | benefit | service | referral
    level: str  # household | member
    group: str
    jurisdiction: str
    order: int  # its place in the catalogue
    from_date: date
    to_date: date | None
    new: bool
    department: Words
    cite: tuple[Citation, ...]
    called: tuple[tuple[date, Words], ...] = ()  # (last day of the name, name)
    lets: tuple[Let, ...] = ()
    when: Condition = field(default_factory=lambda: Condition("all", "1"))
    gives: tuple[Item, ...] = ()
    excludes: tuple[Exclusion, ...] = ()
    documents: tuple[Document, ...] = ()
    where: Words = NO_WORDS
    channel: Words = NO_WORDS
    decision_days: DecisionDays | None = None
    review: Words = NO_WORDS
    notes: tuple[Note, ...] = ()
    examples: tuple[Example, ...] = ()
    text: str = ""
    at: Place = NOWHERE

    def in_force(self, day: date) -> bool:
        return self.from_date <= day and (self.to_date is None or day <= self.to_date)

    def title_on(self, day: date) -> Words:
        """The name the policy carried on `day`."""
        for until, words in self.called:
            if day <= until:
                return words
        return self.title

    def conditions(self) -> tuple[Condition, ...]:
        """Every condition tree of the policy: lets, when, items, notes, documents."""
        return (
            *(let.condition for let in self.lets if let.condition),
            self.when,
            *(item.condition for item in self.gives if item.condition),
            *(note.condition for note in self.notes),
            *(document.condition for document in self.documents if document.condition),
        )


@dataclass(frozen=True, slots=True)
class EventSum:
    """A fact that is the sum of a field over a member's events of a year; `over`: calendar_year or rolling_year."""

    fact: str
    of: str
    over: str


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event and what it does to the facts of a household.

    level    household, member or either (`grant` and `end`: whoever the policy is for)
    does     "" sets facts; register: the whole household; join, leave: a member; grant, end: a policy drawn
    sets     facts it may carry; `always`: facts it sets whatever it carries, as plain data
    fields   what it says of itself (a bill's sum), by name
    expires  it may say `until`: from the day after, the facts it set are not known
    """

    name: str
    label: Words
    level: str
    department: Words
    does: str
    sets: tuple[str, ...]
    always: dict[str, Any]
    fields: dict[str, Fact]
    sums: tuple[EventSum, ...]
    expires: bool
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Compare:
    """Two decisions compared: `days` on, or with `parameter` at its next dated value or at that of `to`."""

    days: int = 0
    parameter: str = ""
    to: str = ""  # "" for the next dated value
    policies: tuple[str, ...] = ()  # empty: all
    counts: tuple[str, ...] = ("gained", "lost")


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert rule: raised where `policy.when` is certainly met and its item `possible`, if any, is not ruled out.

    policy   the condition in the shape of a policy, so that checks, evaluator and explanation are the same; None where
             two decisions are compared instead
    year     what "year" means where a yearly sum is read: (calendar_year or rolling_year, where it says so)
    """

    id: str
    title: Words
    level: str
    order: int
    cause: str
    department: Words
    urgency: str
    do: tuple[Words, ...]
    from_date: date
    to_date: date | None
    cite: tuple[Citation, ...]
    policy: Policy | None
    compare: Compare | None
    year: tuple[str, tuple[Citation, ...]] | None
    at: Place = NOWHERE

    def in_force(self, day: date) -> bool:
        return self.from_date <= day and (self.to_date is None or day <= self.to_date)


@dataclass(frozen=True, slots=True)
class Label:
    """A tag of a household or of a member, carried where `policy.when` is met.

    policy  the condition in the shape of a policy, so that checks, evaluator, compiler and sentences are the same
    says    what it is for, beyond its name
    """

    id: str
    title: Words
    level: str
    department: Words
    policy: Policy
    says: Words = NO_WORDS
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """One year's days off beside weekends, weekend days worked, and the notice that says so."""

    year: int
    source: str
    verified: bool
    holidays: frozenset[date]
    workdays: frozenset[date]
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Group:
    """A heading of the catalogue."""

    name: str
    title: Words
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """A place whose law it is; `in_force` False: read only when asked for by name."""

    name: str
    title: Words
    in_force: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One lawful way to draw: the policies of a group tied by exclusions that may stand together."""

    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExclusionGroup:
    """Policies tied by exclusions; `level` member where the choice is each member's own."""

    policies: tuple[str, ...]
    level: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All that is in force or was: checked, ordered, and known by the digest of its files."""

    title: Words
    digest: str
    files: dict[str, str]
    choices: dict[str, ChoiceSet]
    facts: dict[str, Fact]  # in the vocabulary's order
    parameters: dict[str, Parameter]
    policies: tuple[Policy, ...]  # every version, in catalogue order then by date
    groups: dict[str, Group]
    jurisdictions: dict[str, Jurisdiction]
    households: dict[str, dict[str, Any]]
    order: tuple[str, ...]  # policy ids in the order they are decided
    exclusions: tuple[ExclusionGroup, ...]
    catalogue: str = "policies.yaml"
    events: dict[str, EventType] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    calendar: dict[int, CalendarYear] = field(default_factory=dict)
    due: str = ""  # the table of working days by urgency
    labels: tuple[Label, ...] = ()

    def versions(self, policy: str) -> tuple[Policy, ...]:
        """Every version of one policy, oldest first."""
        return tuple(p for p in self.policies if p.id == policy)

    def ids(self) -> tuple[str, ...]:
        """Policy ids in catalogue order."""
        return tuple(dict.fromkeys(p.id for p in self.policies))

    def level(self, policy: str) -> str:
        return next(p.level for p in self.policies if p.id == policy)

    def in_force(self, day: date, jurisdictions: frozenset[str] | None = None) -> dict[str, Policy]:
        """The version of each policy in force on `day`, by id, in catalogue order."""
        places = jurisdictions or frozenset(j.name for j in self.jurisdictions.values() if j.in_force)
        return {p.id: p for p in self.policies if p.in_force(day) and p.jurisdiction in places}
