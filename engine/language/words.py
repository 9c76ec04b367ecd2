"""Rules in words: every sentence is made from labels and the operator table, never typed beside the logic."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from engine.language.model import Parameter, Policy, Rulebook
from engine.language.operators import OPERATORS
from engine.language.tree import Condition, Expr, Words
from engine.language.types import Base, Type, day_of, decimal_text

LANGS = ("zh", "en")
PERIODS = {
    "once": Words("一次性", "once"),
    "week": Words("每周", "a week"),
    "fortnight": Words("每半月", "a fortnight"),
    "month": Words("每月", "a month"),
    "year": Words("每年", "a year"),
}
STATUS = {
    "eligible": Words("符合", "eligible"),
    "ineligible": Words("不符合", "not eligible"),
    "undetermined": Words("待定", "undetermined"),
}
_BINDING = {"or": 1, "and": 2, "not": 3, "if": 0, "+": 5, "-": 5, "*": 6, "/": 6, "negative": 7}


def text_in(lang: str, zh: str, en: str) -> str:
    return zh if lang == "zh" else en


def number_text(value: Fraction, kind: Type, lang: str, digits: int = 2) -> str:
    """A number as people write it: `1,650.00 元/月`; what does not end in `digits` decimals is rounded and marked ≈."""
    if kind.base is Base.DATE:
        return day_of(int(value)).isoformat()
    if kind.base is Base.RATIO:
        return f"{grouped(value * 100, 0, digits)}%"
    text = grouped(value, 2 if kind.base is Base.MONEY else 0, digits)
    unit = "" if kind.unit.powers == (("year", 1),) else kind.unit.words(lang)
    return f"{text} {unit}" if unit else text


def grouped(value: Fraction, places: int, most: int = 2) -> str:
    """Thousands by commas and at least `places` decimals, up to `most` where needed, then rounded (≈)."""
    for digits in range(places, most + 1):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return _with_commas(int(scaled), digits)
    return "≈" + _with_commas((value * 10**most + Fraction(1, 2)).__floor__(), most)


def _with_commas(scaled: int, digits: int) -> str:
    sign, whole = ("-" if scaled < 0 else ""), abs(scaled)
    if not digits:
        return f"{sign}{whole:,}"
    return f"{sign}{whole // 10**digits:,}.{whole % 10**digits:0{digits}d}"


def span_text(
    least: Fraction,
    most: Fraction,
    kind: Type,
    lang: str,
    open_below: bool = False,
    open_above: bool = False,
    digits: int = 2,
) -> str:
    """A range in words. An end that is open rests on an outer limit alone: it is never shown as a number."""
    if least == most:
        return number_text(least, kind, lang, digits)
    below, above = open_below or least <= kind.least, open_above or most >= kind.most
    low, high = number_text(least, kind, lang, digits), number_text(most, kind, lang, digits)
    if below and above:
        return text_in(lang, "未知", "not known")
    if above:
        return text_in(lang, f"不低于 {low}（上限未知）", f"at least {low} (no upper limit known)")
    if below:
        return text_in(lang, f"不高于 {high}", f"at most {high}")
    return text_in(lang, f"{low} 至 {high}", f"{low} to {high}")


class Wording:
    """Makes the sentences of one rulebook in one language, with policy names as of a day."""

    def __init__(self, rulebook: Rulebook, lang: str = "zh", on: date | None = None):
        self.rulebook, self.lang, self.on = rulebook, lang, on
        self.join = "、" if lang == "zh" else ", "
        self.policies: dict[str, str] = {}

    # -- names --

    def fact(self, name: str) -> str:
        return self.rulebook.facts[name].label[self.lang]

    def parameter(self, name: str) -> str:
        return self.rulebook.parameters[name].label[self.lang]

    def policy(self, name: str) -> str:
        if name not in self.policies:
            self.policies[name] = self._policy(name)
        return self.policies[name]

    def _policy(self, name: str) -> str:
        versions = self.rulebook.versions(name)
        on = self.on
        found = next((p for p in versions if on is not None and p.in_force(on)), versions[-1])
        return found.title_on(on)[self.lang] if on is not None else found.title[self.lang]

    def choice(self, choices: str, value: str) -> str:
        return self.rulebook.choices[choices].words[value][self.lang]

    def choices(self, choices: str, mask: int) -> str:
        known = self.rulebook.choices[choices]
        if mask == known.every:
            return text_in(self.lang, "未知", "not known")
        names = [self.choice(choices, value) for value in known.names(mask)]
        return text_in(self.lang, "或", " or ").join(names) if names else text_in(self.lang, "无", "none")

    # -- expressions --

    def expression(self, expr: Expr, policy: Policy | None = None, binding: int = 0) -> str:
        """An expression in words; brackets only where they are needed."""
        lang, op = self.lang, expr.op
        if op == "literal":
            return self._literal(expr)
        if op == "fact":
            return self.fact(expr.name)
        if op == "on":
            return text_in(lang, "认定日期", "the day of the decision")
        if op == "let":
            return self._let(expr.name, policy)
        if op == "parameter":
            keys = [self.expression(key, policy) for key in expr.args]
            return self.parameter(expr.name) + (
                f"（{self.join.join(keys)}）" if keys and lang == "zh" else f" ({self.join.join(keys)})" if keys else ""
            )
        row = OPERATORS[op]
        template = row.zh if lang == "zh" else row.en
        if op in ("receives", "qualifies", "holds"):
            return template.format(self.policy(expr.name))
        if op in ("and", "or"):
            own = _BINDING[op]
            text = text_in(lang, template, f" {template} ").join(self.expression(a, policy, own + 1) for a in expr.args)
            return self._bracketed(text, own < binding)
        if row.form == "members":
            return self._members(expr, template, policy)
        own = _BINDING.get(op, 8)
        args = [
            self.expression(arg, policy, own + (number > 0 and op in ("-", "/")))
            for number, arg in enumerate(expr.args)
        ]
        text = template.replace("{*}", self.join.join(args)).format(*args)
        return self._bracketed(text, own < binding)

    def _bracketed(self, text: str, needed: bool) -> str:
        if not needed:
            return text
        return f"（{text}）" if self.lang == "zh" else f"({text})"

    def _literal(self, expr: Expr) -> str:
        value = expr.value
        if isinstance(value, bool):
            return text_in(self.lang, "是" if value else "否", "yes" if value else "no")
        if isinstance(value, Fraction):
            return decimal_text(value)
        if isinstance(value, tuple):
            return self.join.join(self.choice(expr.type.choices, each) for each in value)
        return self.choice(expr.type.choices, str(value))

    def _let(self, name: str, policy: Policy | None) -> str:
        found = next((let for let in policy.lets if let.name == name), None) if policy else None
        return found.words[self.lang] if found else name

    def _members(self, expr: Expr, template: str, policy: Policy | None) -> str:
        body, where = expr.args[0], expr.args[1]
        inner = self.expression(body, policy)
        if where.value is True:
            return template.format(inner)
        narrowed = self.expression(where, policy)
        return template.format(inner) + text_in(self.lang, f"（限{narrowed}者）", f" (where {narrowed})")

    # -- conditions --

    def relation(self, expr: Expr) -> str:
        """The words between the two sides of a comparison."""
        row = OPERATORS[expr.op]
        return (
            row.zh.replace("{0}", "").replace("{1}", "")
            if self.lang == "zh"
            else row.en.replace("{0} is ", "").replace("{1}", "").strip()
        )

    def condition(self, node: Condition, policy: Policy | None = None) -> str:
        """A leaf's sentence, or the heading of a group."""
        lang = self.lang
        if node.kind == "leaf":
            assert node.expr is not None
            return self.expression(node.expr, policy)
        if node.kind == "not":
            return (
                OPERATORS["not"].zh.format(self.condition(node.parts[0], policy))
                if lang == "zh"
                else OPERATORS["not"].en.format(self.condition(node.parts[0], policy))
            )
        if node.kind in ("any_member", "every_member"):
            where, body = node.parts
            row = OPERATORS[node.kind]
            text = (row.zh if lang == "zh" else row.en).format(self._inside(body, policy))
            if where.kind == "all" and not where.parts:
                return text
            narrowed = self._inside(where, policy)
            return text + text_in(lang, f"（限{narrowed}者）", f" (where {narrowed})")
        return {
            "all": text_in(lang, "以下各项均须满足", "all of these"),
            "any": text_in(lang, "以下任一项满足即可", "any one of these"),
            "none": text_in(lang, "以下各项均不得有", "none of these"),
        }[node.kind]

    def _inside(self, node: Condition, policy: Policy | None) -> str:
        """A whole tree on one line, for inside a member's condition."""
        if node.kind in ("all", "any", "none") and node.parts:
            word = text_in(self.lang, "且", " and ") if node.kind == "all" else text_in(self.lang, "或", " or ")
            text = word.join(self._inside(part, policy) for part in node.parts)
            return (
                self._bracketed(text, node.kind != "all") if node.kind != "none" else OPERATORS["not"].zh.format(text)
            )
        return self.condition(node, policy)

    def figure(self, parameter: Parameter, value: Fraction | None) -> str:
        """A parameter's value, or that it is not published."""
        if value is None:
            return text_in(self.lang, "未公布", "not published")
        return number_text(value, parameter.type, self.lang)


def money_text(fen: int, lang: str, per: str = "") -> str:
    """`每月 1,950.00 元` or `1,950.00 yuan a month`."""
    text = _with_commas(fen, 2)
    if not per:
        return text_in(lang, f"{text} 元", f"{text} yuan")
    return text_in(lang, f"{PERIODS[per].zh} {text} 元", f"{text} yuan {PERIODS[per].en}")
