"""`jiuzhu watch`: events in, alerts and orders out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.commands.common import Day, console, fail, json_option, lang_option, load_program, print_json, rules_option
from engine.commands.common import today as today_here
from engine.commands.keys import clock, data_option, instant
from engine.ledger.errors import LedgerError
from engine.ledger.home import Home, open_home
from engine.watch.entries import send_steps
from engine.watch.events import EventProblem
from engine.watch.room import open_watch
from engine.watch.store import WatchStoreError
from engine.watch.watch import REFUSED, TAKEN, Receipt, Watch

LONGEST_LINE = 1_000_000
SHOWN = 20


@contextmanager
def opened(data: str, rules: str | None, lang: str, alone: bool = False) -> Iterator[tuple[Watch, Home]]:
    """The watch of a data folder and its ledger; steps of orders go to the ledger at the end."""
    rulebook = load_program(rules, lang).rulebook
    try:
        home = open_home(data, instant(clock()))
        watch = open_watch(data, rulebook, alone=alone)
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    except WatchStoreError as error:
        fail(str(error), str(error), lang)
    try:
        yield watch, home
        send_steps(watch.store, home.writer)
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    finally:
        watch.close()


@click.command(
    epilog="例 / examples:\n\n  jiuzhu watch --from events.jsonl\n\n  jiuzhu watch --from events.jsonl --pass 2026-07-01\n\n"
    "  tail -f feed.jsonl | jiuzhu watch --from - --batch 50\n\n  jiuzhu watch"
)
@click.option(
    "--from", "source", metavar="FILE", help="事件文件，每行一个 JSON；- 为标准输入 / events, one JSON a line."
)
@click.option(
    "--pass", "days", multiple=True, type=Day(), help="随后按该日作定期检查，可多次 / then a pass on this day."
)
@click.option(
    "--batch", type=click.IntRange(1, 10_000), default=500, show_default=True, help="一次写入几个 / a commit."
)
@click.option("--alone", is_flag=True, help="不用 durable-rules，只用评估器 / the evaluator alone.")
@click.option("--on", type=Day(), default=today_here, show_default="today", help="今天是哪一天 / what day it is.")
@data_option
@rules_option
@lang_option
@json_option
def watch(
    source: str | None,
    days: tuple[date, ...],
    batch: int,
    alone: bool,
    on: date,
    data: str,
    rules: str | None,
    lang: str,
    as_json: bool,
) -> None:
    """预警：接收事件，发现应当上门的家庭，建立工单。/ Take events, find the households to call on, open orders.

    An event is known by its source and id: sent again it changes nothing, in any order it gives the same alerts. Without
    --from or --pass: how things stand. Exit code 0: all taken, 1: some events were refused, 2: wrong use.
    """
    stream = _stream(source, lang)
    refused: list[tuple[int, Receipt]] = []
    counts = {"taken": 0, "repeated": 0, "refused": 0, "raised": 0, "withdrawn": 0}
    with opened(data, rules, lang, alone) as (watching, home):
        if stream is not None:
            with _bar(lang, as_json) as bar:
                task = bar.add_task("事件 / events" if lang == "zh" else "events", total=None)
                for first, raws in _batches(stream, batch):
                    outcome = watching.take(raws, on, instant(clock()))
                    send_steps(watching.store, home.writer)
                    for number, receipt in enumerate(outcome.receipts, first):
                        counts[receipt.status] += 1
                        if receipt.status == REFUSED:
                            refused.append((number, receipt))
                    counts["raised"] += len(outcome.raised)
                    counts["withdrawn"] += len(outcome.withdrawn)
                    bar.update(task, advance=len(raws))
        for day in sorted(days):
            with _bar(lang, as_json) as bar:
                task = bar.add_task(f"{day}", total=None)
                outcome = watching.tick(day, on, instant(clock()), partial(_move, bar, task))
            counts["raised"] += len(outcome.raised)
            counts["withdrawn"] += len(outcome.withdrawn)
        state = _state(watching)
    if as_json:
        print_json({**counts, "problems": [_problem(n, r, e) for n, r in refused for e in r.problems], **state})
    else:
        _print(counts, refused, state, lang)
    sys.exit(1 if refused else 0)


def _stream(source: str | None, lang: str) -> BinaryIO | None:
    if source is None:
        return None
    if source == "-":
        return sys.stdin.buffer
    try:
        return Path(source).open("rb")
    except OSError as error:
        fail(f"{source}：无法读取（{error.strerror}）", f"{source}: cannot be read ({error.strerror})", lang)


def _batches(stream: BinaryIO, size: int) -> Iterator[tuple[int, list[Any]]]:
    """Lines as plain data, some at a time; what is no JSON comes as text, which the watch refuses."""
    first, raws = 1, list[Any]()
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if line.strip():
            raws.append(_plain(line))
        else:
            raws.append(None)
        if len(raws) >= size:
            yield first, raws
            first, raws = number + 1, []
    if raws:
        yield first, raws


def _plain(line: bytes) -> Any:
    try:
        return json.loads(line, parse_float=Decimal, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return line[:20].decode(errors="replace")


def _bar(lang: str, as_json: bool) -> Progress:
    shown = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=shown, transient=True, disable=as_json or not shown.is_terminal,
    )  # fmt: skip


def _move(bar: Progress, task: TaskID, done: int, of: int) -> None:
    bar.update(task, completed=done, total=of)


def _problem(line: int, receipt: Receipt, each: EventProblem) -> dict[str, Any]:
    return {
        "line": line,
        "source": receipt.source,
        "id": receipt.id,
        "pointer": each.path,
        "code": each.code,
        "message": {"zh": each.message("zh"), "en": each.message("en")},
        "hint": {"zh": each.hint[1], "en": each.hint[0]},
    }


def _state(watching: Watch) -> dict[str, Any]:
    db = watching.store.db
    alerts = dict(db.execute("SELECT rule, count(*) FROM alert WHERE standing GROUP BY rule").fetchall())
    orders = dict(db.execute("SELECT state, count(*) FROM work_order GROUP BY state").fetchall())
    (events,) = db.execute("SELECT count(*) FROM event").fetchone()
    (households,) = db.execute("SELECT count(*) FROM household").fetchone()
    return {
        "proposer": watching.proposer.name,
        "events": events,
        "households": households,
        "alerts": alerts,
        "orders": orders,
        "proposals": watching.store.tally(),
    }


def _print(counts: dict[str, int], refused: list[tuple[int, Receipt]], state: dict[str, Any], lang: str) -> None:
    zh = lang == "zh"
    out, err = console(), console(stderr=True)
    for line, receipt in refused[:SHOWN]:
        for each in receipt.problems:
            hint = f"（{each.hint[1]}）" if zh and each.hint[1] else f" ({each.hint[0]})" if each.hint[0] else ""
            where = f"第 {line} 行 {each.path}" if zh else f"line {line} {each.path}"
            err.print(f"{where}: {each.code}: {each.message(lang)}{hint}", style="red", markup=False, soft_wrap=True)
    if len(refused) > SHOWN:
        more = len(refused) - SHOWN
        err.print(f"另有 {more} 个事件未接收" if zh else f"{more} more events were refused", style="red")
    if zh:
        out.print(
            f"接收 {counts[TAKEN]}，重复 {counts['repeated']}，未接收 {counts[REFUSED]}；"
            f"新预警 {counts['raised']}，依据消失 {counts['withdrawn']}"
        )
    else:
        out.print(
            f"taken {counts[TAKEN]}, repeated {counts['repeated']}, refused {counts[REFUSED]}; "
            f"alerts raised {counts['raised']}, withdrawn {counts['withdrawn']}"
        )
    table = Table(title="现有预警 / alerts that stand" if zh else "alerts that stand")
    table.add_column("规则" if zh else "rule")
    table.add_column("数量" if zh else "count", justify="right")
    for name, count in sorted(state["alerts"].items()):
        table.add_row(name, str(count))
    out.print(table)
    proposals = "，".join(f"{name} {count}" for name, count in state["proposals"].items())
    out.print(f"提名者 {state['proposer']}：{proposals}" if zh else f"proposer {state['proposer']}: {proposals}")
