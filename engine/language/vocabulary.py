"""Reads `rules/facts.yaml`: choices, household and member facts, derived facts.

Declarations come first and expressions second, so that a derived fact may stand anywhere in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from engine.language.conditions import condition_of
from engine.language.expressions import Names, Scope, read_expression
from engine.language.fields import KEPT, Fields, is_name, read_words
from engine.language.model import ChoiceSet, Fact
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.shapes import LEVELS, TYPES, keys_of
from engine.language.source import Mapping, Node, Scalar
from engine.language.types import OUTER, SCALE, Base, Type, Unit, day_number, decimal_text


@dataclass(frozen=True, slots=True)
class Pending:
    """A derived fact whose expression is still text."""

    name: str
    text: str
    place: Place


def read_vocabulary(
    node: Node | None, problems: Problems, policies: tuple[str, ...]
) -> tuple[dict[str, ChoiceSet], dict[str, Fact], list[Pending]]:
    """Choices and facts by name; derived facts come back pending, to be read once every name is known."""
    if node is None:
        return {}, {}, []
    fields = Fields(node, ("the vocabulary", "词汇表"), problems, *keys_of("vocabulary"))
    choices = _read_choices(fields.mapping("choices"), problems)
    facts: dict[str, Fact] = {}
    pending: list[Pending] = []
    for section in ("facts", "derived"):
        both = fields.mapping(section)
        if both is None:
            continue
        levels = Fields(both, (f"'{section}'", f"“{section}”"), problems, *keys_of("levels_of_facts"))
        for level in LEVELS:
            declared = levels.mapping(level)
            for name, body in (declared.entries if declared else {}).items():
                assert declared is not None
                at = declared.keys[name]
                if not check_name(name, at, problems, facts):
                    continue
                fact, text = _read_fact(name, level, body, at, choices, section == "derived", len(facts), problems)
                if fact is not None:
                    facts[name] = fact
                    if text is not None:
                        pending.append(text)
    return choices, facts, pending


def check_name(name: str, at: Place, problems: Problems, *taken: dict[str, Fact] | dict[str, Place]) -> bool:
    """Whether `name` may be declared at `at`: well-formed, not kept, not taken."""
    if not is_name(name) and name not in ("relation",):
        hint = (f"'{name}' is a word of the language", f"“{name}”是语言的保留字") if name in KEPT else ("", "")
        problems.add("bad-name", at, hint, name=name)
        return False
    for names in taken:
        if name in names:
            found = names[name]
            problems.add("name-taken", at, name=name, where=found if isinstance(found, Place) else found.at)
            return False
    return True


def _read_choices(node: Mapping | None, problems: Problems) -> dict[str, ChoiceSet]:
    found: dict[str, ChoiceSet] = {}
    for name, body in (node.entries if node else {}).items():
        assert node is not None
        if not is_name(name):
            problems.add("bad-name", node.keys[name], name=name)
            continue
        what = (f"the choices '{name}'", f"选项表“{name}”")
        if not isinstance(body, Mapping) or not body.entries:
            Fields(body, what, problems)
            if isinstance(body, Mapping):
                problems.add("missing-key", node.keys[name], what=what[0], key="a choice")
            continue
        words = {
            value: read_words(label, (f"the choice '{value}'", f"选项“{value}”"), problems)
            for value, label in body.entries.items()
        }
        if len(words) > 60:
            problems.add(
                "bad-value", node.keys[name], text=f"{len(words)} choices", wanted="at most 60", wanted_zh="最多 60 个"
            )
        found[name] = ChoiceSet(name, tuple(words), words)
    return found


def _read_fact(
    name: str,
    level: str,
    node: Node,
    at: Place,
    choices: dict[str, ChoiceSet],
    derived: bool,
    order: int,
    problems: Problems,
) -> tuple[Fact | None, Pending | None]:
    what = (f"the fact '{name}'", f"事实“{name}”")
    fields = Fields(node, what, problems, *keys_of("derived" if derived else "fact"))
    if not fields.fine:
        return None, None
    kind = read_type(fields, choices, problems)
    label = fields.words("label", what)
    if kind is None:
        return None, None
    fact = Fact(
        name,
        level,
        label,
        kind,
        order,
        question=fields.words("question"),
        help=fields.words("help"),
        subject=fields.words("subject"),
        department=fields.words("department"),
        sensitive=fields.flag("sensitive"),
        cite=fields.citations(),
        at=at,
    )
    text = expression_text(fields.get("is"), problems) if derived else None
    return fact, Pending(name, *text) if text else None


def expression_text(node: Node | None, problems: Problems) -> tuple[str, Place] | None:
    """The text of an expression and where it begins; None with the problem noted."""
    if node is None:
        return None
    if not isinstance(node, Scalar) or node.value is None:
        problems.add(
            "wrong-shape",
            node.place,
            what="an expression",
            wanted="one line of text",
            wanted_zh="一行文本",
            found="something else",
            found_zh="其他内容",
        )
        return None
    if node.in_flow and node.plain and (node.text.count("(") != node.text.count(")") or set("[]{}") & set(node.text)):
        hint = ("put the whole expression in double quotes", "请给整个表达式加双引号")
        problems.add("split-by-flow-style", node.place, hint)
        return None
    return node.text, node.place


def read_type(fields: Fields, choices: dict[str, ChoiceSet], problems: Problems) -> Type | None:
    """`type`, `unit`, `choices`, `step`, `lowest`, `highest` of a fact or parameter."""
    name = fields.one_of("type", TYPES)
    if name not in TYPES:
        return None
    base = Base(name)
    if base in (Base.CHOICE, Base.CHOICES):
        listed = fields.text("choices")
        if listed not in choices:
            at = fields.at("choices") if fields.has("choices") else fields.at("type")
            problems.add("not-one-of", at, text=listed, choices=", ".join(choices))
            return None
        return Type(base, choices=listed)
    if base in (Base.YES_NO, Base.TEXT):
        return Type(base)
    if base is Base.DATE:
        lowest_day, highest_day = fields.day("lowest"), fields.day("highest")
        return Type(
            base,
            least=OUTER[base][0] if lowest_day is None else Fraction(day_number(lowest_day)),
            most=OUTER[base][1] if highest_day is None else Fraction(day_number(highest_day)),
        )
    unit = Unit.parse(fields.text("unit")) if fields.has("unit") else Unit()
    if unit is None or (base is Base.MONEY and not any(n == "CNY" for n, _ in unit.powers)):
        hint = ("such as CNY, CNY/month, people, years, m2", "例如 CNY、CNY/month、people、years、m2")
        text = fields.text("unit") or "no unit"
        problems.add(
            "bad-value",
            fields.at("unit"),
            hint,
            text=text,
            wanted="a unit that fits the type",
            wanted_zh="与类型相符的单位",
        )
        return None
    scale = _scale(fields, base, problems)
    least, most = OUTER[base]
    lowest, highest = fields.number("lowest"), fields.number("highest")
    least, most = least if lowest is None else lowest, most if highest is None else highest
    if least > most:
        problems.add("dates-out-of-order", fields.at("highest"), later="highest", earlier="lowest")
        return None
    return Type(base, unit, scale=scale, least=least, most=most)


def _scale(fields: Fields, base: Base, problems: Problems) -> int:
    if not fields.has("step"):
        return SCALE[base]
    step = fields.number("step")
    if step is not None and step in [Fraction(1, 10**k) for k in range(9)]:
        return int(1 / step)
    problems.add("bad-value", fields.at("step"), text=step, wanted="1, 0.1, 0.01 …", wanted_zh="1、0.1、0.01 等")
    return SCALE[base]


def read_derived(facts: dict[str, Fact], pending: list[Pending], names: Names, problems: Problems) -> dict[str, Fact]:
    """The facts again, each derived one with its checked expression."""
    found = dict(facts)
    for each in pending:
        fact = facts[each.name]
        scope = Scope(names, problems, fact.level, policies=False)
        expr = read_expression(each.text, each.place, scope, fact.type)
        if expr is None:
            continue
        same = expr.type.base is fact.type.base or (
            expr.type.numeric and fact.type.numeric and fact.type.base is not Base.WHOLE
        )
        if not same or expr.type.choices != fact.type.choices:
            problems.add(
                "wrong-type",
                each.place,
                what=f"'{fact.name}'",
                wanted=fact.type.words("en"),
                wanted_zh=fact.type.words("zh"),
                found=expr.type.words("en"),
                found_zh=expr.type.words("zh"),
            )
            continue
        if fact.type.numeric and not expr.type.unit.agrees(fact.type.unit):
            problems.add("units-differ", each.place, left=fact.type.unit, right=expr.type.unit)
            continue
        if fact.type.base is Base.YES_NO:
            found[each.name] = replace(fact, condition=condition_of(expr, fact.name, each.text))
        else:
            found[each.name] = replace(fact, expr=expr)
    return found


def decimal_of(value: int | Decimal | Fraction) -> str:
    return decimal_text(Fraction(value))
