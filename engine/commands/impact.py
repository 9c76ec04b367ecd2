"""`jiuzhu impact`: what a change of the rules does to a city, before it is made."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from engine.commands.common import console, fail, json_option, lang_option, on_option, print_json, read_facts
from engine.commands.diff import show
from engine.commands.tables import fail_on, until_done
from engine.commands.two_rulebooks import rulebook_of
from engine.decide import Decision, Program, compile_rulebook, decide
from engine.decide.decision import Answer
from engine.decide.decisive import decisive
from engine.decide.explain import Explainer, Line
from engine.language.difference import Change, differences
from engine.language.household import HouseholdError, read_household
from engine.language.model import Rulebook
from engine.language.tree import Words
from engine.language.words import money_text
from engine.sweep.fold import CannotSweep
from engine.sweep.impact import SIDES, Comparison, Impact
from engine.sweep.mapping import BadMapping, mapped
from engine.sweep.run import CHUNK, Job, Lost, Stopped, look_up
from engine.sweep.source import SourceError

HOW_WORDS: dict[str, Words] = {
    "gained": Words("新增符合", "newly entitled"),
    "lost": Words("不再符合", "no longer entitled"),
    "more": Words("金额增加", "more money"),
    "less": Words("金额减少", "less money"),
    "range": Words("金额范围变化", "another range"),
    "settled_yes": Words("由待定变为符合", "was open, now entitled"),
    "settled_no": Words("由待定变为不符合", "was open, now not"),
    "opened": Words("变为待定", "now open"),
}
MOST_PLACES = 20


@click.command(
    name="impact",
    epilog="例 / examples:\n\n"
    "  jiuzhu impact --old rules-2025 --new . --households H.parquet --persons P.parquet --on 2026-07-01\n\n"
    "  jiuzhu impact --old HEAD --new . --households city/households --persons city/persons --on 2026-07-01 --json",
)
@click.option("--old", required=True, metavar="DIR|REV", help="现行规则：文件夹或 git 版本 / the rules as they are.")
@click.option("--new", required=True, metavar="DIR|REV", help="拟改规则 / the rules as they would be.")
@click.option(
    "--households", required=True, metavar="FILE|DIR|GLOB", help="家庭表 / table of households, as for jiuzhu sweep."
)
@click.option("--persons", required=True, metavar="FILE|DIR|GLOB", help="人员表 / table of persons.")
@on_option
@click.option("--mapping", metavar="FILE.yaml", help="列名和取值的对应 / which column is which fact.")
@click.option("--memory-limit", default="2GB", show_default=True, metavar="SIZE", help="内存上限 / memory limit.")
@lang_option
@json_option
def impact(**options: Any) -> None:
    """规则改动前先算：谁多得、谁少得、多少钱。/ Who gains and who loses by a change of the rules, and what it costs.

    同一批家庭按新旧规则各认定一次；金额为自该日起十二个月，互斥的只计合法的一种。Both rulebooks are swept over the
    same households; sums are for the twelve months from the day, of policies that exclude one another only the lawful
    choice. Each kind of change comes with one household, explained under both. Exit code 0: compared, 1: a rulebook
    has problems, 2: the input is wrong, 130: stopped.
    """
    lang = options["lang"]
    books = {side: rulebook_of(options[side], lang) for side in SIDES}
    try:
        maps = mapped(read_facts(options["mapping"], lang)) if options["mapping"] else {}
    except BadMapping as error:
        fail(f"{options['mapping']}：{error.zh}", f"{options['mapping']}: {error.en}", lang)
    changes = differences(books["old"], books["new"])
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        job = Job(
            options["households"],
            options["persons"],
            options["on"],
            Path(folder),
            maps,
            None,
            CHUNK,
            options["memory_limit"],
        )
        found = _run(Comparison(books["old"], books["new"], job, _telling(options)), lang)
        cases = [_case(books, found, each, lang) for each in found.examples]
    took = round(time.monotonic() - began, 1)
    if options["as_json"]:
        print_json(_data(found, changes, cases, options, took))
    else:
        _show(found, changes, cases, books, lang, took)


def _telling(options: dict[str, Any]) -> Any:
    """A bar on a terminal; nothing in a pipe."""
    if options["as_json"] or not sys.stderr.isatty():
        return lambda side, step: None
    zh = options["lang"] == "zh"
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=console(stderr=True), transient=True)
    tasks = {
        side: bar.add_task(words[not zh], total=1.0)
        for side, words in zip(SIDES, (("旧规则", "old rules"), ("新规则", "new rules")), strict=True)
    }

    def tell(side: str, step: Any) -> None:
        bar.start()
        bar.update(tasks[side], completed=step.share)
        if side == SIDES[-1] and step.what == "done":
            bar.stop()

    return tell


def _run(comparison: Comparison, lang: str) -> Impact:
    try:
        return until_done(comparison.run, comparison.stop)
    except (SourceError, CannotSweep, Lost) as error:
        fail_on(error, lang)
    except (Stopped, KeyboardInterrupt):
        fail("已停止", "stopped", lang, 130)
    finally:
        comparison.close()


# ------------------------------------------------------------------------------------------- worked examples


def _case(books: dict[str, Rulebook], found: Impact, example: dict[str, Any], lang: str) -> dict[str, Any]:
    """One household of a kind of change, decided and explained by the evaluator under both rulebooks."""
    case: dict[str, Any] = dict(example)
    for side in SIDES:
        case[side] = None
        program = _program(books[side])
        raw = look_up(books[side], found.manifests[side], example["household_id"])
        if raw is None:
            continue
        try:
            facts = read_household(raw, program.vocabulary)
            decision = decide(program, facts, found_on(found, side))
            case[side] = _line(decision, example["policy"], example["id"], lang)
        except (HouseholdError, KeyError):  # set aside, or not in force: nothing to explain
            continue
    return case


def found_on(found: Impact, side: str) -> Any:
    from datetime import date

    return date.fromisoformat(found.manifests[side].same["on"])


_PROGRAMS: dict[str, Program] = {}


def _program(rulebook: Rulebook) -> Program:
    if rulebook.digest not in _PROGRAMS:
        _PROGRAMS[rulebook.digest] = compile_rulebook(rulebook)
    return _PROGRAMS[rulebook.digest]


def _line(decision: Decision, policy: str, member: str, lang: str) -> Line:
    answer: Answer = decision.answer(policy, member)
    return decisive(Explainer(decision, lang).answer(answer), answer, decision.program)


# --------------------------------------------------------------------------------------------------- telling


def _data(
    found: Impact, changes: tuple[Change, ...], cases: list[dict[str, Any]], options: dict[str, Any], took: float
) -> dict[str, Any]:
    def line(each: Line | None) -> dict[str, Any] | None:
        return each.data() if each is not None else None

    return {
        "on": options["on"].isoformat(),
        "affected": list(found.affected),
        "households": found.households,
        "persons": found.persons,
        "set_aside": found.set_aside,
        "unit": "fen in twelve months",
        "budget": found.budget,
        "by_policy": found.policies,
        "by_group": found.groups,
        "by_subdistrict": found.places,
        "examples": [{**case, "old": line(case["old"]), "new": line(case["new"])} for case in cases],
        "changes": [change.data() for change in changes],
        "seconds": took,
    }


def _show(
    found: Impact,
    changes: tuple[Change, ...],
    cases: list[dict[str, Any]],
    books: dict[str, Rulebook],
    lang: str,
    took: float,
) -> None:
    zh, out = lang == "zh", console()

    def say(text_zh: str, text_en: str) -> str:
        return text_zh if zh else text_en

    out.print(say("规则的变化", "The change of the rules"), style="bold")
    show(changes, lang, out)
    if not found.affected:
        out.print("\n" + say("当日没有任何认定会变化", "no answer can differ on the day"), style="bold")
        return
    budget = found.budget
    out.print(
        "\n"
        + say(
            f"{found.households:,} 户中 {budget['households']:,} 户的认定有变化：{budget['gain']:,} 户多得，{budget['lose']:,} 户少得（{took} 秒）",
            f"of {found.households:,} households {budget['households']:,} are answered otherwise: {budget['gain']:,} gain, {budget['lose']:,} lose ({took} s)",
        ),
        style="bold",
        soft_wrap=True,
    )
    out.print(say("十二个月的支出：", "What it costs in twelve months: ") + _change_of(budget, lang), soft_wrap=True)
    if found.set_aside.get("old") != found.set_aside.get("new"):
        out.print(
            say(
                f"未认定的户数：旧 {found.set_aside['old']}，新 {found.set_aside['new']}",
                f"households set aside: {found.set_aside['old']} under the old rules, {found.set_aside['new']} under the new",
            ),
            style="yellow",
        )
    titles = {p.id: p.title[lang] for side in SIDES for p in books[side].policies}
    table = Table(
        *(
            ("政策", "变化", "户", "人", "十二个月")
            if zh
            else ("policy", "change", "households", "persons", "twelve months")
        ),
        box=None,
    )
    for row in found.policies:
        table.add_row(
            titles[row["policy"]],
            HOW_WORDS[row["how"]][lang],
            f"{row['households']:,}",
            f"{row['persons']:,}",
            _change_of(row, lang),
        )
    out.print(table)
    places = Table(
        *(("街镇", "多得", "少得", "十二个月") if zh else ("subdistrict", "gain", "lose", "twelve months")), box=None
    )
    for row in found.places[:MOST_PLACES]:
        places.add_row(row["subdistrict"] or "—", f"{row['gain']:,}", f"{row['lose']:,}", _change_of(row, lang))
    out.print(
        "\n"
        + say("各街镇", "By subdistrict")
        + (say(f"（前 {MOST_PLACES} 个）", f" (first {MOST_PLACES})") if len(found.places) > MOST_PLACES else ""),
        style="bold",
    )
    out.print(places)
    out.print("\n" + say("每种变化一例", "One household for each kind of change"), style="bold")
    for case in cases:
        who = case["household_id"] + (f" {case['id']}" if case["id"] else "")
        out.print(f"\n{HOW_WORDS[case['how']][lang]} · {who}", style="bold", markup=False)
        for side, words in (("old", say("旧", "old")), ("new", say("新", "new"))):
            line = case[side]
            if line is None:
                out.print(
                    f"  {words}：" + say("当日未生效，或该户未作认定", "not in force, or the household was set aside"),
                    soft_wrap=True,
                )
                continue
            out.print(f"  {words}：{line.mark} {line.text}", markup=False, soft_wrap=True)
            _parts(line, out)


def _parts(line: Line, out: Console, depth: int = 3) -> None:
    for part in line.parts:
        out.print(f"{'  ' * depth}{part.mark} {part.text}", markup=False, soft_wrap=True)
        _parts(part, out, depth + 1)


def _change_of(row: dict[str, Any], lang: str) -> str:
    """`+1,200.00 元（3,000.00 → 4,200.00）`, or the range where it is not settled."""
    least, most = row["new_least"] - row["old_least"], row["new_most"] - row["old_most"]
    shown = [("+" if fen > 0 else "") + money_text(fen, lang) for fen in dict.fromkeys((least, most))]
    before = [money_text(fen, lang) for fen in dict.fromkeys((row["old_least"], row["old_most"]))]
    after = [money_text(fen, lang) for fen in dict.fromkeys((row["new_least"], row["new_most"]))]
    text = " / ".join(shown)
    inner = f"{' – '.join(before)} → {' – '.join(after)}"
    return f"{text}（{inner}）" if lang == "zh" else f"{text} ({inner})"
