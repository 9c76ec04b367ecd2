"""A rulebook compiled once, and the edition of it that is in force on a day.

Nothing here reads a clock: the day is passed in. A program is shared by all requests; an edition is made once a day.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any
from weakref import finalize

from engine.decide.generate import derive_function, policy_function
from engine.decide.kept import Kept
from engine.decide.layout import GRANTED, QUALIFIES, Layout, Slots, slots_of
from engine.decide.remembered import NOTHING, Reads
from engine.decide.tables import Table
from engine.language.checks import expressions_of, fact_expressions, parameters_read, top_level
from engine.language.household import Household, HouseholdError, InputProblem, Member, Vocabulary
from engine.language.labels import label_book
from engine.language.model import DatedValue, Item, Parameter, Policy, Rulebook
from engine.language.rulebook import policies_asked
from engine.language.tree import Citation, Condition, Expr, Words
from engine.language.types import decimal_text
from engine.language.words import Wording


class Refused(Exception):
    """A derived fact cannot have the value its facts lead to."""

    def __init__(self, fact: str):
        self.fact = fact
        super().__init__(fact)


@dataclass(frozen=True, slots=True)
class Caveat:
    """Why an answer rests on less than firm ground.

    code  not-verified, not-published, stale (a figure), rule-not-verified (a citation or condition)
    """

    code: str
    name: str
    words: Words
    source: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """One policy on one day: its version, its functions, and what its answer rests on.

    flat  the bits (`Household.open`) of all it reads, itself and through the policies it asks: where none is open the
          flat function decides; None where a figure is not published, so that something is always open
    """

    policy: Policy
    ranged: Function
    flat_function: Callable[[], Function]
    flat: int | None
    caveats: tuple[Caveat, ...]  # of the policy's own citations
    leaf_caveats: dict[str, tuple[Caveat, ...]]  # of each condition: what it rests on, by condition id
    item_caveats: tuple[tuple[Caveat, ...], ...]  # of each item's amount, in the order of `gives`
    tables: frozenset[str]  # tables with rows that are not published; said only where such a row was read
    own: tuple[bool, ...]  # of each item: whether it is worked out without asking about any policy

    def function(self, open_: int) -> Function:
        """The function for a household with these facts open."""
        return self.ranged if self.flat is None or self.flat & open_ else self.flat_function()


@dataclass(frozen=True, slots=True)
class Edition:
    """What is in force on one day in the jurisdictions asked for."""

    on: date
    order: tuple[InForce, ...]  # in the order they are decided
    by_id: dict[str, InForce]
    parameters: tuple[Any, ...]
    wide_parameters: tuple[Any, ...]  # the same, with the limits of unpublished figures moved outwards
    figures: dict[str, DatedValue | None]
    not_in_force: tuple[str, ...]
    fixed: tuple[tuple[str, int, bool], ...]  # (level, slot, possibly) of policies that are not in force
    derive_flat: int | None  # the bits of all the derived facts read; None where a figure they read is not published
    dependents: dict[str, frozenset[str]]  # policies in force whose answer can rest on this one


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled rulebook. Functions are written and compiled when they are first needed."""

    rulebook: Rulebook
    vocabulary: Vocabulary
    slots: Slots
    index: dict[str, int]
    derive: Function
    derive_flat: Callable[[], Function]
    derived: dict[str, Layout]  # of the ranged function
    functions: Functions
    flat_functions: Functions
    conditions: dict[tuple[str, date], dict[str, Condition]]  # of each policy version, by condition id
    held: frozenset[str]  # policies asked by `holds`
    labels: Functions  # of the labels
    editions: dict[tuple[date, frozenset[str] | None], Edition] = field(default_factory=dict)

    def edition(self, on: date, jurisdictions: frozenset[str] | None = None) -> Edition:
        """The edition in force on a day; made once and kept (the last 400)."""
        key = (on, jurisdictions)
        found = self.editions.get(key)
        if found is None:
            if len(self.editions) >= 400:
                self.editions.clear()
            found = self.editions[key] = _edition(self, on, jurisdictions)
        return found

    @property
    def source(self) -> str:
        """The generated Python of every policy, for whoever wants to read it."""
        return "\n".join([self.derive.source, *(self.functions[key].source for key in self.functions)])


@dataclass(frozen=True, slots=True)
class Function:
    """A compiled function, its text, and where its outcomes stand in the row it returns."""

    run: Callable[..., Any]
    layout: Layout
    layouts: dict[str, Layout]  # for the derived facts: one each
    source: str
    reads: Reads


class Functions(Mapping[tuple[str, date], Function]):
    """The function of every policy version, by id and first day; written and compiled when it is first asked for."""

    def __init__(self, rulebook: Rulebook, slots: Slots, index: dict[str, int], flat: bool):
        self.rulebook, self.slots, self.index, self.flat = rulebook, slots, index, flat
        self.versions = {(policy.id, policy.from_date): policy for policy in rulebook.policies}
        self.made: dict[tuple[str, date], Function] = {}

    def __getitem__(self, key: tuple[str, date]) -> Function:
        if key not in self.made:
            written = policy_function(self.rulebook, self.versions[key], self.slots, self.index, self.flat)
            self.made[key] = compiled(
                self.rulebook, written.name, written.source, written.layout, reads=written.reads
            )
        return self.made[key]

    def replaced(self, rulebook: Rulebook, policy: Policy) -> Functions:
        """The same with one version written otherwise (its text tried out before it is law)."""
        found = Functions(rulebook, self.slots, self.index, self.flat)
        found.made = {key: made for key, made in self.made.items() if key != (policy.id, policy.from_date)}
        return found

    def __iter__(self) -> Iterator[tuple[str, date]]:
        return iter(self.versions)

    def __len__(self) -> int:
        return len(self.versions)


def compiled(
    rulebook: Rulebook,
    name: str,
    source: str,
    layout: Layout,
    layouts: dict[str, Layout] | None = None,
    reads: Reads = NOTHING,
) -> Function:
    """The function behind generated text; a traceback shows the line."""
    file = f"<{name} of rules {rulebook.digest[:12]}>"
    space: dict[str, Any] = {"Refused": Refused}
    exec(compile(source, file, "exec"), space)  # our own text, made from a checked tree
    run = space.pop(name)  # so that it is no part of a circle, and goes with its program
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    finalize(run, linecache.cache.pop, file, None).atexit = False
    return Function(run, layout, layouts or {}, source, reads)


def compile_rulebook(rulebook: Rulebook) -> Program:
    """The program of a checked rulebook."""
    slots = slots_of(rulebook)
    index: dict[str, int] = {}
    at = 0
    for parameter in rulebook.parameters.values():
        index[parameter.name] = at
        at += 1 if parameter.keys else 2
    source, derived = derive_function(rulebook, slots, index)
    derive = compiled(rulebook, "derive", source, Layout(), derived)

    @cache
    def derive_flat() -> Function:
        flat_source, flat_layouts = derive_function(rulebook, slots, index, flat=True)
        return compiled(rulebook, "derive_flat", flat_source, Layout(), flat_layouts)

    held = {e.name for p in rulebook.policies for x in expressions_of(p) for e in x.walk() if e.op == "holds"}
    return Program(
        rulebook,
        vocabulary_of(rulebook),
        slots,
        index,
        derive,
        derive_flat,
        derived,
        Functions(rulebook, slots, index, flat=False),
        Functions(rulebook, slots, index, flat=True),
        {(p.id, p.from_date): {n.id: n for tree in p.conditions() for n in tree.walk()} for p in rulebook.policies},
        frozenset(held),
        Functions(label_book(rulebook), slots, index, flat=False),
    )


def vocabulary_of(rulebook: Rulebook) -> Vocabulary:
    """What a household may say under this rulebook."""
    levels = {policy: rulebook.level(policy) for policy in rulebook.ids()}
    return Vocabulary.of(rulebook.facts, rulebook.choices, levels)


def _dependents(names: tuple[str, ...], asks: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    """For each policy those that ask about it, or about one that asks."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for name in asks:
        for needed in _closure(name, asks):
            found[needed].add(name)
    return {name: frozenset(rest) for name, rest in found.items()}


def _closure(name: str, asks: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    stack = list(asks.get(name, ()))
    while stack:
        each = stack.pop()
        if each not in seen:
            seen.add(each)
            stack += asks.get(each, ())
    return seen


def _edition(program: Program, on: date, jurisdictions: frozenset[str] | None) -> Edition:
    rulebook = program.rulebook
    in_force = rulebook.in_force(on, jurisdictions)
    figures = {name: parameter.on(on) for name, parameter in rulebook.parameters.items()}
    values: list[Any] = []
    wide: list[Any] = []
    for parameter in rulebook.parameters.values():
        values += _values(parameter, figures[parameter.name], rulebook, 1)
        wide += _values(parameter, figures[parameter.name], rulebook, WIDER)
    caveats = _Caveats(program, on, figures)
    bits = _Bits(program, in_force, figures)
    order = [caveats.in_force(in_force[n], program, bits.of_policy(n)) for n in rulebook.order if n in in_force]
    absent = tuple(name for name in rulebook.ids() if name not in in_force)
    fixed: list[tuple[str, int, bool]] = []
    for name in absent:
        possible = _may_qualify(rulebook, name, on, jurisdictions)
        for word in (QUALIFIES, GRANTED):
            slot = program.slots.policies[word, name]
            fixed.append((slot.level, slot.at, possible))
    by_id = {each.policy.id: each for each in order}
    derived = bits.of_facts()
    reads = _READS(rulebook.facts)
    asks = {name: set(reads(policy, rulebook).decided_by) for name, policy in in_force.items()}
    dependents = _dependents(rulebook.ids(), asks)
    return Edition(
        on, tuple(order), by_id, tuple(values), tuple(wide), figures, absent, tuple(fixed), derived, dependents
    )


def narrowed(edition: Edition, wanted: set[str]) -> Edition:
    """The edition with only the policies wanted and those their answers can rest on."""
    names = set(wanted)
    for each in reversed(edition.order):  # what a policy asks stands before it
        if each.policy.id in names:
            names |= policies_asked(each.policy)
    order = tuple(each for each in edition.order if each.policy.id in names)
    return replace(edition, order=order, by_id={each.policy.id: each for each in order})


class _Bits:
    """The bits of all a policy reads; None where a figure it reads is not published or a policy it asks is unknown."""

    def __init__(self, program: Program, in_force: dict[str, Policy], figures: dict[str, DatedValue | None]):
        self.program, self.in_force, self.figures = program, in_force, figures
        self.facts = program.rulebook.facts
        self.found: dict[str, int | None] = {}

    def of_facts(self) -> int | None:
        """Of every derived fact together."""
        return self._of([expr for fact in self.facts.values() for expr in fact_expressions(fact)])

    def of_policy(self, name: str) -> int | None:
        if name not in self.found:
            self.found[name] = self._policy(name)
        return self.found[name]

    def _policy(self, name: str) -> int | None:
        policy, rulebook = self.in_force[name], self.program.rulebook
        whole = self._of(expressions_of(policy))
        for other in _READS(rulebook.facts)(policy, rulebook).asked:
            theirs = self.of_policy(other) if other in self.in_force else None
            whole = None if whole is None or theirs is None else whole | theirs
        return whole

    def _of(self, exprs: list[Expr]) -> int | None:
        places, whole = self.program.vocabulary.places, 0
        seen: set[str] = set()
        todo = list(exprs)
        for expr in todo:  # grows while it is walked
            for node in expr.walk():
                if node.op == "parameter":
                    value = self.figures[node.name]
                    if value is None or not value.published:
                        return None
                elif node.op in ("receives", "holds"):
                    whole |= places[node.level, "receiving"]
                elif node.op == "fact" and node.name not in seen:
                    seen.add(node.name)
                    fact = self.facts[node.name]
                    todo += fact_expressions(fact)
                    whole |= 0 if fact.derived else places[fact.level, fact.name]
        return whole


def _values(parameter: Parameter, value: DatedValue | None, rulebook: Rulebook, wider: int) -> list[Any]:
    scale = parameter.type.scale
    outer = int(parameter.type.least * scale), int(parameter.type.most * scale) * wider
    if parameter.keys:
        return [Table(parameter, value, rulebook.choices, outer)]
    if value is None or value.value is None:
        return list(outer)
    return [int(value.value * scale)] * 2


# How far the outer limits are moved to see which ends rest on them. Only upwards: signs must stay as declared.
WIDER = 1_000


def widen(program: Program, whole: list[Any], members: list[list[Any]]) -> None:
    """Move the upper limit of every number nobody knows."""
    for level, at, least, most in _LIMITS(program.slots, program.rulebook):
        for row in (whole,) if level == "household" else members:
            if row[at + 1] == most and row[at] != most:
                row[at + 1] = most * WIDER
                if least < 0 and row[at] == least:
                    row[at] = least * WIDER


def _limits_of(slots: Slots, rulebook: Rulebook) -> list[tuple[str, int, int, int]]:
    """The outer limits of every number that is asked for: (level, slot, least, most)."""
    asked = [fact for fact in rulebook.facts.values() if not fact.derived and fact.type.numeric]
    return [
        (f.level, slots.facts[f.name].at, int(f.type.least * f.type.scale), int(f.type.most * f.type.scale))
        for f in asked
    ]


_LIMITS = Kept(_limits_of, 20)


def _may_qualify(rulebook: Rulebook, name: str, on: date, jurisdictions: frozenset[str] | None) -> bool:
    """Whether a policy that is not in force may yet be had: no after its stated end, unknown before its first text."""
    versions = rulebook.versions(name)
    places = jurisdictions or frozenset(j.name for j in rulebook.jurisdictions.values() if j.in_force)
    if all(version.jurisdiction not in places for version in versions):
        return True
    if on < versions[0].from_date:
        return not versions[0].new
    later = [version for version in versions if version.from_date > on]
    return bool(later)


class _Caveats:
    """Works out what each part of a policy rests on, on one day."""

    def __init__(self, program: Program, on: date, figures: dict[str, DatedValue | None]):
        self.on, self.figures, self.rulebook = on, figures, program.rulebook

    def in_force(self, policy: Policy, program: Program, flat: int | None) -> InForce:
        key = (policy.id, policy.from_date)
        reads = _READS(self.rulebook.facts)(policy, self.rulebook)
        leaves = {node.id: self._node(policy, node, names) for node, names in reads.leaves}
        items = tuple(self._item(policy, item, names) for item, names in reads.items)
        own = tuple(self._cited(policy.id, policy.cite))
        tables = frozenset(
            name
            for name in reads.figures
            if self.rulebook.parameters[name].keys and (value := self.figures[name]) is not None and not value.published
        )
        ranged, flat_functions = program.functions[key], program.flat_functions
        return InForce(policy, ranged, lambda: flat_functions[key], flat, own, leaves, items, tables, reads.by_itself)

    def _node(self, policy: Policy, node: Condition, names: tuple[str, ...]) -> tuple[Caveat, ...]:
        found = list(self._figures(names))
        if not node.verified or any(not cite.verified for cite in node.cite):
            said = node.says if node.says.zh else self._words(policy, node)
            found.append(
                Caveat("rule-not-verified", f"{policy.id}#{node.id}", said, "; ".join(c.words() for c in node.cite))
            )
        return tuple(found)

    def _words(self, policy: Policy, node: Condition) -> Words:
        return Words(*(Wording(self.rulebook, lang, self.on).condition(node, policy) for lang in ("zh", "en")))

    def _item(self, policy: Policy, item: Item, names: tuple[str, ...]) -> tuple[Caveat, ...]:
        return (*self._figures(names), *self._cited(f"{policy.id}#gives.{item.id}", item.cite))

    def _figures(self, names: Iterable[str]) -> Iterator[Caveat]:
        for name in names:
            parameter, value = self.rulebook.parameters[name], self.figures[name]
            if value is None or (not parameter.keys and value.value is None):
                yield Caveat("not-published", name, parameter.label, value.source if value else "")
                continue
            if not value.verified:
                yield Caveat("not-verified", name, parameter.label, value.source)
            if parameter.cycle is not None and _months_later(value.from_date, parameter.cycle) < self.on:
                yield Caveat("stale", name, parameter.label, value.source)

    def _cited(self, name: str, cites: tuple[Citation, ...]) -> Iterator[Caveat]:
        for cite in cites:
            if not cite.verified:
                yield Caveat("rule-not-verified", name, Words(cite.words("zh"), cite.words("en")), cite.note)


@dataclass(frozen=True, slots=True)
class _Reads:
    """What a policy reads, the same on every day: figures also through intermediate results and derived facts.

    leaves, items  the figures of each condition and each item
    figures        all of them
    asked          the policies it asks, `decided_by` those of them that its answer can rest on
    by_itself      of each item, whether its sum hangs on no other policy
    """

    leaves: tuple[tuple[Condition, tuple[str, ...]], ...]
    items: tuple[tuple[Item, tuple[str, ...]], ...]
    figures: tuple[str, ...]
    asked: frozenset[str]
    decided_by: frozenset[str]
    by_itself: tuple[bool, ...]


def _reads(policy: Policy, rulebook: Rulebook) -> _Reads:
    def figures(exprs: list[Expr]) -> tuple[str, ...]:
        return tuple(parameters_read(rulebook, with_lets(policy, exprs)))

    nodes = [node for tree in policy.conditions() for node in tree.walk()]
    amounts = [[expr for expr in (item.amount, item.for_months) if expr is not None] for item in policy.gives]
    return _Reads(
        tuple((node, figures([node.expr] if node.expr is not None else [])) for node in nodes),
        tuple((item, figures(exprs)) for item, exprs in zip(policy.gives, amounts, strict=True)),
        tuple(parameters_read(rulebook, expressions_of(policy))),
        frozenset(policies_asked(policy)),
        frozenset(policies_asked(policy, advice=False)),
        tuple(not asks_policies(policy, item) for item in policy.gives),
    )


# by the facts, through which a policy reads figures, and by the policy: another rulebook may share the one, not both
_READS: Kept[Kept[_Reads]] = Kept(lambda _: Kept(_reads, 2_000), 20)


def with_lets(policy: Policy, exprs: list[Expr]) -> list[Expr]:
    """The expressions and those of the intermediate results they use."""
    lets = {let.name: [let.expr] if let.expr is not None else top_level(let.condition) for let in policy.lets}
    whole, seen = list(exprs), set()
    for expr in whole:  # grows while it is walked
        for node in expr.walk():
            if node.op == "let" and node.name not in seen:
                seen.add(node.name)
                whole += lets[node.name]
    return whole


def asks_policies(policy: Policy, item: Item) -> bool:
    """Whether the sum of an item hangs on what is decided of another policy."""
    exprs = [expr for expr in (item.amount, item.for_months) if expr is not None]
    ops = {node.op for expr in with_lets(policy, exprs) for node in expr.walk()}
    return bool(ops & {"qualifies", "holds"})


def _months_later(day: date, months: int) -> date:
    """The same day so many months later (the last of the month where it has no such day)."""
    whole = day.year * 12 + day.month - 1 + months
    year, month = divmod(whole, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise ValueError(day)  # pragma: no cover - every month has a 28th


def start(program: Program, household: Household) -> tuple[list[Any], list[list[Any]]]:
    """The lists of a household and of its members, filled with what is known."""
    slots = program.slots
    whole = list(slots.template["household"])
    _fill(program, whole, "household", household)
    members = []
    for member in household.members:
        row = list(slots.template["member"])
        _fill(program, row, "member", member)
        members.append(row)
    return whole, members


def _fill(program: Program, row: list[Any], level: str, source: Household | Member) -> None:
    slots = program.slots
    facts = slots.facts
    for name, known in source.facts.items():
        at = facts[name].at
        row[at] = known.lo
        row[at + 1] = known.hi
    if source.receiving is not None:
        blank, places = slots.receives[level]
        for at in blank:  # what is drawn is known: nothing but what is named
            row[at] = False
        for policy in source.receiving:
            at = places[policy]
            row[at] = row[at + 1] = True


def refusal(program: Program, fact: str) -> HouseholdError:
    """The error for facts that cannot be."""
    found = program.rulebook.facts[fact]
    if fact == "size":
        hint = ("say for each member what decides whether it counts", "请为每名成员填写决定其是否计入的事实")
        return HouseholdError((InputProblem("/members", "nobody-counts", (), hint),))
    words = (
        ("fact", found.label.zh),
        ("highest", decimal_text(found.type.most)),
        ("lowest", decimal_text(found.type.least)),
    )
    return HouseholdError((InputProblem("", "cannot-be", words),))


__all__ = ["Caveat", "Edition", "InForce", "Program", "Refused", "compile_rulebook", "narrowed", "start", "widen"]
