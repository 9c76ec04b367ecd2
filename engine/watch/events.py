"""One event as a register sends it: read strictly, every fault at once, and kept as canonical data.

    {"source": "ybj", "id": "2025-000017", "type": "medical_bill", "household": "h17", "member": "a",
     "day": "2025-03-04", "says": {"self_paid": "1200.00"}}

`day` is the day it took effect, and the only day that counts. A `register` says the whole household, `member_joined`
a member's facts. `policy` names what was granted or ended; `until` the last day a certificate holds; a `correction`
undoes the event of the same source that `corrects` names.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.language.household import (
    Household,
    HouseholdError,
    InputProblem,
    Known,
    canonical_household,
    read_household,
    read_level,
)
from engine.language.model import EventType
from engine.language.problems import did_you_mean
from engine.watch.book import Watchbook

KEYS = ("source", "id", "type", "household", "member", "day", "until", "says", "policy", "corrects")
REQUIRED = ("source", "id", "type", "household", "day")
CORRECTION = "correction"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
FIRST_DAY, LAST_DAY = date(1949, 10, 1), date(2199, 12, 31)

# code -> (English, Chinese)
EVENT_CODES: dict[str, tuple[str, str]] = {
    "not-an-event": ("an event is a mapping", "事件应为映射"),
    "unknown-part": ("an event has no such part", "事件没有这一部分"),
    "required": ("this is required", "此项必填"),
    "bad-id": ("1 to 64 letters, digits, _ . : -, beginning with a letter or digit", "1 至 64 位字母、数字或 _ . : -"),
    "bad-day": ("a date such as 2025-03-04", "日期，如 2025-03-04"),
    "no-such-type": ("there is no event of this kind", "没有这种事件"),
    "not-for-it": ("an event of this kind has no such part", "这种事件没有这一部分"),
    "no-such-policy": ("there is no policy of this name", "没有这个名称的政策"),
    "summed-fact": ("this is added up from events; send them instead", "此项由事件累计，请改送事件"),
    "fact": ("{said}", "{said_zh}"),
    "differs": ("this source and id came before with other content; correct it and send a new id",
                "该来源和编号的事件已收到，内容不同；请发更正并另取编号"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventProblem:
    """One fault of an event: where (a JSON pointer), what, and the way out. The value itself is never repeated."""

    path: str
    code: str
    words: tuple[tuple[str, str], ...] = ()
    hint: tuple[str, str] = ("", "")

    def message(self, lang: str = "zh") -> str:
        return EVENT_CODES[self.code][lang == "zh"].format_map(dict(self.words))


class EventError(Exception):
    """An event cannot be read; `problems` holds every reason."""

    def __init__(self, problems: tuple[EventProblem, ...]):
        self.problems = problems
        super().__init__("; ".join(f"{p.path}: {p.code}" for p in problems))


@dataclass(frozen=True, slots=True)
class Event:
    """An event as read.

    facts      facts it sets (None: not known from that day on); `texts` those that are text
    fields     its own figures, in smallest parts
    whole      of a register: the household; of a joining member: a household of that member alone
    body       its canonical JSON, as it is stored
    """

    source: str
    id: str
    type: str
    household: str
    member: str
    day: date
    until: date | None
    facts: tuple[tuple[str, Known | None], ...]
    texts: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, int], ...]
    whole: Household | None
    policy: str
    corrects: str
    body: bytes

    @property
    def order(self) -> tuple[date, str, str]:
        """Where it stands among a household's events, whenever it arrived."""
        return self.day, self.source, self.id

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.id


def read_event(raw: Any, book: Watchbook) -> Event:
    """The event behind plain data (parsed JSON, decimals as Decimal). Raises EventError with every fault."""
    return _Reader(book).read(raw)


class _Reader:
    def __init__(self, book: Watchbook):
        self.book, self.problems = book, list[EventProblem]()

    def note(self, path: str, code: str, hint: tuple[str, str] = ("", ""), **words: str) -> None:
        self.problems.append(EventProblem(path, code, tuple(sorted(words.items())), hint))

    def read(self, raw: Any) -> Event:
        if not isinstance(raw, Mapping):
            self.note("", "not-an-event")
            raise EventError(tuple(self.problems))
        for name in raw:
            if name not in KEYS:
                self.note(f"/{str(name)[:64]}", "unknown-part", did_you_mean(str(name)[:64], KEYS))
        for name in REQUIRED:
            if raw.get(name) is None:
                self.note(f"/{name}", "required")
        named = {name: self.name(raw, name) for name in ("source", "id", "household", "member", "corrects")}
        day, until = self.day(raw, "day"), self.day(raw, "until")
        kind = raw.get("type")
        event = self.book.events.get(kind) if isinstance(kind, str) else None
        facts: dict[str, Known | None] = {}
        texts: dict[str, str] = {}
        fields: dict[str, int] = {}
        whole: Household | None = None
        if kind == CORRECTION:
            if not named["corrects"]:
                self.note("/corrects", "required")
            self.only(raw, {"corrects", "member"})
        elif event is None:
            if kind is not None:
                known = (*self.book.events, CORRECTION)
                self.note("/type", "no-such-type", did_you_mean(str(kind)[:64], known))
        else:
            facts, texts, fields, whole = self.content(raw, event, named["member"])
        if self.problems:
            raise EventError(tuple(self.problems))
        assert day is not None
        policy = str(raw.get("policy") or "")
        return Event(
            named["source"],
            named["id"],
            str(kind),
            named["household"],
            named["member"],
            day,
            until,
            tuple(sorted(facts.items())),
            tuple(sorted(texts.items())),
            tuple(sorted(fields.items())),
            whole,
            policy,
            named["corrects"],
            self.body(raw),
        )

    def body(self, raw: Mapping[str, Any]) -> bytes:
        """Canonical JSON: what passed holds no floats, and decimals and dates are written as text."""
        kept = {key: value for key, value in raw.items() if value is not None}
        return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()

    def name(self, raw: Mapping[str, Any], key: str) -> str:
        value = raw.get(key)
        if value is None:
            return ""
        if isinstance(value, str) and NAME.match(value):
            return value
        self.note(f"/{key}", "bad-id")
        return ""

    def day(self, raw: Mapping[str, Any], key: str) -> date | None:
        value = raw.get(key)
        if isinstance(value, str) and _DAY.match(value):
            with contextlib.suppress(ValueError):
                value = date.fromisoformat(value)
        if isinstance(value, date) and FIRST_DAY <= value <= LAST_DAY:
            return value
        if value is not None:
            self.note(f"/{key}", "bad-day")
        return None

    def only(self, raw: Mapping[str, Any], allowed: set[str]) -> None:
        for key in ("until", "says", "policy", "corrects"):
            if raw.get(key) is not None and key not in allowed:
                self.note(f"/{key}", "not-for-it")

    def content(
        self, raw: Mapping[str, Any], event: EventType, member: str
    ) -> tuple[dict[str, Known | None], dict[str, str], dict[str, int], Household | None]:
        allowed = {"policy"} if event.does in ("grant", "end") else {"says"}
        self.only(raw, allowed | ({"until"} if event.expires else set()))
        level = event.level
        if event.does in ("grant", "end"):
            level = self.policy(raw) or "either"
        if level == "member" and not member and raw.get("member") is None:
            self.note("/member", "required")
        if level == "household" and raw.get("member") is not None:
            self.note("/member", "not-for-it")
        says = raw.get("says")
        if says is not None and not isinstance(says, Mapping):
            self.note("/says", "not-an-event")
            says = None
        if event.does == "register":
            return {}, {}, {}, self.household(says)
        if event.does == "join":
            alone = self.household({"members": [{**(says or {}), "id": member or "x"}]})
            return {}, {}, {}, alone
        if level == "either":  # whose policy it is was not said
            return {}, {}, {}, None
        return (*self.facts(says or {}, event, level), None)

    def policy(self, raw: Mapping[str, Any]) -> str:
        """The level of the policy granted or ended."""
        name = raw.get("policy")
        if name is None:
            self.note("/policy", "required")
            return ""
        level = self.book.vocabulary.policies.get(name) if isinstance(name, str) else None
        if level is None:
            self.note("/policy", "no-such-policy", did_you_mean(str(name)[:64], self.book.vocabulary.policies))
            return ""
        return level

    def household(self, says: Any) -> Household | None:
        if says is None:
            self.note("/says", "required")
            return None
        try:
            found = read_household(says, self.book.vocabulary)
        except HouseholdError as error:
            self.faults(error.problems)
            return None
        for place, member in enumerate(found.members):
            for name in self.book.sums:
                if name in member.facts:
                    self.note(f"/says/members/{place}/{name}", "summed-fact")
        return found

    def faults(self, problems: tuple[InputProblem, ...]) -> None:
        for each in problems:
            said = {"said": each.message("en"), "said_zh": each.message("zh")}
            self.note(f"/says{each.path}", "fact", each.hint, **said)

    def facts(
        self, says: Mapping[str, Any], event: EventType, level: str
    ) -> tuple[dict[str, Known | None], dict[str, str], dict[str, int]]:
        may = {*event.sets, *event.fields}
        for name in says:
            if name not in may:
                self.note(f"/says/{str(name)[:64]}", "unknown-part", did_you_mean(str(name)[:64], may))
        found: dict[str, Known | None] = {}
        texts: dict[str, str] = {}
        fields: dict[str, int] = {}
        if event.sets or event.always:
            try:
                known, null, texts = read_level(
                    {**{k: v for k, v in says.items() if k in event.sets}, **event.always}, level, self.book.vocabulary
                )
                found = {**known, **dict.fromkeys(null)}
            except HouseholdError as error:
                self.faults(error.problems)
        for name in event.fields:
            if says.get(name) is None:
                self.note(f"/says/{name}", "required")
        try:
            own = {k: v for k, v in says.items() if k in event.fields}
            known, _, _ = read_level(own, "member", self.book.fields[event.name])
            fields = {name: value.lo for name, value in known.items()}
            for name, value in known.items():
                if value.lo != value.hi:
                    self.note(f"/says/{name}", "required")
        except HouseholdError as error:
            self.faults(error.problems)
        return found, texts, fields


__all__ = ["CORRECTION", "EVENT_CODES", "Event", "EventError", "EventProblem", "canonical_household", "read_event"]
