"""`jiuzhu sweep`: a whole city at once, and any one household of it explained."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from engine.commands.common import (
    Day,
    console,
    fail,
    files_of,
    json_option,
    lang_option,
    load_program,
    print_json,
    print_problems,
    read_facts,
    rules_option,
)
from engine.commands.decide import _Page as Page
from engine.commands.tables import LOST, fail_on, until_done
from engine.decide import decide
from engine.decide.record import in_full, record
from engine.language.household import HouseholdError, read_household
from engine.language.model import Rulebook
from engine.language.problems import did_you_mean
from engine.language.rulebook import read_texts
from engine.sweep import manifest as manifests
from engine.sweep.engines import DIALECTS
from engine.sweep.fold import CannotSweep
from engine.sweep.mapping import BadMapping, mapped
from engine.sweep.run import CHUNK, Job, Lost, OtherSweep, Stopped, Sweep, changed, look_up, set_aside, sql_of
from engine.sweep.since import NoEarlierSweep
from engine.sweep.source import SourceError

WHAT = {
    "read": ("读入 CSV", "reading CSV"),
    "split": ("按家庭分块", "splitting by household"),
    "check": ("核对数据", "checking"),
    "stages": ("逐级推算", "working out"),
    "answers": ("写出结果", "writing answers"),
    "lists": ("应享未享名单", "listing who is entitled"),
    "decide": ("逐块认定", "deciding"),
    "report": ("汇总", "summing up"),
    "done": ("完成", "done"),
}


@click.group(
    name="sweep",
    invoke_without_command=True,
    subcommand_metavar="[explain DIR HOUSEHOLD]",
    epilog="\b\n例 / examples:\n"
    "  jiuzhu sweep --households H.parquet --persons P.parquet --on 2025-08-01 --out swept\n"
    "  jiuzhu sweep --households H.parquet --persons P.parquet --on 2025-08-01 --out today --since swept\n"
    "  jiuzhu sweep --print-sql --on 2025-08-01\n"
    "  jiuzhu sweep explain swept H00000017",
)
@click.option("--households", metavar="FILE|DIR|GLOB", help="家庭表（Parquet 或 CSV）/ table of households.")
@click.option("--persons", metavar="FILE|DIR|GLOB", help="人员表，按 household_id 归户 / table of persons.")
@click.option("--on", type=Day(), help="按哪一天的规定 / the day the law is read for.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="结果文件夹；再次运行同一命令会接着做 / folder; the same command again goes on.",
)
@click.option("--mapping", metavar="FILE.yaml", help="列名和取值的对应 / which column is which fact.")
@click.option(
    "--since",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="上次扫描的结果：只重新认定有变化的家庭，并列出新增和失去资格的 / "
    "an earlier sweep: only what changed is decided anew, and who gained and lost is listed.",
)
@click.option("--policy", "only", multiple=True, metavar="ID", help="只看这些政策 / these policies only.")
@click.option("--jurisdiction", "places", multiple=True, metavar="NAME", help="适用哪些辖区的规定 / whose law.")
@click.option(
    "--conditions", is_flag=True, help="另列未满足和不明的条件 / also which conditions failed or are unknown."
)
@click.option("--labels", is_flag=True, help="另列每户、每人的标签 / also the labels of every household and person.")
@click.option("--everyone", is_flag=True, help="也列出各项均不符合的人员 / also persons ineligible for everything.")
@click.option(
    "--chunk",
    type=click.IntRange(1_000),
    default=None,
    metavar="N",
    help="每块户数 / households to a chunk (131,072).",
)
@click.option(
    "--memory-limit",
    default="2GB",
    show_default=True,
    metavar="SIZE",
    help="每 900 MiB 可有一个进程；DuckDB 超出时写入磁盘 / for each 900 MiB one process; DuckDB spills beyond it.",
)
@click.option("--threads", type=click.IntRange(1), help="最多用几个核 / cores to use at most; default: every one.")
@click.option(
    "--engine",
    type=click.Choice(list(DIALECTS)),
    default="numpy",
    show_default=True,
    help="由什么计算答案，结果相同 / what works the answers out; they are the same.",
)
@click.option("--master", default="local[*]", metavar="URL", help="Spark 主节点 / Spark master.")
@click.option("--print-sql", is_flag=True, help="只输出 SQL / print the SQL and stop.")
@click.option(
    "--gaps", is_flag=True, help="配合 --print-sql：按每列都有缺失 / with --print-sql: as if every column had gaps."
)
@rules_option
@lang_option
@json_option
@click.pass_context
def sweep(context: click.Context, /, **options: Any) -> None:
    """对全市家庭逐户认定：谁应享未享、还缺什么。/ Decide every household of a city: who is entitled and not receiving.

    Exit code 0: swept, 1: the rules have problems, 2: the input is wrong, 130: stopped (the same command goes on).
    """
    context.obj = options
    if context.invoked_subcommand is None:
        _sweep(options)


def _sweep(options: dict[str, Any]) -> None:
    lang = options["lang"]
    rulebook = _rulebook(options)
    _known(rulebook, options)
    if options["print_sql"]:
        click.echo(_sql(rulebook, options))
        return
    absent = [f"--{name}" for name in ("households", "persons", "on", "out") if options[name] is None]
    if absent:
        fail(f"缺少 {'、'.join(absent)}", f"missing {', '.join(absent)}", lang)
    job = Job(
        options["households"],
        options["persons"],
        options["on"],
        options["out"],
        _mapping(options),
        frozenset(options["places"]) or None,
        options["chunk"] or CHUNK,
        options["memory_limit"],
        options["threads"],
        frozenset(options["only"]) or None,
        options["conditions"],
        options["everyone"],
        options["engine"],
        options["master"],
        options["since"],
        frozenset(label.id for label in rulebook.labels) if options["labels"] else frozenset(),
    )
    _run(rulebook, job, options)


def _rulebook(options: dict[str, Any]) -> Rulebook:
    rulebook, problems = read_texts(files_of(options["rules"], options["lang"]), examples=False)
    if rulebook is None or problems:
        print_problems(problems, options["lang"], console(stderr=True))
        fail(
            f"规则有 {len(problems)} 个问题，未载入",
            f"the rules have {len(problems)} problem(s) and are not loaded",
            options["lang"],
            1,
        )
    return rulebook


def _known(rulebook: Rulebook, options: dict[str, Any]) -> None:
    for name in options["only"]:
        if name not in rulebook.ids():
            hint = did_you_mean(name, rulebook.ids())
            fail(f"没有名为“{name}”的政策。{hint[1]}", f"no policy is called '{name}'. {hint[0]}", options["lang"])
    for name in options["places"]:
        if name not in rulebook.jurisdictions:
            known = ", ".join(rulebook.jurisdictions)
            fail(
                f"没有名为“{name}”的辖区；可选：{known}",
                f"no jurisdiction is called '{name}'; there are: {known}",
                options["lang"],
            )


def _mapping(options: dict[str, Any]) -> dict[str, Any]:
    if options["mapping"] is None:
        return {}
    try:
        return mapped(read_facts(options["mapping"], options["lang"]))
    except BadMapping as error:
        fail(f"{options['mapping']}：{error.zh}", f"{options['mapping']}: {error.en}", options["lang"])


def _sql(rulebook: Rulebook, options: dict[str, Any]) -> str:
    if options["on"] is None:
        fail("缺少 --on", "missing --on", options["lang"])
    try:
        return sql_of(
            rulebook,
            options["on"],
            options["engine"],
            options["gaps"],
            frozenset(options["places"]) or None,
            frozenset(options["only"]) or None,
            options["conditions"],
            options["everyone"],
        )
    except CannotSweep as error:
        fail(f"{error.at}：{error.why[1]}", f"{error.at}: {error.why[0]}", options["lang"], 1)


# ---------------------------------------------------------------------------------------------------- the run


def _run(rulebook: Rulebook, job: Any, options: dict[str, Any]) -> None:
    lang = options["lang"]
    began = time.monotonic()
    with _progress(lang, options["as_json"]) as tell:
        one = Sweep(rulebook, job, tell)
        try:
            found = until_done(one.run, one.stop)
        except (SourceError, CannotSweep) as error:
            fail_on(error, lang)
        except NoEarlierSweep as error:
            fail(f"{error}：没有已完成的扫描结果", f"{error}: there is no finished sweep in this folder", lang)
        except OtherSweep as error:
            named = ", ".join(error.differs)
            fail(
                f"{job.out} 中是另一次扫描的结果（不同之处：{named}）；请换一个文件夹",
                f"{job.out} holds another sweep (it differs in: {named}); name another folder",
                lang,
            )
        except Lost:
            fail(
                f"{LOST[0]}；已完成的分块保留，再次运行同一命令接着做，加 --threads 1 所需内存较少",
                f"{LOST[1]}; whole chunks are kept and the same command goes on; with --threads 1 it needs less",
                lang,
            )
        except (Stopped, KeyboardInterrupt):
            console(stderr=True).print(
                "已停止；已完成的分块保留，再次运行同一命令接着做"
                if lang == "zh"
                else "stopped; whole chunks are kept, and the same command goes on",
                style="red",
                soft_wrap=True,
            )
            # At once: a query that was broken off leaves threads of DuckDB's behind, which can abort a tidy exit.
            sys.stderr.flush()
            os._exit(130)
        finally:
            one.close()
    counts, took = found.counts(), time.monotonic() - began
    said = {
        "out": str(job.out),
        "households_read": counts.households_read,
        "persons_read": counts.persons_read,
        "households": counts.households,
        "persons": counts.persons,
        "households_set_aside": counts.households_read - counts.households,
        "persons_set_aside": counts.persons_read - counts.persons,
        "facts_without_column": found.about["facts_without_column"],
        "columns_not_read": found.about["columns_not_read"],
        "not_in_force": found.about["not_in_force"],
        "seconds": round(took, 1),
    }
    if job.since is not None:
        said["since"] = found.about["since"]
    if options["as_json"]:
        print_json(said)
    else:
        _say(said, lang)


@contextmanager
def _progress(lang: str, quiet: bool) -> Iterator[Callable[[Any], None]]:
    out = console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield lambda step: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def tell(step: Any) -> None:
            words = WHAT.get(step.what, (step.what, step.what))[lang != "zh"]
            where = f" {step.done + 1}/{step.chunks}" if step.chunks > step.done else ""
            bar.update(task, completed=step.share, description=words + where)

        yield tell


def _say(said: dict[str, Any], lang: str) -> None:
    out = console()

    def line(zh: str, en: str, style: str = "") -> None:
        out.print(zh if lang == "zh" else en, style=style, soft_wrap=True, markup=False)

    line(
        f"认定 {said['households']:,} 户、{said['persons']:,} 人，用时 {said['seconds']} 秒",
        f"decided {said['households']:,} households, {said['persons']:,} persons in {said['seconds']} s",
        "bold",
    )
    if said["households_set_aside"] or said["persons_set_aside"]:
        line(
            f"未认定 {said['households_set_aside']:,} 户、{said['persons_set_aside']:,} 人，原因见 rejects.csv",
            f"set aside: {said['households_set_aside']:,} households, "
            f"{said['persons_set_aside']:,} persons; rejects.csv says why",
            "yellow",
        )
    if "since" in said:
        _say_since(said["since"], line)
    ignored = [f"{table}.{name}" for table, names in said["columns_not_read"].items() for name in names]
    if ignored:
        line(f"未读取的列：{'、'.join(ignored)}", f"columns not read: {', '.join(ignored)}", "dim")
    if said["facts_without_column"]:
        line(
            f"没有列、因此对所有人都不明的事实：{'、'.join(said['facts_without_column'])}",
            f"facts without a column, unknown for everybody: {', '.join(said['facts_without_column'])}",
            "dim",
        )
    line(
        f"{said['out']}："
        "summary.csv（汇总）、gap.parquet（应享未享）、missing.csv（缺失事实）、households/、persons/、rejects.csv、sql/",
        f"{said['out']}: summary.csv, gap.parquet (entitled and not receiving), missing.csv, "
        "households/, persons/, rejects.csv, sql/",
    )


# Why no answer of the earlier sweep could be handed on: what differs -> (Chinese, English).
DIFFERS = {
    "rulebook": ("规则", "the rules"),
    "on": ("日期", "the day"),
    "engine": ("程序版本", "the version of this program"),
    "duckdb": ("DuckDB 版本", "the version of DuckDB"),
    "conditions": ("--conditions", "--conditions"),
    "everyone": ("--everyone", "--everyone"),
    "jurisdictions": ("--jurisdiction", "--jurisdiction"),
    "only": ("--policy", "--policy"),
    "columns": ("表的列", "the columns of the tables"),
}


def _say_since(since: dict[str, Any], line: Callable[..., None]) -> None:
    if since["differs"]:
        zh, en = (
            "、".join(DIFFERS[d][0] for d in since["differs"]),
            ", ".join(DIFFERS[d][1] for d in since["differs"]),
        )
        line(
            f"与上次相比{zh}不同，因此全部重新认定",
            f"everything was decided anew: {en} differ(s) from last time",
            "yellow",
        )
    else:
        line(
            f"{since['kept']:,} 户没有变化，沿用上次的结果",
            f"{since['kept']:,} households had not changed and keep their answers",
        )
    line(
        f"新增资格 {since['newly_entitled']:,} 项、失去资格 {since['no_longer_entitled']:,} 项、"
        f"金额变化 {since['other_amount']:,} 项：见 since.csv 和同名 parquet",
        f"newly entitled: {since['newly_entitled']:,}, no longer: {since['no_longer_entitled']:,}, "
        f"another amount: {since['other_amount']:,} (household or person, and policy); since.csv sums them up, "
        "newly_entitled.parquet, no_longer_entitled.parquet, other_amount.parquet list them",
    )


# ------------------------------------------------------------------------------------------------- one household


@sweep.command(name="explain")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.argument("household", metavar="HOUSEHOLD")
@click.option("--full", is_flag=True, help="列出每一项条件 / every condition, not only those that decide.")
@rules_option
@lang_option
@json_option
def explain(folder: Path, household: str, full: bool, rules: str | None, lang: str, as_json: bool) -> None:
    """扫描结果中的一户：完整的认定和理由。/ The full decision for one household of a sweep.

    The household is read from the swept tables again and decided by the evaluator. Exit code 1: it was set aside.
    """
    found = manifests.read(folder)
    if found is None:
        fail(f"{folder}：不是扫描结果文件夹", f"{folder}: not the folder of a sweep", lang)
    program = load_program(rules, lang)
    if program.rulebook.digest != found.same["rulebook"]:
        console(stderr=True).print(
            "规则在扫描之后已有变化，以下按现行规则认定"
            if lang == "zh"
            else "the rules have changed since the sweep; this is what they say now",
            style="yellow",
        )
    _say_why_not(set_aside(folder, household), lang)
    try:
        if changed(found):
            console(stderr=True).print(
                "表在扫描之后已有变化，以下按表中现有内容认定"
                if lang == "zh"
                else "the tables have changed since the sweep; this is of what they hold now",
                style="yellow",
            )
        raw = look_up(program.rulebook, found, household)
    except SourceError as error:
        fail_on(error, lang)
    if raw is None:
        fail(f"扫描的表中没有家庭“{household}”", f"the swept tables have no household '{household}'", lang)
    places = found.same["jurisdictions"]
    try:
        facts = read_household(raw, program.vocabulary)
        decision = decide(program, facts, date.fromisoformat(found.same["on"]), frozenset(places) if places else None)
    except HouseholdError as error:
        out = console(stderr=True)
        for problem in error.problems:
            out.print(
                f"{problem.path or '/'}: {problem.code}: {problem.message(lang)}",
                style="red",
                soft_wrap=True,
                markup=False,
            )
        fail("该户未作认定，原因如上", "this household was set aside, for the reasons above", lang, 1)
    if as_json:
        print_json(in_full(record(decision), decision))
    else:
        Page(decision, lang, full, None, console()).show()


def _say_why_not(reasons: list[tuple[str, int, str, str, str]], lang: str) -> None:
    """Of a household that was set aside: why, and leave."""
    if not reasons:
        return
    out = console(stderr=True)
    for table, row, column, zh, en in reasons:
        what = f"{table}:{row}" + (f" {column}" if column else "")
        out.print(f"{what}：{zh}" if lang == "zh" else f"{what}: {en}", style="red", soft_wrap=True, markup=False)
    fail("该户未作认定，原因如上", "this household was set aside, for the reasons above", lang, 1)
