"""A household's facts, read strictly: every fault at once, each with its path, a code and a way out.

Nothing is coerced and nothing is guessed: money is text or a number with at most two decimals, read as decimal; an
absent fact is "not asked", null is "not known", and both are unknown. Input values are never echoed in a message, so
that an error can be logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from engine.language.canonical import dumps
from engine.language.model import ChoiceSet, Fact
from engine.language.problems import did_you_mean
from engine.language.types import Base, day_number, day_of, day_text, decimal_text, decimals_of, part_text

MOST_MEMBERS = 60
LONGEST_TEXT = 200
LARGEST_NUMBER = 10**16
MOST_DIGITS = 20  # times the largest scale (8 decimals) still exact in the decimal context's 28 digits
_WANTED: dict[Base, tuple[str, str]] = {
    Base.MONEY: ("an amount of money such as 1650.00", "金额，如 1650.00"),
    Base.WHOLE: ("a whole number", "整数"),
    Base.NUMBER: ("a number", "数"),
    Base.RATIO: ("a ratio such as 0.40", "比例，如 0.40"),
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,8})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

# code -> (English, Chinese). `docs/problems.md` is made from this table too.
INPUT_CODES: dict[str, tuple[str, str]] = {
    "unknown-fact": ("there is no {level} fact of this name", "没有这个名称的{level_zh}事实"),
    "wrong-kind": ("this must be {wanted}", "此处应为{wanted_zh}"),
    "too-precise": ("at most {decimals} decimals are allowed", "最多允许 {decimals} 位小数"),
    "outside-limits": ("the value must lie between {lowest} and {highest}", "数值必须在 {lowest} 与 {highest} 之间"),
    "not-a-choice": ("this must be one of: {choices}", "此处应为下列之一：{choices}"),
    "ends-swapped": ("the lower end lies above the upper end", "下限大于上限"),
    "unknown-part": (
        "a fact is a value, a range, or {{value, source, verified}}",
        "事实应为单个值、区间，或 {{value, source, verified}}",
    ),
    "no-members": ("a household has at least one member", "家庭至少有一名成员"),
    "too-many-members": ("a household has at most {limit} members", "家庭成员最多 {limit} 名"),
    "member-without-id": ("every member needs an id: letters, digits, . _ -", "每名成员都需要 id：字母、数字及 . _ -"),
    "member-id-twice": ("two members have the same id", "两名成员的 id 相同"),
    "no-such-policy": ("there is no policy of this name", "没有这个名称的政策"),
    "policy-of-other-level": ("this policy is drawn by {level}", "该政策由{level_zh}享受"),
    "text-too-long": ("text has at most {limit} characters", "文本最多 {limit} 个字符"),
    "nobody-counts": ("nobody counts as a member of this household", "该家庭中没有人计入共同生活成员"),
    "cannot-be": (
        "the facts given lead to a value of '{fact}' outside {lowest} to {highest}",
        "所给事实使“{fact}”超出 {lowest} 至 {highest}",
    ),
}


@dataclass(frozen=True, slots=True)
class InputProblem:
    """One fault of the input. `path` is a JSON pointer; the value itself is never repeated."""

    path: str
    code: str
    words: tuple[tuple[str, str], ...] = ()
    hint: tuple[str, str] = ("", "")

    def message(self, lang: str = "zh") -> str:
        return INPUT_CODES[self.code][lang == "zh"].format_map(dict(self.words))

    def data(self) -> dict[str, Any]:
        return {
            "pointer": self.path,
            "code": self.code,
            "message": {"zh": self.message("zh"), "en": self.message("en")},
            "hint": {"zh": self.hint[1], "en": self.hint[0]},
        }


class HouseholdError(Exception):
    """The facts cannot be read; `problems` holds every reason."""

    def __init__(self, problems: tuple[InputProblem, ...]):
        self.problems = problems
        super().__init__("; ".join(f"{p.path}: {p.code}" for p in problems))


class Known(NamedTuple):
    """What is known of a fact: its two ends as the engine carries them.

    numbers and dates: least and most, in smallest parts (fen, yyyymmdd); yes_no: certainly, possibly;
    choice: the set of values it may have, twice; choices: those it surely and those it possibly holds.
    """

    lo: int
    hi: int
    source: str = ""
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One member: `facts` holds what is known; `null` the facts sent as "not known"."""

    id: str
    facts: dict[str, Known]
    null: frozenset[str] = frozenset()
    receiving: frozenset[str] | None = None
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Household:
    """A household as decided: its own facts and its members in the order of their ids."""

    facts: dict[str, Known]
    members: tuple[Member, ...]
    null: frozenset[str] = frozenset()
    receiving: frozenset[str] | None = None
    texts: dict[str, str] = field(default_factory=dict)
    open: int = -1  # the bits (`Vocabulary.places`) of what is not settled for the household or for some member
    # How the facts of the household and of each member were read, in their order. Never given to a changed copy
    # (`dataclasses.replace` leaves it out), so that it cannot say what is no longer so.
    read: tuple[list[_Read], ...] = field(default=(), init=False, repr=False, compare=False)


@dataclass(slots=True)
class _Read:
    """A fact as it was read: what is known, and its line of JSON, once somebody asked for it."""

    known: Known
    line: str = ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a household may say: the asked facts by level, the choices, the policies by level."""

    facts: dict[str, dict[str, Fact]]  # level -> name -> fact
    choices: dict[str, ChoiceSet]
    policies: dict[str, str]
    limits: dict[str, tuple[int, int]]  # of numbers and dates, in smallest parts
    bits: dict[str, dict[str, int]]  # of each list of choices
    places: dict[tuple[str, str], int]  # (level, fact or "receiving") -> its bit in `Household.open`
    asked: dict[str, dict[str, int]]  # level -> the same by name
    # The same few values come again and again: how each was read, by (fact, type of the value). At most so many of a
    # fact (`_remember`); nothing in them says whose they were.
    read: dict[str, dict[tuple[str, type], dict[Any, _Read]]]

    @staticmethod
    def of(facts: dict[str, Fact], choices: dict[str, ChoiceSet], policies: dict[str, str]) -> Vocabulary:
        by_level: dict[str, dict[str, Fact]] = {"household": {}, "member": {}}
        for fact in facts.values():
            if not fact.derived:
                by_level[fact.level][fact.name] = fact
        asked = [fact for level in by_level.values() for fact in level.values()]
        limits = {f.name: (int(f.type.least * f.type.scale), int(f.type.most * f.type.scale)) for f in asked}
        bits = {name: {value: each.bit(value) for value in each.values} for name, each in choices.items()}
        named = [(fact.level, fact.name) for fact in asked if fact.type.base is not Base.TEXT]
        named += [(level, "receiving") for level in by_level]
        places = {key: 1 << n for n, key in enumerate(named)}
        by_name = {level: {name: bit for (at, name), bit in places.items() if at == level} for level in by_level}
        read: dict[str, dict[tuple[str, type], dict[Any, _Read]]] = {level: {} for level in by_level}
        for fact in asked:
            if fact.type.base is not Base.TEXT:
                read[fact.level] |= {(fact.name, kind): {} for kind in _KINDS}
        return Vocabulary(by_level, choices, policies, limits, bits, places, by_name, read)


_KINDS = (bool, int, str)  # of bare values that are remembered; told apart, because 1 == True
_REMEMBERED = 2_000  # values of one fact


def _remember(kept: dict[Any, _Read], key: Any, value: _Read) -> None:
    if len(kept) >= _REMEMBERED:
        kept.clear()
    kept[key] = value


@dataclass(slots=True)
class _Level:
    """What was read of a household's own facts, or of one member's. open: the bits of what is not settled."""

    facts: dict[str, Known] = field(default_factory=dict)
    null: frozenset[str] = frozenset()
    texts: dict[str, str] = field(default_factory=dict)
    receiving: frozenset[str] | None = None
    open: int = 0
    read: list[_Read] = field(default_factory=list)


def read_household(raw: Any, vocabulary: Vocabulary) -> Household:
    """The household behind plain data (parsed YAML or JSON). Raises HouseholdError with every fault.

    Numbers must come as int or Decimal (parse JSON with `parse_float=Decimal`); a binary float is refused.
    """
    reader = _Reader(vocabulary)
    found = reader.household(raw)
    if reader.problems or found is None:
        raise HouseholdError(tuple(reader.problems))
    return found


def read_level(
    raw: Mapping[Any, Any], level: str, vocabulary: Vocabulary
) -> tuple[dict[str, Known], frozenset[str], dict[str, str]]:
    """Facts of one level alone, as an event carries them: what is known, what is not known, texts.

    Raises HouseholdError with every fault; `receiving` is no fact here.
    """
    reader = _Reader(vocabulary)
    found = reader.level(raw, level, "", set())
    if found.receiving is not None:
        reader.unknown("receiving", level, "/receiving")
    if reader.problems:
        raise HouseholdError(tuple(reader.problems))
    return found.facts, found.null, found.texts


class _Reader:
    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.problems: list[InputProblem] = []

    def note(self, path: str, code: str, hint: tuple[str, str] = ("", ""), **words: object) -> None:
        self.problems.append(InputProblem(path, code, tuple(sorted((k, str(v)) for k, v in words.items())), hint))

    def household(self, raw: Any) -> Household | None:
        if not isinstance(raw, Mapping):
            self.note("", "wrong-kind", wanted="a mapping of facts", wanted_zh="事实的映射")
            return None
        whole = self.level(raw, "household", "", {"members"})
        members = raw.get("members")
        if not isinstance(members, list):
            code = "no-members" if members is None else "wrong-kind"
            self.note("/members", code, wanted="a list of members", wanted_zh="成员列表")
            return None
        if not members:
            self.note("/members", "no-members")
        if len(members) > MOST_MEMBERS:
            self.note("/members", "too-many-members", limit=MOST_MEMBERS)
            return None
        found: dict[str, tuple[Member, list[_Read]]] = {}
        open_ = whole.open
        for number, each in enumerate(members):
            path = f"/members/{number}"
            if not isinstance(each, Mapping):
                self.note(path, "wrong-kind", wanted="a mapping of facts", wanted_zh="事实的映射")
                continue
            own = self.level(each, "member", path, {"id"})
            name = self.member_id(each.get("id"), path)
            if name is None:
                continue
            if name in found:
                self.note(f"{path}/id", "member-id-twice")
            found[name] = Member(name, own.facts, own.null, own.receiving, own.texts), own.read
            open_ |= own.open
        everyone = [found[name] for name in sorted(found)]
        household = Household(
            whole.facts, tuple(member for member, _ in everyone), whole.null, whole.receiving, whole.texts, open_
        )
        object.__setattr__(household, "read", (whole.read, *(read for _, read in everyone)))
        return household

    def member_id(self, name: Any, path: str) -> str | None:
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str) or not _ID.match(name):
            self.note(f"{path}/id", "member-without-id")
            return None
        return name

    def level(self, raw: Mapping[Any, Any], level: str, path: str, beside: set[str]) -> _Level:
        found = _Level()
        null: set[str] = set()
        ranges: list[str] = []
        facts, read = found.facts, found.read
        remembered = self.vocabulary.read[level]
        for name, value in raw.items():
            kept = remembered.get((name, type(value)))
            if kept is not None and (before := kept.get(value)) is not None:
                facts[name] = before.known
                read.append(before)
            elif name in beside:
                pass
            elif name == "receiving":
                found.receiving = self.receiving(value, level, f"{path}/receiving")
            elif not isinstance(name, str) or (fact := self.vocabulary.facts[level].get(name)) is None:
                self.unknown(name, level, f"{path}/{_escaped(name)}")
            elif value is None:
                null.add(name)
            elif fact.type.base is Base.TEXT:
                self.text(fact, value, f"{path}/{name}", found.texts)
            else:
                known = self.fact(fact, value, f"{path}/{name}")
                if known is not None:
                    facts[name] = known
                    read.append(_Read(known))
                    if kept is not None:
                        _remember(kept, value, read[-1])
                    elif known.lo != known.hi:
                        ranges.append(name)
                elif isinstance(value, Mapping) and "value" in value and value["value"] is None:
                    null.add(name)
        found.null, found.open = frozenset(null), self.open(level, found, ranges)
        return found

    def open(self, level: str, found: _Level, ranges: list[str]) -> int:
        """The bits of what is not settled at one level: not known, or known as one of several values."""
        asked = self.vocabulary.asked[level]
        left = asked.keys() - found.facts.keys()
        if found.receiving is not None:
            left.remove("receiving")
        return sum(asked[name] for name in (*left, *ranges))  # each a bit of its own

    def unknown(self, name: Any, level: str, path: str) -> None:
        other = "member" if level == "household" else "household"
        hint = did_you_mean(str(name)[:64], self.vocabulary.facts[level])
        if name in self.vocabulary.facts[other]:
            hint = (
                (f"'{name}' is a fact of each member", f"“{name}”是成员的事实")
                if other == "member"
                else (f"'{name}' is a fact of the household", f"“{name}”是家庭的事实")
            )
        self.note(path, "unknown-fact", hint, level=level, level_zh="家庭" if level == "household" else "成员")

    def receiving(self, value: Any, level: str, path: str) -> frozenset[str] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            self.note(path, "wrong-kind", wanted="a list of policies", wanted_zh="政策列表")
            return None
        for number, name in enumerate(value):
            here = f"{path}/{number}"
            if not isinstance(name, str) or name not in self.vocabulary.policies:
                self.note(here, "no-such-policy", did_you_mean(str(name)[:64], self.vocabulary.policies))
            elif self.vocabulary.policies[name] != level:
                theirs = self.vocabulary.policies[name]
                words = ("each member", "成员") if theirs == "member" else ("the household", "家庭")
                hint = (
                    "list it under the member" if theirs == "member" else "list it under the household",
                    "请写在成员下" if theirs == "member" else "请写在家庭下",
                )
                self.note(here, "policy-of-other-level", hint, level=words[0], level_zh=words[1])
        return frozenset(name for name in value if isinstance(name, str))

    def text(self, fact: Fact, value: Any, path: str, texts: dict[str, str]) -> None:
        if not isinstance(value, str):
            self.note(path, "wrong-kind", wanted="text", wanted_zh="文本")
        elif len(value) > LONGEST_TEXT:
            self.note(path, "text-too-long", limit=LONGEST_TEXT)
        elif any("\ud800" <= ch <= "\udfff" for ch in value):  # half a character: no text that can be written down
            self.note(path, "wrong-kind", wanted="text", wanted_zh="文本")
        else:
            texts[fact.name] = value

    def fact(self, fact: Fact, value: Any, path: str) -> Known | None:
        """A bare value, a range, or `{value, source, verified}`."""
        if not isinstance(value, Mapping):
            return self.bare(fact, value, path)
        keys = set(value)
        source, verified = value.get("source", ""), value.get("verified")
        if "source" in keys and not (isinstance(source, str) and len(source) <= LONGEST_TEXT):
            self.note(f"{path}/source", "wrong-kind", wanted="text", wanted_zh="文本")
            source = ""
        if verified is not None and not isinstance(verified, bool):
            self.note(f"{path}/verified", "wrong-kind", wanted="true or false", wanted_zh="true 或 false")
            verified = None
        ends = ("earliest", "latest") if fact.type.base is Base.DATE else ("lowest", "highest")
        allowed = {"source", "verified"} | ({"value"} if "value" in keys else set(ends))
        if not keys <= allowed or not ("value" in keys or keys & set(ends)):
            self.note(path, "unknown-part")
            return None
        if "value" in keys:
            if value["value"] is None:
                return None
            inner = value["value"]
            found = (
                self.fact(fact, inner, f"{path}/value")
                if isinstance(inner, Mapping) and not set(inner) & {"value"}
                else self.bare(fact, inner, f"{path}/value")
            )
            return Known(found.lo, found.hi, source, verified) if found else None
        if not (fact.type.numeric or fact.type.base is Base.DATE):
            self.note(path, "unknown-part")
            return None
        return self.range(fact, value, ends, path, source, verified)

    def range(
        self, fact: Fact, value: Mapping[Any, Any], ends: tuple[str, str], path: str, source: str, verified: bool | None
    ) -> Known | None:
        lowest, highest = self.vocabulary.limits[fact.name]
        low, high = (None if value.get(end) is None else self.bare(fact, value[end], f"{path}/{end}") for end in ends)
        if low is not None:
            lowest = low.lo
        if high is not None:
            highest = high.lo
        if lowest > highest:
            self.note(path, "ends-swapped")
            return None
        return Known(lowest, highest, source, verified)

    def bare(self, fact: Fact, value: Any, path: str) -> Known | None:
        base = fact.type.base
        if base is Base.YES_NO:
            if isinstance(value, bool):
                return Known(value, value)
            self.note(path, "wrong-kind", wanted="true or false", wanted_zh="true 或 false")
            return None
        if base is Base.CHOICE:
            bit = self.vocabulary.bits[fact.type.choices].get(value) if isinstance(value, str) else None
            if bit is not None:
                return Known(bit, bit)
            self.not_a_choice(self.vocabulary.choices[fact.type.choices], value, path)
            return None
        if base is Base.CHOICES:
            return self.several(fact, value, path)
        number = self.day(value) if base is Base.DATE else self.number(fact, value, path)
        if number is None:
            if base is Base.DATE:
                self.note(path, "wrong-kind", wanted="a date such as 1980-05-01", wanted_zh="日期，如 1980-05-01")
            return None
        least, most = self.vocabulary.limits[fact.name]
        if not least <= number <= most:
            low, high = shown_limits(fact)
            self.note(path, "outside-limits", lowest=low, highest=high)
            return None
        return Known(number, number)

    def not_a_choice(self, choices: ChoiceSet, value: Any, path: str) -> None:
        hint = did_you_mean(str(value)[:64], choices.values) if isinstance(value, str) else ("", "")
        self.note(path, "not-a-choice", hint, choices=", ".join(choices.values))

    def several(self, fact: Fact, value: Any, path: str) -> Known | None:
        choices = self.vocabulary.choices[fact.type.choices]
        if not isinstance(value, list):
            self.note(path, "wrong-kind", wanted="a list of choices", wanted_zh="选项列表")
            return None
        mask, fine = 0, True
        for number, each in enumerate(value):
            if isinstance(each, str) and each in choices.words:
                mask |= self.vocabulary.bits[choices.name][each]
            else:
                self.not_a_choice(choices, each, f"{path}/{number}")
                fine = False
        return Known(mask, mask) if fine else None

    def day(self, value: Any) -> int | None:
        if isinstance(value, date):
            return day_number(value)
        if isinstance(value, str) and _DATE.match(value):
            try:
                return day_number(date.fromisoformat(value))
            except ValueError:
                return None
        return None

    def number(self, fact: Fact, value: Any, path: str) -> int | None:
        """A number in its smallest parts; text and Decimal are read as they stand, never through a binary float."""
        scale = fact.type.scale
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) < LARGEST_NUMBER:
                return value * scale
        elif isinstance(value, str):
            if _DECIMAL.match(value):
                whole, _, decimals = value.partition(".")
                if len(decimals) == decimals_of(scale) and len(value) <= MOST_DIGITS:
                    return int(whole + decimals)  # as most are written: nothing to be scaled
                return self.in_parts(Decimal(value), scale, path)
        elif isinstance(value, Decimal) and value.is_finite() and abs(value) < LARGEST_NUMBER:
            return self.in_parts(value, scale, path)
        wanted, wanted_zh = _WANTED[fact.type.base]
        self.note(path, "wrong-kind", wanted=wanted, wanted_zh=wanted_zh)
        return None

    def in_parts(self, value: Decimal, scale: int, path: str) -> int | None:
        if len(value.as_tuple().digits) <= MOST_DIGITS:
            scaled = value * scale  # exact: the digits fit the decimal context
            whole = int(scaled)
            if whole == scaled:
                return whole
        self.note(path, "too-precise", decimals=decimals_of(scale))
        return None


def shown_limits(fact: Fact) -> tuple[str, str]:
    """The limits of a fact as text."""
    if fact.type.base is Base.DATE:
        return day_of(int(fact.type.least)).isoformat(), day_of(int(fact.type.most)).isoformat()
    return decimal_text(fact.type.least), decimal_text(fact.type.most)


def _escaped(name: Any) -> str:
    """A key as a part of a JSON pointer (RFC 6901), cut to a sane length."""
    return str(name)[:64].replace("~", "~0").replace("/", "~1")


def canonical_household(household: Household, vocabulary: Vocabulary) -> dict[str, Any]:
    """The facts as canonical data: members by id, numbers as decimal text, nothing that depends on key order."""
    found: dict[str, Any] = json.loads(household_json(household, vocabulary))
    return found


def household_json(household: Household, vocabulary: Vocabulary) -> bytes:
    """The facts in canonical JSON."""
    each: tuple[Household | Member, ...] = (household, *household.members)
    read = household.read or [list(map(_Read, of.facts.values())) for of in each]
    whole, *own = (_lines(*both, vocabulary) for both in zip(each, read, strict=True))
    members = [
        _object([f'"id":{_text(member.id)}', *lines, *_beside(member)])
        for member, lines in zip(household.members, own, strict=True)
    ]
    return _object([f'"members":[{",".join(members)}]', *whole, *_beside(household)]).encode()


def _lines(of: Household | Member, read: list[_Read], vocabulary: Vocabulary) -> list[str]:
    """The facts of a household or a member, a line of JSON each."""
    facts = vocabulary.facts["household" if isinstance(of, Household) else "member"]
    for name, each in zip(of.facts, read, strict=True):
        if not each.line:
            each.line = _line(facts[name], each.known, vocabulary.choices)
    return [each.line for each in read]


def _beside(of: Household | Member) -> list[str]:
    """What is said of it beside facts with a value, a line of JSON each."""
    found = [f'"{name}":null' for name in of.null if name not in of.facts]
    found += [f'"{name}":{_text(text)}' for name, text in of.texts.items()]
    if of.receiving is not None:
        found.append(f'"receiving":{_text(sorted(of.receiving))}')
    return found


def _object(lines: list[str]) -> str:
    lines.sort()  # the keys' order: a quotation mark stands before every character of a name
    return "{" + ",".join(lines) + "}"


def _line(fact: Fact, known: Known, choices: dict[str, ChoiceSet]) -> str:
    """A fact as a line of JSON."""
    value = _shown(fact, known, choices)
    # a number, a date, a choice of the vocabulary: no character in it needs an escape
    return f'"{fact.name}":"{value}"' if type(value) is str else f'"{fact.name}":{_text(value)}'


def _text(value: Any) -> str:
    return dumps(value).decode()


def _shown(fact: Fact, known: Known, choices: dict[str, ChoiceSet]) -> Any:
    value: Any
    base = fact.type.base
    if base is Base.YES_NO:
        value = bool(known.lo)
    elif base is Base.CHOICE:
        value = choices[fact.type.choices].names(known.lo)[0]
    elif base is Base.CHOICES:
        value = list(choices[fact.type.choices].names(known.lo))
    else:

        def text(part: int) -> str:
            return day_text(part) if base is Base.DATE else part_text(part, fact.type.scale)

        names = ("earliest", "latest") if base is Base.DATE else ("lowest", "highest")
        value = (
            text(known.lo) if known.lo == known.hi else dict(zip(names, (text(known.lo), text(known.hi)), strict=True))
        )
    if not known.source and known.verified is None:
        return value
    about: dict[str, Any] = {"value": value}
    if known.source:
        about["source"] = known.source
    if known.verified is not None:
        about["verified"] = known.verified
    return about
