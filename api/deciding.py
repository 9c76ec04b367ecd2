"""From a request's body to a decision: facts, identity, day and place read together, so that every fault is
told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from api.active import Rules
from api.endpoint import checked
from api.fields import StrictSchema, below_of
from api.problems import Fault, Problem, fault_of_input
from engine.decide import Decision, decide
from engine.language.household import Household, HouseholdError, read_household
from engine.language.identity_number import IdentityNumber
from engine.language.types import Base, day_number
from engine.ledger.identity import Person

__all__ = ["Asked", "ask"]

TAKEN_FROM = "居民身份证号"
"""The source written beside a fact that was taken from the identity number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that can be decided."""

    body: dict[str, Any]
    household: Household
    people: tuple[Person, ...]
    on: date
    jurisdictions: frozenset[str] | None
    decision: Decision


def ask(rules: Rules, schema: StrictSchema, sent: Any, today: date) -> Asked:
    """Read a body and decide it. Raises Problem `invalid` with every fault of all its parts."""
    body, faults = checked(schema, sent)
    on: date = body.get("on") or today
    places = _places(rules, body, faults)
    facts = sent.get("household") if isinstance(sent, Mapping) else None
    identity = body.get("identity") or {}
    facts, people = _identified(rules, facts, identity, on, faults)
    household = None
    if facts is not None:
        try:
            household = read_household(facts, rules.program.vocabulary)
        except HouseholdError as error:
            faults += [fault_of_input(each, "/household") for each in error.problems]
    if faults or household is None:
        raise Problem("invalid", faults)
    try:
        decision = decide(rules.program, household, on, places)
    except HouseholdError as error:
        raise Problem("invalid", [fault_of_input(each, "/household") for each in error.problems]) from None
    return Asked(body, household, people, on, places, decision)


def _places(rules: Rules, body: Mapping[str, Any], faults: list[Any]) -> frozenset[str] | None:
    asked = body.get("jurisdictions")
    if not asked:
        return None
    known = rules.program.rulebook.jurisdictions
    for place, name in enumerate(asked):
        if name not in known:
            faults.append(Fault.of("no-such-place", f"/jurisdictions/{place}", choices=", ".join(known)))
    return frozenset(asked)


def _identified(
    rules: Rules, facts: Any, identity: Mapping[str, Mapping[str, Any]], on: date, faults: list[Any]
) -> tuple[Any, tuple[Person, ...]]:
    """The facts with what identity numbers say, and the people to be stored."""
    members = facts.get("members") if isinstance(facts, Mapping) else None
    members = list(members) if isinstance(members, list) else []
    places: dict[str, int] = {}
    for at, member in enumerate(members):
        name = member.get("id") if isinstance(member, Mapping) else None
        if isinstance(name, str | int) and not isinstance(name, bool):
            places[str(name)] = at
    if "household" in places:
        faults.append(Fault("member-id-reserved", f"/household/members/{places['household']}/id"))
    people, seen = [], set()
    for subject, who in identity.items():
        place: int | None = places.get(subject)
        if place is None and subject != "household":
            faults.append(Fault("no-such-member", below_of("/identity", subject)))
            continue
        number: IdentityNumber | None = who.get("id_number")
        if number is not None:
            if number.text in seen:
                faults.append(Fault("id-number-twice", f"/identity/{subject}/id_number"))
            seen.add(number.text)
            if number.born > on:
                faults.append(Fault("born-later", f"/identity/{subject}/id_number"))
            elif place is not None and subject != "household":
                members[place] = _with_number(rules, members[place], number, f"/household/members/{place}", faults)
        if who:
            people.append(Person(subject, **{**who, "id_number": number.text if number else ""}))
    if identity and isinstance(facts, Mapping):
        facts = {**facts, "members": members} if members else facts
    return facts, tuple(people)


def _with_number(
    rules: Rules, member: Mapping[str, Any], number: IdentityNumber, place: str, faults: list[Any]
) -> Mapping[str, Any]:
    """A member with the date of birth (and the sex, where the vocabulary has one) that its identity number
    gives."""
    known = rules.program.vocabulary.facts["member"]
    says = {"birth_date": number.born.isoformat(), "sex": number.sex}
    filled: dict[str, Any] = {}
    for name, value in says.items():
        fact = known.get(name)
        if fact is None or (fact.type.base is Base.CHOICE and value not in _values(rules, fact.type.choices)):
            continue
        given = _bare(member.get(name))
        if given is None:
            filled[name] = {"value": value, "source": TAKEN_FROM, "verified": False}
        elif not _agrees(given, value, number.born):
            faults.append(Fault("differs-from-id-number", f"{place}/{name}"))
    return {**member, **filled} if filled else member


def _values(rules: Rules, choices: str) -> tuple[str, ...]:
    return rules.program.vocabulary.choices[choices].values


def _bare(given: Any) -> Any:
    return given.get("value") if isinstance(given, Mapping) and "value" in given else given


def _agrees(given: Any, value: str, born: date) -> bool:
    """Whether what was given can be what the number says; what cannot be read is for the household's reader
    to say."""
    if not isinstance(given, Mapping):
        return not isinstance(given, str) or given == value
    ends = [given.get(name) for name in ("earliest", "latest")]
    try:
        first, last = (None if end is None else day_number(date.fromisoformat(end)) for end in ends)
    except (TypeError, ValueError):
        return True
    own = day_number(born)
    return (first is None or first <= own) and (last is None or own <= last)
