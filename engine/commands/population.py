"""`jiuzhu population make`: a synthetic city to try the sweep on."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine.commands.common import (
    Day,
    console,
    fail,
    json_option,
    lang_option,
    load_program,
    print_json,
    rules_option,
)
from engine.commands.tables import fail_on, until_done
from engine.population.compare import measured, published, swept
from engine.population.make import MOST, City, Made, Stopped
from engine.population.marginals import read
from engine.sweep.run import Job, Lost, Sweep


class Rate(click.ParamType):  # type: ignore[type-arg]  # generic only to the type checker
    """A share from 0 to 1, read as a decimal."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        if isinstance(value, Decimal):
            return value
        try:
            rate = Decimal(str(value))
        except InvalidOperation:
            rate = Decimal(-1)
        if not 0 <= rate <= 1:
            self.fail(f"'{value}' is not a share such as 0.1 / 不是 0 到 1 之间的数，如 0.1", param, ctx)
        return rate


@click.group(
    epilog="例 / examples:\n\n  jiuzhu population make --households 10000 --out city\n\n"
    "  jiuzhu population make --households 10000000 --seed 7 --missing 0.1 --out big"
)
def population() -> None:
    """合成城市：虚构的家庭，供试用和测速。/ A synthetic city: invented households to try things on."""


@population.command(
    name="make",
    epilog="例 / examples:\n\n  jiuzhu population make --households 10000 --out city\n\n"
    "  jiuzhu sweep --households city/households --persons city/persons --on 2025-08-01 --out city/swept",
)
@click.option(
    "--households", "many", type=click.IntRange(1, MOST), required=True, metavar="N", help="户数 / how many households."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63),
    default=1,
    show_default=True,
    help="随机种子；同一种子，同一城市 / the same seed, the same city.",
)
@click.option(
    "--missing",
    type=Rate(),
    default="0",
    show_default=True,
    help="每项事实缺失的比例 / share of every fact that is not known.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="结果文件夹，须为空 / folder, empty or new.",
)
@click.option("--memory", default="1GB", show_default=True, help="内存上限 / memory limit.")
@lang_option
@json_option
def make(many: int, seed: int, missing: Decimal, out: Path, memory: str, lang: str, as_json: bool) -> None:
    """生成合成的上海：家庭表和人员表（Parquet）。/ Make a synthetic Shanghai: households and persons as Parquet.

    每一户都是虚构的。分布及其来源见 engine/population/marginals.yaml。
    Every household is invented. The distributions and their sources: engine/population/marginals.yaml.
    """
    if out.is_dir() and any(out.iterdir()):
        fail(f"{out} 不是空文件夹；请另换一个", f"{out} is not empty; name another folder", lang)
    city = City(read(), many, seed, missing, out, memory)
    began = time.monotonic()
    made = _run(city, many, lang, as_json)
    took = round(time.monotonic() - began, 1)
    said = {
        "out": str(out),
        "households": made.households,
        "persons": made.persons,
        "bytes": made.bytes,
        "seconds": took,
        "synthetic": True,
    }
    if as_json:
        print_json(said)
        return
    many_, people, size = f"{made.households:,}", f"{made.persons:,}", f"{made.bytes / 1e6:,.1f} MB"
    line = (
        f"合成 {many_} 户、{people} 人（全部虚构），{size}，用时 {took} 秒：{out}"
        if lang == "zh"
        else f"made {many_} households, {people} persons (all invented), {size} in {took} s: {out}"
    )
    console().print(line, soft_wrap=True, markup=False)


def _run(city: City, many: int, lang: str, quiet: bool) -> Made:
    out = console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True, disable=quiet or not out.is_terminal) as bar:
        task = bar.add_task("生成" if lang == "zh" else "making", total=many)
        try:
            return until_done(lambda: city.make(lambda done: bar.update(task, completed=done)), city.stop)
        except (Stopped, KeyboardInterrupt):
            fail("已停止，没有留下文件", "stopped; no file was left", lang, 130)


@population.command(
    name="compare",
    epilog="例 / examples:\n\n  jiuzhu population compare --households 400000\n\n  jiuzhu population compare --households 100000 --json",
)
@click.option(
    "--households",
    "many",
    type=click.IntRange(100, MOST),
    default=100_000,
    show_default=True,
    metavar="N",
    help="户数 / how many households.",
)
@click.option("--seed", type=click.IntRange(0, 2**63), default=1, show_default=True, help="随机种子 / the seed.")
@click.option(
    "--on", type=Day(), default="2025-08-01", show_default=True, help="按哪一天的规定 / the day the law is read for."
)
@rules_option
@lang_option
@json_option
def compare(many: int, seed: int, on: date, rules: str | None, lang: str, as_json: bool) -> None:
    """合成一座城市、扫描，与公布的总数比较。/ Make a city, sweep it, and put it beside published totals.

    公布的总数及来源见 engine/population/published.yaml；结果和差在哪里见 docs/population.md。
    """
    rulebook = load_program(rules, lang).rulebook
    told = published()
    with TemporaryDirectory() as folder:
        made = Path(folder) / "city"
        _run(City(read(), many, seed, Decimal(0), made), many, lang, as_json)
        names = frozenset(each["policy"] for each in told["policies"])
        job = Job(str(made / "households"), str(made / "persons"), on, Path(folder) / "swept", only=names)
        one = Sweep(rulebook, job)
        try:
            one.run()
        except Lost as error:
            fail_on(error, lang)
        finally:
            one.close()
        titles = {p.id: (p.title.zh, p.title.en) for p in rulebook.policies}
        times = Decimal(told["city_households"]["value"]) / many
        found = [*swept(job.out / "summary.csv", told, times, titles), *measured(made, told)]
    if as_json:
        print_json(
            {
                "households": many,
                "seed": seed,
                "on": on.isoformat(),
                "synthetic": True,
                "totals": [
                    {
                        **{k: getattr(b, k) for k in ("zh", "en", "unit", "source", "verified", "tuned")},
                        "published": str(b.published),
                        "found": str(b.found.quantize(Decimal("0.001"))),
                        "off": str(b.off.quantize(Decimal("0.001"))),
                    }
                    for b in found
                ],
            }
        )
        return
    zh = lang == "zh"
    table = Table(
        *(
            ("总数", "公布", "合成城市", "相差", "定分布时用过")
            if zh
            else ("total", "published", "synthetic city", "off by", "used for it")
        ),
        box=None,
    )
    for each in found:
        yes = ("是" if each.tuned else "否") if zh else ("yes" if each.tuned else "no")
        table.add_row(
            each.zh if zh else each.en,
            _number(each.published, each.unit),
            _number(each.found, each.unit),
            f"{each.off:+.1%}",
            yes,
        )
    console().print(table)


def _number(value: Decimal, unit: str) -> str:
    return f"{value:,.0f}" if unit or value > 1000 else f"{value:.3f}"
