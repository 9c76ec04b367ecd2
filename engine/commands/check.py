"""`jiuzhu check`: every rule, every example, every problem at once."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from engine.commands.common import (
    console,
    files_of,
    json_option,
    lang_option,
    on_option,
    print_json,
    print_problems,
    rules_option,
)
from engine.commands.upkeep import INDEX, coverage_data, print_coverage, print_stale, read_coverage, stale_data
from engine.decide.examples import check_examples
from engine.decide.program import compile_rulebook
from engine.decide.stale import stale_figures
from engine.language.census import Census, census
from engine.language.model import Rulebook
from engine.language.problems import Problem
from engine.language.rulebook import CATALOGUE, read_texts
from engine.language.words import Wording


@click.command(
    epilog="例 / examples:\n\n  jiuzhu check\n\n  jiuzhu check rules/disability --lang en\n\n"
    "  jiuzhu check --words | less\n\n  jiuzhu check --coverage"
)
@click.argument("paths", nargs=-1, metavar="[PATH …]")
@click.option(
    "--words", is_flag=True, help="逐条列出由规则生成的句子和人工注释 / each leaf's made sentence beside its gloss."
)
@click.option("--coverage", is_flag=True, help="逐条列出法条由哪些规则承载 / each article and the rules that carry it.")
@click.option("--index", metavar="FILE", help=f"法条索引 / the index of articles; default: {INDEX} beside the rules.")
@on_option
@rules_option
@lang_option
@json_option
def check(
    paths: tuple[str, ...],
    words: bool,
    coverage: bool,
    index: str | None,
    on: date,
    rules: str | None,
    lang: str,
    as_json: bool,
) -> None:
    """检查全部规则和例子，一次报告所有问题。/ Check all rules and examples; report every problem at once.

    PATH: a rulebook's folder, or files and folders of one to report on. Figures older than their usual cycle on the day
    of --on are listed as a warning. Exit code 0: clean, 1: problems, 2: wrong use.
    """
    if len(paths) == 1 and (Path(paths[0]) / CATALOGUE).is_file():
        rules, paths = paths[0], ()
    rulebook, problems = read_texts(files_of(rules, lang))
    if rulebook is not None and not problems:
        problems = check_examples(compile_rulebook(rulebook))
    laws, rows, misfits = (
        read_coverage(rulebook, index, rules, lang) if coverage and rulebook is not None else ((), (), ())
    )
    shown = (*(p for p in problems if not paths or _under(p, paths)), *misfits)
    stale = stale_figures(rulebook, on) if rulebook is not None else ()
    if as_json:
        data = {"problems": [problem.data() for problem in shown], **_counts(rulebook), "stale": stale_data(stale)}
        print_json({**data, "coverage": coverage_data(rows)} if coverage else data)
    else:
        out = console()
        if coverage:
            print_coverage(laws, rows, lang, out)
        print_stale(stale, lang, out)
        print_problems(shown, lang, out)
        if words and rulebook is not None:
            _print_words(rulebook, lang)
        if rulebook is not None:
            out.print(_kinds(census(rulebook), lang), soft_wrap=True)
        out.print(_summary(rulebook, shown, lang), style="red" if shown else "green")
    sys.exit(1 if shown else 0)


def _under(problem: Problem, paths: tuple[str, ...]) -> bool:
    file = problem.place.file
    return any(file == path.rstrip("/") or file.startswith(path.rstrip("/") + "/") for path in paths)


def _counts(rulebook: Rulebook | None) -> dict[str, int]:
    if rulebook is None:
        return {}
    found = census(rulebook)
    return {
        "policies": len(rulebook.ids()),
        "counted": len(found.counted),
        "with_published_sum": len(found.with_sum),
        "followers": len(found.followers),
        "without_article": len(found.no_article),
        "versions": len(rulebook.policies),
        "parameters": len(rulebook.parameters),
        "facts": len(rulebook.facts),
        "examples": sum(len(policy.examples) for policy in rulebook.policies),
    }


def _summary(rulebook: Rulebook | None, problems: tuple[Problem, ...], lang: str) -> str:
    zh = f"{len(problems)} 个问题" if problems else "没有问题"
    en = f"{len(problems)} problem(s)" if problems else "no problems"
    n = _counts(rulebook)
    if n:
        zh = (
            "{policies} 项政策（{versions} 个版本）、{parameters} 个参数、{facts} 个事实、{examples} 个例子：".format(
                **n
            )
            + zh
        )
        counted = (
            "{policies} policies ({versions} versions), {parameters} parameters, {facts} facts, {examples} examples: "
        )
        en = counted.format(**n) + en
    return zh if lang == "zh" else en


def _kinds(found: Census, lang: str) -> str:
    """How many policies decide by a condition of their own under an article, and what stands apart."""
    counted, sums = len(found.counted), len(found.with_sum)
    apart, papers = len(found.followers), len(found.no_article)
    if lang == "zh":
        return (
            f"有自身条件和法条的政策 {counted} 项，其中 {sums} 项的金额已公布；"
            f"另有 {apart} 项转介或仅随其他身份，{papers} 项只有文件、没有法条"
        )
    return (
        f"{counted} policies with a condition of their own and an article, {sums} of them with a published sum; "
        f"apart: {apart} referrals or mere followers of a status, {papers} citing documents only"
    )


def _print_words(rulebook: Rulebook, lang: str) -> None:
    wording = Wording(rulebook, lang)
    for policy in rulebook.policies:
        click.echo(f"{policy.at.file}  {policy.title[lang]}")
        for tree in policy.conditions():
            for node in tree.walk():
                if node.kind == "leaf":
                    click.echo(
                        f"  {node.id}: {wording.condition(node, policy)}"
                        + (f"  ｜ {node.says[lang]}" if node.says[lang] else "")
                    )
