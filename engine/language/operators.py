"""The operator table: one row an operator. Its name, what it takes and yields, its ends, its words.

`result` types a use of the operator and notes what is wrong with it; `ends` says how its least and most follow from
its operands'; `zh` and `en` are the words a sentence is made of. `docs/rule-language.md` must name every row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

from engine.language import ends
from engine.language.ends import Folded, Mask, Range, Truth
from engine.language.leaves import Leaves
from engine.language.places import Place
from engine.language.tree import Expr
from engine.language.types import DATE, NUMERIC, PLAIN, YES_NO, Base, Type, Unit

ROUND_STEPS = (Fraction(1, 100), Fraction(1, 10), Fraction(1), Fraction(10), Fraction(100))


class Reports(Protocol):
    """Where an operator says what is wrong with a use of it."""

    def report(self, code: str, at: Place, hint: tuple[str, str] | str = "", /, **words: object) -> None: ...


Result = Callable[[Reports, "Operator", tuple[Expr, ...], Place], Type | None]
Ends = Callable[[Leaves, Expr], Any]


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table. `takes` is what a person reads when the arguments do not fit."""

    name: str
    form: str  # infix | compare | logic | call | members | policy
    takes: tuple[str, str]  # English, Chinese
    result: Result | None
    ends: Ends
    zh: str
    en: str
    arity: tuple[int, int] = (2, 2)
    keywords: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------ typing helpers


def is_plain_literal(expr: Expr) -> bool:
    return expr.op == "literal" and isinstance(expr.value, Fraction)


def _fits(a: Expr, b: Expr) -> bool:
    """Whether two numbers may be added or compared: units agree, or one is a bare number beside a count or a time."""
    if a.type.unit.agrees(b.type.unit):
        return True
    for literal, other in ((a, b), (b, a)):
        if is_plain_literal(literal):
            return literal.value == 0 or not any(name == "CNY" for name, _ in other.type.unit.powers)
    return False


def wanted_number(r: Reports, op: Operator, arg: Expr) -> bool:
    if arg.type.base in NUMERIC:
        return True
    r.report(
        "wrong-type",
        arg.at,
        what=f"what {op.name} takes",
        wanted="a number",
        wanted_zh="数值",
        found=arg.type.words("en"),
        found_zh=arg.type.words("zh"),
    )
    return False


def _numbers(r: Reports, op: Operator, args: tuple[Expr, ...]) -> bool:
    return all([wanted_number(r, op, arg) for arg in args])


def _alike(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> bool:
    """All numbers, all of one unit."""
    if not _numbers(r, op, args):
        return False
    first = next((a for a in args if not is_plain_literal(a)), args[0])
    for arg in args:
        if not _fits(first, arg):
            r.report("units-differ", at, _unit_hint(first, arg), left=first.type.unit, right=arg.type.unit)
            return False
    return True


def _unit_hint(a: Expr, b: Expr) -> tuple[str, str]:
    pair = {str(a.type.unit), str(b.type.unit)}
    if pair == {"CNY/month", "CNY/year"}:
        return ("yearly(x) and monthly(x) turn one into the other", "可用 yearly(x) 或 monthly(x) 换算")
    return ("", "")


def numeric_type(unit: Unit, args: tuple[Expr, ...], least: Fraction, most: Fraction) -> Type:
    """The type of a number worked out from `args`."""
    bases = {arg.type.base for arg in args}
    if any(name == "CNY" and power == 1 for name, power in unit.powers):
        return Type(Base.MONEY, unit, scale=100, least=least, most=most)
    if bases == {Base.WHOLE}:
        return Type(Base.WHOLE, unit, scale=1, least=least, most=most)
    return Type(Base.NUMBER, unit, scale=max(arg.type.scale for arg in args), least=least, most=most)


def _unit_of(args: tuple[Expr, ...]) -> Unit:
    return next((a.type.unit for a in args if not is_plain_literal(a)), PLAIN)


# ----------------------------------------------------------------------------------------------------- arithmetic


def _sum_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _alike(r, op, args, at):
        return None
    a, b = (arg.type for arg in args)
    if op.name == "+":
        return numeric_type(_unit_of(args), args, a.least + b.least, a.most + b.most)
    return numeric_type(_unit_of(args), args, a.least - b.most, a.most - b.least)


def _corners(a: Type, b: Type) -> tuple[Fraction, Fraction]:
    products = [x * y for x in (a.least, a.most) for y in (b.least, b.most)]
    return min(products), max(products)


def span(t: Type) -> str:
    from engine.language.types import decimal_text

    return f"{decimal_text(t.least)} … {decimal_text(t.most)}"


def _product_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _numbers(r, op, args):
        return None
    a, b = (arg.type for arg in args)
    if a.least < 0 < a.most and b.least < 0 < b.most:
        hint = ("use max(0, …) for the one that cannot be negative", "对不可能为负的一方用 max(0, …)")
        r.report("both-factors-cross-zero", at, hint, left=span(a), right=span(b))
        return None
    least, most = _corners(a, b)
    unit = a.unit.times(b.unit)
    found = numeric_type(unit, args, least, most)
    return replace(found, scale=max(found.scale, a.scale, b.scale))


def _quotient_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _numbers(r, op, args):
        return None
    a, b = (arg.type for arg in args)
    if b.least <= 0:
        hint = (
            "declare `lowest` above zero for it, or divide by max(1, …)",
            "请为它声明大于零的 lowest，或改用 max(1, …) 作除数",
        )
        r.report("divisor-may-be-zero", args[1].at, hint, range=span(b))
        return None
    corners = [x / y for x in (a.least, a.most) for y in (b.least, b.most)]
    unit = a.unit.times(b.unit, -1)
    money = any(name == "CNY" and power == 1 for name, power in unit.powers)
    scale = 100 if money else 10_000
    return Type(Base.MONEY if money else Base.NUMBER, unit, scale=scale, least=min(corners), most=max(corners))


def _negative_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _numbers(r, op, args):
        return None
    t = args[0].type
    return replace(t, least=-t.most, most=-t.least)


def _extreme_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _alike(r, op, args, at):
        return None
    pick = min if op.name == "min" else max
    least, most = pick(a.type.least for a in args), pick(a.type.most for a in args)
    return numeric_type(_unit_of(args), args, least, most)


def _round_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _numbers(r, op, args[:1]):
        return None
    if not (is_plain_literal(args[1]) and args[1].value in ROUND_STEPS):
        r.report("wrong-arguments", args[1].at, name="round_to", wanted=op.takes[0], wanted_zh=op.takes[1])
        return None
    t = args[0].type
    if t.least < 0:
        r.report("rounds-below-zero", args[0].at, ("round max(0, …)", "请对 max(0, …) 舍入"), range=span(t))
        return None
    step = args[1].value
    assert isinstance(step, Fraction)
    return replace(t, least=_half_up(t.least, step), most=_half_up(t.most, step))


def _half_up(value: Fraction, step: Fraction) -> Fraction:
    return ((value / step + Fraction(1, 2)).__floor__()) * step


def _marginal_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    x, schedule = args
    if schedule.op != "parameter" or schedule.type.base is not Base.RATIO:
        r.report("wrong-arguments", schedule.at, name=op.name, wanted=op.takes[0], wanted_zh=op.takes[1])
        return None
    if not _numbers(r, op, (x,)):
        return None
    if x.type.least < 0:
        r.report("rounds-below-zero", x.at, ("use max(0, …)", "请用 max(0, …)"), range=span(x.type))
        return None
    return replace(x.type, base=Base.MONEY, scale=100, least=Fraction(0), most=x.type.most * schedule.type.most)


_PERIODS = {"yearly": "year", "monthly": "month", "weekly": "week"}
_PER_YEAR = {"year": 1, "month": 12, "week": 52}


def range_of(expr: Expr) -> Range:
    """The limits the checker worked out for an expression."""
    return Range(expr.type.least, expr.type.most)


def _factor(op: str, unit: Unit) -> Fraction | None:
    below = [name for name, power in unit.powers if power == -1 and name in _PER_YEAR]
    if len(below) != 1:
        return None
    return Fraction(_PER_YEAR[below[0]], _PER_YEAR[_PERIODS[op]])


def _period_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    if not _numbers(r, op, args):
        return None
    t = args[0].type
    factor = _factor(op.name, t.unit)
    if factor is None:
        r.report("wrong-arguments", args[0].at, name=op.name, wanted=op.takes[0], wanted_zh=op.takes[1])
        return None
    below = next(name for name, power in t.unit.powers if power == -1 and name in _PER_YEAR)
    unit = t.unit.times(Unit(((below, 1),))).times(Unit(((_PERIODS[op.name], -1),)))
    return replace(t, unit=unit, least=t.least * factor, most=t.most * factor)


def _period_ends(fold: Leaves, expr: Expr) -> Folded:
    factor = _factor(expr.op, expr.args[0].type.unit)
    assert factor is not None
    positive = Range(factor, factor)
    return ends.mul(fold, fold.number(expr.args[0]), ends.constant(factor), range_of(expr.args[0]), positive)


def _dates(r: Reports, op: Operator, args: tuple[Expr, ...]) -> bool:
    fine = True
    for arg in args:
        if arg.type.base is not Base.DATE:
            found = (arg.type.words("en"), arg.type.words("zh"))
            r.report(
                "wrong-type",
                arg.at,
                what=f"what {op.name} takes",
                wanted="a date",
                wanted_zh="日期",
                found=found[0],
                found_zh=found[1],
            )
            fine = False
    return fine


def _years_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    unit = Unit((("year" if op.name == "years_between" else "month", 1),))
    most = Fraction(8200 if op.name == "years_between" else 98_400)
    return Type(Base.WHOLE, unit, least=Fraction(0), most=most) if _dates(r, op, args) else None


def _month_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    return Type(Base.WHOLE, least=Fraction(1), most=Fraction(12)) if _dates(r, op, args) else None


def _whole(term: Any) -> ends.Q:
    return ends.Q(term)


def _years_ends(fold: Leaves, expr: Expr) -> Folded:
    a, b = (fold.number(arg) for arg in expr.args)

    def years(start: ends.Q, end: ends.Q) -> ends.Q:
        after = fold.compare("<=", start.n, end.n)
        return ends.kept(fold, _whole(fold.pick(after, fold.floor(fold.sub(end.n, start.n), 10_000), 0)))

    lo = years(a.hi, b.lo)
    return ends.Num(lo, lo if a.exact and b.exact else years(a.lo, b.hi))


def _months_ends(fold: Leaves, expr: Expr) -> Folded:
    a, b = (fold.number(arg) for arg in expr.args)

    def count(day: Any) -> Any:  # months since year 0, and the day of the month behind
        months = fold.floor(day, 100)
        return fold.add(fold.mul(fold.floor(months, 100), 12), fold.sub(months, fold.mul(fold.floor(months, 100), 100)))

    def of_month(day: Any) -> Any:
        return fold.sub(day, fold.mul(fold.floor(day, 100), 100))

    def months(start: ends.Q, end: ends.Q) -> ends.Q:
        whole = fold.sub(count(end.n), count(start.n))
        short = fold.pick(fold.compare("<", of_month(end.n), of_month(start.n)), 1, 0)
        after = fold.compare("<=", start.n, end.n)
        return ends.kept(fold, _whole(fold.pick(after, fold.sub(whole, short), 0)))

    lo = months(a.hi, b.lo)
    return ends.Num(lo, lo if a.exact and b.exact else months(a.lo, b.hi))


def _month_ends(fold: Leaves, expr: Expr) -> Folded:
    day = fold.number(expr.args[0])

    def month(q: ends.Q) -> Any:
        whole = fold.floor(q.n, 100)
        return fold.keep(fold.sub(whole, fold.mul(fold.floor(whole, 100), 100)))

    lo = _whole(month(day.lo))
    if day.exact:
        return ends.Num(lo, lo)
    same_year = fold.keep(fold.compare("==", fold.floor(day.lo.n, 10_000), fold.floor(day.hi.n, 10_000)))
    least = ends.kept(fold, _whole(fold.pick(same_year, lo.n, 1)))
    return ends.Num(least, ends.kept(fold, _whole(fold.pick(same_year, month(day.hi), 12))))


def _extreme_ends(fold: Leaves, expr: Expr) -> Folded:
    combine = ends.least_of if expr.op == "min" else ends.most_of
    found = fold.number(expr.args[0])
    for arg in expr.args[1:]:
        found = combine(fold, found, fold.number(arg))
    return found


def _round_ends(fold: Leaves, expr: Expr) -> Folded:
    step = expr.args[1].value
    assert isinstance(step, Fraction)
    return ends.rounded(fold, fold.number(expr.args[0]), step, "half_up")


# ----------------------------------------------------------------------------------------- comparison, logic, if


def _compare_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    a, b = args
    if Base.CHOICE in (a.type.base, b.type.base) and a.type.base == b.type.base:
        if op.name not in ("==", "!="):
            r.report("choice-compared", at)
            return None
        if a.type.choices != b.type.choices:
            r.report("units-differ", at, left=a.type.choices, right=b.type.choices)
            return None
        return YES_NO
    if a.type.base is Base.DATE and b.type.base is Base.DATE:
        return YES_NO
    if Base.DATE in (a.type.base, b.type.base):
        other = b if a.type.base is Base.DATE else a
        r.report(
            "wrong-type",
            other.at,
            what="what a date is compared with",
            wanted="a date",
            wanted_zh="日期",
            found=other.type.words("en"),
            found_zh=other.type.words("zh"),
        )
        return None
    return YES_NO if _alike(r, op, args, at) else None


def _compare_ends(fold: Leaves, expr: Expr) -> Folded:
    left, right = expr.args
    if left.type.base is Base.CHOICE:
        for literal, other in ((right, left), (left, right)):
            if literal.op == "literal":
                assert isinstance(literal.value, str)
                found = fold.choice_in(fold.value(other), other.type.choices, (literal.value,))
                break
        else:
            found = fold.choice_same(fold.value(left), fold.value(right))
        return ends.negated(fold, found) if expr.op == "!=" else found
    return ends.compared(fold, expr.op, fold.number(left), fold.number(right))


def _in_ends(fold: Leaves, expr: Expr) -> Folded:
    left, right = expr.args
    if right.type.base is Base.CHOICES:
        assert isinstance(left.value, str)
        found = fold.several_has(fold.value(right), right.type.choices, left.value)
    else:
        assert isinstance(right.value, tuple)
        mask = fold.value(left)
        assert isinstance(mask, Mask)
        found = fold.choice_in(mask, left.type.choices, right.value)
    return ends.negated(fold, found) if expr.op == "not in" else found


def _truths(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    fine = True
    for arg in args:
        if arg.type.base is not Base.YES_NO:
            r.report(
                "wrong-type",
                arg.at,
                what=f"what '{op.name}' joins",
                wanted="a condition",
                wanted_zh="条件",
                found=arg.type.words("en"),
                found_zh=arg.type.words("zh"),
            )
            fine = False
    return YES_NO if fine else None


def _if_result(r: Reports, op: Operator, args: tuple[Expr, ...], at: Place) -> Type | None:
    test, yes, no = args
    if test.type.base is not Base.YES_NO:
        r.report(
            "wrong-type",
            test.at,
            what="the test of 'if'",
            wanted="a condition",
            wanted_zh="条件",
            found=test.type.words("en"),
            found_zh=test.type.words("zh"),
        )
        return None
    if yes.type.base in NUMERIC and no.type.base in NUMERIC:
        if not _alike(r, op, (yes, no), at):
            return None
        least, most = min(yes.type.least, no.type.least), max(yes.type.most, no.type.most)
        return numeric_type(_unit_of((yes, no)), (yes, no), least, most)
    if yes.type.base is not no.type.base or yes.type.choices != no.type.choices or yes.type.base is Base.CHOICES:
        r.report(
            "wrong-type",
            no.at,
            what="the other branch",
            wanted=yes.type.words("en"),
            wanted_zh=yes.type.words("zh"),
            found=no.type.words("en"),
            found_zh=no.type.words("zh"),
        )
        return None
    least, most = min(yes.type.least, no.type.least), max(yes.type.most, no.type.most)
    return replace(yes.type, least=least, most=most)


def _if_ends(fold: Leaves, expr: Expr) -> Folded:
    test = fold.truth(expr.args[0])
    yes, no = fold.value(expr.args[1]), fold.value(expr.args[2])
    if isinstance(yes, ends.Num):
        return ends.if_number(fold, test, yes, no)
    if isinstance(yes, Truth):
        return ends.if_truth(fold, test, yes, no)
    return fold.if_choice(test, yes, no)


def _arithmetic(op: Callable[..., Any]) -> Ends:
    def run(fold: Leaves, expr: Expr) -> Folded:
        a, b = expr.args
        return op(fold, fold.number(a), fold.number(b), range_of(a), range_of(b))

    return run


def _plain(op: Callable[..., Any]) -> Ends:
    return lambda fold, expr: op(fold, *(fold.number(arg) for arg in expr.args))


def _joined(op: Callable[..., Any]) -> Ends:
    return lambda fold, expr: op(fold, [fold.truth(arg) for arg in expr.args])


def _leaf(fold: Leaves, expr: Expr) -> Folded:
    return fold.value(expr)


_TWO = ("two numbers of one unit", "两个同单位的数")
_ANY = ("two numbers", "两个数")
_MEMBER = ("a condition, and perhaps where=", "一个条件，可加 where=")
_ROWS = (
    Operator("+", "infix", _TWO, _sum_result, _plain(ends.add), "{0} + {1}", "{0} + {1}"),
    Operator("-", "infix", _TWO, _sum_result, _plain(ends.sub), "{0} − {1}", "{0} − {1}"),
    Operator("*", "infix", _ANY, _product_result, _arithmetic(ends.mul), "{0} × {1}", "{0} × {1}"),
    Operator("/", "infix", _ANY, _quotient_result, _arithmetic(ends.div), "{0} ÷ {1}", "{0} ÷ {1}"),
    Operator(
        "negative", "infix", ("a number", "一个数"), _negative_result, _plain(ends.negative), "−{0}", "−{0}", (1, 1)
    ),
    Operator("<", "compare", _TWO, _compare_result, _compare_ends, "{0}低于{1}", "{0} is below {1}"),
    Operator("<=", "compare", _TWO, _compare_result, _compare_ends, "{0}不高于{1}", "{0} is at most {1}"),
    Operator(">", "compare", _TWO, _compare_result, _compare_ends, "{0}高于{1}", "{0} is above {1}"),
    Operator(">=", "compare", _TWO, _compare_result, _compare_ends, "{0}不低于{1}", "{0} is at least {1}"),
    Operator("==", "compare", _TWO, _compare_result, _compare_ends, "{0}为{1}", "{0} is {1}"),
    Operator("!=", "compare", _TWO, _compare_result, _compare_ends, "{0}不为{1}", "{0} is not {1}"),
    Operator(
        "in",
        "compare",
        ("a choice and a list", "一个选项和一个列表"),
        None,
        _in_ends,
        "{0}属于{1}",
        "{0} is one of {1}",
    ),
    Operator(
        "not in",
        "compare",
        ("a choice and a list", "一个选项和一个列表"),
        None,
        _in_ends,
        "{0}不属于{1}",
        "{0} is none of {1}",
    ),
    Operator("and", "logic", ("conditions", "条件"), _truths, _joined(ends.all_of), "且", "and", (2, 99)),
    Operator("or", "logic", ("conditions", "条件"), _truths, _joined(ends.any_of), "或", "or", (2, 99)),
    Operator(
        "not",
        "logic",
        ("a condition", "一个条件"),
        _truths,
        lambda fold, expr: ends.negated(fold, fold.truth(expr.args[0])),
        "并非：{0}",
        "not: {0}",
        (1, 1),
    ),
    Operator(
        "if",
        "logic",
        ("x if c else y", "x if c else y"),
        _if_result,
        _if_ends,
        "若{0}则{1}，否则{2}",
        "{1} if {0}, else {2}",
        (3, 3),
    ),
    Operator(
        "min",
        "call",
        ("two or more numbers of one unit", "两个以上同单位的数"),
        _extreme_result,
        _extreme_ends,
        "（{*}）中较小者",
        "the least of ({*})",
        (2, 9),
    ),
    Operator(
        "max",
        "call",
        ("two or more numbers of one unit", "两个以上同单位的数"),
        _extreme_result,
        _extreme_ends,
        "（{*}）中较大者",
        "the greatest of ({*})",
        (2, 9),
    ),
    Operator(
        "round_to",
        "call",
        ("a number and one of 0.01, 0.1, 1, 10, 100", "一个数和 0.01、0.1、1、10、100 之一"),
        _round_result,
        _round_ends,
        "{0}四舍五入到{1}",
        "{0} rounded to {1}",
    ),
    Operator(
        "marginal",
        "call",
        ("an amount and a table of ratios by band", "一个金额和一张分段比例表"),
        _marginal_result,
        lambda fold, expr: fold.marginal(fold.number(expr.args[0]), expr.args[1]),
        "{0}按{1}分段计算",
        "{0} by the slices of {1}",
    ),
    Operator(
        "years_between",
        "call",
        ("two dates", "两个日期"),
        _years_result,
        _years_ends,
        "{0}至{1}的周年数",
        "whole years from {0} to {1}",
    ),
    Operator(
        "months_between",
        "call",
        ("two dates", "两个日期"),
        _years_result,
        _months_ends,
        "{0}至{1}的整月数",
        "whole months from {0} to {1}",
    ),
    Operator(
        "month_of", "call", ("a date", "一个日期"), _month_result, _month_ends, "{0}的月份", "the month of {0}", (1, 1)
    ),
    Operator(
        "yearly",
        "call",
        ("a sum per month, week or year", "按月、周或年计的数"),
        _period_result,
        _period_ends,
        "{0}折合全年",
        "{0} over a year",
        (1, 1),
    ),
    Operator(
        "monthly",
        "call",
        ("a sum per month, week or year", "按月、周或年计的数"),
        _period_result,
        _period_ends,
        "{0}折合每月",
        "{0} a month",
        (1, 1),
    ),
    Operator(
        "weekly",
        "call",
        ("a sum per month, week or year", "按月、周或年计的数"),
        _period_result,
        _period_ends,
        "{0}折合每周",
        "{0} a week",
        (1, 1),
    ),
    Operator("any_member", "members", _MEMBER, None, _leaf, "有成员{0}", "some member: {0}", (1, 1), ("where",)),
    Operator("every_member", "members", _MEMBER, None, _leaf, "每名成员都{0}", "every member: {0}", (1, 1), ("where",)),
    Operator("count_members", "members", _MEMBER, None, _leaf, "{0}的成员人数", "members with {0}", (1, 1), ("where",)),
    Operator(
        "sum_members",
        "members",
        ("a number, and perhaps where=", "一个数，可加 where="),
        None,
        _leaf,
        "成员{0}之和",
        "members' {0} together",
        (1, 1),
        ("where",),
    ),
    Operator(
        "min_members",
        "members",
        ("a number, otherwise=, and perhaps where=", "一个数、otherwise=，可加 where="),
        None,
        _leaf,
        "成员{0}的最小值",
        "the least {0} of members",
        (1, 1),
        ("where", "otherwise"),
    ),
    Operator(
        "max_members",
        "members",
        ("a number, otherwise=, and perhaps where=", "一个数、otherwise=，可加 where="),
        None,
        _leaf,
        "成员{0}的最大值",
        "the greatest {0} of members",
        (1, 1),
        ("where", "otherwise"),
    ),
    Operator(
        "receives",
        "policy",
        ("the name of a policy", "政策名称"),
        None,
        _leaf,
        "已享受{0}",
        "already draws {0}",
        (1, 1),
    ),
    Operator(
        "qualifies",
        "policy",
        ("the name of a policy", "政策名称"),
        None,
        _leaf,
        "符合{0}条件",
        "qualifies for {0}",
        (1, 1),
    ),
    Operator(
        "holds",
        "policy",
        ("the name of a policy", "政策名称"),
        None,
        _leaf,
        "享受或符合{0}",
        "draws or qualifies for {0}",
        (1, 1),
    ),
)

OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}
FUNCTIONS = tuple(row.name for row in _ROWS if row.form in ("call", "members", "policy"))
__all__ = ["DATE", "FUNCTIONS", "OPERATORS", "Operator", "Reports"]
