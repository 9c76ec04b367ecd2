"""`jiuzhu mutate`: change every rule a little, and see whether an example notices."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine.commands.common import (
    console,
    fail,
    json_option,
    lang_option,
    load_program,
    print_json,
    print_problems,
    rules_option,
)
from engine.decide.examples import check_examples
from engine.decide.mutation.known import Equivalent, read_equivalents, stale
from engine.decide.mutation.mutants import KINDS, Mutant, line_with
from engine.decide.mutation.score import ALIVE, REFUSED, Plan, Tally, Verdict, tally, total, verdicts
from engine.decide.program import Program
from engine.language.problems import Problems, did_you_mean

LIST = "docs/equivalent_mutants.yaml"


@click.command(
    epilog="例 / examples:\n\n  jiuzhu mutate\n\n  jiuzhu mutate minimum_living_allowance medical_aid\n\n"
    "  jiuzhu mutate --jobs 2 --json"
)
@click.argument("policies", nargs=-1, metavar="[POLICY …]")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="并行进程数 / processes.")
@click.option(
    "--equivalent",
    metavar="FILE",
    help=f"经审阅的等价变更清单 / reviewed changes that mean the same; default: {LIST} beside the rules.",
)
@rules_option
@lang_option
@json_option
def mutate(
    policies: tuple[str, ...], jobs: int, equivalent: str | None, rules: str | None, lang: str, as_json: bool
) -> None:
    """逐处改动规则，看例子是否察觉。/ Change every rule a little; list the changes no example notices.

    POLICY: only these policies and the figures they read. Without one: every policy, figure and derived fact.
    Exit code 0: every change is noticed or explained, 1: some are not, or the rules have problems, 2: wrong use.
    """
    program = load_program(rules, lang, examples=True)
    _refuse_unknown(policies, program, lang)
    plan = Plan(program, frozenset(policies))
    _refuse_problems(program, plan, lang)
    known = _known(equivalent, rules, lang)
    found = _with_progress(plan, jobs, lang)
    keys = frozenset(each.key for each in known)
    alive = [verdict.mutant for verdict in found if verdict.fate == ALIVE]
    report = _Report(program, found, keys, stale(known, alive, plan.files), lang)
    if as_json:
        print_json(report.data())
    else:
        report.show(console())
    sys.exit(0 if report.fine else 1)


def _refuse_unknown(policies: tuple[str, ...], program: Program, lang: str) -> None:
    known = program.rulebook.ids()
    for name in policies:
        if name not in known:
            hint = did_you_mean(name, known)
            fail(f"没有名为“{name}”的政策。{hint[1]}", f"no policy is called '{name}'. {hint[0]}", lang)


def _refuse_problems(program: Program, plan: Plan, lang: str) -> None:
    """What already fails cannot show that a change is noticed."""
    problems = tuple(problem for policy in plan.tried for problem in check_examples(program, only=policy))
    if problems:
        print_problems(problems, lang, console(stderr=True))
        fail(f"规则有 {len(problems)} 个问题，请先修正", f"first mend the {len(problems)} problem(s) above", lang, 1)


def _known(given: str | None, rules: str | None, lang: str) -> tuple[Equivalent, ...]:
    path = Path(given) if given else Path(rules or ".") / LIST
    if given is None and not path.is_file():
        return ()
    problems = Problems()
    try:
        known = read_equivalents(path.read_text(encoding="utf-8"), str(path), problems)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}：无法读取：{error}", f"{path}: cannot be read: {error}", lang)
    if len(problems):
        print_problems(problems.sorted(), lang, console(stderr=True))
        fail("等价变更清单有误", "the list of equivalent changes has problems", lang)
    return known


def _with_progress(plan: Plan, jobs: int, lang: str) -> list[Verdict]:
    err = console(stderr=True)
    text = "改动规则" if lang == "zh" else "changing rules"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(text, total=len(plan.planned))
        return verdicts(plan, jobs, lambda: bar.advance(task))


def percent(score: Fraction | None) -> str:
    """One decimal, cut off: a score is 100.0% only where nothing lives."""
    if score is None:
        return "–"
    tenths = int(score * 10)
    return f"{tenths // 10}.{tenths % 10}%"


class _Report:
    """What was found, for people and for machines."""

    def __init__(
        self,
        program: Program,
        found: list[Verdict],
        known: frozenset[tuple[str, str, str]],
        out_of_date: tuple[Equivalent, ...],
        lang: str,
    ):
        self.lang, self.out_of_date = lang, out_of_date
        self.program = program
        self.lines = {path: text.splitlines() for path, text in program.rulebook.files.items()}
        self.tallies = tally(found, known)
        self.refused = sum(verdict.fate == REFUSED for verdict in found)
        self.alive = [v.mutant for v in found if v.fate == ALIVE and v.mutant.key not in known]

    @property
    def fine(self) -> bool:
        return not self.alive and not self.out_of_date

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def show(self, out: Console) -> None:
        for mutant in self.alive:
            before, after = line_with(self.lines.get(mutant.file, []), mutant)
            kind = KINDS[mutant.kind][self.lang]
            out.print(f"{mutant.place}: {kind}", style="bold red", soft_wrap=True, markup=False)
            out.print(f"   - {before}", soft_wrap=True, markup=False)
            if after:
                out.print(f"   + {after}", soft_wrap=True, markup=False)
        for each in self.out_of_date:
            said = self.say("等价变更清单已过时", "this entry fits no living change any more")
            out.print(f"{each.at}: {said}: {each.file}: {each.text}", style="bold red", soft_wrap=True, markup=False)
        out.print(self._table())
        out.print(self._summary(), style="green" if self.fine else "red")

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column(self.say("政策或文件", "policy or file"))
        headings = (
            ("变更", "changes"),
            ("例子察觉", "by examples"),
            ("校验察觉", "by check"),
            ("含义相同", "same"),
            ("未察觉", "alive"),
            ("得分", "score"),
        )
        for zh, en in headings:
            table.add_column(self.say(zh, en), justify="right")
        rows = [*self.tallies.items(), (self.say("合计", "all"), total(self.tallies.values()))]
        for name, row in rows:
            counts = (row.mutants, row.killed, row.checked, row.equivalent, row.alive)
            table.add_row(name, *map(str, counts), percent(row.score), style="red" if row.alive else None)
        return table

    def _summary(self) -> str:
        whole = total(self.tallies.values())
        zh = f"{whole.mutants} 处变更，得分 {percent(whole.score)}；{whole.alive} 处无人察觉"
        en = f"{whole.mutants} changes, score {percent(whole.score)}; {whole.alive} noticed by nobody"
        if self.refused:
            zh += f"；另有 {self.refused} 处改动后不成规则，不计"
            en += f"; {self.refused} more are no rules any longer and are not counted"
        return self.say(zh, en)

    def data(self) -> dict[str, Any]:
        whole = total(self.tallies.values())
        return {
            **_counts(whole),
            "refused": self.refused,
            "rows": [{"subject": name, **_counts(row)} for name, row in self.tallies.items()],
            "survivors": [self._survivor(mutant) for mutant in self.alive],
            "stale": [
                {"file": each.file, "text": each.text, "change": each.change, "line": each.at.line}
                for each in self.out_of_date
            ],
        }

    def _survivor(self, mutant: Mutant) -> dict[str, Any]:
        before, after = line_with(self.lines.get(mutant.file, []), mutant)
        return {
            "file": mutant.file,
            "line": mutant.place.line,
            "column": mutant.place.column,
            "kind": mutant.kind,
            "text": mutant.text,
            "change": mutant.change,
            "before": before,
            "after": after,
        }


def _counts(row: Tally) -> dict[str, Any]:
    return {
        "mutants": row.mutants,
        "killed": row.killed,
        "checked": row.checked,
        "equivalent": row.equivalent,
        "alive": row.alive,
        "score": percent(row.score),
    }
