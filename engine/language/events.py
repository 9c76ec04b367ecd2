"""Reads the `events` of the vocabulary: kinds of events, and which facts each of them changes.

An event is something a register tells of a household or one of its members on a day: a bill, a death, a lost job. What
it does to the facts is said here once, as data; `engine.watch` folds events into facts by it.
"""

from __future__ import annotations

from engine.language.fields import Fields, is_name, plain
from engine.language.household import HouseholdError, Vocabulary, read_level
from engine.language.model import ChoiceSet, EventSum, EventType, Fact
from engine.language.problems import Problems
from engine.language.shapes import EVENT_DOES, LEVELS, YEARS, keys_of
from engine.language.source import Mapping, Node, Scalar
from engine.language.types import Base
from engine.language.vocabulary import read_type

KEPT_TYPES = frozenset({"correction"})
"""Names of events the watch itself knows: a correction undoes the event it names."""


def read_events(
    node: Node | None, choices: dict[str, ChoiceSet], facts: dict[str, Fact], problems: Problems
) -> dict[str, EventType]:
    """The kinds of events by name, in the order of the file."""
    section = node.entries.get("events") if isinstance(node, Mapping) else None
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        Fields(section, ("'events'", "“events”"), problems)
        return {}
    found: dict[str, EventType] = {}
    for name, body in section.entries.items():
        if not is_name(name) or name in KEPT_TYPES:
            problems.add("bad-name", section.keys[name], name=name)
            continue
        event = _read_event(name, body, section, choices, facts, problems)
        if event is not None:
            found[name] = event
    _sums_once(found, problems)
    return found


def _read_event(
    name: str, body: Node, section: Mapping, choices: dict[str, ChoiceSet], facts: dict[str, Fact], problems: Problems
) -> EventType | None:
    what = (f"the event '{name}'", f"事件“{name}”")
    fields = Fields(body, what, problems, *keys_of("event"))
    if not fields.fine:
        return None
    level = fields.one_of("for", (*LEVELS, "either"), "member")
    does = fields.one_of("does", EVENT_DOES) if fields.has("does") else ""
    sets = tuple(
        str(item.value)
        for item in fields.items("sets")
        if isinstance(item, Scalar) and _settable(str(item.value), level, item, facts, problems)
    )
    always = _always(fields, level, choices, facts, problems)
    own = _fields(fields, choices, problems)
    sums = _sums(fields, own, facts, problems)
    expires = fields.flag("expires")
    return EventType(
        name,
        fields.words("label", what),
        level,
        fields.words("department"),
        does,
        sets,
        always,
        own,
        sums,
        expires,
        section.keys[name],
    )


def _settable(name: str, level: str, node: Node, facts: dict[str, Fact], problems: Problems) -> bool:
    """Whether an event of this level may set a fact: it is asked, not derived, and of the same level."""
    fact = facts.get(name)
    if fact is None:
        problems.add("unknown-name", node.place, problems.near(name, facts), name=name)
        return False
    if fact.derived or fact.level != level:
        wanted = f"a fact of the {level} that is asked"
        problems.add("bad-value", node.place, text=name, wanted=wanted, wanted_zh=f"{_LEVEL_ZH[level]}的、非推算的事实")
        return False
    return True


_LEVEL_ZH = {"household": "家庭", "member": "成员", "either": "同一层级"}


def _always(
    fields: Fields, level: str, choices: dict[str, ChoiceSet], facts: dict[str, Fact], problems: Problems
) -> dict[str, object]:
    mapping = fields.mapping("always")
    found: dict[str, object] = {}
    for name, value in (mapping.entries if mapping else {}).items():
        if not _settable(name, level, value, facts, problems):
            continue
        raw = plain(value)
        try:
            read_level({name: raw}, level, Vocabulary.of(facts, choices, {}))
        except HouseholdError as error:
            for each in error.problems:
                why = {"wanted": each.message("en"), "wanted_zh": each.message("zh")}
                problems.add("bad-value", value.place, each.hint, text=str(raw), **why)
            continue
        found[name] = raw
    return found


def _fields(fields: Fields, choices: dict[str, ChoiceSet], problems: Problems) -> dict[str, Fact]:
    mapping = fields.mapping("fields")
    found: dict[str, Fact] = {}
    for name, body in (mapping.entries if mapping else {}).items():
        assert mapping is not None
        if not is_name(name):
            problems.add("bad-name", mapping.keys[name], name=name)
            continue
        what = (f"the field '{name}'", f"数值“{name}”")
        each = Fields(body, what, problems, *keys_of("event_field"))
        kind = read_type(each, choices, problems) if each.fine else None
        if kind is not None:
            found[name] = Fact(name, "member", each.words("label", what), kind, len(found), at=mapping.keys[name])
    return found


def _sums(fields: Fields, own: dict[str, Fact], facts: dict[str, Fact], problems: Problems) -> tuple[EventSum, ...]:
    mapping = fields.mapping("sums")
    found: list[EventSum] = []
    for name, body in (mapping.entries if mapping else {}).items():
        assert mapping is not None
        each = Fields(body, (f"the sum '{name}'", f"累计“{name}”"), problems, *keys_of("event_sum"))
        if not each.fine or not _settable(name, "member", body, facts, problems):
            continue
        of, over = each.text("of"), each.one_of("over", YEARS, YEARS[0])
        if of not in own:
            problems.add("unknown-name", each.at("of"), problems.near(of, own), name=of)
            continue
        if own[of].type.base is not facts[name].type.base or own[of].type.base is not Base.MONEY:
            problems.add("wrong-type", each.at("of"), what=f"'{name}'", wanted="money", wanted_zh="金额", found=of)
            continue
        found.append(EventSum(name, of, over))
    return tuple(found)


def _sums_once(events: dict[str, EventType], problems: Problems) -> None:
    """A sum belongs to one kind of event, and no event sets it: else nobody could say what it holds."""
    owner: dict[str, EventType] = {}
    for event in events.values():
        for each in event.sums:
            if each.fact in owner:
                problems.add("name-taken", event.at, name=each.fact, where=owner[each.fact].at)
            owner[each.fact] = event
    for event in events.values():
        for name in (*event.sets, *event.always):
            if name in owner:
                problems.add("name-taken", event.at, name=name, where=owner[name].at)


def sums_of(events: dict[str, EventType]) -> dict[str, EventSum]:
    """The facts that are sums over events, by name."""
    return {each.fact: each for event in events.values() for each in event.sums}
