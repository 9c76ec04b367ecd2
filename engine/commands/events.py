"""`jiuzhu events make`: a seeded year of events, to try the watch on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from engine.commands.common import console, fail, lang_option
from engine.watch.make import around, year_of_events
from engine.watch.tables import NoTables, registrations


@click.group(epilog="例 / examples:\n\n  jiuzhu events make --households 1000 --year 2025 --out events.jsonl")
def events() -> None:
    """事件：为合成城市生成一年的事件。/ A year of events for the synthetic city."""


@events.command(
    epilog="例 / examples:\n\n  jiuzhu events make --households 20000 --year 2025 --seed 7 --out events.jsonl\n\n"
    "  jiuzhu population make --households 2000 --out city\n\n"
    "  jiuzhu events make --population city --year 2025 --out events.jsonl\n\n"
    "  jiuzhu events make --households 100 --year 2025 | jiuzhu watch --from -"
)
@click.option("--households", type=click.IntRange(1, 10_000_000), help="几户（自带的小城）/ how many, invented here.")
@click.option("--population", metavar="DIR", help="jiuzhu population make 的结果 / a city that was made before.")
@click.option("--year", type=click.IntRange(2000, 2100), required=True, help="哪一年 / which year.")
@click.option("--seed", type=int, default=1, show_default=True, help="随机数种子 / seed.")
@click.option("--out", metavar="FILE", default="-", show_default=True, help="写到哪里；- 为标准输出 / where to.")
@lang_option
def make(households: int | None, population: str | None, year: int, seed: int, out: str, lang: str) -> None:
    """生成一年的事件，每行一个 JSON。全部是虚构的。/ A year of events, one JSON a line. All of it is invented.

    The same seed gives the same events. First the registrations of 1 January, then the year's events by day.
    """
    if (households is None) == (population is None):
        fail("请给出 --households 或 --population 之一", "give one of --households, --population", lang)
    try:
        found = (
            year_of_events(households, year, seed)
            if households is not None
            else around(registrations(Path(population or ""), year), year, seed)
        )
        count = _write(found, out, lang)
    except NoTables as error:
        fail(str(error), str(error), lang)
    if out != "-":
        console(stderr=True).print(f"{count} 个事件，全部虚构" if lang == "zh" else f"{count} events, all invented")


def _write(found: Iterator[dict[str, Any]], out: str, lang: str) -> int:
    try:
        if out == "-":
            return _lines(found, sys.stdout)
        with Path(out).open("w", encoding="utf-8") as stream:
            return _lines(found, stream)
    except BrokenPipeError:
        sys.stderr.close()  # whoever reads has enough
        return 0
    except OSError as error:
        fail(f"{out}：无法写入（{error.strerror}）", f"{out}: cannot be written ({error.strerror})", lang)


def _lines(found: Iterator[dict[str, Any]], stream: TextIO) -> int:
    count = 0
    for raw in found:
        count += 1
        stream.write(json.dumps(raw, ensure_ascii=False) + "\n")
    return count
