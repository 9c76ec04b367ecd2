"""Reads one alert rule. Its condition is read as that of a policy, so that every check of the language holds for it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from engine.language.events import sums_of
from engine.language.expressions import Names
from engine.language.fields import Fields, is_name, read_words, wrong_shape
from engine.language.model import Alert, ChoiceSet, Compare, EventType, Fact, Policy, Rulebook
from engine.language.places import Place
from engine.language.policies import read_policy
from engine.language.problems import Problems
from engine.language.shapes import CHANGES_COUNTED, LEVELS, YEARS, keys_of
from engine.language.source import Mapping, Node, Scalar, Sequence
from engine.language.tree import Citation, Expr, Words

GROUP = "alerts"
CAUSES, URGENCIES = "alert_cause", "alert_urgency"
"""The vocabulary's lists of choices an alert's `cause` and `urgency` are taken from."""
POSSIBLE = "possible"
"""The item of the policy that carries an alert's `possible`."""

EXPECTED = {"raised": "eligible", "quiet": "ineligible", "open": "undetermined"}
_DAYS = re.compile(r"\+([1-9][0-9]{0,2}) days\Z")
_LONGEST_DAYS = 366


def read_alert(
    node: Node,
    names: Names,
    events: dict[str, EventType],
    jurisdiction: str,
    order: int,
    taken: dict[str, Place],
    problems: Problems,
) -> Alert | None:
    """One alert rule, or None where it is too broken to go on."""
    fields = Fields(node, ("an alert rule", "预警规则"), problems, *keys_of("alert"))
    name = fields.text("alert")
    if not fields.fine or not isinstance(node, Mapping) or not name:
        return None
    if not is_name(name):
        problems.add("bad-name", fields.at("alert"), name=name)
        return None
    if name in taken:
        problems.add("name-taken", fields.at("alert"), name=name, where=taken[name])
        return None
    taken[name] = fields.at("alert")
    if fields.has("when") == fields.has("compare"):
        hint = ("exactly one of when, compare", "when、compare 中恰好一个")
        what = {"what": f"the alert '{name}'", "what_zh": f"预警“{name}”"}
        problems.add("missing-key", node.place, hint, **what, key="when")
        return None
    level = fields.one_of("for", LEVELS, "household")
    force = Fields(fields.get("in_force") or node, ("'in_force'", "in_force"), problems, *keys_of("in_force"))
    start = force.day("from") if fields.has("in_force") else None
    cause = _choice(fields, "cause", CAUSES, names.choices, problems)
    urgency = _choice(fields, "urgency", URGENCIES, names.choices, problems)
    policy = compare = None
    if fields.has("when"):
        policy = read_policy(_as_policy(node, name, fields, problems), names, problems, GROUP, jurisdiction, order)
        if policy is None:
            return None
    else:
        compare = _compare(fields, names, level, problems)
    year = _year(fields, policy, names.facts, events, problems)
    return Alert(
        name,
        fields.words("title"),
        level,
        order,
        cause,
        fields.words("department"),
        urgency,
        _to_do(fields, name, problems),
        start or date(9999, 12, 31),
        force.day("to") if fields.has("in_force") else None,
        fields.citations(),
        policy,
        compare,
        year,
        fields.at("alert"),
    )


def _to_do(fields: Fields, name: str, problems: Problems) -> tuple[Words, ...]:
    found = tuple(read_words(each, ("a thing to do", "要做的事"), problems) for each in fields.items("do"))
    if fields.has("do") and not found:
        problems.add("missing-key", fields.at("do"), what=f"'{name}'", what_zh=f"“{name}”", key="do")
    return found


def _choice(fields: Fields, key: str, listed: str, choices: dict[str, ChoiceSet], problems: Problems) -> str:
    """A choice of the vocabulary's list."""
    if listed not in choices:
        problems.add("not-one-of", fields.at(key), text=listed, choices=", ".join(choices))
        return ""
    return fields.one_of(key, choices[listed].values)


def _as_policy(node: Mapping, name: str, fields: Fields, problems: Problems) -> Mapping:
    """The alert in the shape of a policy file; every part keeps its place."""
    at = node.place

    def text(value: str) -> Scalar:
        return Scalar(at, value, value, False)

    entries: dict[str, Node] = {"policy": Scalar(fields.at("alert"), name, name, True), "kind": text("referral")}
    for key in ("title", "for", "department", "in_force", "cite", "when"):
        if key in node.entries:
            entries[key] = node.entries[key]
    if POSSIBLE in node.entries:
        words: Node = _mapping(at, {"zh": text("尚不能排除"), "en": text("not ruled out")})
        item: dict[str, Node] = {"id": text(POSSIBLE), "title": words, "if": node.entries[POSSIBLE]}
        entries["gives"] = Sequence(at, (_mapping(at, item),))
    listed = node.entries.get("examples")
    examples = listed.items if isinstance(listed, Sequence) else ()
    if listed is not None and not isinstance(listed, Sequence):
        wrong_shape(problems, listed, ("'examples'", "“examples”"), ("a list", "列表"))
    entries["examples"] = Sequence(at, tuple(with_statuses(each, EXPECTED, problems) for each in examples))
    return _mapping(at, entries)


def _mapping(at: Place, entries: dict[str, Node]) -> Mapping:
    return Mapping(at, entries, {key: value.place for key, value in entries.items()})


def with_statuses(node: Node, words: dict[str, str], problems: Problems) -> Node:
    """An example whose `expect` says one of `words` (raised, quiet, open) where a policy's says a status."""
    expect = node.entries.get("expect") if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or not isinstance(expect, Mapping):
        return node
    level = all(isinstance(each, Mapping) for each in expect.entries.values())
    said: dict[str, Node] = (
        {name: _status(each, words, problems) for name, each in expect.entries.items()}
        if level
        else dict(_status(expect, words, problems).entries)
    )
    return Mapping(node.place, {**node.entries, "expect": Mapping(expect.place, said, expect.keys)}, node.keys)


def _status(node: Node, words: dict[str, str], problems: Problems) -> Mapping:
    assert isinstance(node, Mapping)
    entries = dict(node.entries)
    status = entries.get("status")
    if isinstance(status, Scalar):
        word = words.get(str(status.value))
        if word is None:
            hint = problems.near(str(status.value), words)
            problems.add("not-one-of", status.place, hint, text=status.value, choices=", ".join(words))
        entries["status"] = Scalar(status.place, word or "eligible", word or "eligible", True)
    return Mapping(node.place, entries, node.keys)


def _compare(fields: Fields, names: Names, level: str, problems: Problems) -> Compare | None:
    node = fields.get("compare") or fields.node
    each = Fields(node, ("'compare'", "compare"), problems, *keys_of("alert_compare"))
    if not each.fine:
        return None
    if level != "household":
        wanted = {
            "wanted": "household: a compared decision is of all of it",
            "wanted_zh": "household：比较认定以家庭为单位",
        }
        problems.add("bad-value", fields.at("for"), text=level, **wanted)
    if fields.has(POSSIBLE) or fields.has("examples"):
        key = POSSIBLE if fields.has(POSSIBLE) else "examples"
        problems.add("unknown-key", fields.at(key), ("only beside when", "只能与 when 同用"), key=key)
    if each.has("on") == each.has("parameter"):
        hint = ("exactly one of on, parameter", "on、parameter 中恰好一个")
        problems.add("missing-key", each.place, hint, what="'compare'", what_zh="compare", key="on")
        return None
    days, parameter, to = 0, "", ""
    if each.has("on"):
        found = _DAYS.match(each.text("on"))
        days = int(found[1]) if found else 0
        if not 0 < days <= _LONGEST_DAYS:
            wanted = {"wanted": "days from now such as +60 days", "wanted_zh": "几天以后，如 +60 days"}
            problems.add("bad-value", each.at("on"), text=each.text("on"), **wanted)
    else:
        parameter, to = each.text("parameter"), each.text("to", "next")
        for key, name in (("parameter", parameter), ("to", to)):
            if name not in names.parameters and not (key == "to" and name == "next"):
                problems.add("unknown-name", each.at(key), problems.near(name, names.parameters), name=name)
                return None
        to = "" if to == "next" else to
        if to and names.parameters[to].type != names.parameters[parameter].type:
            problems.add(
                "wrong-type",
                each.at("to"),
                what=f"'{to}'",
                wanted=names.parameters[parameter].type.words("en"),
                wanted_zh=names.parameters[parameter].type.words("zh"),
                found=names.parameters[to].type.words("en"),
                found_zh=names.parameters[to].type.words("zh"),
            )
    policies: list[str] = []
    for node in each.items("policies"):
        name = str(node.value) if isinstance(node, Scalar) else ""
        if name in names.policies:
            policies.append(name)
        else:
            problems.add("unknown-policy", node.place, problems.near(name, names.policies), name=name)
    counts: list[str] = []
    for node in each.items("counts"):
        word = str(node.value) if isinstance(node, Scalar) else ""
        if word in CHANGES_COUNTED:
            counts.append(word)
        else:
            problems.add("not-one-of", node.place, text=word, choices=", ".join(CHANGES_COUNTED))
    return Compare(days, parameter, to, tuple(policies), tuple(counts) or CHANGES_COUNTED)


def _year(
    fields: Fields, policy: Policy | None, facts: dict[str, Fact], events: dict[str, EventType], problems: Problems
) -> tuple[str, tuple[Citation, ...]] | None:
    """What "year" means: required, and the same as that of the sums read, wherever a yearly sum is read."""
    sums = sums_of(events)
    read = {sums[name].over for name in _facts_read(policy, facts) if name in sums} if policy else set()
    if not fields.has("year"):
        if read:
            hint = (
                "say year: {means: calendar_year or rolling_year, cite: …}",
                "请写明 year: {means: calendar_year 或 rolling_year, cite: …}",
            )
            problems.add("missing-key", fields.place, hint, what="the alert", what_zh="预警", key="year")
        return None
    each = Fields(fields.get("year") or fields.node, ("'year'", "year"), problems, *keys_of("alert_year"))
    means = each.one_of("means", YEARS)
    if each.fine and read != {means}:
        hint = ("the sums it reads are over another year, or it reads none", "所读累计的年度与此不同，或没有读累计")
        wanted = {"wanted": "the year of the sums it reads", "wanted_zh": "所读累计的年度"}
        problems.add("bad-value", each.at("means"), hint, text=means, **wanted)
    return means, each.citations()


def _facts_read(policy: Policy, facts: dict[str, Fact]) -> set[str]:
    found: set[str] = set()
    todo: list[Expr] = [expr for condition in policy.conditions() for expr in condition.exprs()]
    while todo:
        node = todo.pop()
        todo += node.args
        if node.op == "fact" and node.name not in found and node.name in facts:
            found.add(node.name)
            fact = facts[node.name]
            todo += [fact.expr] if fact.expr is not None else list(fact.condition.exprs()) if fact.condition else []
    return found


def alerts_as_policies(rulebook: Rulebook) -> tuple[Policy, ...]:
    """The conditions of the alert rules, in the shape of policies."""
    return tuple(alert.policy for alert in rulebook.alerts if alert.policy is not None)


def alert_book(rulebook: Rulebook) -> Rulebook:
    """The rulebook with its alert rules among the policies, decided after all others: what the watch compiles."""
    added = alerts_as_policies(rulebook)
    return replace(
        rulebook,
        policies=(*rulebook.policies, *added),
        order=(*rulebook.order, *(policy.id for policy in added)),
        alerts=(),
    )
