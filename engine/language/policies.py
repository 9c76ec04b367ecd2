"""Reads one policy file: what the law says, as a checked `Policy`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, cast

from engine.language.conditions import condition_of, holds_only_helps, refuse_inside
from engine.language.expressions import Names, Scope, read_expression
from engine.language.fields import Fields, Pair, is_name, members_have_ids, plain, read_words, wrong_shape
from engine.language.model import DecisionDays, Document, Example, Exclusion, Fact, Item, Let, Note, Policy
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.shapes import KINDS, LEVELS, PAYEES, PERIODS, ROUNDING, SHAPES, keys_of
from engine.language.source import Mapping, Node, Scalar, Sequence
from engine.language.tree import NO_WORDS, Citation, Condition, Expr, Words
from engine.language.types import YES_NO, Base, Type, Unit
from engine.language.vocabulary import expression_text

_CONDITION = SHAPES["condition"].one_of
_DIGITS = re.compile(r"[0-9０-９]")


@dataclass(frozen=True, slots=True)
class Heading:
    """What must be known of every policy before any expression is read."""

    id: str
    level: str
    place: Place


def read_heading(node: Node, problems: Problems) -> Heading | None:
    """The name and level of a policy file, quietly: `read_policy` notes what is wrong."""
    if not isinstance(node, Mapping):
        return None
    name, level = node.entries.get("policy"), node.entries.get("for")
    if not (isinstance(name, Scalar) and isinstance(name.value, str) and is_name(name.value)):
        return None
    at_level = level.value if isinstance(level, Scalar) and level.value in LEVELS else "household"
    return Heading(name.value, str(at_level), name.place)


@dataclass(slots=True)
class _File:
    """What is carried while one file is read."""

    scope: Scope
    problems: Problems
    ids: dict[str, Place] = field(default_factory=dict)
    lets_with_holds: set[str] = field(default_factory=set)

    def take_id(self, name: str, at: Place) -> None:
        if name in self.ids:
            self.problems.add("name-taken", at, name=name, where=self.ids[name])
        self.ids[name] = at

    def expression(self, node: Node | None, wanted: Type | None = None) -> Expr | None:
        text = expression_text(node, self.problems)
        return read_expression(*text, self.scope, wanted) if text else None


def read_policy(
    node: Node, names: Names, problems: Problems, group: str, jurisdiction: str, order: int
) -> Policy | None:
    """One policy version, or None where its heading is too broken to go on."""
    fields = Fields(node, ("a policy", "政策"), problems, *keys_of("policy"))
    name = fields.text("policy")
    if not fields.fine or not name:
        return None
    if not is_name(name):
        problems.add("bad-name", fields.at("policy"), name=name)
        return None
    level = fields.one_of("for", LEVELS, "household")
    kind = fields.one_of("kind", KINDS, "benefit")
    force = (
        Fields(fields.get("in_force") or node, ("'in_force'", "in_force"), problems, *keys_of("in_force"))
        if fields.has("in_force")
        else None
    )
    start = force.day("from") if force else None
    end = force.day("to") if force else None
    if force is not None and start and end and end < start:
        problems.add("dates-out-of-order", force.at("to"), later=end, earlier=start)
    file = _File(Scope(names, problems, level), problems)
    lets = _read_lets(fields, file)
    when = _read_group(fields.get("when"), "when", file)
    gives = _read_items(fields, file)
    apply = (
        Fields(node_of(fields, "apply"), ("'apply'", "apply"), problems, *keys_of("apply"))
        if fields.has("apply")
        else None
    )
    cite = fields.citations()
    if fields.has("cite") and not cite:
        problems.add("no-citation", fields.at("cite"), name=name)
    return Policy(
        id=name,
        title=fields.words("title"),
        kind=kind,
        level=level,
        group=group,
        jurisdiction=jurisdiction,
        order=order,
        from_date=start or date(9999, 12, 31),
        to_date=end,
        new=bool(force and force.flag("new")),
        department=fields.words("department"),
        cite=cite,
        called=_read_called(fields, problems),
        lets=lets,
        when=when,
        gives=gives,
        excludes=_read_exclusions(fields, names, problems, name),
        documents=_read_documents(fields, file),
        where=apply.words("where") if apply else NO_WORDS,
        channel=apply.words("channel") if apply else NO_WORDS,
        decision_days=_read_days(fields, problems),
        review=fields.words("review"),
        notes=_read_notes(fields, file),
        examples=_read_examples(fields, problems),
        text=fields.words("about").zh if fields.has("about") else "",
        at=fields.at("policy"),
    )


def node_of(fields: Fields, key: str) -> Node:
    found = fields.get(key)
    assert found is not None
    return found


def _read_called(fields: Fields, problems: Problems) -> tuple[tuple[date, Words], ...]:
    found: list[tuple[date, Words]] = []
    for node in fields.items("called"):
        each = Fields(node, ("an earlier name", "旧名称"), problems, *keys_of("called"))
        until = each.day("until")
        if until is not None:
            found.append((until, Words(each.text("zh"), each.text("en"))))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _read_lets(fields: Fields, file: _File) -> tuple[Let, ...]:
    mapping = fields.mapping("let")
    names, problems = file.scope.names, file.problems
    found: list[Let] = []
    for name, node in (mapping.entries if mapping else {}).items():
        assert mapping is not None
        at = mapping.keys[name]
        if not is_name(name):
            problems.add("bad-name", at, name=name)
            continue
        if name in names.facts or name in names.parameters or name in names.policies:
            taken = names.facts.get(name) or names.parameters.get(name)
            problems.add("name-taken", at, name=name, where=taken.at if taken else "policies")
            continue
        let = _read_let(name, node, at, file)
        if let is not None:
            found.append(let)
            file.scope.lets[name] = let
            file.take_id(name, at)
    return tuple(found)


def _read_let(name: str, node: Node, at: Place, file: _File) -> Let | None:
    fields = Fields(
        node,
        (f"the result '{name}'", f"中间结果“{name}”"),
        file.problems,
        *keys_of("let"),
    )
    listed = fields.text("choices")
    if listed and listed not in file.scope.names.choices:
        file.problems.add("not-one-of", fields.at("choices"), text=listed, choices=", ".join(file.scope.names.choices))
        return None
    expr = file.expression(fields.get("is"), Type(Base.CHOICE, choices=listed) if listed else None)
    if expr is None:
        return None
    if fields.has("unit"):
        unit = Unit.parse(fields.text("unit"))
        if unit is None:
            file.problems.add(
                "bad-value", fields.at("unit"), text=fields.text("unit"), wanted="a unit", wanted_zh="单位"
            )
        elif not unit.agrees(expr.type.unit):
            file.problems.add("units-differ", fields.at("unit"), left=unit, right=expr.type.unit)
    words = Words(fields.text("zh"), fields.text("en"))
    if expr.type.base is Base.YES_NO:
        condition = condition_of(expr, name, fields.text("is"))
        if holds_only_helps(condition, file.problems, frozenset(file.lets_with_holds)):
            file.lets_with_holds.add(name)
        return Let(name, words, expr.type, None, condition, at)
    refuse_inside(expr, file.problems, frozenset(file.lets_with_holds))
    return Let(name, words, expr.type, expr, None, at)


def _read_group(node: Node | None, name: str, file: _File, positive: bool = True) -> Condition:
    """A condition tree from `all`/`any`/`none`, a leaf mapping or a bare line, with its `holds` looked over."""
    condition = _read_condition(node, name, file) if node is not None else Condition("all", name)
    holds_only_helps(condition, file.problems, frozenset(file.lets_with_holds))
    return condition


def _read_condition(node: Node, name: str, file: _File) -> Condition:
    if isinstance(node, Scalar):
        return _read_leaf(node, name, file)
    if isinstance(node, Sequence):
        hint = ("write 'all:', 'any:' or 'none:' before the list", "请在列表前写 all:、any: 或 none:")
        file.problems.add(
            "wrong-shape",
            node.place,
            hint,
            what="a condition",
            wanted="a line or a mapping",
            wanted_zh="一行或映射",
            found="a list",
            found_zh="列表",
        )
        return Condition("all", name, at=node.place)
    present = [key for key in _CONDITION if key in node.entries]
    what: Pair = ("a condition", "条件")
    if len(present) != 1:
        hint = ("exactly one of if, all, any, none", "if、all、any、none 中恰好一个")
        file.problems.add("missing-key", node.place, hint, what=what[0], what_zh=what[1], key="if")
        return Condition("all", name, at=node.place)
    beside = tuple(key.name for key in SHAPES["condition"].keys if key.name not in _CONDITION)
    fields = Fields(node, what, file.problems, (present[0],), beside)
    given = fields.text("id")
    if given and not is_name(given):
        file.problems.add("bad-name", fields.at("id"), name=given)
        given = ""
    name = given or name
    says, cite = _gloss(fields, file), fields.citations()
    verified = fields.flag("verified", True)
    if present[0] == "if":
        leaf = _read_leaf(node_of(fields, "if"), name, file)
        return Condition(leaf.kind, leaf.id, leaf.parts, leaf.expr, leaf.at, leaf.text, says, cite, verified)
    file.take_id(name, node.place)
    items = fields.items(present[0])
    if not items:
        file.problems.add("missing-key", fields.at(present[0]), what=f"'{present[0]}'", key="a condition")
    parts = tuple(_read_condition(item, f"{name}.{n}", file) for n, item in enumerate(items, 1))
    return Condition(present[0], name, parts, None, node.place, "", says, cite, verified)


def _gloss(fields: Fields, file: _File) -> Words:
    if not fields.has("says"):
        return NO_WORDS
    words = fields.words("says")
    if _DIGITS.search(words.zh + words.en):
        file.problems.add("digits-in-gloss", fields.at("says"))
    return words


def _read_leaf(node: Node, name: str, file: _File) -> Condition:
    file.take_id(name, node.place)
    expr = file.expression(node)
    if expr is None:
        return Condition("all", name, at=node.place)
    if expr.type.base is not Base.YES_NO:
        file.problems.add(
            "wrong-type",
            expr.at,
            what="a condition",
            what_zh="条件",
            wanted=YES_NO.words("en"),
            wanted_zh=YES_NO.words("zh"),
            found=expr.type.words("en"),
            found_zh=expr.type.words("zh"),
        )
        return Condition("all", name, at=node.place)
    return condition_of(expr, name, node.text if isinstance(node, Scalar) else "")


def _read_items(fields: Fields, file: _File) -> tuple[Item, ...]:
    found: list[Item] = []
    for node in fields.items("gives"):
        each = Fields(
            node,
            ("an item of 'gives'", "gives 的一项"),
            file.problems,
            *keys_of("item"),
        )
        name = each.text("id")
        if not name:
            continue
        if not is_name(name):
            file.problems.add("bad-name", each.at("id"), name=name)
            continue
        if each.has("amount") and each.has("up_to"):
            file.problems.add(
                "unknown-key", each.at("up_to"), ("either amount or up_to", "amount 与 up_to 只能有一个"), key="up_to"
            )
        file.take_id(f"gives.{name}", each.place)
        found.append(_read_item(name, each, file))
    return tuple(found)


def _read_item(name: str, each: Fields, file: _File) -> Item:
    problems, lets = file.problems, frozenset(file.lets_with_holds)
    node = each.get("amount") or each.get("up_to")
    amount = file.expression(node) if node is not None else None
    per = each.one_of("per", PERIODS) if node is not None or each.has("per") else ""
    if amount is not None:
        refuse_inside(amount, problems, lets)
        if not amount.type.numeric:
            problems.add(
                "wrong-type",
                amount.at,
                what=f"'{name}'",
                wanted="money",
                wanted_zh="金额",
                found=amount.type.words("en"),
                found_zh=amount.type.words("zh"),
            )
            amount = None
    if node is not None and not each.has("per"):
        problems.add("missing-key", each.place, what=f"the item '{name}'", key="per")
    if amount is not None and per:
        wanted = Unit.parse("CNY" if per == "once" else f"CNY/{per}")
        assert wanted is not None
        if not amount.type.unit.agrees(wanted):
            problems.add("per-and-unit-differ", amount.at, name=name, per=per, wanted=wanted, found=amount.type.unit)
    step, mode = _read_rounding(each, problems)
    if amount is not None and step is None and not whole_fen(amount, file.scope.names.facts):
        hint = ("add round: {to: 0.01, mode: half_up}", "请补上 round: {to: 0.01, mode: half_up}")
        problems.add("amount-not-rounded", amount.at, hint, name=name)
    condition = None
    if each.has("if"):
        node_if = node_of(each, "if")
        condition = _read_group(node_if, f"gives.{name}.if", file)
    months = file.expression(each.get("for_months")) if each.has("for_months") else None
    if months is not None and not months.type.unit.agrees(Unit((("month", 1),))) and months.op != "literal":
        problems.add("units-differ", months.at, left="months", right=months.type.unit)
    return Item(
        name,
        each.words("title"),
        per,
        amount,
        each.has("up_to"),
        condition,
        step,
        mode,
        months,
        each.one_of("paid_to", PAYEES, "household"),
        _gloss(each, file),
        each.citations(),
        each.place,
    )


def _read_rounding(each: Fields, problems: Problems) -> tuple[Fraction | None, str]:
    if not each.has("round"):
        return None, ""
    fields = Fields(node_of(each, "round"), ("'round'", "round"), problems, *keys_of("round"))
    step = fields.number("to")
    mode = fields.one_of("mode", ROUNDING, "half_up")
    if step is not None and (step <= 0 or (step * 100).denominator != 1):
        problems.add(
            "bad-value", fields.at("to"), text=str(step), wanted="0.01, 0.1, 1, 10 …", wanted_zh="0.01、0.1、1、10 等"
        )
        step = None
    return step, mode


def whole_fen(expr: Expr, facts: dict[str, Fact]) -> bool:
    """Whether a sum is a whole number of fen whatever the facts are (so that it needs no rounding)."""
    if expr.op in ("+", "-", "min", "max", "sum_members", "min_members", "max_members", "negative"):
        return all(whole_fen(arg, facts) for arg in expr.args if arg.type.base is not Base.YES_NO)
    if expr.op == "if":
        return whole_fen(expr.args[1], facts) and whole_fen(expr.args[2], facts)
    if expr.op == "*":
        a, b = expr.args
        return (whole_fen(a, facts) and _whole_count(b)) or (whole_fen(b, facts) and _whole_count(a))
    if expr.op == "fact" and facts[expr.name].expr is not None:
        derived = facts[expr.name].expr
        assert derived is not None
        return whole_fen(derived, facts)
    if expr.op in ("fact", "parameter"):
        return expr.type.scale in (1, 10, 100)
    if expr.op == "literal":
        return True
    return expr.op == "round_to"


def _whole_count(expr: Expr) -> bool:
    if expr.op == "*":
        return all(_whole_count(arg) for arg in expr.args)
    return expr.type.base is Base.WHOLE


def _read_exclusions(fields: Fields, names: Names, problems: Problems, own: str) -> tuple[Exclusion, ...]:
    found: list[Exclusion] = []
    for node in fields.items("excludes"):
        if isinstance(node, Scalar):
            other, cite, verified = str(node.value), cast("tuple[Citation, ...]", ()), True
        else:
            each = Fields(node, ("an exclusion", "互斥"), problems, *keys_of("exclusion"))
            other, cite, verified = each.text("policy"), each.citations(), each.flag("verified", True)
        if other not in names.policies or other == own:
            problems.add("unknown-policy", node.place, problems.near(other, names.policies), name=other)
            continue
        found.append(Exclusion(other, cite, verified, node.place))
    return tuple(found)


def _read_documents(fields: Fields, file: _File) -> tuple[Document, ...]:
    found: list[Document] = []
    for n, node in enumerate(fields.items("documents"), 1):
        each = Fields(node, ("a document", "材料"), file.problems, *keys_of("document"))
        condition = _read_leaf(node_of(each, "if"), f"documents.{n}", file) if each.has("if") else None
        found.append(Document(Words(each.text("zh"), each.text("en")), condition))
    return tuple(found)


def _read_days(fields: Fields, problems: Problems) -> DecisionDays | None:
    if not fields.has("decision_days"):
        return None
    each = Fields(
        node_of(fields, "decision_days"),
        ("'decision_days'", "decision_days"),
        problems,
        *keys_of("decision_days"),
    )
    days = each.whole("days")
    return None if days is None else DecisionDays(days, each.flag("working"), each.citations(), each.flag("verified"))


def _read_notes(fields: Fields, file: _File) -> tuple[Note, ...]:
    found: list[Note] = []
    for n, node in enumerate(fields.items("notes"), 1):
        each = Fields(node, ("a note", "提示"), file.problems, *keys_of("note"))
        name = f"notes.{n}"
        condition = (
            _read_leaf(node_of(each, "if"), name, file) if each.has("if") else Condition("all", name, at=each.place)
        )
        found.append(
            Note(
                name,
                condition,
                read_words(node_of(each, "says"), ("a note", "提示"), file.problems) if each.has("says") else NO_WORDS,
                each.citations(),
            )
        )
    return tuple(found)


def _well_formed(each: Fields, problems: Problems) -> bool:
    """Whether an example's household can be put together: a name, a list of ids, facts with members that have ids."""
    before = len(problems)
    each.text("like")
    for node in each.items("without"):
        if not isinstance(node, Scalar):
            wrong_shape(problems, node, ("'without'", "“without”"), ("a list of ids", "id 列表"))
    household = each.mapping("household")
    if household is not None:
        members_have_ids(household, problems)
    return len(problems) == before


def _read_examples(fields: Fields, problems: Problems) -> tuple[Example, ...]:
    found: list[Example] = []
    for node in fields.items("examples"):
        each = Fields(node, ("an example", "例子"), problems, *keys_of("example"))
        day = each.day("on")
        says = each.words("says", ("an example", "例子"))
        if day is None or not each.has("expect"):
            continue
        if not _well_formed(each, problems):
            continue
        raw = {key: plain(value) for key in ("like", "without", "household") if (value := each.get(key)) is not None}
        expect, also = each.mapping("expect"), each.mapping("also")
        found.append(
            Example(
                says,
                day,
                raw,
                cast("dict[str, Any]", plain(expect)) if expect else {},
                cast("dict[str, dict[str, Any]]", plain(also)) if also else {},
                each.place,
            )
        )
    return tuple(found)
