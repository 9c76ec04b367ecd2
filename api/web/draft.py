"""A case that is not saved: it lives in the form alone, so that the server keeps nothing of it.

A field is called after whose fact it is: `h/owns_car`, `m/b/labour_income`, with `/how`, `/high`, `/source` and
`/verified` beside it where they are wanted. This module turns such fields into the body the API takes, and the facts of
an example or of a stored decision back into fields.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from werkzeug.datastructures import MultiDict

from engine.language.household import MOST_MEMBERS, Vocabulary
from engine.language.model import Fact
from engine.language.types import Base

__all__ = ["ABOUT", "IDENTITY", "UNKNOWN", "Draft", "Given", "Place", "draft_of", "pairs_of", "read_place"]

UNKNOWN, ABOUT, SOME = "unknown", "about", "some"
"""How a value is given: not known; between two ends; of a list, those ticked (which may be none)."""

IDENTITY = {"name": 80, "id_number": 40, "phone": 30, "address": 200}
"""What is asked of who a person is, and how long it may be. Stored encrypted, apart from the facts."""

Place = tuple[str, str]
"""(member id, or "" for the household; fact, or "receiving")."""

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?")
_DATE = re.compile(r"([0-9]{4})[-./年]?([0-9]{1,2})[-./月]?([0-9]{1,2})日?")


@dataclass(frozen=True, slots=True)
class Given:
    """One fact as its fields stand, before anything is made of it."""

    value: str = ""
    ticked: tuple[str, ...] = ()
    how: str = ""
    high: str = ""
    source: str = ""
    verified: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was said: not asked."""
        return not (self.value or self.ticked or self.high or self.how in (UNKNOWN, SOME))


@dataclass(frozen=True, slots=True)
class Draft:
    """A case as its form stands.

    members  ids in the order they were added
    given    the facts said, by place
    cited    places whose source is being noted
    """

    members: tuple[str, ...]
    given: Mapping[Place, Given]
    on: str = ""
    identity: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    person: str = ""
    open: tuple[str, ...] = ()
    cited: frozenset[Place] = frozenset()
    ahead: tuple[Place, ...] = ()
    once: str = ""
    household_id: str = ""
    corrects: str = ""
    reason: str = ""

    def body(self, vocabulary: Vocabulary, without: Iterable[Place] = ()) -> dict[str, Any]:
        """The request this draft makes; `without`: places left out."""
        left_out = set(without)
        whole: dict[str, Any] = {}
        people: dict[str, dict[str, Any]] = {id: {"id": id} for id in self.members}
        for place, given in self.given.items():
            if place in left_out or given.empty:
                continue
            member, name = place
            known = _fact(vocabulary, place)
            if known is None and name != "receiving":
                continue
            level = people.get(member) if member else whole
            if level is not None:
                level[name] = value_of(known, given)
        found: dict[str, Any] = {"household": {**whole, "members": list(people.values())}}
        if self.on:
            found["on"] = _day(self.on)
        identity = {who: {name: value for name, value in said.items() if value} for who, said in self.identity.items()}
        if any(identity.values()):
            found["identity"] = {who: said for who, said in identity.items() if said}
        if self.household_id:
            found["household_id"] = self.household_id
        return found

    def next_member(self) -> str:
        """An id that nobody has: a, b, … z, then p27, p28 …"""
        letters = (chr(ord("a") + n) for n in range(26))
        numbered = (f"p{n}" for n in range(27, 27 + MOST_MEMBERS))
        return next(id for id in (*letters, *numbered) if id not in self.members)


def draft_of(form: MultiDict[str, str], vocabulary: Vocabulary) -> Draft:
    """The draft behind a form's fields. Fields of facts that the rules no longer know are dropped."""
    members = tuple(dict.fromkeys(id for id in form.getlist("member") if id and "/" not in id))[:MOST_MEMBERS]
    parts: dict[Place, dict[str, list[str]]] = {}
    identity: dict[str, dict[str, str]] = {}
    for name, values in form.lists():
        head, _, rest = name.partition("/")
        if head == "i":
            who, _, what = rest.partition("/")
            if what in IDENTITY and (who in members or who == "household"):
                identity.setdefault(who, {})[what] = values[-1].strip()
            continue
        found = read_place(name, members)
        if found is not None:
            place, part = found
            parts.setdefault(place, {})[part] = values
    given = {
        place: _given(each, _fact(vocabulary, place))
        for place, each in parts.items()
        if place[1] == "receiving" or _fact(vocabulary, place) is not None
    }
    cited = {place for name in form.getlist("cited") if (at := read_place(name, members)) for place in [at[0]]}
    person = form.get("person", "")
    ahead = tuple(at[0] for name in form.getlist("ahead") if (at := read_place(name, members)))
    return Draft(
        members, given, (form.getlist("on") or [""])[-1].strip(), identity, person if person in members else "",
        tuple(dict.fromkeys(form.getlist("open"))), frozenset(cited), ahead, form.get("once", ""),
        form.get("household_id", ""), form.get("corrects", ""), form.get("reason", ""),
    )  # fmt: skip


def read_place(name: str, members: Iterable[str]) -> tuple[Place, str] | None:
    """`m/b/savings/how` → (("b", "savings"), "how"); None for what is no fact's field."""
    parts = name.split("/")
    if parts[0] == "h" and len(parts) in (2, 3):
        return ("", parts[1]), parts[2] if len(parts) == 3 else ""
    if parts[0] == "m" and len(parts) in (3, 4) and parts[1] in members:
        return (parts[1], parts[2]), parts[3] if len(parts) == 4 else ""
    return None


def field_name(place: Place) -> str:
    """What the field of a fact is called."""
    member, name = place
    return f"m/{member}/{name}" if member else f"h/{name}"


def _given(parts: Mapping[str, list[str]], fact: Fact | None) -> Given:
    values = parts.get("", [])
    many = fact is None or fact.type.base is Base.CHOICES
    return Given(
        "" if many or not values else values[-1].strip(),
        tuple(dict.fromkeys(values)) if many else (),
        (parts.get("how") or [""])[-1],
        (parts.get("high") or [""])[-1].strip(),
        (parts.get("source") or [""])[-1].strip(),
        bool(parts.get("verified")),
    )


def _fact(vocabulary: Vocabulary, place: Place) -> Fact | None:
    return vocabulary.facts["member" if place[0] else "household"].get(place[1])


# -- fields to facts --


def value_of(fact: Fact | None, given: Given) -> Any:
    """What the API is sent for one fact (None: `receiving`). Text it cannot read goes as it is, to be refused there."""
    if given.how == UNKNOWN:
        return None
    if fact is None or fact.type.base is Base.CHOICES:
        return list(given.ticked)
    base = fact.type.base
    if base is Base.TEXT:
        return given.value
    if base in (Base.YES_NO, Base.CHOICE):
        if given.value == "?":
            return None
        value: Any = {"yes": True, "no": False}.get(given.value, given.value) if base is Base.YES_NO else given.value
    elif given.how == ABOUT or given.high:
        low, high = ("earliest", "latest") if base is Base.DATE else ("lowest", "highest")
        ends = {low: given.value, high: given.high}
        value = {end: _number(base, text) for end, text in ends.items() if text}
        return {**value, **_noted(given)}
    else:
        value = _number(base, given.value)
    noted = _noted(given)
    return {"value": value, **noted} if noted else value


def _noted(given: Given) -> dict[str, Any]:
    return {**({"source": given.source} if given.source else {}), **({"verified": True} if given.verified else {})}


def _number(base: Base, text: str) -> Any:
    """A number or date as people type it: full-width digits, thousands' commas, 元; 1980年5月1日."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if base is Base.DATE:
        return _day(plain)
    plain = plain.replace(",", "").replace(" ", "").removeprefix("¥").removesuffix("元")
    if base is Base.RATIO and plain.endswith("%") and _DECIMAL.fullmatch(plain[:-1]):
        return Decimal(plain[:-1]) / 100
    if not _DECIMAL.fullmatch(plain):
        return text
    whole, _, places = plain.partition(".")
    if base is Base.WHOLE:
        return int(whole) if not places.strip("0") else plain
    return str(Decimal(plain)) if base is Base.MONEY else Decimal(plain)


def _day(text: str) -> str:
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else text


# -- facts to fields --


def pairs_of(household: Mapping[str, Any], vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """The fields that say the facts of `household`: an example's, or a stored decision's."""
    found: list[tuple[str, str]] = []
    for member in household.get("members", []):
        found.append(("member", str(member["id"])))
    for name, value in household.items():
        if name != "members":
            found += _fields_of(("", name), value, vocabulary)
    for member in household.get("members", []):
        for name, value in member.items():
            if name != "id":
                found += _fields_of((str(member["id"]), name), value, vocabulary)
    return found


def _fields_of(place: Place, value: Any, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    name, fact = field_name(place), _fact(vocabulary, place)
    if fact is None and place[1] != "receiving":
        return []
    if isinstance(value, Mapping) and "value" in value:
        noted = [(f"{name}/source", str(value["source"]))] if value.get("source") else []
        noted += [(f"{name}/verified", "1")] if value.get("verified") else []
        return [*_fields_of(place, value["value"], vocabulary), *noted]
    picked = fact is not None and fact.type.base in (Base.YES_NO, Base.CHOICE)
    if value is None:
        return [(name, "?")] if picked else [(f"{name}/how", UNKNOWN)]
    if isinstance(value, Mapping):
        low, high = (value.get(a, value.get(b)) for a, b in (("lowest", "earliest"), ("highest", "latest")))
        fields = [(f"{name}/how", ABOUT), (name, "" if low is None else str(low))]
        fields += [(f"{name}/high", "" if high is None else str(high))]
        return fields + [(f"{name}/{each}", str(value[each])) for each in ("source", "verified") if value.get(each)]
    if isinstance(value, list | tuple):
        return [(f"{name}/how", SOME), *((name, str(each)) for each in value)]
    if isinstance(value, bool):
        return [(name, "yes" if value else "no")]
    return [(name, str(value))]
