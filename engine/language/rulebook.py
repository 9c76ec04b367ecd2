"""Reads a whole rulebook: the catalogue and every file it names. All problems of all files are reported together.

`load(root)` gives the checked `Rulebook` or raises `RulebookError`; `read(root)` gives both, for the checker.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import replace
from fnmatch import translate
from pathlib import Path
from typing import Any, cast

from engine.language.alerts import URGENCIES, alerts_as_policies, read_alert
from engine.language.checks import CHECKS, CHECKS_OF_FACTS, every_policy_is_cited_and_tried
from engine.language.events import read_events
from engine.language.expressions import Names
from engine.language.fields import Fields, members_have_ids, plain
from engine.language.figures import read_parameters
from engine.language.labels import dated, labels_as_policies, read_labels
from engine.language.model import (
    Alert,
    CalendarYear,
    Choice,
    EventType,
    ExclusionGroup,
    Fact,
    Group,
    Jurisdiction,
    Label,
    Policy,
    Rulebook,
)
from engine.language.places import Place
from engine.language.policies import Heading, read_heading, read_policy
from engine.language.problems import Problem, Problems, RulebookError
from engine.language.shapes import keys_of
from engine.language.source import LARGEST_FILE, SAVE_AS_UTF8, Mapping, Node, encoded, read_yaml
from engine.language.tree import NO_WORDS
from engine.language.types import Base
from engine.language.uncollected import uncollected
from engine.language.untried import read_without_examples
from engine.language.vocabulary import check_name, read_derived, read_vocabulary
from engine.language.workdays import read_calendar

CATALOGUE = "policies.yaml"
MOST_CHOICES = 32


def load(root: Path | str) -> Rulebook:
    """The checked rulebook under `root`. Raises RulebookError with every problem, sorted."""
    rulebook, problems = read(root)
    if rulebook is None or problems:
        raise RulebookError(problems)
    return rulebook


def read(root: Path | str) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    """The rulebook as far as it could be read, and every problem of every file."""
    folder = Path(root)
    files: dict[str, str] = {}
    problems = Problems()
    for path in sorted({folder / CATALOGUE, *folder.glob("rules/**/*.yaml")}):
        name = path.relative_to(folder).as_posix().encode(errors="replace").decode()
        files[name] = ""
        try:
            if path.exists() and not path.is_file():
                problems.add("not-readable", Place(name), why="it is not a file")
            elif path.stat().st_size > LARGEST_FILE:  # said before a byte of it is read
                problems.add("file-too-large", Place(name), limit=f"{LARGEST_FILE:,}")
            else:
                files[name] = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            problems.add("not-readable", Place(name), SAVE_AS_UTF8, why=f"byte {error.start} is not UTF-8")
        except OSError as error:
            problems.add("not-readable", Place(name), why=error.strerror or "")
    return read_texts(files, problems)


def load_texts(files: dict[str, str]) -> Rulebook:
    """As `load`, from texts by path: a stored rulebook, an editor's."""
    rulebook, problems = read_texts(files)
    if rulebook is None or problems:
        raise RulebookError(problems)
    return rulebook


def read_texts(
    files: dict[str, str], problems: Problems | None = None, *, examples: bool = True
) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    """As `read`, from texts by path (`policies.yaml`, `rules/…`). `examples` False: for what only decides; the policies
    then have none, and faults in them are not seen."""
    noted = problems if problems is not None else Problems()
    with uncollected():
        return _read_texts(files, noted, examples)


def _read_texts(files: dict[str, str], noted: Problems, examples: bool) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    rulebook = _Book(files, noted, examples).read()
    if rulebook is not None:
        checks = [check for check in CHECKS if examples or check is not every_policy_is_cited_and_tried]
        for check in checks:
            check(rulebook, noted)
        for more in (alerts_as_policies(rulebook), labels_as_policies(rulebook)):  # the same checks of these
            if more and not len(noted):
                for check in checks:
                    if check not in CHECKS_OF_FACTS:
                        check(replace(rulebook, policies=more), noted)
    return rulebook, noted.sorted()


def digest_of(files: dict[str, str]) -> str:
    """The SHA-256 by which a rulebook is known: over its files' paths and bytes, in the order of the paths."""
    whole = hashlib.sha256()
    for path in sorted(files):
        content = encoded(files[path])
        whole.update(f"{path}\n{len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()


def _keys(node: Node) -> tuple[str, ...]:
    return tuple(node.entries) if isinstance(node, Mapping) else ()


class _Book:
    """The steps from texts to a rulebook."""

    def __init__(self, files: dict[str, str], problems: Problems, examples: bool):
        self.files, self.problems, self.examples = files, problems, examples
        self.nodes: dict[str, Node] = {}
        self.used: set[str] = {CATALOGUE}

    def node(self, path: str) -> Node | None:
        self.used.add(path)
        if path not in self.nodes and path in self.files:
            found = None if self.examples else read_without_examples(self.files[path], path, self.problems)
            found = found or read_yaml(encoded(self.files[path]), path, self.problems)
            if found is not None:
                self.nodes[path] = found
            elif all(problem.place.file != path for problem in self.problems.found):
                self.problems.add("not-yaml", Place(path), why="the file is empty")
        return self.nodes.get(path)

    def matching(self, pattern: str, at: Place) -> list[str]:
        fits, depth = re.compile(translate(pattern)).match, pattern.count("/")
        found = sorted(path for path in self.files if fits(path) and path.count("/") == depth)
        if not found:
            self.problems.add("no-such-file", at, pattern=pattern)
        return found

    def read(self) -> Rulebook | None:
        if CATALOGUE not in self.files:
            self.problems.add("not-readable", Place(CATALOGUE), why="there is no such file")
            return None
        catalogue = self.node(CATALOGUE)
        if catalogue is None:
            return None
        fields = Fields(
            catalogue,
            ("the catalogue", "目录"),
            self.problems,
            *keys_of("catalogue"),
        )
        jurisdictions = self.jurisdictions(fields)
        groups, listed = self.groups(fields, jurisdictions)
        headings = self.headings(listed)
        vocabulary = fields.text("vocabulary")
        if fields.has("vocabulary") and vocabulary not in self.files:
            self.problems.add("no-such-file", fields.at("vocabulary"), pattern=vocabulary)
        choices, facts, pending = read_vocabulary(self.node(vocabulary), self.problems, ())
        taken: dict[str, Place] = {fact.name: fact.at for fact in facts.values()}
        parameter_nodes = [
            node
            for item in fields.items("parameters")
            for path in self.matching(str(getattr(item, "value", "")), item.place)
            if (node := self.node(path)) is not None
        ]
        parameters = read_parameters(parameter_nodes, choices, taken, self.problems)
        policies: dict[str, str] = {}
        for heading in headings.values():
            if heading.id not in policies and check_name(heading.id, heading.place, self.problems, taken):
                policies[heading.id] = heading.level
            elif policies.get(heading.id, heading.level) != heading.level:
                hint = ("every version of a policy is decided for the same", "同一政策的各版本必须对同一对象作出认定")
                self.problems.add("name-taken", heading.place, hint, name=heading.id, where="another level")
        names = Names(choices, facts, parameters, policies)
        facts = read_derived(facts, pending, names, self.problems)
        names = Names(choices, facts, parameters, policies)
        found = self.policies(listed, headings, names, groups)
        households = self.households(fields)
        events = read_events(self.node(vocabulary), choices, facts, self.problems)
        home = next((name for name, place in jurisdictions.items() if place.in_force), "")
        taken |= {p.id: p.at for p in found}
        labels = self.labels(fields, names, home, taken)
        calendar, alerts, due = self.watch(fields, names, events, home, taken)
        self.strays()
        order = decision_order(found, self.problems)
        facts = ordered_facts(facts, self.problems)
        rulebook = Rulebook(
            fields.words("title"),
            digest_of(self.files),
            dict(sorted(self.files.items())),
            choices,
            facts,
            parameters,
            found,
            groups,
            jurisdictions,
            households,
            order,
            exclusion_groups(found, self.problems),
            events=events,
            alerts=alerts,
            calendar=calendar,
            due=due,
        )
        return replace(rulebook, labels=tuple(dated(label, rulebook) for label in labels))

    def labels(self, fields: Fields, names: Names, home: str, taken: dict[str, Place]) -> tuple[Label, ...]:
        """The labels, if the catalogue names a file of them."""
        if not fields.has("labels"):
            return ()
        path = fields.text("labels")
        if path not in self.files:
            self.problems.add("no-such-file", fields.at("labels"), pattern=path)
        return read_labels(self.node(path), names, home, len(names.policies) + 1000, taken, self.problems)

    def watch(
        self, fields: Fields, names: Names, events: dict[str, EventType], home: str, taken: dict[str, Place]
    ) -> tuple[dict[int, CalendarYear], tuple[Alert, ...], str]:
        """What the watch needs: the calendar, the alert rules, and the table of working days by urgency."""
        if not fields.has("watch"):
            return {}, (), ""
        node = fields.get("watch")
        assert node is not None
        each = Fields(node, ("'watch'", "watch"), self.problems, *keys_of("watch"))
        if not each.fine:
            return {}, (), ""
        path, due = each.text("calendar"), each.text("due")
        if path not in self.files:
            self.problems.add("no-such-file", each.at("calendar"), pattern=path)
        calendar = read_calendar(self.node(path), self.problems)
        table = names.parameters.get(due)
        if table is None:
            self.problems.add("unknown-name", each.at("due"), self.problems.near(due, names.parameters), name=due)
        elif [key.choices for key in table.keys] != [URGENCIES] or table.type.base is not Base.WHOLE:
            wanted = {"wanted": "a table of whole numbers by urgency", "wanted_zh": "以紧急程度为键的整数表"}
            self.problems.add("bad-value", each.at("due"), text=due, **wanted)
        alerts: list[Alert] = []
        for item in each.items("alerts"):
            for path in self.matching(str(getattr(item, "value", "")), item.place):
                body = self.node(path)
                if body is None:
                    continue
                alert = read_alert(body, names, events, home, len(names.policies) + len(alerts), taken, self.problems)
                if alert is not None:
                    alerts.append(alert)
        return calendar, tuple(alerts), due

    def jurisdictions(self, fields: Fields) -> dict[str, Jurisdiction]:
        mapping = fields.mapping("jurisdictions")
        found: dict[str, Jurisdiction] = {}
        for name, node in (mapping.entries if mapping else {}).items():
            each = Fields(node, ("a jurisdiction", "辖区"), self.problems, *keys_of("jurisdiction"))
            found[name] = Jurisdiction(name, each.words("title"), each.flag("in_force", True))
        return found

    def groups(
        self, fields: Fields, jurisdictions: dict[str, Jurisdiction]
    ) -> tuple[dict[str, Group], list[tuple[str, str]]]:
        mapping = fields.mapping("groups")
        found: dict[str, Group] = {}
        listed: list[tuple[str, str]] = []
        for name, node in (mapping.entries if mapping else {}).items():
            each = Fields(node, ("a group", "分组"), self.problems, *keys_of("group"))
            found[name] = Group(name, each.words("title"), each.one_of("jurisdiction", tuple(jurisdictions)))
            for item in each.items("files"):
                for path in self.matching(str(getattr(item, "value", "")), item.place):
                    if path not in self.used:
                        self.used.add(path)
                        listed.append((path, name))
        return found, listed

    def headings(self, listed: list[tuple[str, str]]) -> dict[str, Heading]:
        found: dict[str, Heading] = {}
        for path, _ in listed:
            node = self.node(path)
            heading = read_heading(node, self.problems) if node is not None else None
            if heading is not None:
                found[path] = heading
        return found

    def policies(
        self, listed: list[tuple[str, str]], headings: dict[str, Heading], names: Names, groups: dict[str, Group]
    ) -> tuple[Policy, ...]:
        order = {name: n for n, name in enumerate(dict.fromkeys(h.id for h in headings.values()))}
        found: list[Policy] = []
        for path, group in listed:
            node = self.node(path)
            if node is None:
                continue
            heading = headings.get(path)
            at = order[heading.id] if heading else len(order)
            policy = read_policy(node, names, self.problems, group, groups[group].jurisdiction, at)
            if policy is not None and policy.id in names.policies:
                found.append(policy)
        return tuple(sorted(found, key=lambda p: (p.order, p.from_date)))

    def households(self, fields: Fields) -> dict[str, dict[str, Any]]:
        path = fields.text("households")
        if not path:
            return {}
        node = self.node(path)
        if node is None:
            if path not in self.files:
                self.problems.add("no-such-file", fields.at("households"), pattern=path)
            return {}
        if not isinstance(node, Mapping):
            Fields(node, ("the households", "示例家庭"), self.problems)
            return {}
        found: dict[str, dict[str, Any]] = {}
        for name, body in node.entries.items():
            each = Fields(body, (f"the household '{name}'", f"示例家庭“{name}”"), self.problems, (), _keys(body))
            if isinstance(body, Mapping):
                members_have_ids(body, self.problems)
            if each.fine:
                found[name] = cast("dict[str, Any]", plain(body))
        return found

    def strays(self) -> None:
        """Every YAML file under rules/ must be in force or known: a forgotten rule file would decide nothing."""
        for path in self.files:
            if path not in self.used and path.startswith("rules/"):
                hint = ("add it to a group's `files` in policies.yaml", "请在 policies.yaml 的分组 files 中加入")
                self.problems.add("not-in-catalogue", Place(path), hint)


def decision_order(policies: tuple[Policy, ...], problems: Problems) -> tuple[str, ...]:
    """Policy ids so that each comes after those it asks about; a circle is a problem."""
    asks: dict[str, set[str]] = {}
    for policy in policies:
        asks.setdefault(policy.id, set()).update(policies_asked(policy))
    at = {p.id: p.at for p in reversed(policies)}
    return _sorted_by_need(list(asks), asks, at, ("the policy", "政策"), problems)


def policies_asked(policy: Policy, advice: bool = True) -> set[str]:
    """The policies whose decision this one reads (`receives` reads a fact); `advice`: also for notes and papers."""
    found: set[str] = set()
    beside = [note.condition for note in policy.notes] + [paper.condition for paper in policy.documents]
    for condition in policy.conditions():
        if not advice and any(condition is other for other in beside):
            continue
        found |= {e.name for e in condition.exprs() if e.op in ("qualifies", "holds")}
    for expr in policy_numbers(policy):
        found |= {e.name for e in expr.walk() if e.op in ("qualifies", "holds")}
    return found


def policy_numbers(policy: Policy) -> list[Any]:
    """The number and choice expressions of a policy: lets, amounts, months."""
    found: list[Any] = [let.expr for let in policy.lets if let.expr is not None]
    for item in policy.gives:
        found += [expr for expr in (item.amount, item.for_months) if expr is not None]
    return found


def ordered_facts(facts: dict[str, Fact], problems: Problems) -> dict[str, Fact]:
    """Facts so that each derived one comes after those it is worked out from (asked facts first, as written)."""
    asks: dict[str, set[str]] = {}
    for fact in facts.values():
        exprs = list(fact.condition.exprs()) if fact.condition else list(fact.expr.walk()) if fact.expr else []
        asks[fact.name] = {e.name for e in exprs if e.op == "fact"}
    names = _sorted_by_need(list(facts), asks, {f.name: f.at for f in facts.values()}, ("the fact", "事实"), problems)
    return {name: replace(facts[name]) for name in names}


def _sorted_by_need(
    names: list[str], asks: dict[str, set[str]], at: dict[str, Place], what: tuple[str, str], problems: Problems
) -> tuple[str, ...]:
    done: dict[str, int] = {}  # 1: being looked at, 2: placed
    found: list[str] = []
    for start in names:
        stack: list[tuple[str, list[str]]] = [(start, [])] if start not in done else []
        if stack:
            done[start] = 1
            stack = [(start, sorted(asks.get(start, ()), key=names.index))]
        while stack:
            name, rest = stack[-1]
            if not rest:
                done[name] = 2
                found.append(name)
                stack.pop()
                continue
            needed = rest.pop(0)
            if done.get(needed) == 1:
                chain = [n for n, _ in stack]
                circle = [*chain[chain.index(needed) :], needed]
                problems.add(
                    "circle",
                    at[needed],
                    what=f"{what[0]} '{needed}'",
                    what_zh=f"{what[1]}“{needed}”",
                    chain=" → ".join(circle),
                )
            elif needed not in done and needed in asks:
                done[needed] = 1
                stack.append((needed, sorted(asks.get(needed, ()), key=names.index)))
    return tuple(found)


def exclusion_groups(policies: tuple[Policy, ...], problems: Problems) -> tuple[ExclusionGroup, ...]:
    """Policies tied by exclusions, and the largest sets of each group that may be drawn together."""
    order = {p.id: p.order for p in policies}
    level = {p.id: p.level for p in policies}
    apart: dict[str, set[str]] = {}
    for policy in policies:
        for exclusion in policy.excludes:
            apart.setdefault(policy.id, set()).add(exclusion.policy)
            apart.setdefault(exclusion.policy, set()).add(policy.id)
    found: list[ExclusionGroup] = []
    left = sorted(apart, key=lambda p: order.get(p, 0))
    while left:
        group, stack = set(), [left[0]]
        while stack:
            name = stack.pop()
            if name not in group:
                group.add(name)
                stack += apart[name]
        left = [name for name in left if name not in group]
        members = tuple(sorted(group, key=lambda p: order.get(p, 0)))
        choices = tuple(itertools.islice(_largest_sets(members, apart), MOST_CHOICES + 1))
        if len(choices) > MOST_CHOICES:
            at = next(p.at for p in policies if p.id == members[0])
            problems.add("too-many-choices", at, name=members[0], count=f"over {MOST_CHOICES}", limit=MOST_CHOICES)
        where = "member" if all(level.get(p) == "member" for p in members) else "household"
        found.append(ExclusionGroup(members, where, choices))
    return tuple(found)


def _largest_sets(members: tuple[str, ...], apart: dict[str, set[str]]) -> Any:
    """Every maximal independent set, in catalogue order (Bron and Kerbosch 1973, on the complement)."""

    def grow(chosen: list[str], open_: list[str], closed: list[str]) -> Any:
        if not open_ and not closed:
            yield Choice(tuple(sorted(chosen, key=members.index)))
            return
        for name in list(open_):
            beside = [p for p in open_ if p != name and p not in apart[name]]
            yield from grow([*chosen, name], beside, [p for p in closed if p not in apart[name]])
            open_ = [p for p in open_ if p != name]
            closed = [*closed, name]

    return grow([], list(members), [])


__all__ = ["CATALOGUE", "NO_WORDS", "load", "load_texts", "read", "read_texts"]
