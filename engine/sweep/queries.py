"""The statements of a sweep: from two checked tables to one wide row for each household and each person.

Every statement is named for its stage. `household_0` is the checked households; `household_1` what one pass over the
members adds, and so on; the last two statements write the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from engine.sweep.columns import HOUSEHOLD_KEY, MEMBER_KEY
from engine.sweep.compile import Compiled
from engine.sweep.dag import AGGREGATES, Level, Node, Term
from engine.sweep.layers import Layered, Names, alias, layered, select
from engine.sweep.render import column, identifier, table
from engine.sweep.stages import Plan, Stage, Stop, is_base, member_leaf, member_leaves, nodes_of, plan, walk

HOUSEHOLD_TABLE, MEMBER_TABLE = "household", "member"


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the answers.

    kind  `number` (fen or a count); `further`: a number, null for everybody where it is the second term; `truth`;
          `status`: 0, 1 or 2, made of (certainly, possibly)
    """

    level: Level
    name: str
    kind: str
    terms: tuple[Term, ...]
    about: str = ""

    @property
    def nowhere(self) -> bool:
        """Whether it is null for everybody: a further number that is no other than the first."""
        if self.kind != "further":
            return False
        here, first = self.terms
        return here is first or (not isinstance(here, Node) and not isinstance(first, Node) and here == first)


@dataclass(frozen=True, eq=False, slots=True)
class Statement:
    """One step. `keep` is `view` (worked out where it is read), `table` (kept until the end), or `answer`."""

    name: str
    keep: str
    query: exp.Expression
    about: str
    spelled: dict[str, str] = field(default_factory=dict)  # dialect -> text, once it was asked for

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it gives."""
        assert isinstance(self.query, exp.Query)
        return tuple(self.query.named_selects)

    def sql(self, dialect: str) -> str:
        """The query as an engine reads it."""
        if dialect not in self.spelled:
            # not of a copy, which takes as long: nothing that we write is rewritten for any dialect
            self.spelled[dialect] = self.query.sql(dialect, pretty=True, copy=False)
        return self.spelled[dialect]


@dataclass(slots=True)
class Script:
    """All statements in order, the columns of the checked tables that they read, and the terms they are written from.

    cannot, worth_a_row  of which households there is no answer, of which persons there is a row
    """

    statements: list[Statement] = field(default_factory=list)
    reads: dict[str, list[str]] = field(default_factory=dict)
    outputs: Sequence[Output] = ()
    counts: Sequence[Output] = ()
    refused: Sequence[tuple[str, Term]] = ()
    keys: Mapping[Level, tuple[str, ...]] = field(default_factory=dict)
    cannot: Term = False
    worth_a_row: Term = True
    vector: Any = None  # how an engine that runs on arrays works the terms out, once it was asked to


def script(
    compiled: Compiled,
    outputs: Iterable[Output],
    refused: Iterable[tuple[str, Term]],
    keys: Mapping[Level, tuple[str, ...]],
    everyone: bool = True,
    counts: Iterable[Output] = (),
) -> Script:
    """The statements that work out `outputs`; `keys` are columns of the checked tables that are handed on as they are.

    `refused` says of which households a fact cannot be: they have no answers, and a statement of their own. With
    `everyone` False only persons have a row for whom some policy is not ineligible. Of `counts`, all truths, the
    number of households or persons is written for whom they hold.
    """
    return _Writing(compiled, list(outputs), list(refused), keys, everyone, list(counts)).run()


def columns_read(
    compiled: Compiled,
    outputs: Iterable[Output],
    refused: Iterable[tuple[str, Term]],
    everyone: bool = True,
    counts: Iterable[Output] = (),
) -> frozenset[str]:
    """The columns of the checked tables that the script of these outputs would read; nothing of it is written."""
    writing = _Writing(compiled, list(outputs), list(refused), {}, everyone, list(counts))
    writing.reads()
    return frozenset(column for columns in writing.found.reads.values() for column in columns)


class _Writing:
    def __init__(
        self,
        compiled: Compiled,
        outputs: list[Output],
        refused: list[tuple[str, Term]],
        keys: Mapping[Level, tuple[str, ...]],
        everyone: bool,
        counts: list[Output],
    ):
        self.counts = counts
        self.outputs, self.refused, self.keys, self.dag = outputs, refused, keys, compiled.dag
        self.names = Names(compiled.names, set(compiled.columns.taken))
        self.found = Script()
        self.on = compiled.on
        self.cannot: Term = False  # some fact cannot be
        for _, term in self.refused:
            self.cannot = self.either(self.cannot, term)
        self.worth_a_row: Term = everyone  # for a member
        if not everyone:
            for output in outputs:
                if output.level is Level.MEMBER and output.kind == "status":
                    self.worth_a_row = self.either(self.worth_a_row, output.terms[1])
        wholes = (*self.terms(Level.HOUSEHOLD), *(term for _, term in self.refused), self.cannot)
        self.plan: Plan = plan(compiled.dag, wholes, (*self.terms(Level.MEMBER), self.cannot, self.worth_a_row))

    def either(self, a: Term, b: Term) -> Term:
        if a is True or b is True:
            return True
        return b if a is False else a if b is False else self.dag.either(a, b)

    def terms(self, level: Level) -> Iterator[Term]:
        return (term for output in (*self.outputs, *self.counts) if output.level is level for term in output.terms)

    def run(self) -> Script:
        found = self.found
        found.outputs, found.counts, found.refused, found.keys = self.outputs, self.counts, self.refused, self.keys
        found.cannot, found.worth_a_row = self.cannot, self.worth_a_row
        self.reads()
        for stage in self.plan.stages:
            if stage.number == 0:
                self.first(stage)
            else:
                if stage.pairs:
                    self.pairs(stage)
                self.stage(stage)
        self.cannot_be()
        self.answers(Level.HOUSEHOLD)
        if any(output.level is Level.MEMBER for output in self.outputs):
            self.answers(Level.MEMBER)
        for level in Level.HOUSEHOLD, Level.MEMBER:
            if any(output.level is level for output in self.counts):
                self.count(level)
        return self.found

    def say(self, name: str, keep: str, query: exp.Expression, about: str) -> None:
        self.found.statements.append(Statement(name, keep, query, about))

    def reads(self) -> None:
        """The columns of the checked tables that matter."""
        every = walk((*self.plan.household, *self.plan.member), lambda n: False)
        for level, name in ((Level.HOUSEHOLD, HOUSEHOLD_TABLE), (Level.MEMBER, MEMBER_TABLE)):
            self.found.reads[name] = [str(n.args[0]) for n in every if is_base(n) and n.level is level]

    # -- households --

    def first(self, stage: Stage) -> None:
        ctes, query = self.household_query(stage, HOUSEHOLD_TABLE, is_base)
        self.say("household_0", "view", with_ctes(query, ctes), "the checked households, nothing null any more")

    def stage(self, stage: Stage) -> None:
        before, number = self.plan.stages[stage.number - 1], stage.number
        ctes, totals = self.totals(stage)
        known = set(before.columns)
        needed = self.needed(stage, known)
        carried = [column(self.names.of(n), "h") for n in before.columns if n in needed]
        added = [column(self.names.of(n), "t") for n in stage.aggregates]
        rows = exp.Select(expressions=[column(HOUSEHOLD_KEY, "h"), *carried, *added])
        rows = joined(rows, f"household_{number - 1}", "h", [(totals, "t", HOUSEHOLD_KEY)])
        aggregates = set(stage.aggregates)
        more, query = self.household_query(stage, "households", lambda n: n in known or n in aggregates)
        made = len(stage.aggregates)
        about = f"households after pass {number} over their members ({made} value{'s' * (made != 1)} added up)"
        self.say(f"household_{number}", "table", with_ctes(query, [*ctes, ("households", rows), *more]), about)

    def needed(self, stage: Stage, known: set[Node]) -> set[Node]:
        """The earlier columns a stage reads or hands on."""
        found = {n for n in stage.columns if n in known}
        late = [n for n in stage.columns if n not in known]
        return found | {n for n in walk(late, lambda n: n in known or n.op in AGGREGATES) if n in known}

    def household_query(self, stage: Stage, rows: str, leaf: Stop) -> tuple[list[tuple[str, exp.Select]], exp.Select]:
        work = layered(stage.columns, leaf, self.names, rows, "h")
        return work.ctes, select([column(HOUSEHOLD_KEY), *self.written(stage.columns, work)], work.top)

    def written(self, nodes: Iterable[Node], work: Layered) -> Iterator[exp.Expression]:
        for node in nodes:
            named = node in work.writer.names
            yield alias(work.writer.whole(node), self.names.of(node), "" if named else self.names.about(node))

    # -- members --

    def totals(self, stage: Stage) -> tuple[list[tuple[str, exp.Select]], str]:
        """One grouped pass over the members: every aggregate of a stage."""
        bodies = nodes_of(n.args[0] for n in stage.aggregates)
        ctes, work = self.member_rows(bodies, stage.number - 1, (), "members", "m")
        made = [alias(work.writer.work_out(n), self.names.of(n), self.names.about(n)) for n in stage.aggregates]
        query = select([column(HOUSEHOLD_KEY), *made], work.top)
        query.set("group", exp.Group(expressions=[column(HOUSEHOLD_KEY)]))
        return [*ctes, ("totals", query)], "totals"

    def member_rows(
        self, targets: Iterable[Node], stage: int, keys: tuple[str, ...], rows: str, prefix: str
    ) -> tuple[list[tuple[str, exp.Select]], Layered]:
        """The members with what their household knows at a stage, in layers up to the targets."""
        wanted = list(targets)
        leaves = member_leaves(wanted)
        base = [HOUSEHOLD_KEY, *keys, *(str(n.args[0]) for n in leaves if is_base(n) and n.level is Level.MEMBER)]
        columns = [column(name, "m") for name in dict.fromkeys(base)]
        whole = [n for n in leaves if n.level is Level.HOUSEHOLD]
        columns += [column(self.names.of(n), "h") for n in whole]
        joins = [(f"household_{stage}", "h", HOUSEHOLD_KEY)] if whole else []
        beside = [n for n in leaves if n.level is Level.MEMBER and n.op in AGGREGATES]
        for number in sorted({n.stage for n in beside}):
            columns += [column(self.names.of(n), f"p{number}") for n in beside if n.stage == number]
            joins.append((f"pairs_{number}", f"p{number}", MEMBER_KEY))
        query = joined(exp.Select(expressions=columns), MEMBER_TABLE, "m", joins)
        work = layered(wanted, member_leaf, self.names, rows, prefix)
        return [(rows, query), *work.ctes], work

    def pairs(self, stage: Stage) -> None:
        """Each member beside every member of its household, for rules that look from one at the others."""
        bodies = nodes_of(n.args[0] for n in stage.pairs)
        parts = walk(bodies, _pair_leaf)
        own = [n for n in parts if n.op == "outer"]
        others = [n for n in parts if n.level is not Level.PAIR and (n.op != "not" or n.level is not Level.HOUSEHOLD)]
        others = [n for n in others if _pair_leaf(n)]
        before = stage.number - 1
        own_ctes, own_work = self.member_rows(
            nodes_of(n.args[0] for n in own), before, (MEMBER_KEY,), "own_rows", "own"
        )
        other_ctes, other_work = self.member_rows(others, before, (), "other_rows", "other")
        own_query = select(
            [
                column(HOUSEHOLD_KEY),
                column(MEMBER_KEY),
                *(alias(own_work.writer.write(n.args[0]), self.names.of(n)) for n in own),
            ],
            own_work.top,
        )
        other_query = select([column(HOUSEHOLD_KEY), *self.written(others, other_work)], other_work.top)
        rows = exp.Select(
            expressions=[
                column(MEMBER_KEY, "own"),
                *(column(self.names.of(n), "own") for n in own),
                *(column(self.names.of(n), "other") for n in others),
            ]
        )
        rows = joined(rows, "own", "own", [("other", "other", HOUSEHOLD_KEY)])
        work = layered(bodies, _pair_leaf, self.names, "pairs", "pair")
        made = [alias(work.writer.work_out(n), self.names.of(n), self.names.about(n)) for n in stage.pairs]
        query = select([column(MEMBER_KEY), *made], work.top)
        query.set("group", exp.Group(expressions=[column(MEMBER_KEY)]))
        ctes = [*own_ctes, ("own", own_query), *other_ctes, ("other", other_query), ("pairs", rows), *work.ctes]
        self.say(
            f"pairs_{stage.number}", "table", with_ctes(query, ctes), "each member beside the others of its household"
        )

    # -- answers --

    def cannot_be(self) -> None:
        """Households whose facts lead to a value that cannot be, one row for each fact."""
        last = self.plan.stages[-1]
        known = set(last.columns)
        ctes: list[tuple[str, exp.Select]] = []
        queries: list[exp.Select] = []
        for fact, term in self.refused:
            work = layered(
                nodes_of([term]), lambda n: n in known, self.names, f"household_{last.number}", f"r{len(queries)}_"
            )
            ctes += work.ctes
            query = select([column(HOUSEHOLD_KEY), alias(exp.Literal.string(fact), "fact")], work.top)
            query.set("where", exp.Where(this=work.writer.write(term)))
            queries.append(query)
        if not queries:
            return
        found, *rest = queries
        every: exp.Expression = found
        for each in rest:
            every = exp.Union(this=every, expression=each, distinct=False)
        if ctes:
            every.set(
                "with_",
                exp.With(expressions=[exp.CTE(this=q, alias=exp.TableAlias(this=identifier(n))) for n, q in ctes]),
            )
        self.say("cannot_be", "answer", every, "households whose facts lead to a value that cannot be")

    def answers(self, level: Level) -> None:
        outputs = [output for output in self.outputs if output.level is level]
        whole = level is Level.HOUSEHOLD
        ctes, work = self.last_rows(level, outputs, self.keys[level])
        made = [alias(self.answer(output, work), output.name, output.about) for output in outputs]
        query = select([*(column(name) for name in self.keys[level]), *made], work.top)
        tests = self.decided(work)
        if not whole and self.worth_a_row is not True:
            tests.append(exp.Paren(this=work.writer.write(self.worth_a_row)))
        if tests:
            query.set(
                "where", exp.Where(this=tests[0] if len(tests) == 1 else exp.And(this=tests[0], expression=tests[1]))
            )
        about = "one row for each household" if whole else "one row for each person"
        self.say(f"{level.name.lower()}_answers", "answer", with_ctes(query, ctes), about)

    def count(self, level: Level) -> None:
        """For how many each of the counted truths holds."""
        outputs = [output for output in self.counts if output.level is level]
        ctes, work = self.last_rows(level, outputs, ())
        made = []
        for output in outputs:
            many = exp.CountIf(this=work.writer.write(output.terms[0]))
            made.append(alias(exp.Cast(this=many, to=exp.DataType.build("BIGINT")), output.name))
        query = select(made, work.top)
        tests = self.decided(work)
        if tests:
            query.set("where", exp.Where(this=tests[0]))
        self.say(f"{level.name.lower()}_counts", "answer", with_ctes(query, ctes), "how many wait for which fact")

    def decided(self, work: Layered) -> list[exp.Expression]:
        return [] if self.cannot is False else [exp.Not(this=work.writer.operand(self.cannot))]

    def last_rows(
        self, level: Level, outputs: list[Output], keys: tuple[str, ...]
    ) -> tuple[list[tuple[str, exp.Select]], Layered]:
        """Households or members with everything these outputs read, in layers."""
        last = self.plan.stages[-1]
        terms: list[Term] = [term for output in outputs for term in output.terms]
        terms.append(self.cannot)
        if level is Level.MEMBER:
            terms.append(self.worth_a_row)
            return self.member_rows(nodes_of(terms), last.number, keys, "members", "m")
        wanted, known = nodes_of(terms), set(last.columns)
        read = set(walk(wanted, lambda n: n in known))
        columns = [column(name, "b") for name in keys]
        columns += [column(self.names.of(n), "h") for n in last.columns if n in read]
        joins = [(HOUSEHOLD_TABLE, "b", HOUSEHOLD_KEY)] if keys else []
        rows = joined(exp.Select(expressions=columns), f"household_{last.number}", "h", joins)
        work = layered(wanted, lambda n: n in known, self.names, "households", "h")
        return [("households", rows), *work.ctes], work

    def answer(self, output: Output, work: Layered) -> exp.Expression:
        if output.kind == "status":
            return self.status(output, work)
        if output.nowhere:
            return exp.Cast(this=exp.Null(), to=exp.DataType.build("BIGINT"))
        return work.writer.whole(output.terms[0])

    def status(self, output: Output, work: Layered) -> exp.Expression:
        """2 where it certainly holds, 1 where it possibly does, else 0: one byte each."""
        certain, possible = output.terms

        def byte(value: int) -> exp.Expression:
            return exp.Cast(this=exp.Literal.number(value), to=exp.DataType.build("TINYINT"))

        found = exp.Case()
        if isinstance(certain, bool) and isinstance(possible, bool):
            return byte(certain + possible)
        if certain is not False:
            found = found.when(work.writer.write(certain), byte(2))
        if possible is not certain:
            found = found.when(work.writer.write(possible), byte(1))
        return found.else_(byte(0))


def _pair_leaf(node: Node) -> bool:
    return node.op == "outer" or (node.level is not Level.PAIR and (node.level is Level.MEMBER or node.op != "not"))


def joined(query: exp.Select, source: str, name: str, joins: list[tuple[str, str, str]]) -> exp.Select:
    """`FROM source AS name JOIN other ON key = key …`"""
    query.set("from_", exp.From(this=table(source, name)))
    for other, as_, key in joins:
        query.append(
            "joins", exp.Join(this=table(other, as_), on=exp.EQ(this=column(key, name), expression=column(key, as_)))
        )
    return query


def with_ctes(query: exp.Select, ctes: list[tuple[str, exp.Select]]) -> exp.Select:
    made = [exp.CTE(this=each, alias=exp.TableAlias(this=identifier(name))) for name, each in ctes]
    if made:
        query.set("with_", exp.With(expressions=made))
    return query
