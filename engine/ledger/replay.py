"""Deciding again what was decided once: with the rules of its day, to show that it was so; or with other
rules, to show what they would change and why.

With the engine version that decided, the same bytes must come out. Another version must give the same
statuses, amounts and truths of every condition; what else differs in the document is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine import __version__
from engine.decide import Decision, Program, decide
from engine.decide.evidence import figure, outcomes_in
from engine.decide.record import in_full
from engine.language import canonical
from engine.language.household import HouseholdError, read_household
from engine.ledger.entries import Entry
from engine.ledger.programs import Programs
from engine.ledger.recording import Recorded, document, document_of

__all__ = ["Change", "Comparison", "Difference", "Replay", "again", "against", "differences", "replay"]

MOST_DIFFERENCES = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two documents differ. `pointer`: a JSON pointer; None stands for what is not there.

    kind  status, amount, outcome: what a decision means; text: anything else
    """

    pointer: str
    kind: str
    then: Any
    now: Any

    def data(self) -> dict[str, Any]:
        return {"pointer": self.pointer, "kind": self.kind, "then": self.then, "now": self.now}


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision made again with the rulebook it names.

    same_bytes  the document is the one on record, byte for byte
    ok          same bytes from the same engine version; from another, the same meaning
    """

    seq: int
    engine_then: str
    engine_now: str
    same_bytes: bool
    differences: tuple[Difference, ...]

    @property
    def same_engine(self) -> bool:
        return self.engine_then == self.engine_now

    @property
    def ok(self) -> bool:
        if self.same_engine:
            return self.same_bytes
        return all(found.kind == "text" for found in self.differences)

    def data(self) -> dict[str, Any]:
        return {
            "decision": self.seq,
            "ok": self.ok,
            "same_bytes": self.same_bytes,
            "engine": {"then": self.engine_then, "now": self.engine_now},
            "differences": [found.data() for found in self.differences],
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A policy that comes out otherwise under other rules, and why.

    then, now   {status, amounts, version}; None where the policy was or is not in force
    conditions  [{condition, member, then, now}] whose truth changed, or that are new or gone
    figures     [{figure, then, now}] the policy reads and that changed
    """

    policy: str
    member: str | None
    then: dict[str, Any] | None
    now: dict[str, Any] | None
    conditions: tuple[dict[str, Any], ...]
    figures: tuple[dict[str, Any], ...]

    def data(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "member": self.member,
            "then": self.then,
            "now": self.now,
            "conditions": list(self.conditions),
            "figures": list(self.figures),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What other rules would make of a decision's facts.

    left_out  JSON pointers of facts that the other rules do not know or do not take, and that were not used
    """

    seq: int
    rulebook_then: str
    rulebook_now: str
    on: str
    changes: tuple[Change, ...]
    left_out: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.changes and not self.left_out

    def data(self) -> dict[str, Any]:
        return {
            "decision": self.seq,
            "same": self.same,
            "rulebook": {"then": self.rulebook_then, "now": self.rulebook_now},
            "on": self.on,
            "changes": [change.data() for change in self.changes],
            "left_out": list(self.left_out),
        }


def again(program: Program, stored: Mapping[str, Any]) -> Decision:
    """The decision behind a stored document, made again. Raises HouseholdError where the rules do not take
    its
    facts: they are then other rules than those of the document."""
    asked = stored["jurisdictions"]
    household = read_household(stored["household"], program.vocabulary)
    places = None if asked is None else frozenset(asked)
    return decide(program, household, date.fromisoformat(stored["on"]), places)


def replay(programs: Programs, entry: Entry) -> Replay:
    """Decide an entry again with the rulebook on record. Raises NotFound (not a decision, no rulebook),
    Damaged."""
    stored = document_of(entry)
    try:
        decision = again(programs.get(stored["rulebook"]), stored)
    except HouseholdError as error:  # what was taken then must be taken now
        refused = tuple(Difference(f"/household{p.path}", "status", "taken", p.code) for p in error.problems)
        return Replay(entry.seq, stored["engine"], __version__, False, refused)
    asked = stored["jurisdictions"]
    same = Recorded(decision, asked).body == canonical.dumps(stored)
    found = () if same else differences(stored, document(decision, asked), _named(decision))
    return Replay(entry.seq, stored["engine"], __version__, same, found)


def against(programs: Programs, program: Program, entry: Entry) -> Comparison:
    """Decide an entry's facts by other rules, for the same day. Raises NotFound, Damaged, HouseholdError.

    Facts that the other rules do not know are left out, and named.
    """
    stored = document_of(entry)
    before = programs.get(stored["rulebook"])
    facts, left_out = _taken(stored["household"], program)
    day = date.fromisoformat(stored["on"])
    asked = stored["jurisdictions"]
    places = None if asked is None else frozenset(asked) & frozenset(program.rulebook.jurisdictions)
    if asked is not None and places != frozenset(asked):
        left_out = (*left_out, "/jurisdictions")
    decision = decide(program, read_household(facts, program.vocabulary), day, places or None)
    now = in_full(document(decision, asked), decision)
    then = in_full(stored, again(before, stored))
    figures = _figures(before, program, day)
    changes = tuple(_changes(then, now, figures, _reads(program, decision)))
    return Comparison(entry.seq, stored["rulebook"], now["rulebook"], day.isoformat(), changes, left_out)


def _reads(program: Program, decision: Decision) -> dict[str, frozenset[str]]:
    """Which figures each policy in force reads."""
    from engine.language.checks import expressions_of, parameters_read

    return {
        each.policy.id: frozenset(parameters_read(program.rulebook, expressions_of(each.policy)))
        for each in decision.edition.order
    }


def _figures(then: Program, now: Program, day: date) -> tuple[dict[str, Any], ...]:
    """The figures that differ between two rulebooks on a day."""

    def on(program: Program) -> dict[str, Any]:
        return {name: figure(each, each.on(day)) for name, each in program.rulebook.parameters.items()}

    before, after = on(then), on(now)
    return tuple(
        {"figure": name, "then": before.get(name), "now": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def _taken(facts: dict[str, Any], program: Program) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The facts that the rules take, and the pointers of those they do not."""
    left: list[str] = []
    for _ in range(MOST_DIFFERENCES):
        try:
            read_household(facts, program.vocabulary)
            break
        except HouseholdError as error:
            paths = [problem.path for problem in error.problems if len(problem.path.split("/")) > 1]
            shorter = facts
            for path in paths:
                shorter = _without(shorter, path.split("/")[1:])
            if shorter == facts:
                raise
            facts = shorter
            left += paths
    return facts, tuple(dict.fromkeys(left))


def _without(facts: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    """The facts without the one a pointer leads to (without all of it, where it leads inside a fact)."""
    if parts[0] == "members":
        if len(parts) < 3 or parts[2] == "id":
            return facts
        members = list(facts["members"])
        place = int(parts[1])
        members[place] = {key: value for key, value in members[place].items() if key != _plain(parts[2])}
        return {**facts, "members": members}
    return {key: value for key, value in facts.items() if key != _plain(parts[0])}


def _plain(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


# -- two documents side by side --


Named = Callable[[Mapping[str, Any]], Iterable[tuple[str, str | None, str]]]
"""The truths of an answer as (condition, member, outcome)."""


def _unnamed(answer: Mapping[str, Any]) -> Iterable[tuple[str, str | None, str]]:
    return (("", None, answer["truths"]),)


def _named(decision: Decision) -> Named:
    """Names the truths of a document by the conditions of the same rulebook; all of them as one where another engine
    version wrote them in an order that is not known here."""
    answers = {(each.policy.id, each.member or None): each for each in decision.answers}

    def named(answer: Mapping[str, Any]) -> Iterable[tuple[str, str | None, str]]:
        own = answers.get((answer["policy"], answer.get("member")))
        try:
            return _unnamed(answer) if own is None else outcomes_in(answer["truths"], own.layout, own.members)
        except ValueError:
            return _unnamed(answer)

    return named


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any], named: Named = _unnamed
) -> tuple[Difference, ...]:
    """Where two documents of one decision differ, what it means first; at most MOST_DIFFERENCES."""
    meant = list(_meaning_differs(_meaning(then, named), _meaning(now, named)))
    rest = [found for found in _walk("", then, now) if found.pointer not in _COUNTED]
    known = {found.pointer for found in meant}
    text = [found for found in rest if found.pointer not in known]
    if meant:  # the same places, named once
        text = [found for found in text if not found.pointer.startswith("/answers/")]
    return tuple((meant + text)[:MOST_DIFFERENCES])


_COUNTED = frozenset({"/engine"})  # two versions were to be compared


def _meaning_differs(
    before: Mapping[tuple[str, ...], Any], after: Mapping[tuple[str, ...], Any]
) -> Iterator[Difference]:
    for place in dict.fromkeys((*before, *after)):
        old, new = before.get(place), after.get(place)
        if old != new:
            policy, member, kind, *rest = place
            pointer = "/".join(("", "answers", policy, member or "household", kind, *rest))
            yield Difference(pointer, kind, old, new)


def _meaning(stored: Mapping[str, Any], named: Named) -> dict[tuple[str, ...], Any]:
    """Statuses, amounts and truths of a document, by policy, member and place."""
    found: dict[tuple[str, ...], Any] = {}
    for answer in stored["answers"]:
        key = (answer["policy"], answer.get("member") or "")
        found[(*key, "status")] = answer["status"]
        for amount in answer.get("amounts", ()):
            found[(*key, "amount", amount["item"])] = _sum(amount)
        for condition, member, outcome in named(answer):
            found[(*key, "outcome", condition, member or "")] = outcome
    return found


def _sum(amount: Mapping[str, Any]) -> dict[str, Any]:
    return {name: amount[name] for name in ("given", "per", "least", "most") if name in amount}


def _walk(pointer: str, then: Any, now: Any) -> Iterator[Difference]:
    if then == now and type(then) is type(now):
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*then, *now)):
            yield from _walk(f"{pointer}/{key}", then.get(key), now.get(key))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (old, new) in enumerate(zip(then, now, strict=True)):
            yield from _walk(f"{pointer}/{place}", old, new)
    else:
        yield Difference(pointer, "text", then, now)


# -- why other rules decide otherwise --


def _changes(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    figures: tuple[dict[str, Any], ...],
    reads: Mapping[str, frozenset[str]],
) -> Iterator[Change]:
    before, after = _by_policy(then), _by_policy(now)
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old is not None and new is not None and _outcome(old) == _outcome(new):
            continue
        policy, member = key
        read = reads.get(policy, frozenset())
        yield Change(
            policy,
            member or None,
            _shown(old),
            _shown(new),
            tuple(_conditions(old, new)) if old is not None and new is not None else (),
            tuple(figure for figure in figures if figure["figure"] in read),
        )


def _by_policy(stored: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(answer["policy"], answer["member"] or ""): answer for answer in stored["answers"]}


def _outcome(answer: Mapping[str, Any]) -> tuple[Any, ...]:
    return answer["status"], answer["conditional_on"], [_sum(amount) for amount in answer["amounts"]]


def _shown(answer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    amounts = [{"item": amount["item"], **_sum(amount)} for amount in answer["amounts"]]
    return {"status": answer["status"], "version": answer["version"], "amounts": amounts}


def _conditions(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    before, after = _rows(then), _rows(now)
    for condition, member in dict.fromkeys((*before, *after)):
        old, new = before.get((condition, member)), after.get((condition, member))
        if (old and old["outcome"]) != (new and new["outcome"]):
            yield {"condition": condition, "member": member, "then": old, "now": new}


def _rows(answer: Mapping[str, Any]) -> dict[tuple[str, str | None], dict[str, Any]]:
    """The table of outcomes of an answer, by condition and member: the one place here that knows its shape."""
    found = {}
    for condition, member, outcome, *values in answer["trace"]:
        shown = {"observed": values[0], "required": values[1]} if values else {}
        found[condition, member] = {"outcome": outcome, **shown}
    return found
