"""Bugs planted in the compiler are caught: a comparison that cannot fail would hold nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from engine.decide import Program, compile_rulebook
from engine.language import ends
from engine.language.ends import Mask, Num, Truth
from engine.language.household import Household
from engine.sweep import arrays, choices, columns, compile, dag, figures, fold, outputs, render, tables, vector, waiting
from engine.sweep.columns import Code, State
from tests.sweep import every_operator
from tests.sweep.side_by_side import compare, first

Patch = Callable[[pytest.MonkeyPatch], None]
BUGS: dict[str, Patch] = {}


def bug(plant: Patch) -> Patch:
    BUGS[plant.__name__] = plant
    return plant


def swap(patch: pytest.MonkeyPatch, where: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put something else in the place of a function that may call the one that stood there."""
    patch.setattr(where, name, make(getattr(where, name)))


@bug
def an_unknown_number_is_its_least(patch: pytest.MonkeyPatch) -> None:
    def make(number: Any) -> Any:
        def wrong(self: Any, fact: Any) -> Num:
            found = number(self, fact)
            return Num(found.lo, found.lo)

        return wrong

    swap(patch, columns.Reader, "_number", make)


@bug
def an_unknown_truth_is_no(patch: pytest.MonkeyPatch) -> None:
    def make(truth: Any) -> Any:
        def wrong(self: Any, column: Any, state: State) -> Truth:
            found = truth(self, column, state)
            return Truth(found.certain, found.certain)

        return wrong

    swap(patch, columns.Reader, "_truth", make)


@bug
def an_unknown_choice_is_the_first(patch: pytest.MonkeyPatch) -> None:
    def make(code: Any) -> Any:
        def wrong(self: Any, fact: Any, listed: Any) -> Code:
            found = code(self, fact, listed)
            if found.sure or isinstance(found.term, int):
                return found
            return replace(
                found, term=self.dag.filled(found.term.level, self.columns.facts[fact.name].name, 0, (0, found.count))
            )

        return wrong

    swap(patch, columns.Reader, "_code", make)


@bug
def the_hull_of_two_choices_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def wrong(b: Any, d: Any, test: Truth, x: Any, y: Any, count: int) -> Any:
        if isinstance(x, Code) and isinstance(y, Code):
            return Code(b.pick(test.certain, x.term, y.term), x.values, x.sure and y.sure)
        return x

    patch.setattr(choices, "chosen", wrong)


@bug
def the_unknown_code_is_no_value_of_a_list(patch: pytest.MonkeyPatch) -> None:
    def make(within: Any) -> Any:
        def wrong(b: Any, d: Any, x: Any, values: Any, count: int) -> Truth:
            found = within(b, d, x, values, count)
            return Truth(found.certain, found.certain) if isinstance(x, Code) else found

        return wrong

    swap(patch, choices, "within", make)


@bug
def two_unknown_choices_are_the_same(patch: pytest.MonkeyPatch) -> None:
    def make(same: Any) -> Any:
        def wrong(b: Any, d: Any, x: Any, y: Any, count: int) -> Truth:
            found = same(b, d, x, y, count)
            if isinstance(x, Code) and isinstance(y, Code):
                return Truth(b.compare("==", x.term, y.term), found.possible)
            return found

        return wrong

    swap(patch, choices, "same", make)


@bug
def a_sum_takes_the_most_of_who_may_belong_for_its_least(patch: pytest.MonkeyPatch) -> None:
    def make(total: Any) -> Any:
        def wrong(self: Any, where: Truth, x: Num) -> Num:
            return total(self, Truth(where.possible, where.possible), x)

        return wrong

    swap(patch, fold.SqlFold, "_sum", make)


@bug
def who_surely_belongs_settles_nothing_in_an_extreme(patch: pytest.MonkeyPatch) -> None:
    def make(extreme: Any) -> Any:
        def wrong(self: Any, where: Truth, x: Num, nobody: Num, least: bool) -> Num:
            return extreme(self, Truth(False, where.possible), x, nobody, least)

        return wrong

    swap(patch, fold.SqlFold, "_extreme", make)


@bug
def any_member_asks_every_member(patch: pytest.MonkeyPatch) -> None:
    def make(over: Any) -> Any:
        return lambda self, op, body: over(self, "every" if op == "any" else op, body)

    swap(patch, fold.SqlFold, "over", make)


@bug
def a_let_inside_the_members_is_the_other_members(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fold.SqlFold, "_of_home", lambda self, found: found)


@bug
def divisions_cut_off_towards_zero(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Any, a: Any, b: Any) -> Any:
        found = floor(self, a, b)
        return self.of("//", found.args, found.span) if isinstance(found, dag.Node) and found.op == "floor" else found

    floor = dag.Dag.floor
    patch.setattr(dag.Dag, "floor", wrong)


@bug
def a_figure_that_is_not_published_is_its_least(patch: pytest.MonkeyPatch) -> None:
    def make(single: Any) -> Any:
        def wrong(parameter: Any, value: Any) -> Num:
            found = single(parameter, value)
            return Num(found.lo, found.lo)

        return wrong

    swap(patch, figures, "single", make)


@bug
def an_unknown_key_reads_the_first_row(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Any, found: Any, sure: bool, end: Any, sign: int) -> Any:
        return extreme(self, found if sure else found[:1], sure, end, sign)

    extreme = figures.Lookup._extreme
    patch.setattr(figures.Lookup, "_extreme", wrong)


@bug
def a_band_begins_past_its_first_number(patch: pytest.MonkeyPatch) -> None:
    def wrong(b: Any, q: Any, scale: int) -> Any:
        return b.sub(whole(b, q, scale), 1)

    whole = figures.whole_parts
    patch.setattr(figures, "whole_parts", wrong)


@bug
def every_slice_pays_the_first_rate(patch: pytest.MonkeyPatch) -> None:
    def wrong(b: Any, x: Num, parameter: Any, value: Any) -> Num:
        rows = tuple(replace(row, value=value.rows[0].value) for row in value.rows)
        return marginal(b, x, parameter, replace(value, rows=rows))

    marginal = figures.marginal
    patch.setattr(figures, "marginal", wrong)


@bug
def amounts_are_not_cut_off_at_zero(patch: pytest.MonkeyPatch) -> None:
    def wrong(f: Any, amount: Num, step: Any, mode: str) -> Any:
        rounded = [ends.q_round(f, q, step, mode) for q in (amount.lo, amount.hi)]
        return tuple(f.floor(f.mul(q.n, 100), q.k) for q in rounded)

    patch.setattr(compile, "fen", wrong)


@bug
def halves_are_rounded_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compile, "fen", lambda f, amount, step, mode: fold.fen(f, amount, step, "down"))


@bug
def an_ineligible_household_is_paid(patch: pytest.MonkeyPatch) -> None:
    def make(amount: Any) -> Any:
        return lambda self, f, policy, item, when: amount(self, f, policy, item, Truth(when.possible, True))

    swap(patch, compile._Compiler, "amount", make)


@bug
def holds_means_qualifies_alone(patch: pytest.MonkeyPatch) -> None:
    def make(ask: Any) -> Any:
        return lambda self, expr, qualifies, granted: (
            granted[expr.name] if expr.op == "holds" else ask(self, expr, qualifies, granted)
        )

    swap(patch, compile._Compiler, "ask", make)


@bug
def nothing_is_withheld_in_the_second_reading(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compile._Compiler, "withheld", lambda self, expr: self.ask(expr, self.second, self.second))


@bug
def limits_of_derived_facts_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compile._Compiler, "refuse", lambda self, fact, cannot: None)


@bug
def the_order_of_two_ends_is_turned_round(patch: pytest.MonkeyPatch) -> None:
    def make(comparison: Any) -> Any:
        def wrong(self: Any, node: Any) -> Any:
            return comparison(self, replace(node, op="<") if node.op == "<=" else node)

        return wrong

    swap(patch, render.Writer, "_comparison", make)


@bug
def an_in_of_literals_loses_its_last(patch: pytest.MonkeyPatch) -> None:
    def make(one_of: Any) -> Any:
        return lambda self, a, values: one_of(self, a, values[:-1] if len(values) > 1 else values)

    swap(patch, dag.Dag, "one_of", make)


@bug
def masks_begin_at_the_second_bit(patch: pytest.MonkeyPatch) -> None:
    def with_blank(self: Any, answer: Any, ids: list[str], unknown: bool) -> Any:
        total: Any = 0
        for at, id in enumerate(ids):
            truth = answer.outcomes[id]
            here = (
                self.fold.both(truth.possible, self.fold.no(truth.certain)) if unknown else self.fold.no(truth.possible)
            )
            total = self.fold.add(total, self.fold.pick(here, 2 ** (at + 1), 0))
        return total

    patch.setattr(outputs._Outputs, "mask", with_blank)


@bug
def settled_conditions_are_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(waiting, "unsettled", lambda f, truth: truth.possible)


# ------------------------------------------------------------------------------------------------ on arrays


@bug
def arrays_cut_off_towards_zero(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(vector.NUMBERS, "floor", lambda a, b, dtype: np.trunc(np.divide(a, b)).astype(dtype))  # type: ignore[index]


@bug
def the_first_of_an_array_of_literals_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def make(among: Any) -> Any:
        return lambda self, node: among(self, replace(node, args=(node.args[0], *node.args[2:])))

    swap(patch, vector._Making, "among", make)


@bug
def what_is_not_known_is_read_as_it_lies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(vector, "_filled", lambda column, where_null, kind: column[0])


@bug
def only_the_first_member_of_an_array_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(vector, "_any", lambda rows, whose, firsts: rows[firsts])


@bug
def every_becomes_any_on_arrays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(vector, "_every", vector._any)


@bug
def a_member_stands_beside_itself_only(patch: pytest.MonkeyPatch) -> None:
    def alone(self: Any) -> Any:
        every = np.arange(len(self.home))
        return every, every, every

    patch.setattr(vector.Block, "pairs", alone)


@bug
def members_are_counted_to_the_next_household(patch: pytest.MonkeyPatch) -> None:
    def make(blocks: Any) -> Any:
        def shifted(self: Any, size: int) -> Any:
            for block, keys in blocks(self, size):
                yield replace(block, home=np.roll(block.home, 1)), keys

        return shifted

    swap(patch, tables.Tables, "blocks", make)


@bug
def an_end_on_arrays_is_the_other_end(patch: pytest.MonkeyPatch) -> None:
    def make(answer: Any) -> Any:
        return lambda shape, values: values[1] if shape.output.kind == "further" else answer(shape, values)

    patch.setattr(arrays, "_answer", make(arrays._answer))


@pytest.fixture(scope="module")
def tried() -> tuple[Program, list[Household]]:
    """What the evaluator decides: the bugs are in the sweep, none in what reads or decides this."""
    made = every_operator.world()
    drawn = ((45, 25, 0), (15, 0, 1))
    return compile_rulebook(made.rulebook), [one for how in drawn for one in every_operator.households(*how, made=made)]


def run(tried: tuple[Program, list[Household]], tmp_path: Path) -> list[str]:
    return compare(*tried, every_operator.ON, tmp_path).differences


def test_without_a_bug_nothing_differs(tried: tuple[Program, list[Household]], tmp_path: Path) -> None:
    found = run(tried, tmp_path)
    assert not found, first(found)


def test_bugs_are_planted_in_the_sweep_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made once for all of them is made by code that no bug touches."""
    places: list[Any] = []

    class Noting:
        def setattr(self, where: Any, name: str, value: Any) -> None:
            places.append(where.__name__ if isinstance(where, ModuleType) else where.__module__)
            monkeypatch.setattr(where, name, value)

        def setitem(self, where: Any, name: str, value: Any) -> None:
            assert where is vector.NUMBERS

    for plant in BUGS.values():
        plant(Noting())  # type: ignore[arg-type]
        monkeypatch.undo()
    assert len(places) > 30 and {place.rpartition(".")[0] for place in places} == {"engine.sweep"}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(
    name: str, tried: tuple[Program, list[Household]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BUGS[name](monkeypatch)
    assert run(tried, tmp_path), name


def test_every_operator_stands_in_the_rulebook() -> None:
    from engine.language.operators import OPERATORS
    from tests.worlds import expressions

    assert {expr.op for expr in expressions(every_operator.world().rulebook)} >= set(OPERATORS)


def test_choices_meet_in_every_form() -> None:
    """Codes that are sure, codes that may be unknown, and hulls: the three forms of a choice are all compiled."""
    made = every_operator.world().rulebook
    known = {fact.name: State.KNOWN for fact in made.facts.values()}
    open_ = {fact.name: State.GAPS for fact in made.facts.values()}
    exact, gaps = (compile.compile_sweep(made, every_operator.ON, states) for states in (known, open_))
    assert isinstance(exact.facts["shade"], Mask) and exact.facts["shade"].term.sure
    assert isinstance(gaps.facts["colour"].term, Code) and not gaps.facts["colour"].term.sure
    assert isinstance(gaps.facts["shade"].term, columns.Hull)
