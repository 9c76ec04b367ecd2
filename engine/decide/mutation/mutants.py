"""What can be changed in a rule file, each change at its node: the mutants.

Conditions, intermediate results, items, exclusions and dates of a policy; figures and their first days in a parameter
file; derived facts in the vocabulary. Documents and notes are advice and are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from engine.decide.mutation.wording import changes
from engine.language.model import Parameter, Policy
from engine.language.places import Place
from engine.language.shapes import PERIODS, ROUNDING
from engine.language.source import Mapping, Node, Scalar, Sequence
from engine.language.tree import Words
from engine.language.types import Base

Path = tuple[str | int, ...]

# What was changed: the kind of a mutant, in words.
KINDS: dict[str, Words] = {
    "bound": Words("界限是否包含本数", "whether the limit itself counts"),
    "opposite": Words("改为相反", "turned into its opposite"),
    "group": Words("“均须”与“任一”互换", "all for any"),
    "dropped": Words("去掉一项条件", "a condition left out"),
    "branch": Words("“如果”只取一支", "one branch of 'if' alone"),
    "extreme": Words("较小与较大互换", "min for max"),
    "grant": Words("holds 改为 receives", "holds for receives"),
    "rounding": Words("舍入方法", "the way of rounding"),
    "period": Words("发放周期", "the period of payment"),
    "date": Words("日期移动一天", "a date moved by a day"),
    "figure": Words("数值变动最小一步", "a figure moved by its smallest step"),
    "exclusion": Words("去掉互斥", "an exclusion left out"),
}
_PERIOD_CHANGES = {"month": "year", "year": "month"}
_GROUPS = {"all": "any", "any": "all", "none": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file.

    path    the node that is changed, from the root of the file
    node    what stands there instead; None: it is left out
    text    what the rule says there, as text (of a figure: whose it is, since when, in which row)
    change  what it says instead
    """

    file: str
    place: Place
    kind: str
    path: Path
    node: Node | None
    text: str
    change: str

    @property
    def key(self) -> tuple[str, str, str]:
        """How the reviewed list names it: it stays the same where only lines move."""
        return self.file, self.text, self.change


def applied(root: Node, mutant: Mutant) -> Node:
    """The file's nodes with the mutant in them."""
    return _put(root, mutant.path, mutant.node)


def _put(node: Node, path: Path, new: Node | None) -> Node:
    step, rest = path[0], path[1:]
    if isinstance(node, Mapping):
        assert isinstance(step, str)
        below = _put(node.entries[step], rest, new) if rest else new
        entries = {key: value if key != step else below for key, value in node.entries.items()}
        return node._replace(entries={key: value for key, value in entries.items() if value is not None})
    assert isinstance(node, Sequence) and isinstance(step, int)
    below = _put(node.items[step], rest, new) if rest else new
    items = (*node.items[:step], *([] if below is None else [below]), *node.items[step + 1 :])
    return node._replace(items=items)


def line_with(lines: list[str], mutant: Mutant) -> tuple[str, str]:
    """The line of the rule, and the same line with the change in it (where it stands on one line)."""
    at = mutant.place
    line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
    if mutant.node is None:
        return line.strip(), ""
    before = line[: at.column - 1]
    for said in (mutant.text, line[at.column - 1 : at.column - 1 + at.width]):
        if said and line[at.column - 1 :].startswith(said):
            return line.strip(), (before + mutant.change + line[at.column - 1 + len(said) :]).strip()
    return line.strip(), mutant.change


# ---------------------------------------------------------------------------------------------------- a policy file


def policy_mutants(root: Node, file: str) -> Iterator[Mutant]:
    """Every mutant of a policy file that the reader could take."""
    if not isinstance(root, Mapping):
        return
    found = _PolicyFile(file, root)
    yield from found.days()
    yield from found.lets()
    if "when" in root.entries:
        yield from found.condition(root.entries["when"], ("when",), "when")
    yield from found.items()
    yield from found.exclusions()


class _PolicyFile:
    """The parts of one policy file."""

    def __init__(self, file: str, root: Mapping):
        self.file, self.root = file, root

    def part(self, key: str) -> Node | None:
        return self.root.entries.get(key)

    def mutant(self, kind: str, path: Path, place: Place, node: Node | None, text: str, change: str) -> Mutant:
        return Mutant(self.file, place, kind, path, node, text, change)

    def days(self) -> Iterator[Mutant]:
        """The first and the last day, each moved so that it is no longer in force."""
        force = self.part("in_force")
        for key, by in (("from", 1), ("to", -1)):
            node = force.entries.get(key) if isinstance(force, Mapping) else None
            if isinstance(node, Scalar) and isinstance(node.value, date):
                yield _moved(self.file, ("in_force", key), node, by, f"in_force.{key}")

    def lets(self) -> Iterator[Mutant]:
        lets = self.part("let")
        for name, body in (lets.entries if isinstance(lets, Mapping) else {}).items():
            if isinstance(body, Mapping) and "is" in body.entries:
                yield from expression(self.file, body.entries["is"], ("let", name, "is"))

    def condition(self, node: Node, path: Path, name: str) -> Iterator[Mutant]:
        """`name` is the condition's own id, or its place in the tree."""
        if isinstance(node, Scalar):
            yield from expression(self.file, node, path)
            return
        if not isinstance(node, Mapping):
            return
        given = node.entries.get("id")
        name = given.text if isinstance(given, Scalar) else name
        if "if" in node.entries:
            yield from expression(self.file, node.entries["if"], (*path, "if"))
        for group, other in _GROUPS.items():
            parts = node.entries.get(group)
            if isinstance(parts, Sequence):
                if len(parts.items) > 1 or group == "none":
                    entries = {other if key == group else key: value for key, value in node.entries.items()}
                    changed = node._replace(entries=entries, keys={**node.keys, other: node.keys[group]})
                    yield self.mutant("group", path, node.keys[group], changed, f"{name}: {group}", other)
                for at, part in enumerate(parts.items):
                    if len(parts.items) > 1:
                        said = f"{name}: {_said(part, f'{name}.{at + 1}')}"
                        yield self.mutant("dropped", (*path, group, at), part.place, None, said, "")
                    yield from self.condition(part, (*path, group, at), f"{name}.{at + 1}")

    def items(self) -> Iterator[Mutant]:
        gives = self.part("gives")
        for at, item in enumerate(gives.items if isinstance(gives, Sequence) else ()):
            if not isinstance(item, Mapping):
                continue
            path: Path = ("gives", at)
            entries = item.entries
            given = entries.get("id")
            name = given.text if isinstance(given, Scalar) else str(at)
            for key in ("amount", "up_to", "for_months"):
                if key in entries:
                    yield from expression(self.file, entries[key], (*path, key))
            if "if" in entries:
                yield from self.condition(entries["if"], (*path, "if"), f"gives.{name}.if")
            yield from self.rounding(entries.get("round"), (*path, "round"), name)
            yield from self.period(entries.get("per"), (*path, "per"), name)

    def rounding(self, node: Node | None, path: Path, name: str) -> Iterator[Mutant]:
        mode = node.entries.get("mode") if isinstance(node, Mapping) else None
        if isinstance(mode, Scalar):
            for other in ROUNDING:
                if other != mode.text:
                    said = f"gives.{name}.round: {mode.text}"
                    yield self.mutant("rounding", (*path, "mode"), mode.place, _text(mode, other), said, other)

    def period(self, node: Node | None, path: Path, name: str) -> Iterator[Mutant]:
        if isinstance(node, Scalar) and node.text in PERIODS and node.text in _PERIOD_CHANGES:
            other = _PERIOD_CHANGES[node.text]
            yield self.mutant("period", path, node.place, _text(node, other), f"gives.{name}.per: {node.text}", other)

    def exclusions(self) -> Iterator[Mutant]:
        listed = self.part("excludes")
        for at, node in enumerate(listed.items if isinstance(listed, Sequence) else ()):
            other = node.entries.get("policy") if isinstance(node, Mapping) else node
            if isinstance(other, Scalar):
                yield self.mutant("exclusion", ("excludes", at), node.place, None, f"excludes: {other.text}", "")


def _said(node: Node, name: str) -> str:
    """A condition's own text, or its name where it is a group."""
    if isinstance(node, Scalar):
        return node.text
    entries = node.entries if isinstance(node, Mapping) else {}
    for key in ("if", "id"):
        found = entries.get(key)
        if isinstance(found, Scalar):
            return found.text
    return name


def _text(node: Scalar, text: str) -> Scalar:
    return node._replace(value=text, text=text)


def _moved(file: str, path: Path, node: Scalar, days: int, whose: str) -> Mutant:
    assert isinstance(node.value, date)
    day = node.value + timedelta(days=days)
    new = node._replace(value=day, text=day.isoformat())
    return Mutant(file, node.place, "date", path, new, f"{whose}: {node.text}", day.isoformat())


def expression(file: str, node: Node, path: Path) -> Iterator[Mutant]:
    """The mutants of one expression."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        for kind, changed in changes(node.text):
            new = node._replace(value=changed, text=changed, plain=False)
            yield Mutant(file, node.place, kind, path, new, node.text, changed)


# ------------------------------------------------------------------------------------- parameters and derived facts


def derived_mutants(root: Node, file: str) -> Iterator[tuple[str, Mutant]]:
    """The mutants of every derived fact of the vocabulary, with the fact's name."""
    derived = root.entries.get("derived") if isinstance(root, Mapping) else None
    for level, facts in (derived.entries if isinstance(derived, Mapping) else {}).items():
        for name, body in (facts.entries if isinstance(facts, Mapping) else {}).items():
            if isinstance(body, Mapping) and "is" in body.entries:
                for mutant in expression(file, body.entries["is"], ("derived", level, name, "is")):
                    yield name, mutant


def parameter_mutants(root: Node, file: str, parameter: Parameter, readers: tuple[Policy, ...]) -> Iterator[Mutant]:
    """Every figure of a parameter a step up and a step down, and its first day a day on, where the law can show it.

    `readers` are the policy versions that read the parameter: a figure that none of them reads while it is in force
    can be seen in no decision.
    """
    body = root.entries.get(parameter.name) if isinstance(root, Mapping) else None
    values = body.entries.get("values") if isinstance(body, Mapping) else None
    dated = [node for node in values.items if isinstance(node, Mapping)] if isinstance(values, Sequence) else []
    for at, node in enumerate(dated):
        start = parameter.values[at].from_date
        end = parameter.values[at + 1].from_date if at + 1 < len(dated) else date.max
        if not any(policy.from_date < end and start <= (policy.to_date or date.max) for policy in readers):
            continue
        path: Path = (parameter.name, "values", at)
        whose = f"{parameter.name} {start.isoformat()}"
        first = node.entries["from"]
        read_then = any(policy.in_force(start) for policy in readers)
        if isinstance(first, Scalar) and read_then and (at > 0 or _published(node)):
            yield _moved(file, (*path, "from"), first, 1, f"{whose} from")
        if parameter.type.base is Base.DATE:
            continue
        step = Decimal(1) / Decimal(parameter.type.scale)
        for key in ("value", "rows", "each_further"):
            if key in node.entries:
                yield from _figures(file, node.entries[key], (*path, key), whose, parameter, 0, step)


def _published(node: Mapping) -> bool:
    value = node.entries.get("value")
    return not isinstance(value, Scalar) or value.value is not None


def _figures(
    file: str, node: Node, path: Path, whose: str, parameter: Parameter, depth: int, step: Decimal
) -> Iterator[Mutant]:
    """The figures of one dated value: itself, or every row of its table and every band's first number but the least."""
    if isinstance(node, Scalar):
        yield from _steps(file, node, path, whose, step)
    elif isinstance(node, Mapping):
        for name, below in node.entries.items():
            yield from _figures(file, below, (*path, name), f"{whose} {name}", parameter, depth + 1, step)
    else:
        band = Decimal(1) / Decimal(parameter.keys[depth].type.scale)
        for at, row in enumerate(node.items):
            assert isinstance(row, Mapping)
            first = row.entries["from"]
            assert isinstance(first, Scalar)
            name = f"{whose} {first.text}"
            if at > 0:
                yield from _steps(file, first, (*path, at, "from"), f"{whose} from", band)
            for key in ("value", "rows"):
                if key in row.entries:
                    yield from _figures(file, row.entries[key], (*path, at, key), name, parameter, depth + 1, step)


def _steps(file: str, node: Scalar, path: Path, whose: str, step: Decimal) -> Iterator[Mutant]:
    if isinstance(node.value, int | Decimal) and not isinstance(node.value, bool):
        for changed in (Decimal(node.value) + step, Decimal(node.value) - step):
            value = int(changed) if isinstance(node.value, int) and step == 1 else changed
            new = node._replace(value=value, text=str(changed))
            yield Mutant(file, node.place, "figure", path, new, f"{whose}: {node.text}", str(changed))


__all__ = ["KINDS", "Mutant", "Path", "applied", "derived_mutants", "line_with", "parameter_mutants", "policy_mutants"]
