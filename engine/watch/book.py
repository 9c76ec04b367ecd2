"""What the watch knows of a rulebook: its alert rules compiled, and which kinds of events can move which of them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, timedelta

from engine.decide.program import Edition, Program, compile_rulebook, narrowed, vocabulary_of
from engine.decide.reads import facts_read
from engine.language.alerts import alert_book
from engine.language.checks import expressions_of
from engine.language.events import sums_of
from engine.language.household import Vocabulary
from engine.language.model import Alert, Compare, EventSum, EventType, Rulebook
from engine.language.rulebook import policies_asked


@dataclass(frozen=True, slots=True)
class Watchbook:
    """A rulebook as the watch reads it.

    rules     the alert rules that are conditions, by name; `compared` those that compare two decisions
    moved_by  kind of event -> the rules a fact of it can move
    reads     rule -> every fact its truth can rest on, through derived facts and policies asked
    """

    rulebook: Rulebook
    program: Program
    vocabulary: Vocabulary
    rules: dict[str, Alert]
    compared: dict[str, Alert]
    reads: dict[str, frozenset[str]]
    moved_by: dict[str, tuple[str, ...]]
    sums: dict[str, EventSum]
    fields: dict[str, Vocabulary]
    bits: dict[str, dict[str, int]]  # level -> fact -> its bit in `Household.open`
    every: dict[str, int]  # all of them, by level
    turns: tuple[date, ...]  # the days on which some text or figure begins, or no longer holds
    _editions: dict[tuple[int, frozenset[str]], Edition]

    @property
    def events(self) -> dict[str, EventType]:
        return self.rulebook.events

    def edition(self, day: date, wanted: frozenset[str]) -> Edition:
        """What is in force on a day, with only these rules and the policies they ask; empty: every policy, no rule.

        Nothing changes between two days on which a text or a figure begins or ends, so one edition serves all of them;
        its caveats are those of the first of these days. `exact` gives those of the day.
        """
        place = self.place(day)
        key = (place, wanted)
        found = self._editions.get(key)
        if found is None:
            if len(self._editions) >= 4_000:
                self._editions.clear()
            found = self._editions[key] = self.exact(self.turns[place - 1] if place else day, wanted)
        return replace(found, on=day)

    def place(self, day: date) -> int:
        """The same number for all days between two turns of the law."""
        return bisect_right(self.turns, day)

    def exact(self, day: date, wanted: frozenset[str]) -> Edition:
        """The same, made for the day itself, as an explanation needs it."""
        whole = self.program.edition(day)
        names = set(wanted) & set(whole.by_id) if wanted else set(self.rulebook.ids()) & set(whole.by_id)
        return narrowed(whole, names)

    def changed(self, edition: Edition, compare: Compare) -> Edition | None:
        """The edition of a coming figure; None where there is none to come."""
        parameter = self.rulebook.parameters[compare.parameter]
        source = self.rulebook.parameters[compare.to] if compare.to else parameter
        value = (
            source.on(edition.on)
            if compare.to
            else next((each for each in source.values if each.from_date > edition.on), None)
        )
        if value is None or not value.published:
            return None
        at, scale = self.program.index[compare.parameter], parameter.type.scale
        if parameter.keys:
            other = self.program.edition(value.from_date) if not compare.to else None
            if other is None:
                return None
            values = [*edition.parameters]
            values[at] = other.parameters[at]
        else:
            assert value.value is not None
            values = [*edition.parameters]
            values[at] = values[at + 1] = int(value.value * scale)
        figures = {**edition.figures, compare.parameter: value}
        return replace(edition, parameters=tuple(values), wide_parameters=tuple(values), figures=figures)


def watchbook(rulebook: Rulebook) -> Watchbook:
    """Compile a rulebook's alert rules."""
    program = compile_rulebook(alert_book(rulebook))
    rules = {alert.id: alert for alert in rulebook.alerts if alert.policy is not None}
    compared = {alert.id: alert for alert in rulebook.alerts if alert.compare is not None}
    reads = {name: _reads(rulebook, alert) for name, alert in rules.items()}
    moved = {
        kind: tuple(name for name in rules if _moves(event, reads[name], rulebook))
        for kind, event in rulebook.events.items()
    }
    fields = {kind: _field_vocabulary(event, rulebook) for kind, event in rulebook.events.items()}
    vocabulary = vocabulary_of(rulebook)
    bits: dict[str, dict[str, int]] = {"household": {}, "member": {}}
    for (level, name), bit in vocabulary.places.items():
        bits[level][name] = bit
    every = {level: sum(of.values()) for level, of in bits.items()}
    sums = sums_of(rulebook.events)
    return Watchbook(
        rulebook, program, vocabulary, rules, compared, reads, moved, sums, fields, bits, every, _turns(program), {}
    )


def _turns(program: Program) -> tuple[date, ...]:
    policies, parameters = program.rulebook.policies, program.rulebook.parameters.values()
    found = {policy.from_date for policy in policies}
    found |= {later(policy.to_date, 1) for policy in policies if policy.to_date and policy.to_date < date.max}
    found |= {value.from_date for parameter in parameters for value in parameter.values}
    return tuple(sorted(found))


def _field_vocabulary(event: EventType, rulebook: Rulebook) -> Vocabulary:
    return Vocabulary.of(event.fields, rulebook.choices, {})


def _reads(rulebook: Rulebook, alert: Alert) -> frozenset[str]:
    """Facts, and `receiving`, that the truth of a rule can rest on."""
    assert alert.policy is not None
    policies, todo = {alert.policy.id: [alert.policy]}, [alert.policy]
    while todo:
        for name in policies_asked(todo.pop()):
            if name not in policies:
                policies[name] = list(rulebook.versions(name))
                todo += policies[name]
    exprs = [expr for each in policies.values() for policy in each for expr in expressions_of(policy)]
    found = set(facts_read(rulebook, exprs))
    if any(node.op in ("receives", "holds") for expr in exprs for node in expr.walk()):
        found.add("receiving")
    return frozenset(found)


def _moves(event: EventType, reads: frozenset[str], rulebook: Rulebook) -> bool:
    if event.does in ("register", "join", "leave"):
        return True
    if event.does in ("grant", "end"):
        return "receiving" in reads
    changed = {*event.sets, *event.always, *(each.fact for each in event.sums)}
    return bool(changed & reads)


def later(day: date, days: int) -> date:
    return day + timedelta(days=days)


__all__ = ["Watchbook", "later", "watchbook"]
