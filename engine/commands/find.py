"""`jiuzhu find`: households by label, out of tables of any size."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import duckdb
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from engine.commands.common import (
    console,
    fail,
    files_of,
    json_option,
    lang_option,
    on_option,
    print_json,
    print_problems,
    read_facts,
    rules_option,
)
from engine.commands.tables import fail_on, until_done
from engine.language.model import Rulebook
from engine.language.problems import did_you_mean
from engine.language.rulebook import read_texts
from engine.sweep.find import Finder, Found, Test
from engine.sweep.fold import CannotSweep
from engine.sweep.mapping import BadMapping, mapped
from engine.sweep.run import CHUNK, Job, Stopped
from engine.sweep.source import SourceError

SHOWN = 20


@click.command(
    name="find",
    epilog="例 / examples:\n\n  jiuzhu find --labels\n\n"
    "  jiuzhu find --label lone_old --label '!uninsured' --households city/households --persons city/persons\n\n"
    "  jiuzhu find --label very_old --label unable_old --same-person --households H.csv --persons P.csv --out found.csv",
)
@click.option("--labels", "listing", is_flag=True, help="列出全部标签 / list every label.")
@click.option(
    "--label",
    "named",
    multiple=True,
    metavar="ID|!ID",
    help="须带有（或以 ! 表示须没有）/ must be carried, or with ! not.",
)
@click.option(
    "--same-person", is_flag=True, help="成员标签须落在同一人身上 / labels of members on one and the same member."
)
@click.option("--households", metavar="FILE|DIR|GLOB", help="家庭表 / table of households, as for jiuzhu sweep.")
@click.option("--persons", metavar="FILE|DIR|GLOB", help="人员表 / table of persons.")
@on_option
@click.option("--mapping", metavar="FILE.yaml", help="列名和取值的对应 / which column is which fact.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.csv", help="名单 / the list, as CSV."
)
@click.option(
    "--limit", type=click.IntRange(0, 10_000), default=SHOWN, show_default=True, help="显示几户 / how many to show."
)
@click.option("--memory-limit", default="2GB", show_default=True, metavar="SIZE", help="内存上限 / memory limit.")
@rules_option
@lang_option
@json_option
def find(**options: Any) -> None:
    """按标签找家庭：有多少、是哪些、还有多少不明。/ Households by label: how many, which, and of how many it is not known.

    只读取所问标签用到的列。A label of members counts for a household if some member carries it. Only the columns that
    the labels read are looked at. Exit code 0: looked, 1: the rules have problems, 2: the input is wrong, 130: stopped.
    """
    lang = options["lang"]
    rulebook, problems = read_texts(files_of(options["rules"], lang), examples=False)
    if rulebook is None or problems:
        print_problems(problems, lang, console(stderr=True))
        fail(
            f"规则有 {len(problems)} 个问题，未载入",
            f"the rules have {len(problems)} problem(s) and are not loaded",
            lang,
            1,
        )
    if options["listing"]:
        _list(rulebook, lang, options["as_json"])
        return
    tests = _tests(rulebook, options["named"], lang)
    absent = [f"--{name}" for name in ("households", "persons") if options[name] is None]
    if not tests:
        absent.insert(0, "--label")
    if absent:
        fail(f"缺少 {'、'.join(absent)}", f"missing {', '.join(absent)}", lang)
    try:
        maps = mapped(read_facts(options["mapping"], lang)) if options["mapping"] else {}
    except BadMapping as error:
        fail(f"{options['mapping']}：{error.zh}", f"{options['mapping']}: {error.en}", lang)
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
        found = _run(Finder(rulebook, job, tests, options["same_person"], _telling(options)), options)
    took = round(time.monotonic() - began, 1)
    if options["as_json"]:
        print_json(_data(found, tests, options, took))
    else:
        _show(found, options, took)


def _list(rulebook: Rulebook, lang: str, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "label": t.id,
                    "zh": t.title.zh,
                    "en": t.title.en,
                    "for": t.level,
                    "department": {"zh": t.department.zh, "en": t.department.en},
                }
                for t in rulebook.labels
            ]
        )
        return
    names = ("标签", "名称", "对象", "部门") if lang == "zh" else ("label", "name", "for", "department")
    table = Table(*names, box=None)
    for tag in rulebook.labels:
        whom = {"household": ("家庭", "household"), "member": ("成员", "member")}[tag.level][lang != "zh"]
        table.add_row(tag.id, tag.title[lang], whom, tag.department[lang])
    console().print(table)


def _tests(rulebook: Rulebook, named: tuple[str, ...], lang: str) -> tuple[Test, ...]:
    known = [label.id for label in rulebook.labels]
    found = []
    for each in named:
        label = each.removeprefix("!")
        if label not in known:
            en, zh = did_you_mean(label, known)
            fail(
                f"没有名为“{label}”的标签。{zh}（jiuzhu find --labels 列出全部）",
                f"no label is called '{label}'. {en} (jiuzhu find --labels lists all)",
                lang,
            )
        found.append(Test(label, not each.startswith("!")))
    return tuple(found)


def _telling(options: dict[str, Any]) -> Any:
    """A bar on a terminal; nothing in a pipe."""
    if options["as_json"] or not sys.stderr.isatty():
        return lambda step: None
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=console(stderr=True), transient=True)
    task = bar.add_task("查找" if options["lang"] == "zh" else "looking", total=1.0)

    def tell(step: Any) -> None:
        bar.start()
        bar.update(task, completed=step.share)
        if step.what == "done":
            bar.stop()

    return tell


def _run(finder: Finder, options: dict[str, Any]) -> Found:
    lang = options["lang"]
    try:
        return until_done(lambda: finder.run(options["out"], options["limit"]), finder.stop)
    except (SourceError, CannotSweep) as error:
        fail_on(error, lang)
    except (Stopped, duckdb.InterruptException, KeyboardInterrupt):
        fail("已停止", "stopped", lang, 130)
    finally:
        finder.close()


def _data(found: Found, tests: tuple[Test, ...], options: dict[str, Any], took: float) -> dict[str, Any]:
    return {
        "labels": [("" if test.wanted else "!") + test.label for test in tests],
        "on": options["on"].isoformat(),
        "households": found.households,
        "found": found.fit,
        "not_known": found.not_known,
        "set_aside": found.set_aside,
        "by_subdistrict": [
            {"subdistrict": place, "found": fit, "not_known": may} for place, (fit, may) in found.by_place.items()
        ],
        "first": found.first,
        "out": str(options["out"]) if options["out"] else None,
        "seconds": took,
    }


def _show(found: Found, options: dict[str, Any], took: float) -> None:
    zh, out = options["lang"] == "zh", console()

    def line(text_zh: str, text_en: str, style: str = "") -> None:
        out.print(text_zh if zh else text_en, style=style, soft_wrap=True, markup=False)

    line(
        f"{found.households:,} 户中有 {found.fit:,} 户；另有 {found.not_known:,} 户不明（{took} 秒）",
        f"{found.fit:,} of {found.households:,} households; of another {found.not_known:,} it is not known ({took} s)",
        "bold",
    )
    if found.set_aside:
        line(
            f"未查 {found.set_aside:,} 户：所读的列有错误",
            f"set aside: {found.set_aside:,} households, wrong in a column that was read",
            "yellow",
        )
    for each in found.first:
        who = f"  {'、'.join(each['persons']) if zh else ', '.join(each['persons'])}" if each["persons"] else ""
        out.print(f"  {each['household_id']}  {each['subdistrict'] or '—'}{who}", markup=False, soft_wrap=True)
    if found.fit > len(found.first):
        line(f"  …… 共 {found.fit:,} 户；--out 写出名单", f"  … {found.fit:,} in all; --out writes the list", "dim")
    if options["out"]:
        line(f"名单：{options['out']}", f"the list: {options['out']}")
