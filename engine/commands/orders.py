"""`jiuzhu orders`: what advisers are to do, and what was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import click
from rich.table import Table

from engine.commands.common import Day, console, fail, json_option, lang_option, print_json, rules_option
from engine.commands.common import today as today_here
from engine.commands.keys import clock, data_option, instant
from engine.commands.watch import opened
from engine.ledger.access import access
from engine.watch.orders import ACTIONS, STATE_WORDS, Order, OrderError
from engine.watch.views import brief, detail

OPERATOR = "command-line"
_LATE = ("逾期", "late")


@click.group(
    epilog="例 / examples:\n\n  jiuzhu orders list --state assigned\n\n  jiuzhu orders show 17\n\n"
    "  jiuzhu orders step 17 visit --by zhang\n\n  jiuzhu orders adviser zhang --subdistrict 华阳路街道"
)
def orders() -> None:
    """工单：列出、查看、办理、转交，登记救助顾问。/ List, read and take steps of orders; enter advisers."""


def _here(command: Callable[..., Any]) -> Callable[..., Any]:
    return data_option(rules_option(lang_option(json_option(command))))


@orders.command(
    "list", epilog="例 / examples:\n\n  jiuzhu orders list\n\n  jiuzhu orders list --late --subdistrict 华阳路街道"
)
@click.option("--state", type=click.Choice(list(STATE_WORDS)), help="只看这种状态 / in this state.")
@click.option("--adviser", metavar="ID", help="只看这位顾问的 / of this adviser.")
@click.option("--subdistrict", metavar="NAME", help="只看这个街镇的 / of this subdistrict.")
@click.option("--late", is_flag=True, help="只看逾期未办的 / open and past due.")
@click.option("--before", type=click.IntRange(1), help="下一页：此编号之前的 / the next page: before this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="几条 / how many.")
@click.option("--on", type=Day(), default=today_here, show_default="today", help="今天是哪一天 / what day it is.")
@_here
def list_(
    state: str | None,
    adviser: str | None,
    subdistrict: str | None,
    late: bool,
    before: int | None,
    limit: int,
    on: date,
    data: str,
    rules: str | None,
    lang: str,
    as_json: bool,
) -> None:
    """列出工单，新的在前。/ List orders, newest first."""
    with opened(data, rules, lang, alone=True) as (watch, _):
        found = watch.desk.page(
            adviser=adviser, state=state, subdistrict=subdistrict, late=on if late else None, before=before, limit=limit
        )
        rows = [brief(watch.book, order, lang) for order in found]
    if as_json:
        print_json({"orders": rows, "next": rows[-1]["order"] if len(rows) == limit else None})
        return
    _table(found, rows, on, lang)


def _table(found: list[Order], rows: list[dict[str, Any]], on: date, lang: str) -> None:
    zh = lang == "zh"
    names = ("编号", "事由", "家庭", "街镇", "期限", "状态", "顾问") if zh else (
        "order", "matter", "household", "subdistrict", "due", "state", "adviser"
    )  # fmt: skip
    table = Table()
    for name in names:
        table.add_column(name, justify="right" if name == names[0] else "left")
    for order, row in zip(found, rows, strict=True):
        late = order.due is not None and order.due < on and order.state in ("new", "assigned", "visited")
        due = (row["due"] or "?") + (f" {_LATE[0 if zh else 1]}" if late else "")
        who = row["household"] + (f"/{row['member']}" if row["member"] else "")
        title = f"{row['title']}（{row['urgency_words']}）" if zh else f"{row['title']} ({row['urgency_words']})"
        state, adviser = row["state_words"], row["adviser"] or "—"
        table.add_row(str(row["order"]), title, who, row["subdistrict"], due, state, adviser)
    console().print(table)


@orders.command(epilog="例 / examples:\n\n  jiuzhu orders show 17\n\n  jiuzhu orders show 17 --why 复核 --json")
@click.argument("number", type=click.IntRange(1))
@click.option("--why", default="查看工单", show_default=True, help="查阅理由，写入查阅日志 / why, for the access log.")
@_here
def show(number: int, why: str, data: str, rules: str | None, lang: str, as_json: bool) -> None:
    """一张工单：理由、要做的事、可能符合的政策、办理经过。/ One order: reasons, what to do, what may be due, steps."""
    with opened(data, rules, lang, alone=True) as (watch, home):
        try:
            order = watch.desk.order(number)
        except OrderError as error:
            fail(error.zh, error.en, lang, 1)
        home.writer.append(access("read", OPERATOR, why, instant(clock()), what={"order": number}))
        found = detail(watch, order, lang)
    if as_json:
        print_json(found)
    else:
        _print(found, lang)


def _print(found: dict[str, Any], lang: str) -> None:
    zh, out = lang == "zh", console()
    about = [found["title"], found["urgency_words"], found["state_words"], found["adviser"] or ""]
    out.print(f"#{found['order']}  " + " · ".join(each for each in about if each), style="bold", markup=False)
    due = found["due"] or ("未知：缺少该年工作日历" if zh else "not known: no calendar of that year")
    where = [found["household"], found["member"] or "", found["subdistrict"]]
    out.print(f"{' / '.join(each for each in where if each)}  {'期限' if zh else 'due'} {due}", markup=False)
    for alert in found["alerts"]:
        stands = "" if alert["stands"] else "（依据已更正）" if zh else " (its ground was corrected)"
        out.print(f"{alert['since']}{stands}", style="bold", markup=False)
        if "change" in alert:
            change = alert["change"]
            out.print(
                f"  {change['change']}: {change.get('title', change['policy'])} {change['member'] or ''}", markup=False
            )
        for line in alert["reasons"]:
            _line(line, 1, out)
    for title, rows in (
        ("要做的事" if zh else "to do", found.get("to_do", [])),
        ("可能符合" if zh else "may be due", _dues(found["may_be_entitled_to"], zh)),
        ("经过" if zh else "steps", [_step(each, zh) for each in found["steps"]]),
    ):
        out.print(title, style="bold")
        for row in rows:
            out.print(f"  {row}", markup=False, soft_wrap=True)


def _line(line: dict[str, Any], depth: int, out: Any) -> None:
    mark = {"yes": "✓", "no": "✗", "unknown": "?"}.get(line["outcome"], " ")
    out.print(f"{'  ' * depth}{mark} {line['text']}", markup=False, soft_wrap=True)
    for part in line.get("parts", []):
        _line(part, depth + 1, out)


def _dues(listed: list[dict[str, Any]], zh: bool) -> list[str]:
    """The policies found due by name, each once with its people; of those not ruled out the number."""
    people: dict[str, list[str]] = {}
    for each in listed:
        if each["status"] == "eligible":
            people.setdefault(each["title"], []).append(each["member"] or "")
    rows = [f"{title} {'、'.join(who) if zh else ', '.join(who)}".rstrip() for title, who in people.items()]
    policies = {each["policy"] for each in listed if each["status"] != "eligible"}
    if policies:
        rows.append(f"另有 {len(policies)} 项尚不能确定" if zh else f"{len(policies)} more cannot be told yet")
    return rows


def _step(each: dict[str, Any], zh: bool) -> str:
    more = "  ".join(str(each[key]) for key in ("from", "to", "reason", "due") if each.get(key))
    entry = each["entry"] if each["entry"] is not None else "…"
    ledger = f"台账 {entry}" if zh else f"ledger {entry}"
    return f"{each['at'][:16]}  {each['action_words']}  {each['by']}  {more}  [{ledger}]"


@orders.command(
    epilog="例 / examples:\n\n  jiuzhu orders step 17 visit --by zhang\n\n  jiuzhu orders step 17 settle --by zhang --reason 已申请低保\n\n"
    "  jiuzhu orders step 17 hand_over --by zhang --to li --reason 迁往新泾镇"
)
@click.argument("number", type=click.IntRange(1))
@click.argument("action", type=click.Choice(list(ACTIONS)))
@click.option("--by", required=True, metavar="ID", help="谁办的（编号，不写姓名）/ who takes it; an id, no names.")
@click.option("--to", default="", metavar="ID", help="派给、转交给谁 / the adviser it goes to.")
@click.option(
    "--reason", default="", help="理由：办结、无需办理、转交时必填 / why; needed to settle, close or hand over."
)
@_here
def step(
    number: int, action: str, by: str, to: str, reason: str, data: str, rules: str | None, lang: str, as_json: bool
) -> None:
    """办理一步：派单、走访、办结、无需办理、转交。/ Take one step. Exit code 1: not now."""
    with opened(data, rules, lang, alone=True) as (watch, _):
        try:
            order = watch.desk.act(number, action, by, instant(clock()), reason=reason, to=to)
        except OrderError as error:
            fail(error.zh, error.en, lang, 1)
        row = brief(watch.book, order, lang)
    if as_json:
        print_json(row)
    else:
        console().print(f"#{number}: {row['state_words']}  {row['adviser'] or ''}", markup=False)


@orders.command(
    epilog="例 / examples:\n\n  jiuzhu orders adviser zhang --subdistrict 华阳路街道\n\n  jiuzhu orders adviser zhang --away"
)
@click.argument("name", metavar="ID")
@click.option("--subdistrict", default="", metavar="NAME", help="所在街镇 / the subdistrict.")
@click.option("--away", is_flag=True, help="不再派单 / gets no more orders.")
@_here
def adviser(name: str, subdistrict: str, away: bool, data: str, rules: str | None, lang: str, as_json: bool) -> None:
    """登记一位救助顾问；等着派的工单随即派出。/ Enter an adviser; orders that waited for one go out at once.

    Over HTTP an adviser sees the orders of the id of his or her API key: enter that.
    """
    with opened(data, rules, lang, alone=True) as (watch, _):
        known = {each[0]: each for each in watch.desk.advisers()}
        where = subdistrict or (known[name][1] if name in known else "")
        if not where:
            fail("请给出 --subdistrict", "give --subdistrict", lang)
        watch.desk.adviser(name, where, not away)
        went = watch.desk.route_waiting(instant(clock()))
    if as_json:
        print_json({"adviser": name, "subdistrict": where, "active": not away, "routed": went})
    else:
        console().print(
            f"{name}  {where}  {went}" + (" 张工单派出" if lang == "zh" else " order(s) went out"), markup=False
        )


@orders.command(epilog="例 / examples:\n\n  jiuzhu orders advisers")
@_here
def advisers(data: str, rules: str | None, lang: str, as_json: bool) -> None:
    """列出救助顾问和手中的工单数。/ List the advisers and how many open orders each has."""
    with opened(data, rules, lang, alone=True) as (watch, _):
        found = watch.desk.advisers()
    if as_json:
        keys = ("adviser", "subdistrict", "active", "open")
        print_json({"advisers": [dict(zip(keys, each, strict=True)) for each in found]})
        return
    table = Table()
    for name in ("编号", "街镇", "派单", "未办结") if lang == "zh" else ("adviser", "subdistrict", "active", "open"):
        table.add_column(name)
    for who, where, active, count in found:
        table.add_row(who, where, "✓" if active else "—", str(count))
    console().print(table)
