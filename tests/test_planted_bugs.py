"""The comparison with the naive evaluator can fail: every bug planted here is caught within a bounded number of worlds.

A bug is a function that patches one thing in the engine. Households and naive answers are drawn once, before anything
is patched; each bug then has `LIMIT` worlds to show itself in.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from pytest import MonkeyPatch

from engine.decide import amounts, best, compile_rulebook, generate, layout, missing, program, run
from engine.decide.generate import PythonFold
from engine.decide.tables import Table
from engine.language import ends, operators
from engine.language.ends import Mask, Num, Q, Several, Truth
from engine.language.household import Household
from engine.language.model import DatedValue, Parameter, Policy
from engine.language.operators import OPERATORS
from engine.language.tree import TRUE_CONDITION, Condition, Expr
from engine.language.types import YES_NO
from tests import naive, worlds
from tests.agreement import differences_from

LIMIT = 400
FIRST_SEED = 10_000

Bug = Callable[[MonkeyPatch], None]
BUGS: dict[str, Bug] = {}


def bug(plant: Bug) -> Bug:
    BUGS[plant.__name__] = plant
    return plant


# ------------------------------------------------------------------------------------------------- ways to plant


def operator(m: MonkeyPatch, name: str, work: Callable[[Any, Expr], Any]) -> None:
    """The ends of an operator are worked out otherwise."""
    m.setitem(OPERATORS, name, replace(OPERATORS[name], ends=work))


def binary(m: MonkeyPatch, name: str, work: Callable[[Any, Num, Num], Any]) -> None:
    operator(m, name, lambda fold, expr: work(fold, *(fold.number(arg) for arg in expr.args)))


def misread(m: MonkeyPatch, otherwise: Callable[[Expr], Expr | None]) -> None:
    """Some expressions are taken for others."""
    right, taken = PythonFold.value, {}

    def value(self: PythonFold, expr: Expr) -> Any:
        if id(expr) not in taken:  # the same object each time: the fold remembers by identity
            taken[id(expr)] = (expr, otherwise(expr))
        return right(self, taken[id(expr)][1] or expr)

    m.setattr(PythonFold, "value", value)


def misread_condition(m: MonkeyPatch, otherwise: Callable[[Condition], Condition | None]) -> None:
    right = PythonFold.condition
    m.setattr(PythonFold, "condition", lambda self, node, row: right(self, otherwise(node) or node, row))


def misread_item(m: MonkeyPatch, **changes: Any) -> None:
    right = generate._item
    m.setattr(generate, "_item", lambda fold, item, when, row: right(fold, replace(item, **changes), when, row))


def told(truth: Truth, term: Any) -> Truth:
    return Truth(term, term)


# ------------------------------------------------------------------------------------------------------ arithmetic


@bug
def minus_does_not_cross_the_ends(m: MonkeyPatch) -> None:
    binary(m, "-", lambda b, x, y: Num(ends.q_sub(b, x.lo, y.lo), ends.q_sub(b, x.hi, y.hi)))


@bug
def plus_forgets_the_upper_end(m: MonkeyPatch) -> None:
    binary(m, "+", lambda b, x, y: Num(ends.q_add(b, x.lo, y.lo), ends.q_add(b, x.hi, y.lo)))


@bug
def a_product_ignores_signs(m: MonkeyPatch) -> None:
    binary(m, "*", lambda b, x, y: Num(ends.q_mul(b, x.lo, y.lo), ends.q_mul(b, x.hi, y.hi)))


@bug
def a_divisor_keeps_its_ends(m: MonkeyPatch) -> None:
    def over(b: Any, q: Q) -> Q:
        return ends.kept(b, Q(b.mul(q.d, q.k), 1, q.n) if not isinstance(q.n, int) else Q(b.mul(q.d, q.k), q.n, 1))

    def divided(b: Any, x: Num, y: Num) -> Num:
        return Num(ends.q_mul(b, x.lo, over(b, y.lo)), ends.q_mul(b, x.hi, over(b, y.hi)))

    binary(m, "/", divided)


@bug
def the_negative_keeps_its_ends(m: MonkeyPatch) -> None:
    def turned(b: Any, x: Num) -> Num:
        zero = ends.constant(Fraction(0)).lo
        return Num(ends.q_sub(b, zero, x.lo), ends.q_sub(b, zero, x.hi))

    operator(m, "negative", lambda fold, expr: turned(fold, fold.number(expr.args[0])))


@bug
def the_smaller_of_two_takes_the_greater_end(m: MonkeyPatch) -> None:
    m.setattr(ends, "least_of", lambda b, x, y: Num(ends.q_least(b, x.lo, y.lo), ends.q_most(b, x.hi, y.hi)))


@bug
def the_greater_of_two_takes_the_smaller(m: MonkeyPatch) -> None:
    m.setattr(ends, "q_most", ends.q_least)


@bug
def rounding_goes_down(m: MonkeyPatch) -> None:
    right = ends.q_round
    m.setattr(ends, "q_round", lambda b, q, step, mode: right(b, q, step, "down"))


@bug
def halves_round_down(m: MonkeyPatch) -> None:
    right = ends.q_round

    def rounded(b: Any, q: Q, step: Fraction, mode: str) -> Q:
        if mode != "half_up":
            return right(b, q, step, mode)
        # the least that is at least a half below
        half = ends.q_sub(b, q, ends.constant(step / 2).lo)
        return right(b, half, step, "up")

    m.setattr(ends, "q_round", rounded)


@bug
def rounding_forgets_the_upper_end(m: MonkeyPatch) -> None:
    right = ends.rounded
    m.setattr(ends, "rounded", lambda b, x, step, mode: right(b, Num(x.lo, x.lo), step, mode))


@bug
def a_year_has_48_weeks(m: MonkeyPatch) -> None:
    m.setitem(operators._PER_YEAR, "week", 48)


@bug
def years_are_counted_backwards(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, args=e.args[::-1]) if e.op == "years_between" else None)


@bug
def a_birthday_is_new_year(m: MonkeyPatch) -> None:
    def between(fold: Any, a: Num, b: Num) -> Num:
        def of(start: Q, end: Q) -> Q:
            whole = fold.sub(fold.floor(end.n, 10_000), fold.floor(start.n, 10_000))
            return ends.kept(fold, Q(fold.pick(fold.compare("<=", start.n, end.n), whole, 0)))

        return Num(of(a.hi, b.lo), of(a.lo, b.hi))

    binary(m, "years_between", between)


@bug
def a_month_is_full_on_its_first_day(m: MonkeyPatch) -> None:
    def months(fold: Any, day: Any) -> Any:
        return fold.sub(fold.floor(day, 100), fold.mul(88, fold.floor(day, 10_000)))

    def between(fold: Any, a: Num, b: Num) -> Num:
        def of(start: Q, end: Q) -> Q:
            whole = fold.sub(months(fold, end.n), months(fold, start.n))
            return ends.kept(fold, Q(fold.pick(fold.compare("<=", start.n, end.n), whole, 0)))

        return Num(of(a.hi, b.lo), of(a.lo, b.hi))

    binary(m, "months_between", between)


@bug
def the_month_of_an_unknown_day_is_that_of_its_earliest(m: MonkeyPatch) -> None:
    right = OPERATORS["month_of"].ends

    def first(fold: Any, expr: Expr) -> Num:
        found = right(fold, expr)
        return Num(found.lo, found.lo)

    operator(m, "month_of", first)


# ------------------------------------------------------------------------------------------------- truths, choices


@bug
def below_is_read_as_at_most(m: MonkeyPatch) -> None:
    m.setattr(ends, "q_less", ends.q_at_most)


@bug
def at_most_is_read_as_below(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, op="<") if e.op == "<=" else None)


@bug
def a_comparison_looks_at_the_lower_ends_only(m: MonkeyPatch) -> None:
    right = ends.compared
    m.setattr(ends, "compared", lambda b, op, x, y: right(b, op, Num(x.lo, x.lo), Num(y.lo, y.lo)))


@bug
def ranges_that_begin_alike_are_the_same(m: MonkeyPatch) -> None:
    right = ends.compared

    def compared(b: Any, op: str, x: Num, y: Num) -> Truth:
        found = right(b, op, x, y)
        return found if op != "==" or found.exact else Truth(b.keep(ends.q_same(b, x.lo, y.lo)), found.possible)

    m.setattr(ends, "compared", compared)


@bug
def not_equal_is_read_as_equal(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, op="==") if e.op == "!=" else None)


@bug
def not_unknown_is_no(m: MonkeyPatch) -> None:
    m.setattr(ends, "negated", lambda b, x: told(x, b.keep(b.no(x.possible))))


@bug
def unknown_beside_yes_is_yes(m: MonkeyPatch) -> None:
    right = ends.all_of
    m.setattr(ends, "all_of", lambda b, truths: told(found := right(b, truths), found.possible))


@bug
def unknown_beside_no_is_no(m: MonkeyPatch) -> None:
    right = ends.any_of
    m.setattr(ends, "any_of", lambda b, truths: told(found := right(b, truths), found.certain))


@bug
def an_unknown_test_takes_one_branch(m: MonkeyPatch) -> None:
    right = ends.if_number
    m.setattr(ends, "if_number", lambda b, test, x, y: right(b, told(test, test.possible), x, y))


@bug
def an_unknown_test_settles_a_condition(m: MonkeyPatch) -> None:
    right = ends.if_truth
    m.setattr(ends, "if_truth", lambda b, test, x, y: right(b, told(test, test.certain), x, y))


@bug
def an_unknown_test_settles_a_choice(m: MonkeyPatch) -> None:
    right = PythonFold.if_choice
    m.setattr(PythonFold, "if_choice", lambda self, test, x, y: right(self, told(test, test.certain), x, y))


@bug
def a_possible_choice_is_the_choice(m: MonkeyPatch) -> None:
    right = PythonFold.choice_in
    m.setattr(
        PythonFold, "choice_in", lambda self, x, name, values: told(f := right(self, x, name, values), f.possible)
    )


@bug
def two_unknown_choices_are_the_same(m: MonkeyPatch) -> None:
    def same(self: PythonFold, x: Mask, y: Mask) -> Truth:
        return Truth(self.keep(f"({x.term} == {y.term})"), self.keep(f"({x.term} & {y.term} != 0)"))

    m.setattr(PythonFold, "choice_same", same)


@bug
def an_unknown_list_holds_everything(m: MonkeyPatch) -> None:
    right = PythonFold.several_has
    m.setattr(PythonFold, "several_has", lambda self, x, name, value: right(self, Several(x.may, x.may), name, value))


@bug
def not_in_is_read_as_in(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, op="in") if e.op == "not in" else None)


@bug
def none_of_them_is_read_as_not_all(m: MonkeyPatch) -> None:
    def otherwise(node: Condition) -> Condition | None:
        return replace(node, kind="not", parts=(Condition("all", "all", node.parts),)) if node.kind == "none" else None

    misread_condition(m, otherwise)


# ---------------------------------------------------------------------------------------------------------- members


@bug
def any_member_ignores_where(m: MonkeyPatch) -> None:
    _ignore_where(m, "any_member")


@bug
def every_member_ignores_where(m: MonkeyPatch) -> None:
    _ignore_where(m, "every_member")


def _ignore_where(m: MonkeyPatch, kind: str) -> None:
    def otherwise(node: Condition) -> Condition | None:
        if node.kind != kind:
            return None
        return replace(node, parts=(replace(TRUE_CONDITION, id=node.parts[0].id), node.parts[1]))

    misread_condition(m, otherwise)


@bug
def any_over_nobody_is_yes(m: MonkeyPatch) -> None:
    """Where `where` leaves nobody, `any` holds."""
    right = PythonFold.condition

    def condition(self: PythonFold, node: Condition, row: Any) -> Truth:
        found = right(self, node, row)
        if node.kind != "any_member":
            return found
        nobody = Condition("every_member", "nobody", (TRUE_CONDITION, Condition("not", "in", (node.parts[0],))))
        over = ends.any_of(self, [found, right(self, nobody, generate._Row())])
        row.layout.conditions[node.id] = replace(
            row.layout.conditions[node.id], certain=row.ref(over.certain), possible=row.ref(over.possible)
        )
        return over

    m.setattr(PythonFold, "condition", condition)


def _where_is(m: MonkeyPatch, name: str, of: Callable[[Truth], Any]) -> None:
    """Inside one member function an unknown `where` is settled."""
    right = getattr(PythonFold, name)

    def work(self: PythonFold, expr: Expr, *more: Any) -> Any:
        truth = self.truth
        self.truth = lambda e: told(f := truth(e), of(f)) if e is expr.args[1] else truth(e)  # type: ignore[method-assign]
        try:
            return right(self, expr, *more)
        finally:
            del self.truth  # type: ignore[attr-defined]

    m.setattr(PythonFold, name, work)


@bug
def unknown_members_are_counted(m: MonkeyPatch) -> None:
    _where_is(m, "_count_members", lambda where: where.possible)


@bug
def unknown_members_are_added(m: MonkeyPatch) -> None:
    _where_is(m, "_sum_members", lambda where: where.possible)


@bug
def unknown_members_are_left_out_of_a_sum(m: MonkeyPatch) -> None:
    _where_is(m, "_sum_members", lambda where: where.certain)


@bug
def unknown_members_settle_the_least(m: MonkeyPatch) -> None:
    _where_is(m, "_extreme", lambda where: where.possible)


@bug
def over_nobody_the_least_is_zero(m: MonkeyPatch) -> None:
    def otherwise(e: Expr) -> Expr | None:
        if e.op != "min_members":
            return None
        return replace(e, args=(*e.args[:2], replace(e.args[2], op="literal", name="", value=Fraction(0), args=())))

    misread(m, otherwise)


@bug
def the_greatest_member_is_the_least(m: MonkeyPatch) -> None:
    m.setattr(PythonFold, "_max_members", PythonFold._min_members)


# --------------------------------------------------------------------------------------------------- figures of law


@bug
def an_unpublished_figure_is_its_least(m: MonkeyPatch) -> None:
    right = program._values
    m.setattr(program, "_values", lambda *about: found if len(found := right(*about)) == 1 else [found[0]] * 2)


@bug
def an_unpublished_figure_has_its_ends_swapped(m: MonkeyPatch) -> None:
    right = program._values
    m.setattr(program, "_values", lambda *about: found if len(found := right(*about)) == 1 else found[::-1])


@bug
def a_figure_holds_before_its_first_day(m: MonkeyPatch) -> None:
    right = Parameter.on
    m.setattr(Parameter, "on", lambda self, day: right(self, day) or self.values[0])


@bug
def a_figure_begins_the_day_after(m: MonkeyPatch) -> None:
    def on(self: Parameter, day: date) -> Any:
        begun = [value for value in self.values if value.from_date < day]
        return begun[-1] if begun else None

    m.setattr(Parameter, "on", on)


@bug
def an_unknown_key_takes_the_first_row(m: MonkeyPatch) -> None:
    right = Table._possible
    m.setattr(Table, "_possible", lambda self, rows, at, ends_: right(self, rows, at, ends_)[:1])


@bug
def an_unpublished_row_is_left_out(m: MonkeyPatch) -> None:
    right = Table._possible

    def possible(self: Table, rows: Any, at: int, ends_: tuple[int, ...]) -> list[tuple[int, int, bool]]:
        found = right(self, rows, at, ends_)
        return [row for row in found if not row[2]] or found

    m.setattr(Table, "_possible", possible)


@bug
def a_band_begins_after_its_border(m: MonkeyPatch) -> None:
    right = Table._hull

    def hull(self: Table, ends_: tuple[int, ...]) -> Any:
        lowered, at = list(ends_), 0
        for key in self.keys:
            if key.band and self.rows is not None:
                lowered[at] -= 1
                lowered[at + 1] -= 1
            at += 2 if key.band else 1
        found = right(self, tuple(lowered))
        return found

    m.setattr(Table, "_hull", hull)


@bug
def nothing_is_added_past_the_last_band(m: MonkeyPatch) -> None:
    right = Table.__init__

    def made(self: Table, *about: Any) -> None:
        right(self, *about)
        self.each = 0

    m.setattr(Table, "__init__", made)


@bug
def an_unpublished_rate_is_its_least(m: MonkeyPatch) -> None:
    m.setattr(Table, "marginal_hi", Table.marginal_lo)


@bug
def one_rate_takes_the_whole_amount(m: MonkeyPatch) -> None:
    right = Table._marginal

    def whole(self: Table, unpublished: list[str], n: int, d: int, end: int) -> int:
        if self.rows is None:
            return right(self, unpublished, n, d, end)
        reached = [rate for start, rate in self.rows.items() if start * d <= n * self.keys[0].type.scale]
        rate = reached[-1] if reached else 0
        return (self.outer[end] if rate is None else rate) * n * 100

    m.setattr(Table, "_marginal", whole)


# -------------------------------------------------------------------------------------------------- facts, policies


@bug
def an_unknown_number_is_its_least(m: MonkeyPatch) -> None:
    right = layout.unknown_ends

    def told_ends(kind: Any, every: int) -> Any:
        lo, hi = right(kind, every)
        return (lo, lo) if kind.numeric else (lo, hi)

    m.setattr(layout, "unknown_ends", told_ends)


@bug
def an_absent_truth_is_false(m: MonkeyPatch) -> None:
    right = layout.unknown_ends
    m.setattr(layout, "unknown_ends", lambda kind, every: (False, False) if kind == YES_NO else right(kind, every))


@bug
def derived_ends_pass_their_limits(m: MonkeyPatch) -> None:
    m.setattr(ends, "clamp", lambda b, x, least, most: x)


@bug
def what_cannot_be_is_drawn_into_its_limits(m: MonkeyPatch) -> None:
    def within(fold: PythonFold, fact: Any, value: Num) -> Num:
        return ends.clamp(fold, value, fact.type.least, fact.type.most)

    m.setattr(generate, "_within_limits", within)


@bug
def receives_is_read_as_qualifies(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, op="qualifies") if e.op == "receives" else None)


@bug
def qualifies_is_read_as_holds(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, op="holds") if e.op == "qualifies" else None)


@bug
def holds_forgets_what_is_drawn(m: MonkeyPatch) -> None:
    misread(m, lambda e: replace(e, op="qualifies") if e.op == "holds" else None)


@bug
def a_policy_ends_a_day_early(m: MonkeyPatch) -> None:
    def in_force(self: Policy, day: date) -> bool:
        return self.from_date <= day and (self.to_date is None or day < self.to_date)

    m.setattr(Policy, "in_force", in_force)


@bug
def what_has_ended_may_yet_be_had(m: MonkeyPatch) -> None:
    m.setattr(program, "_may_qualify", lambda *about: True)


@bug
def what_has_not_begun_is_ruled_out(m: MonkeyPatch) -> None:
    m.setattr(program, "_may_qualify", lambda *about: False)


@bug
def what_is_open_is_read_as_settled(m: MonkeyPatch) -> None:
    m.setattr(program.InForce, "function", lambda self, open_: self.flat_function())


@bug
def what_is_open_is_derived_as_settled(m: MonkeyPatch) -> None:
    right = program._Bits.of_facts
    m.setattr(program._Bits, "of_facts", lambda self: None if right(self) is None else 0)


@bug
def an_unpublished_figure_counts_as_settled(m: MonkeyPatch) -> None:
    m.setattr(DatedValue, "published", True)


@bug
def what_another_policy_waits_for_counts_as_settled(m: MonkeyPatch) -> None:
    right = program._Bits._policy

    def alone(self: Any, name: str) -> int | None:
        asked = program.policies_asked
        program.policies_asked = lambda policy, advice=True: set()  # type: ignore[assignment]
        try:
            return right(self, name)
        finally:
            program.policies_asked = asked

    m.setattr(program._Bits, "_policy", alone)


@bug
def nothing_is_withheld(m: MonkeyPatch) -> None:
    m.setattr(run, "_rerun", lambda before, withheld, wanted: {})


@bug
def an_answer_rests_on_everything_it_asks(m: MonkeyPatch) -> None:
    right = run._rests_on

    def rests(found: Any, held: list[str], *about: Any) -> tuple[str, ...]:
        right(found, held, *about)
        return tuple(held)

    m.setattr(run, "_rests_on", rests)


# ------------------------------------------------------------------------------------------------------- amounts, best


@bug
def an_amount_may_be_below_zero(m: MonkeyPatch) -> None:
    right = ends.most_of

    def most(b: Any, x: Num, y: Num) -> Num:
        zero = y.exact and isinstance(y.lo.n, int) and y.lo.n == 0
        return x if zero else right(b, x, y)

    m.setattr(ends, "most_of", most)


@bug
def an_item_ignores_its_if(m: MonkeyPatch) -> None:
    right = generate._item

    def item(fold: PythonFold, item: Any, when: Truth, row: Any) -> Any:
        if item.condition is not None:
            fold.condition(item.condition, row)
        return right(fold, replace(item, condition=None), when, row)

    m.setattr(generate, "_item", item)


@bug
def up_to_is_paid_for_sure(m: MonkeyPatch) -> None:
    misread_item(m, up_to=False)


@bug
def amounts_round_half_up_always(m: MonkeyPatch) -> None:
    misread_item(m, round_mode="half_up")


@bug
def amounts_round_to_the_fen_always(m: MonkeyPatch) -> None:
    misread_item(m, round_to=Fraction(1, 100))


@bug
def an_open_answer_pays_at_least_its_amount(m: MonkeyPatch) -> None:
    right = generate._item
    m.setattr(generate, "_item", lambda fold, item, when, row: right(fold, item, told(when, when.possible), row))


@bug
def a_fortnight_is_paid_26_times(m: MonkeyPatch) -> None:
    m.setitem(amounts.TIMES, "fortnight", 26)


@bug
def the_best_need_not_be_sure(m: MonkeyPatch) -> None:
    def is_best(n: int, options: Any, lawful: list[int]) -> bool:
        return not options[n].may_give_up and all(options[n].least >= options[k].least for k in lawful)

    m.setattr(best, "_is_best", is_best)


@bug
def of_equals_the_last_is_best(m: MonkeyPatch) -> None:
    def is_best(n: int, options: Any, lawful: list[int]) -> bool:
        own = options[n]
        others = [(options[k], k) for k in lawful if k != n]
        return not own.may_give_up and all(own.least > o.most or (own.least == o.most and n > k) for o, k in others)

    m.setattr(best, "_is_best", is_best)


@bug
def what_is_drawn_is_given_up(m: MonkeyPatch) -> None:
    right = best._option
    m.setattr(best, "_option", lambda *about: replace(right(*about), gives_up=(), may_give_up=()))


@bug
def what_is_not_chosen_counts_all_the_same(m: MonkeyPatch) -> None:
    right = best._worth_of
    m.setattr(
        best, "_worth_of", lambda r, again, group, at, _, *more: right(r, again, group, at, group.policies, *more)
    )


@bug
def missing_looks_below_what_is_settled(m: MonkeyPatch) -> None:
    right = missing.Missing._condition

    def condition(self: Any, node: Condition, *about: Any) -> Any:
        yield from right(self, node, *about)
        if node.kind in ("all", "any", "none"):
            for part in node.parts:
                yield from condition(self, part, *about)

    m.setattr(missing.Missing, "_condition", condition)


# ------------------------------------------------------------------------------------------------------------ the hunt


@dataclass(frozen=True)
class Cell:
    """A household on a day, and what is right for it."""

    household: Household
    on: date
    right: naive.Answer | naive.Refused


@cache
def cells(seed: int) -> tuple[worlds.World, tuple[Cell, ...]]:
    chance = random.Random(seed)
    world = worlds.world_of(chance)
    found = []
    for unknown in (0, 10, 30, 30, 60):
        on = worlds.day_of(chance, world)
        household = worlds.household_of(chance, world, on, unknown)
        try:
            found.append(Cell(household, on, naive.answer(world.rulebook, household, on)))
        except naive.Refused as refused:
            found.append(Cell(household, on, refused))
    return world, tuple(found)


def caught(plant: Bug, limit: int = LIMIT) -> int | None:
    """After how many worlds an engine with this bug disagrees with the naive evaluator; None where it never does."""
    for number in range(1, limit + 1):
        program._READS.found.clear()  # what was kept under another bug is not what is tried here
        world, drawn = cells(FIRST_SEED + number)  # what is right is found out while nothing is wrong
        with MonkeyPatch.context() as m:
            plant(m)
            made = compile_rulebook(world.rulebook)
            for cell in drawn:
                try:
                    if differences_from(cell.right, made, cell.household, cell.on):
                        return number
                except (AssertionError, ArithmeticError):  # a truth that is certain and not possible, a band of nothing
                    return number
    return None


@pytest.mark.parametrize("name", BUGS)
def test_the_planted_bug_is_caught(name: str) -> None:
    assert caught(BUGS[name]) is not None, f"nobody notices that {name.replace('_', ' ')}"


def test_enough_is_planted() -> None:
    assert len(BUGS) >= 60


def test_without_a_bug_nothing_is_caught() -> None:
    assert caught(lambda m: None, limit=30) is None
